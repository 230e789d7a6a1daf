//! A broker inside this process, with the semantics of core NATS.

mod routes;
mod transport;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::mpsc;

use self::routes::Routes;
pub(crate) use self::transport::{MemorySubscription, MemoryTransport};
use super::random::Random;
use super::{Connection, Message};

/// What `nats-server` takes unless it is told otherwise.
const DEFAULT_MAX_PAYLOAD: usize = 1024 * 1024;

/// A broker inside this process: for unit tests, for a first run, and for simulations that replay.
///
/// It routes messages as `nats-server` does for one account: subjects with the wildcards `*` and `>`, queue groups
/// of which one random member gets each message, a 503 to the requester where nobody listens, and a largest payload.
/// Messages of one connection arrive in the order in which they were published, and as in async-nats a subscription
/// that has 65 536 messages waiting loses the newest ones.
///
/// Publishing routes at once: when it returns, the message is in the channel of every subscription that gets it.
/// Permissions, accounts, clusters and JetStream are left to the real server.
///
/// Clones are handles of the same broker.
///
/// ```
/// use futures_util::StreamExt;
/// use nats_rpc::async_nats::message::OutboundMessage;
/// use nats_rpc::memory::Broker;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), nats_rpc::Error> {
/// let broker = Broker::new();
/// let (alice, bob) = (broker.connect(), broker.connect());
///
/// let mut orders = bob.subscribe("orders.*", None).await?;
/// let order =
///     OutboundMessage { subject: "orders.new".into(), reply: None, headers: None, payload: "a book".into() };
/// alice.publish(order).await?;
/// assert_eq!(orders.next().await.map(|message| message.payload), Some("a book".into()));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Broker {
    shared: Arc<Shared>,
}

/// What all connections and subscriptions of one broker share.
struct Shared {
    routes: RwLock<Routes<Subscriber>>,
    random: Random,
    max_payload: usize,
    next_id: AtomicU64,
    dropped: AtomicU64,
}

/// The sending end of a subscription.
struct Subscriber {
    connection: u64,
    messages: mpsc::Sender<Message>,
}

impl Broker {
    /// A broker with the defaults of `nats-server`.
    pub fn new() -> Self {
        Broker::builder().build()
    }

    /// Starts with choosing what the broker shall be like.
    pub fn builder() -> BrokerBuilder {
        BrokerBuilder { max_payload: DEFAULT_MAX_PAYLOAD, seed: None }
    }

    /// A connection of its own: to this broker it is another client than all before it.
    pub fn connect(&self) -> Connection {
        let random = match &self.shared.random {
            Random::System => Random::system(),
            seeded @ Random::Seeded(_) => Random::seeded(seeded.u64()),
        };
        Connection::memory(MemoryTransport::new(Arc::clone(&self.shared)), random)
    }

    /// How many messages subscriptions have lost because they were full.
    pub fn dropped_messages(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

impl Default for Broker {
    fn default() -> Self {
        Broker::new()
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("max_payload", &self.shared.max_payload)
            .field("dropped_messages", &self.dropped_messages())
            .finish_non_exhaustive()
    }
}

/// What a [`Broker`] shall be like; see [`Broker::builder`].
#[derive(Debug, Clone)]
#[must_use]
pub struct BrokerBuilder {
    max_payload: usize,
    seed: Option<u64>,
}

impl BrokerBuilder {
    /// The most bytes that a message may have, headers included; 1 MiB unless it is set.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// Makes everything random follow from this number: the members of queue groups that are chosen, and the ids
    /// and inboxes of the broker's connections. Without it they cannot be predicted.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The broker.
    #[must_use]
    pub fn build(self) -> Broker {
        let shared = Shared {
            routes: RwLock::default(),
            random: self.seed.map_or_else(Random::system, Random::seeded),
            max_payload: self.max_payload,
            next_id: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        };
        Broker { shared: Arc::new(shared) }
    }
}

impl Shared {
    fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    fn random_below(&self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.random.u64() % end).unwrap_or_default()
    }

    fn routes(&self) -> RwLockReadGuard<'_, Routes<Subscriber>> {
        self.routes.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn routes_mut(&self) -> RwLockWriteGuard<'_, Routes<Subscriber>> {
        self.routes.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn deliver(&self, subscriber: &Subscriber, message: Message) {
        if subscriber.messages.try_send(message).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
