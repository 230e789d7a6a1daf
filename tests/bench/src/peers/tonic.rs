//! tonic, gRPC over TCP, without a broker in between.

use bytes::Bytes;
use prost::Message;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};

use self::generated::bench_client::BenchClient;
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
    id: u64,
    #[prost(string, tag = "2")]
    msg: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct EchoRequest {
    #[prost(bytes = "bytes", tag = "1")]
    data: Bytes,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct EchoReply {
    #[prost(bytes = "bytes", tag = "1")]
    data: Bytes,
}

struct Handler;

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
}

pub(super) async fn serve() -> Result<Serving> {
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into())?.with_nodelay(Some(true));
    let address = format!("http://{}", incoming.local_addr()?);
    let server = Server::builder().add_service(BenchServer::new(Handler)).serve_with_incoming(incoming);
    tokio::spawn(async move { server.await.expect("the listener is open") });
    Ok(Serving::at(&address))
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
