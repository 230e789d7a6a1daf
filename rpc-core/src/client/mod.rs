//! The calling side: a client, the stubs on it, and the calls that they make.

mod attempts;
mod call;
mod cast;
mod exchange;
mod handover;
mod inherited;
mod outcome;
mod outgoing;
mod pursuit;
mod response;
mod retry;
mod returns;
mod stub;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub use self::call::{Call, DetailedCall};
pub use self::cast::Cast;
pub use self::response::Response;
pub use self::retry::Retry;
pub use self::returns::Returns;
pub use self::stub::Stub;

use crate::codec::Codec;
use crate::codec::scan::ScanLimits;
use crate::connection::{Connection, MAX_FRAMES};
use crate::error::{Error, ErrorKind};
use crate::wire::subject::check_tokens;

/// How long a call waits unless the client, the method or the call says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// How many calls of a client may be in flight at a time.
const DEFAULT_MAX_IN_FLIGHT: usize = 64 * 1024;

/// What calls have in common: the connection, the prefix of the deployment, the defaults.
///
/// Cheap to clone. Anything that can be a [`Connection`] can be a client with all defaults; a generated stub takes
/// either.
///
/// ```
/// use nats_rpc::{Client, Codec, memory::Broker};
///
/// # fn main() -> Result<(), nats_rpc::Error> {
/// let client = Client::builder(Broker::new().connect())
///     .prefix("staging")
///     .timeout(std::time::Duration::from_secs(1))
///     .codec(Codec::Json)
///     .build()?;
/// # drop(client);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    connection: Connection,
    prefix: Option<String>,
    timeout: Duration,
    codec: Codec,
    limits: ScanLimits,
    coalesce: usize,
    max_in_flight: usize,
    retry: Retry,
    in_flight: AtomicUsize,
}

impl Client {
    /// Starts to configure a client.
    pub fn builder(nats: impl Into<Connection>) -> ClientBuilder {
        ClientBuilder {
            connection: nats.into(),
            prefix: None,
            timeout: DEFAULT_TIMEOUT,
            codec: Codec::default(),
            limits: ScanLimits::default(),
            coalesce: MAX_FRAMES,
            max_in_flight: DEFAULT_MAX_IN_FLIGHT,
            retry: Retry::new(),
        }
    }

    /// The connection that calls go through.
    pub fn connection(&self) -> &Connection {
        &self.0.connection
    }

    /// How many calls of this client are in flight.
    pub fn in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::Relaxed)
    }

    pub(crate) fn prefix(&self) -> Option<&str> {
        self.0.prefix.as_deref()
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.0.timeout
    }

    pub(crate) fn codec(&self) -> Codec {
        self.0.codec
    }

    pub(crate) fn limits(&self) -> ScanLimits {
        self.0.limits
    }

    pub(crate) fn coalesce(&self) -> usize {
        self.0.coalesce
    }

    pub(crate) fn retry(&self) -> Retry {
        self.0.retry
    }

    /// Counts a call in, unless there are too many.
    fn enter(&self) -> Result<InFlight, Error> {
        let limit = self.0.max_in_flight;
        if self.0.in_flight.fetch_add(1, Ordering::Relaxed) >= limit {
            self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
            let message = format!("{limit} calls of this client are in flight");
            return Err(Error::not_executed(ErrorKind::Overloaded, message));
        }
        Ok(InFlight(self.clone()))
    }
}

/// A call that is counted as in flight until this is dropped.
struct InFlight(Client);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<C: Into<Connection>> From<C> for Client {
    /// A client with all defaults.
    fn from(connection: C) -> Self {
        Client::builder(connection).unchecked()
    }
}

impl From<&Client> for Client {
    fn from(client: &Client) -> Self {
        client.clone()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("connection", &self.0.connection)
            .field("prefix", &self.0.prefix)
            .field("timeout", &self.0.timeout)
            .field("codec", &self.0.codec)
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}

/// Configures a [`Client`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    connection: Connection,
    prefix: Option<String>,
    timeout: Duration,
    codec: Codec,
    limits: ScanLimits,
    coalesce: usize,
    max_in_flight: usize,
    retry: Retry,
}

impl ClientBuilder {
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

    /// How deep the values of a reply may be nested; 64 by default.
    pub fn max_depth(mut self, depth: usize) -> Self {
        self.limits.depth = depth;
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
    /// [`ErrorKind::InvalidArgument`] if the prefix cannot be part of a subject.
    pub fn build(self) -> Result<Client, Error> {
        if let Some(prefix) = &self.prefix {
            check_tokens("the prefix", prefix)?;
        }
        Ok(self.unchecked())
    }

    fn unchecked(self) -> Client {
        let ClientBuilder { connection, prefix, timeout, codec, limits, coalesce, max_in_flight, retry } =
            self;
        let in_flight = AtomicUsize::new(0);
        let inner =
            Inner { connection, prefix, timeout, codec, limits, coalesce, max_in_flight, retry, in_flight };
        Client(Arc::new(inner))
    }
}
