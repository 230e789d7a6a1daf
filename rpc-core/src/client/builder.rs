//! How a client is configured.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tower::{Layer, Service};

use super::{Client, ClientRequest, ClientResponse, ClientService, Inner, Retry};
use crate::codec::Codec;
use crate::codec::scan::ScanLimits;
use crate::connection::streams::{STREAM_IDLE_TIMEOUT, Window};
use crate::connection::{Connection, MAX_FRAMES};
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::layers::Layers;
use crate::wire::subject::check_tokens;

/// How long a call waits unless the client, the method or the call says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// How many calls of a client may be in flight at a time.
const DEFAULT_MAX_IN_FLIGHT: usize = 64 * 1024;

/// Configures a [`Client`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    connection: Connection,
    prefix: Option<String>,
    timeout: Duration,
    codec: Codec,
    plain: bool,
    limits: ScanLimits,
    coalesce: usize,
    max_in_flight: usize,
    retry: Retry,
    stream_window: Window,
    stream_idle_timeout: Duration,
    also_served_below: Vec<String>,
    layers: Layers<ClientService>,
}

impl ClientBuilder {
    pub(super) fn new(connection: Connection) -> Self {
        ClientBuilder {
            connection,
            prefix: None,
            timeout: DEFAULT_TIMEOUT,
            codec: Codec::default(),
            plain: false,
            limits: ScanLimits::default(),
            coalesce: MAX_FRAMES,
            max_in_flight: DEFAULT_MAX_IN_FLIGHT,
            retry: Retry::new(),
            stream_window: Window::default(),
            stream_idle_timeout: STREAM_IDLE_TIMEOUT,
            also_served_below: Vec::new(),
            layers: Layers::default(),
        }
    }

    /// The prefix of the deployment: with `staging`, calls go to `staging.greeter.hello`. None by default.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// How long a call waits unless its method or the call itself says otherwise; 5 s by default, an hour at most.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The encoding of arguments and results; MessagePack by default.
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Calls as any NATS client does, so that the service need not be one of this library: one message for each call, with
    /// the arguments as its whole payload and the rest in NATS headers. So a trait can describe a micro service in Go,
    /// JavaScript or Python; services of this library understand it too.
    ///
    /// The [codec](Self::codec) has to be the service's. Calls do not share messages, and nobody is told when they are
    /// given up. An error that is not one of this library is [`ErrorKind::Remote`], with the service's own
    /// [code](Error::code) and text. See "Services that are not nats-rpc" in the guide.
    ///
    /// ```
    /// # #[nats_rpc::service]
    /// # trait Greeter {
    /// #     async fn hello(&self, name: &str) -> String;
    /// # }
    /// # struct English;
    /// # impl Greeter for English {
    /// #     async fn hello(&self, name: &str) -> String { format!("Hello, {name}!") }
    /// # }
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let nats = nats_rpc::memory::Broker::new().connect();
    /// # let server = nats_rpc::Server::builder(&nats).add(GreeterServer::new(English)).start().await?;
    /// use nats_rpc::{Client, Codec};
    ///
    /// let client = Client::builder(&nats).plain().codec(Codec::Json).build()?;
    /// assert_eq!(GreeterClient::new(&client).hello("Ann").await?, "Hello, Ann!");
    /// # server.shutdown().await;
    /// # Ok(()) }
    /// ```
    pub fn plain(mut self) -> Self {
        self.plain = true;
        self
    }

    /// How many calls one message may carry at most: 512 by default, and not more; with 1, each call is a message of its
    /// own.
    ///
    /// Calls of one method that are in flight at the same time share messages, which makes them several times as fast. A
    /// lone call waits for nothing, and no call waits for others longer than a millisecond or two, or two round trips. All calls
    /// of a message go to one instance: so that heavy ones are spread over the instances, a message never carries more
    /// than about half a millisecond of work, by the time that the method's handlers were measured to take, and a single
    /// call as long as nothing was measured. See [`Method::coalesce`](crate::Method::coalesce) for one method.
    pub fn coalesce(mut self, calls: usize) -> Self {
        self.coalesce = calls.clamp(1, MAX_FRAMES);
        self
    }

    /// How many calls may be in flight at a time; more fail at once as [`ErrorKind::Overloaded`]. 65 536 by default.
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.max_in_flight = calls;
        self
    }

    /// When calls are sent again, unless a call says otherwise: [`Retry::new`] by default.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Adds a layer, which every call of the client passes through before it is sent, and its response on the way back:
    /// [`tower::Layer`]s over [`ClientRequest`]s and [`ClientResponse`]s.
    ///
    /// The layer that was added first sees a request first, as in tower's `ServiceBuilder`. Inside of all of them the call is
    /// sent, with all the attempts that its [`Retry`] allows: a layer sees a call once, unless another one repeats it. What the
    /// services of layers fail with becomes [`ErrorKind::Internal`], unless it is an [`Error`].
    ///
    /// See [`middleware`](crate::middleware) for what layers can do, and what holds whatever they do.
    ///
    /// ```
    /// use nats_rpc::Client;
    /// use nats_rpc::middleware::ClientRequest;
    /// use tower::util::MapRequestLayer;
    ///
    /// # #[tokio::main] async fn main() -> Result<(), nats_rpc::Error> {
    /// # let nats = nats_rpc::memory::Broker::new().connect();
    /// let with_tenant = MapRequestLayer::new(|mut request: ClientRequest| {
    ///     request.headers_mut().insert("tenant", "acme");
    ///     request
    /// });
    /// let client = Client::builder(&nats).layer(with_tenant).build()?;
    /// # drop(client);
    /// # Ok(()) }
    /// ```
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<ClientService> + Send + Sync + 'static,
        L::Service: Service<ClientRequest, Response = ClientResponse> + Clone + Send + Sync + 'static,
        <L::Service as Service<ClientRequest>>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        <L::Service as Service<ClientRequest>>::Future: Send + 'static,
    {
        self.layers.add(move |inner| ClientService::new(layer.layer(inner)));
        self
    }

    /// How deep the values of a reply may be nested; 64 by default.
    pub fn max_depth(mut self, depth: usize) -> Self {
        self.limits.depth = depth;
        self
    }

    /// How much of one stream of results may be on its way, or here and not taken, at most: so many items, and so many bytes, of which one item may
    /// take more. 8192 items and 16 MiB by default; at least one of each.
    ///
    /// A stream begins with a thirty-second of the items and a sixteenth of the bytes, and gets more as long as its receiver waits for what is on its way; one who is
    /// slower than the sender never has more than that in memory. A connection with hundreds of open streams makes the later windows smaller.
    pub fn stream_window(mut self, items: u32, bytes: u32) -> Self {
        self.stream_window = Window { messages: items.max(1), bytes: bytes.max(1) };
        self
    }

    /// How long an instance may take none of the items that are sent to it, before the call is given up as
    /// [`ErrorKind::DeadlineExceeded`]; a minute by default.
    pub fn stream_idle_timeout(mut self, timeout: Duration) -> Self {
        self.stream_idle_timeout = timeout;
        self
    }

    /// Below which subjects the services of the client are served too, besides their own. That has
    /// to be said where a NATS server maps the subjects of calls and not those below `_ctl`: to a
    /// canary, or to partitions. There the client cancels calls and sends what belongs to streams;
    /// its user must be allowed to publish there. Without it, calls work and are not cancelled, and
    /// a stream is refused with an error that names what to list.
    ///
    /// A subject stands for all below it: `canary` for `canary.lab`. Where everything below a
    /// service is mapped, nothing has to be said.
    ///
    /// ```
    /// # fn main() -> Result<(), nats_rpc::Error> {
    /// # let nats = nats_rpc::memory::Broker::new().connect();
    /// // mappings: { "lab.hello": [{ destination: "canary.lab.hello", weight: "10%" }] }
    /// let client = nats_rpc::Client::builder(nats).also_served_below(["canary"]).build()?;
    /// # drop(client);
    /// # Ok(()) }
    /// ```
    pub fn also_served_below<S: Into<String>>(mut self, subjects: impl IntoIterator<Item = S>) -> Self {
        self.also_served_below.extend(subjects.into_iter().map(Into::into));
        self
    }

    /// How many values a reply may have; 100 000 by default. Bytes are one value, but in a struct or a tuple a `Vec<u8>` is
    /// as many as it is long, unless it is marked with `serde_bytes`.
    pub fn max_values(mut self, values: usize) -> Self {
        self.limits.values = values;
        self
    }

    /// Makes the client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if the prefix, or what the client is also served below,
    /// cannot be part of a subject.
    pub fn build(self) -> Result<Client, Error> {
        if let Some(prefix) = &self.prefix {
            check_tokens("the prefix", prefix)?;
        }
        for subject in &self.also_served_below {
            check_tokens("what services are also served below", subject)?;
        }
        Ok(self.unchecked())
    }

    pub(super) fn unchecked(self) -> Client {
        let Self {
            connection,
            prefix,
            timeout,
            codec,
            plain,
            limits,
            coalesce,
            max_in_flight,
            retry,
            stream_window,
            stream_idle_timeout,
            also_served_below,
            layers,
        } = self;
        Client(Arc::new(Inner {
            connection,
            prefix,
            timeout,
            codec,
            plain,
            limits,
            coalesce,
            max_in_flight,
            retry,
            stream_window,
            stream_idle_timeout,
            also_served_below: also_served_below.into_iter().map(Into::into).collect(),
            layers: layers.around(ClientService::innermost),
            in_flight: AtomicUsize::new(0),
            #[cfg(feature = "jetstream")]
            job_stores: super::jobs::Stores::default(),
        }))
    }
}
