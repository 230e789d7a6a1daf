//! The generated client and server, all defaults save for what the peer is about.

use bytes::Bytes;
use nats_rpc::{Client, Connection, Server};

use super::messages::{NAME, Reply, answer, check, check_echo};
use super::{Peer, Serving};
use crate::Result;

#[nats_rpc::service]
pub(super) trait Bench {
    async fn hello(&self, id: u64, name: &str) -> Reply;

    async fn echo(&self, data: Bytes) -> Bytes;
}

pub(super) struct Handler;

impl Bench for Handler {
    async fn hello(&self, id: u64, name: &str) -> Reply {
        answer(id, name)
    }

    async fn echo(&self, data: Bytes) -> Bytes {
        data
    }
}

/// How many calls a message may have.
#[derive(Clone, Copy)]
pub(super) enum Sending {
    /// As many as are ready: the default.
    Coalesced,
    /// One.
    OneByOne,
}

pub(super) async fn serve(connection: impl Into<Connection>, address: &str, prefix: &str) -> Result<Serving> {
    let server = Server::builder(connection).prefix(prefix).add(BenchServer::new(Handler)).start().await?;
    Ok(Serving::at(address).keeping(server))
}

pub(super) fn client(connection: impl Into<Connection>, prefix: &str, sending: Sending) -> Result<impl Peer> {
    let builder = Client::builder(connection).prefix(prefix);
    let client = match sending {
        Sending::Coalesced => builder.build()?,
        Sending::OneByOne => builder.coalesce(1).build()?,
    };
    Ok(BenchClient::new(&client))
}

impl Peer for BenchClient {
    async fn hello(&self, id: u64) -> Result<()> {
        check(&BenchClient::hello(self, id, NAME).await?, id)
    }

    async fn echo(&self, data: Bytes) -> Result<()> {
        check_echo(&BenchClient::echo(self, data.clone()).await?, &data)
    }
}
