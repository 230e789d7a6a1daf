//! The calling side: a client, the stubs on it, and the calls that they make.

mod attempts;
mod builder;
mod call;
mod cast;
mod check;
mod choice;
mod directions;
mod exchange;
mod gather;
mod handover;
mod inherited;
#[cfg(feature = "jetstream")]
pub(crate) mod jobs;
mod layers;
mod outcome;
mod outgoing;
mod plain;
mod pursuit;
mod response;
mod retry;
mod returns;
mod sending;
mod streaming;
mod stub;
mod watch;
mod written;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub use self::builder::ClientBuilder;
pub use self::call::{Call, DetailedCall};
pub use self::cast::Cast;
pub use self::check::Check;
pub use self::gather::{Gather, GatherEnd, InstanceId, NoQuorum};
pub use self::layers::{ClientRequest, ClientResponse, ClientService};
pub use self::response::Response;
pub use self::retry::Retry;
pub use self::returns::Returns;
pub use self::streaming::{
    ClientStreamingCall, DetailedClientStreamingCall, Items, Streaming, StreamingCall,
};
pub use self::stub::Stub;

use crate::codec::Codec;
use crate::codec::scan::ScanLimits;
use crate::connection::Connection;
use crate::connection::streams::Window;
use crate::error::{Error, ErrorKind};

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
    plain: bool,
    limits: ScanLimits,
    coalesce: usize,
    max_in_flight: usize,
    retry: Retry,
    stream_window: Window,
    stream_idle_timeout: Duration,
    also_served_below: Box<[Box<str>]>,
    layers: Option<ClientService>,
    in_flight: AtomicUsize,
    #[cfg(feature = "jetstream")]
    job_stores: jobs::Stores,
}

impl Client {
    /// Starts to configure a client.
    pub fn builder(nats: impl Into<Connection>) -> ClientBuilder {
        ClientBuilder::new(nats.into())
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

    pub(crate) fn is_plain(&self) -> bool {
        self.0.plain
    }

    fn layers(&self) -> Option<&ClientService> {
        self.0.layers.as_ref()
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

    fn stream_window(&self) -> Window {
        self.0.stream_window
    }

    fn stream_idle_timeout(&self) -> Duration {
        self.0.stream_idle_timeout
    }

    fn also_served_below(&self) -> &[Box<str>] {
        &self.0.also_served_below
    }

    #[cfg(feature = "jetstream")]
    fn job_stores(&self) -> &jobs::Stores {
        &self.0.job_stores
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
