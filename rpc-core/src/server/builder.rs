//! How a server is configured.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tower::{Layer, Service as TowerService};

use super::ServerService;
use super::deploy::LimitsByMethod;
use super::limits::{Limits, MethodLimits};
use crate::connection::Connection;
use crate::connection::streams::Window;
use crate::discovery::DEFAULT_PREFIX;
#[cfg(feature = "jetstream")]
use crate::jobs::JobSettings;
use crate::layers::Layers;
use crate::reply::Reply;
use crate::service::{RawCall, Service};
use crate::wire::subject::DEFAULT_QUEUE_GROUP;

/// How long a handler may take where the call has no deadline of its own.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a shutdown waits for handlers.
const DEFAULT_GRACE: Duration = Duration::from_secs(30);

/// Configures a [`Server`](crate::Server).
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
    pub(super) connection: Connection,
    pub(super) services: Vec<Box<dyn Service>>,
    pub(super) prefix: Option<String>,
    pub(super) delivery: Delivery,
    pub(super) id: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    /// `None` for a server that cannot be discovered.
    pub(super) discovery_prefix: Option<String>,
    pub(super) reply_prefixes: Option<Vec<String>>,
    pub(super) layers: Layers<ServerService>,
    pub(super) limits: Limits,
    pub(super) method_limits: LimitsByMethod,
    pub(super) default_timeout: Duration,
    pub(super) grace: Duration,
    /// `None` for a server that executes no jobs.
    #[cfg(feature = "jetstream")]
    pub(super) jobs: Option<JobSettings>,
}

/// Which instances get a call.
pub(super) enum Delivery {
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
            metadata: BTreeMap::new(),
            discovery_prefix: Some(DEFAULT_PREFIX.to_owned()),
            reply_prefixes: None,
            layers: Layers::default(),
            limits: Limits::default(),
            method_limits: LimitsByMethod::new(),
            default_timeout: DEFAULT_TIMEOUT,
            grace: DEFAULT_GRACE,
            #[cfg(feature = "jetstream")]
            jobs: Some(JobSettings::new()),
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

    /// Says something about the instance to those who [`discover`](crate::discovery::discover) it: where it runs, say. Of a name
    /// that is given twice, the later value counts. Names that begin with `nats-rpc.` are reserved.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// The prefix of the subjects on which NATS tools discover the server, in place of `$SRV` (NATS ADR-32).
    pub fn discovery_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.discovery_prefix = Some(prefix.into());
        self
    }

    /// The server cannot be discovered, and publishes no contracts: it subscribes to nothing but what its services need.
    pub fn without_discovery(mut self) -> Self {
        self.discovery_prefix = None;
        self
    }

    /// Adds a layer that the calls of all methods pass through, in the places of their handlers and with their time: to
    /// authenticate, to limit, to log. The layer that was added first sees a call first; each is made once, so that what it counts
    /// it counts for the whole server.
    ///
    /// What a layer fails with is [`NotExecuted`](crate::Execution::NotExecuted) if the call did not get to its handler. An error that is
    /// not an [`Error`](crate::Error) arrives as [`Internal`](crate::ErrorKind::Internal). See [`middleware`](crate::middleware).
    ///
    /// ```
    /// use nats_rpc::{Error, ErrorKind, RawCall, Server, ServerBuilder};
    /// use tower::filter::FilterLayer;
    ///
    /// fn with_tenants(server: ServerBuilder) -> ServerBuilder {
    ///     server.layer(FilterLayer::new(|call: RawCall| match call.context().headers().get("tenant") {
    ///         Some(_) => Ok(call),
    ///         None => Err(Error::new(ErrorKind::Unauthenticated, "say whose data it is about")),
    ///     }))
    /// }
    /// ```
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<ServerService> + Send + Sync + 'static,
        L::Service: TowerService<RawCall, Response = Reply> + Clone + Send + Sync + 'static,
        <L::Service as TowerService<RawCall>>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        <L::Service as TowerService<RawCall>>::Future: Send + 'static,
    {
        self.layers.add(move |inner| ServerService::new(layer.layer(inner)));
        self
    }

    /// The prefixes under which reply subjects are accepted, in place of `_INBOX`, `_R_.` and `_GR_.`; callers with an
    /// inbox prefix of their own need theirs here. Without a final dot, a prefix also stands for tokens that go on with
    /// an underscore: `_INBOX` for `_INBOX_team.x`.
    ///
    /// Each prefix of the list is a caller with a share of what the server has, as
    /// [`max_in_flight_per_caller`](Self::max_in_flight_per_caller) and its neighbours say; all
    /// callers with an inbox prefix that is not listed itself, such as `_INBOX_team`, have one
    /// share together.
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

    /// How the jobs of durable methods are executed: as [`JobSettings::new`] says by default.
    #[cfg(feature = "jetstream")]
    pub fn jobs(mut self, settings: JobSettings) -> Self {
        self.jobs = Some(settings);
        self
    }

    /// Serves the calls of durable methods and executes none of their jobs: where JetStream is not to be had, or other servers do.
    #[cfg(feature = "jetstream")]
    pub fn without_jobs(mut self) -> Self {
        self.jobs = None;
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

    /// How many streams may be open at a time, those that are being opened included; above it, calls that open one are refused at once as
    /// [`Overloaded`](crate::ErrorKind::Overloaded). 4096 by default. They take none of the places of other calls.
    pub fn max_streams(mut self, streams: usize) -> Self {
        self.limits.streams = streams;
        self
    }

    /// How many of those one connection of a caller may have open at a service; 32 by default.
    pub fn max_streams_per_peer(mut self, streams: usize) -> Self {
        self.limits.streams_of_peer = streams;
        self
    }

    /// How much of one stream of a caller's items may be on its way, or here and not taken, at most: so many items, and so many bytes, of which one item may
    /// take more. 8192 items and 16 MiB by default; at least one of each. It begins smaller, and grows while its handler waits for items; see
    /// [`ClientBuilder::stream_window`](crate::ClientBuilder::stream_window). Where hundreds of callers send to one service, later ones get smaller windows.
    pub fn stream_window(mut self, items: u32, bytes: u32) -> Self {
        self.limits.window = Window { messages: items.max(1), bytes: bytes.max(1) };
        self
    }

    /// How long a caller may take none of the results that are there for it, before its stream is closed with
    /// [`DeadlineExceeded`](crate::ErrorKind::DeadlineExceeded); a minute by default. A stream on which nothing happens is not concerned.
    pub fn stream_idle_timeout(mut self, timeout: Duration) -> Self {
        self.limits.stream_idle = timeout;
        self
    }

    /// Limits one method of a service, both by their names on the wire, beside the limits of the server: so that a slow method
    /// leaves places to the others. Its handlers always get tasks of their own. Set again, the later limits count.
    ///
    /// ```no_run
    /// # use nats_rpc::{MethodLimits, ServerBuilder};
    /// # fn configure(server: ServerBuilder) -> ServerBuilder {
    /// server.limit_method("images", "resize", MethodLimits::new().max_in_flight(4).max_queued(16))
    /// # }
    /// ```
    pub fn limit_method(
        mut self,
        service: impl Into<String>,
        method: impl Into<String>,
        limits: MethodLimits,
    ) -> Self {
        self.method_limits.insert((service.into(), method.into()), limits);
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
