//! How a server is configured and started.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::control::listen;
use super::counters::Counters;
use super::deploy::{deploy, prove, subscribe};
use super::handlers::Handlers;
use super::heartbeats::beat;
use super::limits::{Admitted, Limits};
use super::receive::receive;
use super::replies::LATE_REPLIES;
use super::shutdown::Phase;
use super::{Server, Shared};
use crate::connection::{Connection, closed};
use crate::error::{Error, ErrorKind};
use crate::reply::{Audience, Replier};
use crate::service::Service;
use crate::wire::subject::{DEFAULT_QUEUE_GROUP, ReplyPrefixes, check_token};

/// How long a handler may take where the call has no deadline of its own.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a shutdown waits for handlers.
const DEFAULT_GRACE: Duration = Duration::from_secs(30);

/// Configures a [`Server`].
///
/// ```no_run
/// # use nats_rpc::{Method, MethodRegistry, RawCall, Server, Service, ServiceDescriptor};
/// # struct Echo;
/// # static ECHO: ServiceDescriptor = ServiceDescriptor::new("echo", &[Method::unary("say")]);
/// # impl Service for Echo {
/// #     fn descriptor(&self) -> &'static ServiceDescriptor { &ECHO }
/// #     fn register(&self, registry: &mut MethodRegistry) {
/// #         registry.method("say", |call: RawCall| async move { call.reply(call.decode::<String>()?) });
/// #     }
/// # }
/// # async fn serve() -> Result<(), nats_rpc::Error> {
/// let nats = nats_rpc::connect("nats://127.0.0.1:4222").await?;
/// Server::builder(nats).prefix("staging").max_in_flight(100).add(Echo).run().await
/// # }
/// ```
#[must_use = "a builder does nothing until `start` or `run`"]
pub struct ServerBuilder {
    connection: Connection,
    services: Vec<Box<dyn Service>>,
    prefix: Option<String>,
    delivery: Delivery,
    id: Option<String>,
    reply_prefixes: Option<Vec<String>>,
    limits: Limits,
    default_timeout: Duration,
    grace: Duration,
}

/// Which instances get a call.
enum Delivery {
    QueueGroup(String),
    Broadcast,
}

impl ServerBuilder {
    pub(super) fn new(connection: Connection) -> Self {
        ServerBuilder {
            connection,
            services: Vec::new(),
            prefix: None,
            delivery: Delivery::QueueGroup(DEFAULT_QUEUE_GROUP.to_owned()),
            id: None,
            reply_prefixes: None,
            limits: Limits::default(),
            default_timeout: DEFAULT_TIMEOUT,
            grace: DEFAULT_GRACE,
        }
    }

    /// Adds a service.
    #[expect(clippy::should_implement_trait, reason = "nobody adds a service to a server with `+`")]
    pub fn add(mut self, service: impl Service) -> Self {
        self.services.push(Box::new(service));
        self
    }

    /// The prefix of the deployment: with `staging`, `greeter` is served below `staging.greeter`. None by default.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// The queue group: each call goes to one of its members. `q` by default. Instances of one service must not be in
    /// different groups, or each group executes every call.
    pub fn queue_group(mut self, group: impl Into<String>) -> Self {
        self.delivery = Delivery::QueueGroup(group.into());
        self
    }

    /// No queue group: every instance gets every call, and the caller takes the first answer.
    pub fn broadcast(mut self) -> Self {
        self.delivery = Delivery::Broadcast;
        self
    }

    /// The instance's id, in place of a random one: 1 to 64 letters, digits, `_` or `-`, not beginning with `_`.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The prefixes under which reply subjects are accepted, in place of `_INBOX`, `_R_.` and `_GR_.`; callers with an
    /// inbox prefix of their own need theirs here. Without a final dot, a prefix also stands for tokens that go on with
    /// an underscore: `_INBOX` for `_INBOX_team.x`.
    pub fn reply_prefixes<P: Into<String>>(mut self, prefixes: impl IntoIterator<Item = P>) -> Self {
        self.reply_prefixes = Some(prefixes.into_iter().map(Into::into).collect());
        self
    }

    /// How long a handler may take where the call has no deadline of its own: plain calls and oneway ones. 30 s by
    /// default.
    pub fn default_timeout(mut self, timeout: Duration) -> Self {
        self.default_timeout = timeout;
        self
    }

    /// How long a shutdown waits for handlers before it aborts them; 30 s by default, an hour at most.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How many handlers may run at a time; 1024 by default, at least 1.
    pub fn max_in_flight(mut self, handlers: usize) -> Self {
        self.limits.in_flight = handlers;
        self
    }

    /// How many more calls may wait for one of those to end; above it, calls are refused at once as
    /// [`Overloaded`](crate::ErrorKind::Overloaded). 1024 by default.
    pub fn max_queued(mut self, calls: usize) -> Self {
        self.limits.queued = calls;
        self
    }

    /// How many bytes the requests of running and waiting calls may have together; 64 MiB by default.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// How many bytes one request may have; 1 MiB by default.
    pub fn max_request(mut self, bytes: usize) -> Self {
        self.limits.request = bytes;
        self
    }

    /// How deep the values of a request may be nested; 64 by default.
    pub fn max_depth(mut self, depth: usize) -> Self {
        self.limits.scan.depth = depth;
        self
    }

    /// How many values a request may have; 100 000 by default. Bytes are one value, but in a struct or a tuple a `Vec<u8>` is
    /// as many as it is long, unless it is marked with `serde_bytes`.
    pub fn max_values(mut self, values: usize) -> Self {
        self.limits.scan.values = values;
        self
    }

    /// Subscribes for all services and proves by a round trip that the broker has the subscriptions.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for names that cannot be part of a subject, for two services on one subject and for
    /// a service whose handlers do not match its description; [`PermissionDenied`](crate::ErrorKind::PermissionDenied) when the broker does not
    /// let this user subscribe, on a connection made by [`connect`](crate::connect); [`Unavailable`](crate::ErrorKind::Unavailable) when it
    /// does not answer, or does not let this user reach its own inbox.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing is served.
    pub async fn start(self) -> Result<Server, Error> {
        let instance = match &self.id {
            Some(id) => check_token("the instance id", id).map(|()| id.clone())?,
            None => self.connection.random().token_string::<22>(),
        };
        let group = match &self.delivery {
            Delivery::QueueGroup(group) => {
                check_token("the queue group", group).map(|()| Some(group.as_str()))?
            }
            Delivery::Broadcast => None,
        };
        let reply_prefixes =
            self.reply_prefixes.map_or_else(|| Ok(ReplyPrefixes::default()), ReplyPrefixes::new)?;
        if self.limits.in_flight == 0 {
            let message = "a server that may run no handler at a time cannot serve";
            return Err(Error::not_executed(ErrorKind::InvalidArgument, message));
        }
        let deployed = deploy(&self.services, self.prefix.as_deref())?;
        let methods = deployed.iter().map(|service| {
            let names = service.methods.iter().map(|(method, _)| method.name());
            (service.subject.as_str().to_owned(), names.collect())
        });

        let shared = Arc::new(Shared {
            replier: Arc::new(Replier { connection: self.connection, instance: instance.into() }),
            audience: if group.is_some() { Audience::One } else { Audience::Many },
            reply_prefixes,
            limits: self.limits,
            default_timeout: self.default_timeout,
            running: Semaphore::new(self.limits.in_flight.min(Semaphore::MAX_PERMITS)),
            admitted: Arc::new(Admitted::default()),
            late_replies: Arc::new(Semaphore::new(LATE_REPLIES)),
            handlers: Handlers::new(),
            counters: Counters::default(),
            stopping: AtomicBool::new(false),
            methods: methods.collect(),
        });
        let opened = Arc::new(Notify::new());
        let subscribed = subscribe(&shared, deployed, group, &opened).await?;
        prove(shared.connection(), &subscribed.subjects).await?;

        let (phase, watch) = watch::channel(Phase::Serving);
        let (stopping, stopped) = mpsc::channel(1);
        let receivers = subscribed.intake.into_iter().map(|(subscription, work)| {
            tokio::spawn(receive(subscription, work, Arc::clone(&shared), watch.clone(), stopping.clone()))
        });
        let receivers = receivers.collect();
        let mut control = JoinSet::new();
        let peers = subscribed.control.iter().map(|(_, peers)| Arc::clone(peers)).collect();
        control.spawn(beat(peers, opened, Arc::clone(&shared)));
        for (subscription, peers) in subscribed.control {
            control.spawn(listen(subscription, peers, Arc::clone(&shared)));
        }
        Ok(Server { receivers, control, shared, phase, stopped, grace: self.grace })
    }

    /// Starts, serves until SIGINT or SIGTERM, and shuts down; a second signal aborts the handlers that still run.
    ///
    /// # Errors
    /// Those of [`start`](Self::start); [`Unavailable`](crate::ErrorKind::Unavailable) when the connection is closed for
    /// good; [`Internal`](crate::ErrorKind::Internal) where signals cannot be listened for.
    pub async fn run(self) -> Result<(), Error> {
        let mut signals = super::shutdown::Signals::listen()?;
        let mut server = self.start().await?;
        tokio::select! {
            () = signals.next() => {}
            () = server.closed() => return Err(closed()),
        }
        server.shutdown_or_abort(signals.next()).await;
        Ok(())
    }

    /// Starts, serves until the future is ready, and shuts down.
    ///
    /// # Errors
    /// Those of [`start`](Self::start), and [`Unavailable`](crate::ErrorKind::Unavailable) when the connection is closed for
    /// good.
    pub async fn run_until(self, end: impl Future<Output = ()>) -> Result<(), Error> {
        let mut server = self.start().await?;
        tokio::select! {
            () = end => {}
            () = server.closed() => return Err(closed()),
        }
        server.shutdown().await;
        Ok(())
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services: Vec<_> = self.services.iter().map(|service| service.descriptor().name()).collect();
        f.debug_struct("ServerBuilder")
            .field("services", &services)
            .field("prefix", &self.prefix)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
