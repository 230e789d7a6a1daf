//! The same with a generated client and server, all defaults.

use nats_rpc::{Server, async_nats};

use crate::baseline::{NAME, Reply, answer};
use crate::load::Peer;

#[nats_rpc::service]
trait Bench {
    async fn hello(&self, id: u64, name: &str) -> Reply;
}

struct Handler;

impl Bench for Handler {
    async fn hello(&self, id: u64, name: &str) -> Reply {
        answer(id, name)
    }
}

/// A running server with its client, each on a connection of its own.
pub(crate) struct Ours {
    server: Server,
    client: BenchClient,
}

impl Ours {
    pub(crate) async fn start(url: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let server =
            Server::builder(async_nats::connect(url).await?).add(BenchServer::new(Handler)).start().await?;
        Ok(Ours { server, client: BenchClient::new(async_nats::connect(url).await?) })
    }

    pub(crate) fn peer(&self) -> impl Peer {
        self.client.clone()
    }

    pub(crate) async fn stop(self) {
        self.server.shutdown().await;
    }
}

impl Peer for BenchClient {
    async fn call(&self, id: u64) {
        let reply = self.hello(id, NAME).await.expect("a reply");
        assert!(reply.id == id && reply.msg.len() == 32);
    }
}
