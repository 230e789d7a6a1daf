//! Streams of nats-rpc.

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use nats_rpc::{Connection, Server};

use super::peer::{self, Peer, Taken};
use crate::Result;
use crate::peers::messages::Reply;

#[nats_rpc::service(name = "streamed")]
trait Streamed {
    fn items(&self, count: usize) -> impl Stream<Item = Reply>;
    fn chunks(&self, count: usize, size: usize) -> impl Stream<Item = Bytes>;
}

struct Handler;

impl Streamed for Handler {
    fn items(&self, count: usize) -> impl Stream<Item = Reply> {
        stream::iter(peer::items(count))
    }

    fn chunks(&self, count: usize, size: usize) -> impl Stream<Item = Bytes> {
        stream::iter(peer::chunks(count, size))
    }
}

pub(super) struct Ours {
    server: Server,
    client: StreamedClient,
}

impl Ours {
    pub(super) async fn start(url: &str) -> Result<Self> {
        let server = Server::builder(async_nats::connect(url).await?).add(StreamedServer::new(Handler));
        let client = StreamedClient::new(Connection::from(async_nats::connect(url).await?));
        Ok(Ours { server: server.start().await?, client })
    }

    pub(super) async fn end(self) {
        self.server.shutdown().await;
    }
}

impl Peer for Ours {
    async fn items(&self, count: usize) -> Result<()> {
        let (mut items, mut taken) = (self.client.items(count).await?, Taken::default());
        while let Some(item) = items.next().await {
            taken.item(&item?)?;
        }
        taken.all(count)
    }

    async fn chunks(&self, count: usize, size: usize) -> Result<()> {
        let (mut chunks, mut taken) = (self.client.chunks(count, size).await?, Taken::default());
        while let Some(chunk) = chunks.next().await {
            taken.chunk(&chunk?, size)?;
        }
        taken.all(count)
    }
}
