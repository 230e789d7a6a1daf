//! tonic, gRPC over TCP, without a broker in between.

use std::pin::Pin;

use bytes::Bytes;
use futures::{Stream, stream};
use prost::Message;
pub(crate) use tonic::transport::Channel;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

pub(crate) use self::generated::bench_client::BenchClient;
use self::generated::bench_server::{Bench, BenchServer};
use super::messages::{NAME, Reply, answer, check, check_echo};
use super::{Peer, Serving};
use crate::Result;

#[allow(unreachable_pub, unused_qualifications, reason = "tonic's generator writes so")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/bench.Bench.rs"));
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct HelloRequest {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(string, tag = "2")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct HelloReply {
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
    #[prost(string, tag = "2")]
    pub(crate) msg: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct EchoRequest {
    #[prost(bytes = "bytes", tag = "1")]
    data: Bytes,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct EchoReply {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) data: Bytes,
}

/// Asks for so many items.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ItemsRequest {
    #[prost(uint64, tag = "1")]
    pub(crate) count: u64,
}

/// Asks for so many chunks of so many bytes.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ChunksRequest {
    #[prost(uint64, tag = "1")]
    pub(crate) count: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) size: u64,
}

struct Handler;

/// What a handler streams.
type Results<T> = Pin<Box<dyn Stream<Item = std::result::Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Bench for Handler {
    async fn hello(
        &self,
        request: Request<HelloRequest>,
    ) -> std::result::Result<Response<HelloReply>, Status> {
        let HelloRequest { id, name } = request.into_inner();
        let Reply { id, msg } = answer(id, &name);
        Ok(Response::new(HelloReply { id, msg }))
    }

    async fn echo(&self, request: Request<EchoRequest>) -> std::result::Result<Response<EchoReply>, Status> {
        Ok(Response::new(EchoReply { data: request.into_inner().data }))
    }

    type ItemsStream = Results<HelloReply>;

    async fn items(
        &self,
        request: Request<ItemsRequest>,
    ) -> std::result::Result<Response<Self::ItemsStream>, Status> {
        let items = (0..request.into_inner().count).map(|id| answer(id, NAME));
        let items = stream::iter(items.map(|Reply { id, msg }| Ok(HelloReply { id, msg })));
        Ok(Response::new(Box::pin(items)))
    }

    type ChunksStream = Results<EchoReply>;

    async fn chunks(
        &self,
        request: Request<ChunksRequest>,
    ) -> std::result::Result<Response<Self::ChunksStream>, Status> {
        let ChunksRequest { count, size } = request.into_inner();
        let data = Bytes::from(vec![7; usize::try_from(size).unwrap_or_default()]);
        let chunks = (0..count).map(move |_| Ok(EchoReply { data: data.clone() }));
        Ok(Response::new(Box::pin(stream::iter(chunks))))
    }
}

pub(super) async fn serve() -> Result<Serving> {
    Ok(Serving::at(&listen().await?))
}

/// Starts a server; returns where it is.
pub(crate) async fn listen() -> Result<String> {
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into())?.with_nodelay(Some(true));
    let address = format!("http://{}", incoming.local_addr()?);
    let server = Server::builder().add_service(BenchServer::new(Handler)).serve_with_incoming(incoming);
    tokio::spawn(async move { server.await.expect("the listener is open") });
    Ok(address)
}

/// A client, cheap to clone as tonic's documentation advises.
#[derive(Clone)]
pub(super) struct Tonic(BenchClient<Channel>);

impl Tonic {
    pub(super) async fn connect(address: &str) -> Result<Self> {
        Ok(Tonic(BenchClient::connect(address.to_owned()).await?))
    }
}

impl Peer for Tonic {
    async fn hello(&self, id: u64) -> Result<()> {
        let request = HelloRequest { id, name: NAME.to_owned() };
        let HelloReply { id: answered, msg } = self.0.clone().hello(request).await?.into_inner();
        check(&Reply { id: answered, msg }, id)
    }

    async fn echo(&self, data: Bytes) -> Result<()> {
        let reply = self.0.clone().echo(EchoRequest { data: data.clone() }).await?.into_inner();
        check_echo(&reply.data, &data)
    }
}
