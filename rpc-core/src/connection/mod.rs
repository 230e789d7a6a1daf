//! A connection to a broker: publish, subscribe, and the inbox that all calls on it share.

pub(crate) mod buffers;
mod clocks;
mod connect;
mod errors;
mod events;
pub(crate) mod inbox;
pub mod memory;
mod nats;
mod outbox;
mod peers;
pub(crate) mod random;
mod sender;
mod slots;
mod state;
pub(crate) mod streams;
mod subscription;
mod transport;
mod waiters;

use std::fmt;
use std::sync::Arc;

pub use self::connect::{connect, connect_with};
pub(crate) use self::errors::{closed, one_reply_only, too_large, too_late};
use self::errors::{lost, not_connected};
pub use self::events::ConnectionEvent;
pub(crate) use self::inbox::History;
use self::inbox::Inbox;
use self::memory::MemoryTransport;
pub(crate) use self::nats::{
    HeaderMap, Message, OutboundMessage, Subject, Unserved, first_values, header_map, header_of, header_size,
    is_nothing, no_responders,
};
use self::nats::{NatsTransport, Overlap};
pub(crate) use self::outbox::{DestinationId, Joining, MAX_BYTES, MAX_FRAMES};
pub(crate) use self::peers::LONGEST_SILENCE;
use self::random::Random;
use self::sender::Sender;
pub use self::subscription::Subscription;
use self::transport::Transport;
pub(crate) use self::transport::TryPublishError;
use self::waiters::Departure;
pub(crate) use self::waiters::{Answer, ClientStream, Expected, Next, Opened, Part, Verdict};
use crate::deadline::WallClock;
use crate::error::Error;

/// A connection to NATS, or to an in-process [`Broker`](memory::Broker).
///
/// It is cheap to clone, and every clone shares one reply inbox. Make one from an `async_nats::Client` and clone
/// that: two connections made from clones of one client work, but each has an inbox of its own.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), nats_rpc::Error> {
/// let connection = nats_rpc::memory::Broker::new().connect();
/// assert_eq!(connection.max_payload(), 1024 * 1024);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Connection {
    inner: Arc<Inner>,
}

struct Inner {
    sender: Sender,
    inbox: Inbox,
    clock: WallClock,
}

impl Connection {
    fn new(
        transport: Transport,
        random: Random,
        clock: WallClock,
        inbox_prefix: &str,
        shared: Arc<inbox::Shared>,
    ) -> Self {
        let inbox = Inbox::new(inbox_prefix, random, shared);
        Connection { inner: Arc::new(Inner { sender: inbox.sender(Arc::new(transport)), inbox, clock }) }
    }

    /// A connection to an in-process broker.
    fn memory(
        transport: MemoryTransport,
        random: Random,
        clock: WallClock,
        shared: Arc<inbox::Shared>,
    ) -> Self {
        Connection::new(Transport::Memory(transport), random, clock, "_INBOX", shared)
    }

    /// A connection to NATS, whose calls learn from `shared` what its events say.
    fn nats_with(transport: Arc<NatsTransport>, shared: Arc<inbox::Shared>) -> Self {
        let prefix = transport.inbox_prefix();
        let clock = WallClock::default();
        Connection::new(Transport::Nats(transport), Random::system(), clock, &prefix, shared)
    }

    /// The client of async-nats underneath, or `None` on an in-process broker.
    pub fn nats(&self) -> Option<async_nats::Client> {
        self.transport().nats().map(NatsTransport::client)
    }

    /// The largest payload that the broker takes, in bytes.
    pub fn max_payload(&self) -> usize {
        self.transport().max_payload()
    }

    /// Publishes a message of one's own making, next to the calls: for tests, and for peers that do not speak RPC.
    ///
    /// `Ok` means that the message is queued at the connection, not that the broker has it; a connection whose last
    /// clone is dropped at once drops what it has queued.
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use nats_rpc::async_nats::message::OutboundMessage;
    ///
    /// # #[tokio::main] async fn main() -> Result<(), nats_rpc::Error> {
    /// let nats = nats_rpc::memory::Broker::new().connect();
    /// let mut events = nats.subscribe("events.*", None).await?;
    /// let event = OutboundMessage { subject: "events.new".into(), reply: None, payload: "1".into(), headers: None };
    /// nats.publish(event).await?;
    /// assert_eq!(events.next().await.unwrap().payload, "1");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a malformed subject,
    /// [`PayloadTooLarge`](crate::ErrorKind::PayloadTooLarge) above [`max_payload`](Self::max_payload),
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the connection is closed.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the message was not queued.
    pub async fn publish(&self, message: OutboundMessage) -> Result<(), Error> {
        self.transport().publish(message).await
    }

    /// Publishes at once, without waiting for room in the connection's queue.
    pub(crate) fn try_publish(&self, message: OutboundMessage) -> Result<(), TryPublishError> {
        self.transport().try_publish(message)
    }

    /// Publishes soon, together with what other tasks have to send: a refusal is logged, not returned.
    pub(crate) fn post(&self, message: OutboundMessage, joining: Joining) -> Result<(), TryPublishError> {
        self.post_until_flush(message, joining)?;
        self.inner.sender.wake_flusher();
        Ok(())
    }

    /// Publishes at the next [`flush_posted`](Self::flush_posted), which the caller promises.
    pub(crate) fn post_until_flush(
        &self,
        message: OutboundMessage,
        joining: Joining,
    ) -> Result<(), TryPublishError> {
        if self.inner.inbox.is_started() {
            self.inner.sender.post(message, joining)
        } else {
            // There is no flusher yet.
            self.try_publish(message)
        }
    }

    /// Publishes what was posted.
    pub(crate) fn flush_posted(&self) {
        self.inner.sender.flush_posted();
    }

    /// Takes a call on, to be sent with others. Returns its message if it is the only one that is out: then the caller
    /// publishes it, at once. An error if its reply could not be received.
    pub(crate) fn take_on(&self, call: Expected) -> Result<Option<OutboundMessage>, Error> {
        match self.inner.inbox.expect(call, self.max_payload())? {
            Departure::Alone(message) => return Ok(Some(message)),
            Departure::Full(full) => self.inner.sender.send_full(full),
            Departure::Later => {}
        }
        Ok(None)
    }

    /// Takes a plain call on. Returns its message, which the caller publishes, at once. An error if its reply could not be
    /// received.
    pub(crate) fn take_on_plain(&self, call: Expected, headers: HeaderMap) -> Result<OutboundMessage, Error> {
        self.inner.inbox.expect_plain(call, headers)
    }

    /// Takes a call on that gathers the answers of many. Returns its message, which the caller publishes, at once. An error if no
    /// reply could be received, or if the call is out already.
    pub(crate) fn take_on_many(
        &self,
        call: Expected,
        headers: Option<HeaderMap>,
    ) -> Result<OutboundMessage, Error> {
        self.inner.inbox.expect_many(call, headers)
    }

    /// Waits until everything that was sent on this connection has been written to its socket: before a program ends
    /// that has made oneway calls, say. It does not prove that the broker has it. Calls that are pending may still wait for
    /// others to share a message with.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the connection is closed.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing is lost, and nothing is known.
    pub async fn flush(&self) -> Result<(), Error> {
        self.flush_all().await;
        match self.transport().nats() {
            Some(nats) => nats.flush().await,
            None => Ok(()),
        }
    }

    /// Publishes what was posted, waiting for room in the connection's queue.
    pub(crate) async fn flush_all(&self) {
        self.inner.sender.send_due().await;
    }

    fn transport(&self) -> &Transport {
        self.inner.sender.transport()
    }

    /// The sending half, for the task that flushes what waits.
    fn sender(&self) -> Sender {
        self.inner.sender.clone()
    }

    /// Subscribes to a subject, which may have wildcards, alone or as a member of a queue group.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a malformed subject or queue group,
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the connection is closed. A missing permission does not show here:
    /// a NATS server says so later. Then the subscription ends, on a connection made by [`connect`].
    ///
    /// # Cancel safety
    /// Dropped before it is ready, there is no subscription.
    pub async fn subscribe(
        &self,
        subject: impl Into<Subject>,
        queue_group: Option<&str>,
    ) -> Result<Subscription, Error> {
        // Members of a queue group get each message once, wherever they are subscribed.
        let overlap = if queue_group.is_some() { Overlap::Harmless } else { Overlap::Harmful };
        self.transport().subscribe(subject.into(), queue_group, overlap).await
    }

    /// The same for messages of which each is known by its id, so that it does no harm if one comes twice.
    pub(crate) async fn subscribe_by_id(&self, subject: impl Into<Subject>) -> Result<Subscription, Error> {
        self.transport().subscribe(subject.into(), None, Overlap::Harmless).await
    }

    pub(crate) fn inbox(&self) -> &Inbox {
        &self.inner.inbox
    }

    pub(crate) fn random(&self) -> &Random {
        self.inner.inbox.random()
    }
}

impl From<async_nats::Client> for Connection {
    /// A connection over a client of one's own. Its event callback is not ours, and its settings are what they are: a loss
    /// of the connection, and a permission that is missing, show at the deadlines of the calls, not at once as with
    /// [`connect`]; with async-nats' own settings, a loss is noticed after minutes if the network says nothing of it.
    fn from(client: async_nats::Client) -> Self {
        Connection::nats_with(Arc::new(NatsTransport::new(client)), Arc::default())
    }
}

impl From<&Connection> for Connection {
    fn from(connection: &Connection) -> Self {
        connection.clone()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport() {
            Transport::Nats(_) => "nats",
            Transport::Memory(_) => "memory",
        };
        f.debug_struct("Connection").field("transport", &transport).finish_non_exhaustive()
    }
}
