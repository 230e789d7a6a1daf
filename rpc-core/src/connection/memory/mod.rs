//! A broker inside this process, with the semantics of core NATS.

mod destinations;
mod endpoint;
mod faults;
mod links;
mod mappings;
mod network;
mod router;
mod routes;
mod transport;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::mpsc;

use self::endpoint::Terms;
pub use self::faults::Faults;
use self::links::Links;
use self::mappings::Mappings;
pub use self::network::Network;
use self::routes::Routes;
pub(crate) use self::transport::{MemorySubscription, MemoryTransport};
use super::random::Random;
use super::{Connection, Message, inbox};
use crate::deadline::WallClock;
use crate::error::Error;

/// What `nats-server` takes unless it is told otherwise.
const DEFAULT_MAX_PAYLOAD: usize = 1024 * 1024;

/// What the clock of a seeded broker says at its start: September 2001, in milliseconds after 1970.
const SEEDED_START: u64 = 1_000_000_000_000;

/// A broker inside this process: for unit tests, for a first run, and for simulations that replay.
///
/// It routes messages as `nats-server` does for one account: subjects with the wildcards `*` and
/// `>`, queue groups of which one random member gets each message, a 503 to the requester where
/// nobody listens, subject mappings, and a largest payload. Messages of one connection arrive in
/// the order in which they were published, and as in async-nats a subscription that has 65 536
/// messages waiting loses the newest ones.
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
    clock: WallClock,
    max_payload: usize,
    mappings: Mappings,
    next_id: AtomicU64,
    dropped: AtomicU64,
    /// What is between the broker and its connections, if it is not nothing.
    links: Option<Links>,
}

/// The sending end of a subscription.
#[derive(Clone)]
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
        BrokerBuilder { max_payload: DEFAULT_MAX_PAYLOAD, seed: None, mappings: Mappings::default() }
    }

    /// A connection of its own: to this broker it is another client than all before it.
    pub fn connect(&self) -> Connection {
        let random = match &self.shared.random {
            Random::System => Random::system(),
            seeded @ Random::Seeded(_) => Random::seeded(seeded.u64()),
        };
        let calls = Arc::<inbox::Shared>::default();
        let transport = MemoryTransport::new(Arc::clone(&self.shared), Arc::downgrade(&calls));
        Connection::memory(transport, random, self.shared.clock, calls)
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
    mappings: Mappings,
}

impl BrokerBuilder {
    /// The most bytes that a message may have, headers included; 1 MiB unless it is set.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// Makes everything random follow from this number: the members of queue groups and the
    /// destinations of mappings that are chosen, and the ids and inboxes of the broker's
    /// connections. Without it they cannot be predicted. The wall clock of its connections begins
    /// in September 2001, for runs on different days to be the same.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Maps a subject to others, as `mappings` in the configuration of `nats-server` does: a
    /// message that is published to `source` goes to one of the destinations instead. Its reply
    /// subject stays, and no further mapping applies to it.
    ///
    /// The source may have the wildcards `*` and `>`. A destination has a weight in percent of the
    /// messages; what all weights leave of 100 stays where it was published, or is lost if the
    /// source is among its own destinations. A destination is made of
    ///
    /// - text,
    /// - `{{wildcard(n)}}` or `$n`: what the `n`th `*` of the source stands for, from 1,
    /// - `{{partition(count, n…)}}`: a number from 0 to `count - 1`, which is the same for the same
    ///   values of these wildcards, or of the whole subject without any `n`,
    /// - a last `>`, if the source has one: what that stands for.
    ///
    /// A second mapping of the same source replaces the first. If a subject matches several
    /// sources, the mapping that was added first applies; a `nats-server` applies any of them,
    /// whatever their order in its configuration.
    ///
    /// ```
    /// use nats_rpc::memory::Broker;
    ///
    /// # fn main() -> Result<(), nats_rpc::Error> {
    /// let broker = Broker::builder()
    ///     .mapping("greeter.>", [("canary.greeter.>", 10)])?
    ///     .mapping("orders.*", [("orders.{{partition(3,1)}}.{{wildcard(1)}}", 100)])?
    ///     .build();
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) if the source is no subject, if a
    /// destination is none, has another function, or names a wildcard that the source has not, if
    /// weights are more than 100 in sum, or a destination is there twice.
    pub fn mapping<D: AsRef<str>>(
        mut self,
        source: &str,
        destinations: impl IntoIterator<Item = (D, u8)>,
    ) -> Result<Self, Error> {
        self.mappings.insert(source, destinations)?;
        Ok(self)
    }

    /// The broker.
    #[must_use]
    pub fn build(self) -> Broker {
        self.with_links(None)
    }

    /// The broker, and a network between it and its connections on which messages take time, are lost or come twice, and
    /// connections break: for tests of what a program makes of that.
    ///
    /// With a [`seed`](Self::seed), in a runtime with one thread and a paused clock, everything follows from the seed and
    /// happens again the same way.
    ///
    /// ```
    /// use std::time::Duration;
    /// use nats_rpc::memory::{Broker, Faults};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let slow = Faults::none().delay(Duration::from_millis(1)..=Duration::from_millis(5));
    /// let (broker, network) = Broker::builder().seed(7).build_with_network(slow);
    /// let connection = broker.connect();
    /// network.disconnect(&connection);
    /// // Calls fail, or wait for the connection.
    /// network.reconnect(&connection);
    /// # }
    /// ```
    ///
    /// # Panics
    /// Outside of a tokio runtime, in which it moves the messages.
    #[must_use]
    pub fn build_with_network(self, faults: Faults) -> (Broker, Network) {
        let random = self.seed.map_or_else(Random::system, |seed| Random::seeded(!seed));
        let broker = self.with_links(Some(Links::new(faults, random)));
        let network = Network::new(Arc::clone(&broker.shared));
        (broker, network)
    }

    fn with_links(self, links: Option<Links>) -> Broker {
        let shared = Shared {
            routes: RwLock::default(),
            random: self.seed.map_or_else(Random::system, Random::seeded),
            clock: self.seed.map_or_else(WallClock::of_tokio, |_| WallClock::of_tokio_at(SEEDED_START)),
            max_payload: self.max_payload,
            mappings: self.mappings,
            next_id: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            links,
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

    fn subscribe(&self, terms: &Terms, subscriber: Subscriber) {
        self.routes_mut().insert(terms.id, &terms.pattern, terms.group.as_deref(), subscriber);
    }

    fn unsubscribe(&self, terms: &Terms) {
        self.routes_mut().remove(terms.id, &terms.pattern, terms.group.as_deref());
    }

    /// Sends a message to a subscription.
    fn deliver(&self, subscriber: &Subscriber, message: Message) {
        match &self.links {
            None => self.arrive(&subscriber.messages, message),
            Some(links) => links.deliver(subscriber, message),
        }
    }

    /// Puts a message where its subscription finds it.
    fn arrive(&self, messages: &mpsc::Sender<Message>, message: Message) {
        if messages.try_send(message).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
