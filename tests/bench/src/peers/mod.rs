//! Whom the benchmark compares, and how their servers and clients are started.

mod by_hand;
pub(crate) mod messages;
mod nats_service;
mod ours;
mod scaled;
mod tarpc;
pub(crate) mod tonic;

use std::any::Any;
use std::fmt;
use std::future::Future;

use bytes::Bytes;
use clap::ValueEnum;

use self::by_hand::Handling;
use self::ours::Sending;
pub(crate) use self::scaled::Scale;
use self::tarpc::Format;
use crate::Result;
use crate::load::Callable;

/// A client that has a server to call.
pub(crate) trait Peer: Clone + Send + Sync + 'static {
    /// Sends a number and a name, and checks the answer: a fast error is no result.
    fn hello(&self, id: u64) -> impl Future<Output = Result<()>> + Send;

    /// Sends bytes, and checks that they come back.
    fn echo(&self, data: Bytes) -> impl Future<Output = Result<()>> + Send;
}

/// A server that runs until this is dropped, or the process ends.
pub(crate) struct Serving {
    address: String,
    kept: Option<Box<dyn Any + Send>>,
}

impl Serving {
    /// A server that clients reach there.
    fn at(address: &str) -> Self {
        Serving { address: address.to_owned(), kept: None }
    }

    /// What ends the server when it is dropped.
    fn keeping(mut self, kept: impl Any + Send) -> Self {
        self.kept = Some(Box::new(kept));
        self
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

/// Who can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub(crate) enum PeerName {
    /// The baseline: async-nats by hand, requests handled inline.
    B,
    /// The baseline with a task for each request.
    BSpawn,
    /// The `service` module of async-nats, with the baseline's client.
    NatsService,
    /// tarpc over TCP with bincode.
    Tarpc,
    /// tarpc over TCP with MessagePack.
    TarpcMsgpack,
    /// tonic over TCP.
    Tonic,
    /// nats-rpc with its defaults.
    Ours,
    /// nats-rpc with one message for each call.
    OneByOne,
    /// nats-rpc on the broker in the same process.
    Memory,
}

impl PeerName {
    /// Those that the comparison is about.
    pub(crate) const MAIN: [PeerName; 3] = [PeerName::B, PeerName::Ours, PeerName::OneByOne];

    /// Those whose client and server can be in different processes, in the order of the tables.
    pub(crate) const APART: [PeerName; 8] = [
        PeerName::B,
        PeerName::BSpawn,
        PeerName::NatsService,
        PeerName::Tarpc,
        PeerName::TarpcMsgpack,
        PeerName::Tonic,
        PeerName::Ours,
        PeerName::OneByOne,
    ];

    /// What tables and charts call it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            PeerName::B => "B, by hand",
            PeerName::BSpawn => "B, task per request",
            PeerName::NatsService => "async-nats service",
            PeerName::Tarpc => "tarpc, bincode",
            PeerName::TarpcMsgpack => "tarpc, MessagePack",
            PeerName::Tonic => "tonic",
            PeerName::Ours => "nats-rpc",
            PeerName::OneByOne => "nats-rpc, one by one",
            PeerName::Memory => "nats-rpc, in memory",
        }
    }

    /// What the flags call it.
    pub(crate) fn flag(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether its messages pass a nats-server.
    pub(crate) fn uses_nats(self) -> bool {
        !matches!(self, PeerName::Tarpc | PeerName::TarpcMsgpack | PeerName::Tonic | PeerName::Memory)
    }

    /// Starts the server, with a nats-server at `nats`.
    pub(crate) async fn serve(self, nats: &str) -> Result<Serving> {
        match self {
            PeerName::B => by_hand::serve(nats, Handling::Inline).await,
            PeerName::BSpawn => by_hand::serve(nats, Handling::Spawned).await,
            PeerName::NatsService => nats_service::serve(nats).await,
            PeerName::Tarpc => tarpc::serve(Format::Bincode).await,
            PeerName::TarpcMsgpack => tarpc::serve(Format::MessagePack).await,
            PeerName::Tonic => tonic::serve().await,
            PeerName::Ours | PeerName::OneByOne => {
                ours::serve(async_nats::connect(nats).await?, nats, &self.flag()).await
            }
            PeerName::Memory => Err("the broker in memory is of no use to another process".into()),
        }
    }

    /// Connects a client to the server at `address`.
    pub(crate) async fn connect(self, address: &str) -> Result<Box<dyn Callable>> {
        let prefix = self.flag();
        Ok(match self {
            PeerName::B => Box::new(by_hand::ByHand::connect(address, Handling::Inline).await?),
            PeerName::BSpawn => Box::new(by_hand::ByHand::connect(address, Handling::Spawned).await?),
            PeerName::NatsService => Box::new(nats_service::connect(address).await?),
            PeerName::Tarpc => Box::new(tarpc::connect(address, Format::Bincode).await?),
            PeerName::TarpcMsgpack => Box::new(tarpc::connect(address, Format::MessagePack).await?),
            PeerName::Tonic => Box::new(tonic::Tonic::connect(address).await?),
            PeerName::Ours => {
                Box::new(ours::client(async_nats::connect(address).await?, &prefix, Sending::Coalesced)?)
            }
            PeerName::OneByOne => {
                Box::new(ours::client(async_nats::connect(address).await?, &prefix, Sending::OneByOne)?)
            }
            PeerName::Memory => return Err("the broker in memory has no address".into()),
        })
    }

    /// Starts the server and connects a client, both in this process.
    pub(crate) async fn start(self, nats: &str) -> Result<(Serving, Box<dyn Callable>)> {
        if self == PeerName::Memory {
            let broker = nats_rpc::memory::Broker::new();
            let serving = ours::serve(broker.connect(), "memory", "memory").await?;
            return Ok((serving, Box::new(ours::client(broker.connect(), "memory", Sending::Coalesced)?)));
        }
        let serving = self.serve(nats).await?;
        let client = self.connect(serving.address()).await?;
        Ok((serving, client))
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
