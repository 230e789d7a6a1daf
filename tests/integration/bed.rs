//! A broker, what is between callers and services on it, and what ran.

use std::sync::Arc;
use std::time::Duration;

use nats_rpc::{CallError, Connection, Error, ErrorKind, Execution, Server, ServerBuilder, memory::Broker};
use tests::{NatsServer, NatsServerBuilder, Version};
use tokio::sync::OnceCell;

pub(crate) use crate::by_message::{assert_plain_error, header, outbound, raw_request};
pub(crate) use crate::lab::{Bench, LabClient, LabServer, Ledger, MathError, Tree};
use crate::wires::{Side, Wire};

/// A broker, what is between callers and services on it, and what ran.
pub(crate) struct Bed {
    broker: Kind,
    wire: Wire,
    pub(crate) ledger: Arc<Ledger>,
    /// What callers of another account call first.
    beacon: OnceCell<Server>,
}

/// A service whose answer shows its callers that they are in another account than it.
#[nats_rpc::service]
trait Beacon {
    async fn shine(&self);
}

struct Light;

impl Beacon for Light {
    async fn shine(&self) {}
}

enum Kind {
    Memory(Broker),
    Nats(NatsServer),
}

impl Bed {
    pub(crate) fn memory() -> Self {
        Bed::in_memory(Broker::new())
    }

    pub(crate) fn in_memory(broker: Broker) -> Self {
        Bed {
            broker: Kind::Memory(broker),
            wire: Wire::Direct,
            ledger: Arc::default(),
            beacon: OnceCell::new(),
        }
    }

    pub(crate) fn nats() -> Self {
        Bed::configured(NatsServer::builder())
    }

    pub(crate) fn oldest_nats() -> Self {
        Bed::configured(NatsServer::builder().version(Version::Oldest))
    }

    pub(crate) fn configured(server: NatsServerBuilder) -> Self {
        Bed {
            broker: Kind::Nats(server.start()),
            wire: Wire::Direct,
            ledger: Arc::default(),
            beacon: OnceCell::new(),
        }
    }

    /// Services in one account, and callers in another.
    pub(crate) fn imported(version: Version) -> Self {
        Bed::wired(version, Wire::AcrossAccounts)
    }

    /// Services below another subject than the one that callers know.
    pub(crate) fn mapped(version: Version) -> Self {
        Bed::wired(version, Wire::BehindAMapping)
    }

    /// The same in memory.
    pub(crate) fn mapped_in_memory() -> Self {
        let wire = Wire::BehindAMapping;
        Bed { wire, ..Bed::in_memory(wire.broker()) }
    }

    fn wired(version: Version, wire: Wire) -> Self {
        let server = NatsServer::builder().version(version).config(&wire.config());
        Bed { wire, ..Bed::configured(server) }
    }

    /// Whether callers are in another account than the services.
    pub(crate) fn is_across_accounts(&self) -> bool {
        self.wire == Wire::AcrossAccounts
    }

    pub(crate) fn server(&self) -> Option<&NatsServer> {
        match &self.broker {
            Kind::Memory(_) => None,
            Kind::Nats(server) => Some(server),
        }
    }

    /// A connection of its own for a caller. Across accounts it knows that the services are
    /// elsewhere: the very first call on a connection cannot be cancelled there, which is a case of
    /// its own.
    pub(crate) async fn connect(&self) -> Connection {
        let connection = self.connect_as(Side::Caller).await;
        if self.is_across_accounts() {
            let shine = async || {
                let server = self.server_builder().await.without_discovery();
                server.add(BeaconServer::new(Light)).start().await.unwrap()
            };
            self.beacon.get_or_init(shine).await;
            BeaconClient::new(&connection).shine().await.unwrap();
        }
        connection
    }

    /// A connection of its own for who serves something.
    pub(crate) async fn connect_server(&self) -> Connection {
        self.connect_as(Side::Service).await
    }

    async fn connect_as(&self, side: Side) -> Connection {
        match &self.broker {
            Kind::Memory(broker) => broker.connect(),
            Kind::Nats(server) => self.wire.connect(server, side).await,
        }
    }

    /// The subject on which services get what callers publish to this one.
    pub(crate) fn served(&self, subject: &str) -> String {
        self.wire.moved().into_iter().chain([subject]).collect::<Vec<_>>().join(".")
    }

    /// A server on a connection of its own, configured but without a service. A prefix that it is
    /// given has to be the [`served`](Self::served) one.
    pub(crate) async fn server_builder(&self) -> ServerBuilder {
        let builder = Server::builder(self.connect_server().await);
        match self.wire.moved() {
            Some(prefix) => builder.prefix(prefix),
            None => builder,
        }
    }

    /// The service on this bed's ledger.
    pub(crate) fn service(&self) -> LabServer<Bench> {
        LabServer::new(Bench { name: "lab", ledger: Arc::clone(&self.ledger) })
    }

    /// A server with the service and all defaults.
    pub(crate) async fn serve(&self) -> Server {
        self.server_builder().await.add(self.service()).start().await.unwrap()
    }

    /// A client on a connection of its own.
    pub(crate) async fn client(&self) -> LabClient {
        LabClient::new(self.connect().await)
    }
}

/// Waits for what happens soon.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let begin = std::time::Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Asserts kind and execution of a failed call, and that no call hangs.
#[track_caller]
pub(crate) fn assert_failed<T: std::fmt::Debug, E: std::fmt::Debug>(
    result: Result<T, CallError<E>>,
    kind: ErrorKind,
    execution: Execution,
) -> Error {
    match result {
        Err(CallError::Rpc(error)) => {
            assert_eq!((error.kind(), error.execution()), (kind, execution), "{error}");
            error
        }
        other => panic!("expected {kind}, got {other:?}"),
    }
}
