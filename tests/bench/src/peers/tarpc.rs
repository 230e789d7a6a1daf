//! tarpc over TCP, without a broker in between.

use bytes::Bytes;
use futures::StreamExt;
use tarpc::client::Config;
use tarpc::context::{self, Context};
use tarpc::serde_transport::Transport;
use tarpc::server::{BaseChannel, Channel};
use tokio::net::{TcpListener, TcpStream};
use tokio_serde::formats::{Bincode, MessagePack};
use tokio_serde::{Deserializer, Serializer};

use super::messages::{NAME, Reply, answer, check, check_echo};
use super::{Peer, Serving};
use crate::Result;

#[tarpc::service]
trait Bench {
    async fn hello(id: u64, name: String) -> Reply;
    async fn echo(data: Bytes) -> Bytes;
}

#[derive(Clone)]
struct Handler;

impl Bench for Handler {
    async fn hello(self, _: Context, id: u64, name: String) -> Reply {
        answer(id, &name)
    }

    async fn echo(self, _: Context, data: Bytes) -> Bytes {
        data
    }
}

/// How messages are serialized.
#[derive(Clone, Copy)]
pub(super) enum Format {
    Bincode,
    MessagePack,
}

pub(super) async fn serve(format: Format) -> Result<Serving> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("an open socket has options");
            match format {
                Format::Bincode => spawn_channel(Transport::from((stream, Bincode::default()))),
                Format::MessagePack => spawn_channel(Transport::from((stream, MessagePack::default()))),
            }
        }
    });
    Ok(Serving::at(&address))
}

type Incoming = tarpc::ClientMessage<BenchRequest>;
type Outgoing = tarpc::Response<BenchResponse>;

/// Serves one connection as tarpc's examples do: a task for each request.
fn spawn_channel<C>(transport: Transport<TcpStream, Incoming, Outgoing, C>)
where
    C: Serializer<Outgoing> + Deserializer<Incoming> + Unpin + Send + 'static,
    Transport<TcpStream, Incoming, Outgoing, C>: tarpc::Transport<Outgoing, Incoming>,
    <Transport<TcpStream, Incoming, Outgoing, C> as futures::Sink<Outgoing>>::Error: Send + Sync,
{
    let requests = BaseChannel::with_defaults(transport).execute(Handler.serve());
    tokio::spawn(requests.for_each(|response| async move {
        tokio::spawn(response);
    }));
}

pub(super) async fn connect(address: &str, format: Format) -> Result<impl Peer> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(match format {
        Format::Bincode => {
            BenchClient::new(Config::default(), Transport::from((stream, Bincode::default()))).spawn()
        }
        Format::MessagePack => {
            BenchClient::new(Config::default(), Transport::from((stream, MessagePack::default()))).spawn()
        }
    })
}

impl Peer for BenchClient {
    async fn hello(&self, id: u64) -> Result<()> {
        check(&BenchClient::hello(self, context::current(), id, NAME.to_owned()).await?, id)
    }

    async fn echo(&self, data: Bytes) -> Result<()> {
        check_echo(&BenchClient::echo(self, context::current(), data.clone()).await?, &data)
    }
}
