//! One connection of a network: whether it holds, and what it asks for.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Weak};

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Subscriber;
use super::routes::Pattern;
use crate::connection::{Message, inbox};
use crate::error::{Error, ErrorKind};

/// How many commands a lost connection keeps, as many as async-nats.
const PENDING: usize = 2048;

/// The terms of a subscription.
pub(super) struct Terms {
    pub(super) id: u64,
    pub(super) pattern: Pattern,
    pub(super) group: Option<String>,
}

/// What a connection tells the broker.
pub(super) enum Command {
    Publish(Message),
    Subscribe(Arc<Terms>, Subscriber),
    Unsubscribe(Arc<Terms>),
    Close,
}

/// Something on its way.
pub(super) enum Parcel {
    ToBroker(Command),
    /// To a subscription.
    ToClient(mpsc::Sender<Message>, Message),
}

/// A parcel on its way over a connection. The first is the one that arrives first, and of those that arrive together the
/// one that was sent first.
pub(super) struct Transit {
    pub(super) arrives: Instant,
    pub(super) number: u64,
    pub(super) connection: u64,
    /// How often the connection was lost before.
    pub(super) losses: u64,
    pub(super) parcel: Parcel,
}

/// The state of one connection.
pub(super) struct Endpoint {
    /// The calls on it, which learn of its losses.
    pub(super) calls: Weak<inbox::Shared>,
    connected: bool,
    frozen: bool,
    closed: bool,
    /// How often it was lost: what was on its way then, does not arrive.
    losses: u64,
    /// What has arrived while it was frozen.
    held: Vec<Transit>,
    /// What it was told while it was lost.
    pending: VecDeque<Command>,
    /// What the broker knows of: that something has ended, it learns later, or by the loss of the connection.
    known: BTreeMap<u64, Arc<Terms>>,
    /// What it asks for again after a loss.
    subscriptions: BTreeMap<u64, (Arc<Terms>, Subscriber)>,
    /// Nothing arrives before that, to and from the broker: on one connection nothing is overtaken.
    pub(super) until: [Instant; 2],
}

impl Endpoint {
    pub(super) fn new(calls: Weak<inbox::Shared>) -> Self {
        Endpoint {
            calls,
            connected: true,
            frozen: false,
            closed: false,
            losses: 0,
            held: Vec::new(),
            pending: VecDeque::new(),
            known: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            until: [Instant::now(); 2],
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connected
    }

    pub(super) fn losses(&self) -> u64 {
        self.losses
    }

    /// Whether nobody can say or hear anything here any more.
    pub(super) fn is_over(&self) -> bool {
        self.closed && self.subscriptions.is_empty()
    }

    /// Takes a command on; gives it back if it can be sent now.
    pub(super) fn accept(&mut self, command: Command) -> Result<Option<Command>, Error> {
        match &command {
            Command::Subscribe(terms, subscriber) => {
                self.subscriptions.insert(terms.id, (Arc::clone(terms), subscriber.clone()));
            }
            Command::Unsubscribe(terms) => _ = self.subscriptions.remove(&terms.id),
            Command::Close => self.closed = true,
            Command::Publish(_) => {}
        }
        if self.connected {
            return Ok(Some(command));
        }
        // As soon as it is there again, it asks for what it asks for then.
        if matches!(command, Command::Publish(_)) {
            if self.pending.len() >= PENDING {
                let message = "the connection is lost, and its queue is full";
                return Err(Error::not_executed(ErrorKind::Unavailable, message));
            }
            self.pending.push_back(command);
        }
        Ok(None)
    }

    /// Takes what has arrived; gives it back unless it is lost or held.
    pub(super) fn arrive(&mut self, transit: Transit) -> Option<Transit> {
        if !self.connected || transit.losses != self.losses {
            return None;
        }
        if self.frozen {
            self.held.push(transit);
            return None;
        }
        match &transit.parcel {
            Parcel::ToBroker(Command::Subscribe(terms, _)) => {
                self.known.insert(terms.id, Arc::clone(terms));
            }
            Parcel::ToBroker(Command::Unsubscribe(terms)) => _ = self.known.remove(&terms.id),
            _ => {}
        }
        Some(transit)
    }

    /// Loses the connection, and what is on its way. Returns what the broker forgets; nothing if it was lost before.
    pub(super) fn disconnect(&mut self) -> Option<BTreeMap<u64, Arc<Terms>>> {
        if !self.connected {
            return None;
        }
        self.connected = false;
        self.losses += 1;
        self.held.clear();
        Some(std::mem::take(&mut self.known))
    }

    /// Has it again. Returns what it says first; nothing if it was not lost.
    pub(super) fn reconnect(&mut self) -> Option<Vec<Command>> {
        if self.connected {
            return None;
        }
        self.connected = true;
        let again = self.subscriptions.values().cloned();
        let again = again.map(|(terms, subscriber)| Command::Subscribe(terms, subscriber));
        Some(again.chain(self.pending.drain(..)).collect())
    }

    pub(super) fn freeze(&mut self) {
        self.frozen = true;
    }

    /// Returns what was held.
    pub(super) fn thaw(&mut self) -> Vec<Transit> {
        self.frozen = false;
        std::mem::take(&mut self.held)
    }
}

impl PartialEq for Transit {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Transit {}

impl PartialOrd for Transit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Transit {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.arrives, self.number).cmp(&(other.arrives, other.number))
    }
}
