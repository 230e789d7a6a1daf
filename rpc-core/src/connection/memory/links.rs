//! What is on its way between connections and a broker, and when it arrives.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::endpoint::{Command, Endpoint, Parcel, Transit};
use super::faults::Faults;
use super::{Shared, Subscriber};
use crate::connection::random::Random;
use crate::connection::{Message, closed, inbox};
use crate::error::Error;

/// The connections of a broker that messages take time on.
pub(super) struct Links {
    state: Mutex<State>,
    random: Random,
    wake: Arc<Notify>,
    start: Instant,
}

pub(super) struct State {
    pub(super) faults: Faults,
    pub(super) endpoints: BTreeMap<u64, Endpoint>,
    /// What is on its way, the next to arrive on top.
    queue: BinaryHeap<Reverse<Transit>>,
    sent: u64,
    pub(super) log: Option<Vec<String>>,
}

impl Links {
    pub(super) fn new(faults: Faults, random: Random) -> Self {
        let (endpoints, queue) = (BTreeMap::new(), BinaryHeap::new());
        let state = State { faults, endpoints, queue, sent: 0, log: None };
        Links { state: Mutex::new(state), random, wake: Arc::default(), start: Instant::now() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whoever moves things that there is something to move.
    pub(super) fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    pub(super) fn connect(&self, connection: u64, calls: Weak<inbox::Shared>) {
        self.lock().endpoints.insert(connection, Endpoint::new(calls));
    }

    pub(super) fn is_connected(&self, connection: u64) -> bool {
        self.lock().endpoints.get(&connection).is_some_and(Endpoint::is_connected)
    }

    /// Sends a command to the broker, or keeps it until the connection is there again.
    pub(super) fn send(&self, connection: u64, command: Command) -> Result<(), Error> {
        let mut state = self.lock();
        let endpoint = state.endpoints.get_mut(&connection).ok_or_else(closed)?;
        match endpoint.accept(command)? {
            Some(command) => self.dispatch(&mut state, connection, Parcel::ToBroker(command)),
            None => state.tidy(connection),
        }
        Ok(())
    }

    /// Sends a message to a subscription, unless it is lost: once, or twice.
    pub(super) fn deliver(&self, subscriber: &Subscriber, message: Message) {
        let mut state = self.lock();
        if self.happens(state.faults.drop) {
            self.note(&mut state, subscriber.connection, "does not get", &described(&message));
            return;
        }
        let twice = may_come_twice(&message.subject) && self.happens(state.faults.duplicate);
        for message in std::iter::repeat_n(message, if twice { 2 } else { 1 }) {
            let parcel = Parcel::ToClient(subscriber.messages.clone(), message);
            self.dispatch(&mut state, subscriber.connection, parcel);
        }
    }

    /// Sends something on its way, behind what is on it already.
    pub(super) fn dispatch(&self, state: &mut State, connection: u64, parcel: Parcel) {
        let (shortest, longest) = (*state.faults.delay.start(), *state.faults.delay.end());
        let delay = shortest + self.random.below(longest.saturating_sub(shortest));
        let Some(endpoint) = state.endpoints.get_mut(&connection) else { return };
        let [to_broker, to_client] = &mut endpoint.until;
        let until = if matches!(parcel, Parcel::ToBroker(_)) { to_broker } else { to_client };
        *until = (*until).max(Instant::now() + delay);
        let (arrives, losses) = (*until, endpoint.losses());
        state.sent += 1;
        let transit = Transit { arrives, number: state.sent, connection, losses, parcel };
        self.put(state, transit);
    }

    pub(super) fn put(&self, state: &mut State, transit: Transit) {
        state.queue.push(Reverse(transit));
        self.wake.notify_one();
    }

    fn happens(&self, probability: f64) -> bool {
        // A draw that can only have one result is none: what is switched off changes nothing else.
        probability > 0.0 && self.random.below(Duration::from_secs(1)).as_secs_f64() < probability
    }

    /// Writes down what happens to a connection, if anyone wants to know.
    pub(super) fn note(&self, state: &mut State, connection: u64, what: &str, whom: &dyn fmt::Display) {
        if let Some(log) = &mut state.log {
            log.push(format!("{} ms: {connection} {what} {whom}", self.start.elapsed().as_millis()));
        }
    }

    /// The next that has arrived, or when it will; `Err(None)` if nothing is on its way.
    fn next(&self) -> Result<(u64, Parcel), Option<Instant>> {
        let mut state = self.lock();
        loop {
            let arrives = state.queue.peek().map(|Reverse(next)| next.arrives).ok_or(None)?;
            if arrives > Instant::now() {
                return Err(Some(arrives));
            }
            let Some(Reverse(transit)) = state.queue.pop() else { continue };
            let Some(endpoint) = state.endpoints.get_mut(&transit.connection) else { continue };
            let Some(Transit { connection, parcel, .. }) = endpoint.arrive(transit) else { continue };
            match &parcel {
                Parcel::ToClient(_, message) => self.note(&mut state, connection, "<-", &described(message)),
                Parcel::ToBroker(Command::Publish(message)) => {
                    self.note(&mut state, connection, "->", &described(message));
                }
                Parcel::ToBroker(Command::Subscribe(terms, _)) => {
                    self.note(&mut state, connection, "subscribes to", &terms.pattern);
                }
                Parcel::ToBroker(Command::Unsubscribe(terms)) => {
                    self.note(&mut state, connection, "unsubscribes from", &terms.pattern);
                }
                Parcel::ToBroker(Command::Close) => self.note(&mut state, connection, "closes", &""),
            }
            return Ok((connection, parcel));
        }
    }
}

impl State {
    /// Forgets a connection that is over.
    fn tidy(&mut self, connection: u64) {
        if self.endpoints.get(&connection).is_some_and(Endpoint::is_over) {
            self.endpoints.remove(&connection);
        }
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        // Nobody moves anything any more.
        self.wake.notify_one();
    }
}

/// Moves what is on its way, until the broker is gone.
pub(super) async fn drive(shared: Weak<Shared>, wake: Arc<Notify>) {
    loop {
        let next = {
            let Some(shared) = shared.upgrade() else { return };
            let Some(links) = &shared.links else { return };
            loop {
                match links.next() {
                    Ok((connection, parcel)) => shared.take(connection, parcel),
                    Err(next) => break next,
                }
            }
        };
        let sooner = wake.notified();
        match next {
            Some(at) => _ = tokio::time::timeout_at(at, sooner).await,
            None => sooner.await,
        }
    }
}

impl Shared {
    /// Takes what has arrived, at the broker or at a client.
    fn take(&self, connection: u64, parcel: Parcel) {
        match parcel {
            Parcel::ToClient(messages, message) => self.arrive(&messages, message),
            Parcel::ToBroker(Command::Publish(message)) => self.route(connection, message),
            Parcel::ToBroker(Command::Subscribe(terms, subscriber)) => self.subscribe(&terms, subscriber),
            Parcel::ToBroker(Command::Unsubscribe(terms)) => {
                self.unsubscribe(&terms);
                self.tidy(connection);
            }
            // The last that it says, and behind all else.
            Parcel::ToBroker(Command::Close) => self.tidy(connection),
        }
    }

    fn tidy(&self, connection: u64) {
        self.links.iter().for_each(|links| links.lock().tidy(connection));
    }
}

/// A message as the log shows it, with a hash of its payload.
fn described(message: &Message) -> impl fmt::Display {
    fmt::from_fn(|f| {
        let Message { subject, payload, .. } = message;
        let sum = payload.iter().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)));
        write!(f, "{subject} ({} bytes, {sum:08x})", payload.len())
    })
}

fn may_come_twice(subject: &str) -> bool {
    subject.starts_with("_INBOX.") || subject.contains("._ctl.")
}
