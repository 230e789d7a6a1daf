//! The serving side: a server that subscribes for services and runs their handlers.

mod admission;
mod admitted;
mod builder;
mod caller_options;
mod callers;
mod catalog;
mod control;
mod counters;
mod deploy;
mod discovery;
mod dispatch;
mod handlers;
mod heartbeats;
mod intake;
#[cfg(feature = "jetstream")]
mod jobs;
mod layers;
mod limits;
mod overlaps;
mod pace;
mod peers;
mod phase;
mod plain;
mod probe;
mod publication;
mod questions;
mod receive;
mod reception;
mod replies;
mod running;
mod shutdown;
mod start;
mod stats;
mod streams;
mod taken;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use self::builder::ServerBuilder;
use self::callers::Callers;
use self::catalog::Catalog;
use self::counters::Counters;
pub use self::counters::ServerCounters;
use self::handlers::Handlers;
pub use self::layers::ServerService;
use self::limits::Limits;
pub use self::limits::MethodLimits;
use self::reception::Reception;
use crate::connection::Connection;
use crate::reply::Replier;
use crate::wire::reply_prefixes::ReplyPrefixes;

/// A running server: its services are subscribed and answer.
///
/// [`shutdown`](Self::shutdown) ends it without losing a call. Dropping it stops intake and aborts the handlers, each
/// of which is answered with [`Unavailable`](crate::ErrorKind::Unavailable).
///
/// ```
/// use nats_rpc::{Server, memory::Broker};
/// # use nats_rpc::{Method, MethodRegistry, RawCall, Service, ServiceDescriptor};
/// # struct Echo;
/// # static ECHO: ServiceDescriptor = ServiceDescriptor::new("echo", &[Method::unary("say")]);
/// # impl Service for Echo {
/// #     fn descriptor(&self) -> &'static ServiceDescriptor { &ECHO }
/// #     fn register(&self, registry: &mut MethodRegistry) {
/// #         registry.method("say", |call: RawCall| async move { call.reply(call.decode::<String>()?) });
/// #     }
/// # }
/// # #[tokio::main] async fn main() -> Result<(), nats_rpc::Error> {
/// let server = Server::builder(Broker::new().connect()).add(Echo).start().await?;
/// println!("serving as {}", server.id());
/// server.shutdown().await;
/// # Ok(()) }
/// ```
#[must_use = "dropping a server stops it"]
pub struct Server {
    shared: Arc<Shared>,
    /// There until the server ends.
    reception: Option<Reception>,
    /// Hears about the calls that are here, and sends heartbeats to their callers, as long as there may be any.
    control: JoinSet<()>,
    /// Answers those who ask what there is, until the server begins to end.
    discovery: JoinSet<()>,
    /// Executes jobs; there until the server ends.
    #[cfg(feature = "jetstream")]
    jobs: Option<jobs::Jobs>,
    grace: Duration,
}

/// What all subscriptions of a server share.
struct Shared {
    replier: Arc<Replier>,
    reply_prefixes: ReplyPrefixes,
    limits: Limits,
    /// The longest that a call without a deadline of its own may take.
    default_timeout: Duration,
    /// One permit for each handler that runs in a task of its own, and for each receiving task that runs one.
    running: Semaphore,
    admitted: Arc<admitted::Admitted>,
    /// The same for calls with streams.
    streams: Arc<admitted::Admitted>,
    /// What each caller has taken.
    callers: Callers,
    /// One permit for each reply that waits for room in the connection's queue.
    late_replies: Arc<Semaphore>,
    handlers: Handlers,
    counters: Counters,
    /// Fires when calls that wait for a place had better go elsewhere, since the server ends.
    turn_away: CancellationToken,
    /// What is served, for those who ask.
    catalog: Catalog,
}

impl Server {
    /// Starts to configure a server on a connection.
    pub fn builder(nats: impl Into<Connection>) -> ServerBuilder {
        ServerBuilder::new(nats.into())
    }

    /// The instance's id: random, unless the builder was given one.
    pub fn id(&self) -> &str {
        &self.shared.replier.instance
    }

    /// The names of the services.
    fn services(&self) -> Vec<&'static str> {
        self.shared.catalog.services().iter().map(|entry| entry.descriptor.name()).collect()
    }

    /// What has happened so far: what was run, and what was refused or dropped on purpose.
    pub fn counters(&self) -> ServerCounters {
        self.shared.counters.snapshot(self.shared.catalog.counters())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("id", &self.id())
            .field("services", &self.services())
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}
