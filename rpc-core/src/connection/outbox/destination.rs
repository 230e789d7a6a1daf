//! Calls that wait to leave for one subject, and when they may.

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;
use slab::Slab;
use tokio::time::Instant;

use super::batch::{MAX_BYTES, MAX_FRAMES};
use super::estimate::Estimate;
use super::replies::Replies;
use super::window::Window;
use crate::connection::Subject;
use crate::wire::subject::is_below_all;

/// Names one destination of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct DestinationId(usize);

/// A subject that calls go to.
#[derive(Debug, Clone)]
pub(in crate::connection) struct Place {
    pub(in crate::connection) subject: Subject,
    /// How many bytes of it are those of the service.
    pub(in crate::connection) service: usize,
    /// The slots of the service.
    pub(in crate::connection) pool: usize,
    /// How many calls a message may carry.
    pub(in crate::connection) most: usize,
}

/// How many destinations there may be that no stub keeps, before those are forgotten that are not in use.
const MAX_CHOSEN: usize = 1024;

/// Where calls go: the subject of a method, as clients with one limit of calls per message see it.
#[derive(Debug)]
pub(in crate::connection) struct Destination {
    pub(in crate::connection) subject: Subject,
    /// How many bytes of the subject are those of the service.
    service: usize,
    /// Whether every instance gets what is sent there.
    pub(in crate::connection) is_all: bool,
    /// Whether a stub keeps it, and how many calls have chosen it that have not ended.
    kept: bool,
    pins: usize,
    /// The slots of its service.
    pub(in crate::connection) pool: usize,
    /// How many calls a message may carry, as the client and the method have it.
    most: usize,
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// How many of those that wait nobody waits for any more.
    given_up: usize,
    /// Whether the flusher is to look at it.
    listed: bool,
    window: Window,
    pub(in crate::connection) estimate: Estimate,
    /// How many replies to one of its messages get through.
    pub(in crate::connection) replies: Replies,
}

/// A call that has not left.
#[derive(Debug)]
pub(in crate::connection) struct Waiting {
    pub(in crate::connection) id: u64,
    /// A framed message of its own.
    pub(in crate::connection) payload: Bytes,
    pub(in crate::connection) since: Instant,
}

impl Destination {
    fn new(Place { subject, service, pool, most }: Place) -> Self {
        Destination {
            is_all: subject.get(service..).is_some_and(is_below_all),
            subject,
            service,
            kept: false,
            pins: 0,
            pool,
            most: most.clamp(1, MAX_FRAMES),
            waiting: VecDeque::new(),
            bytes: 0,
            given_up: 0,
            listed: false,
            window: Window::default(),
            estimate: Estimate::default(),
            replies: Replies::default(),
        }
    }

    /// The subject of its service.
    pub(in crate::connection) fn service(&self) -> &str {
        self.subject.get(..self.service).unwrap_or_default()
    }

    /// How many calls the next message may carry: one, where their answers might not all get
    /// through.
    pub(in crate::connection) fn limit(&self) -> usize {
        if self.replies.may_be_lost() {
            return 1;
        }
        self.most.min(self.estimate.calls_per_message())
    }

    /// The next call, if there is one.
    pub(in crate::connection) fn first(&self) -> Option<&Waiting> {
        self.waiting.front()
    }

    /// Takes the next call out.
    pub(in crate::connection) fn take_first(&mut self) -> Option<Waiting> {
        let first = self.waiting.pop_front()?;
        self.bytes -= first.payload.len();
        Some(first)
    }

    /// Notes that a call which was taken out is one that nobody waits for any more.
    pub(in crate::connection) fn pass_over(&mut self) {
        self.given_up = self.given_up.saturating_sub(1);
    }

    /// How many calls wait, those that were given up included.
    #[cfg(test)]
    pub(in crate::connection) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether a message is full. With a limit of one call it never is, unless it is large: the flusher comes soon.
    pub(in crate::connection) fn is_full(&self, max_bytes: usize) -> bool {
        let limit = self.limit();
        self.bytes >= max_bytes || (limit > 1 && self.waiting.len() >= limit)
    }

    /// Whether something may leave now; if not, until when it waits.
    fn may_leave(&mut self, now: Instant, max_bytes: usize) -> Result<bool, Instant> {
        let Some(first) = self.waiting.front() else { return Ok(false) };
        let (since, hold) = (first.since, self.estimate.hold());
        let held = self.limit() > 1
            && !self.is_full(max_bytes)
            && !self.window.is_open(now, hold)
            && now < since + hold;
        if held { Err(since + hold) } else { Ok(true) }
    }

    /// Notes that a message leaves; returns its number.
    pub(in crate::connection) fn depart(&mut self, now: Instant) -> u64 {
        self.window.depart(now, self.estimate.hold())
    }
}

/// All destinations of a connection.
#[derive(Debug)]
pub(in crate::connection) struct Destinations {
    /// How many bytes a message of several calls has at most.
    pub(in crate::connection) max_bytes: usize,
    all: Slab<Destination>,
    /// By subject, calls of a message, and pool.
    by_name: HashMap<(Box<str>, usize, usize), usize>,
    /// Those with something to send, in the order of their turns.
    listed: VecDeque<usize>,
    /// How many no stub keeps, and how many of those there may be before it is looked whether they are in use.
    chosen: usize,
    most_chosen: usize,
}

impl Default for Destinations {
    fn default() -> Self {
        Destinations {
            max_bytes: MAX_BYTES,
            all: Slab::new(),
            by_name: HashMap::new(),
            listed: VecDeque::new(),
            chosen: 0,
            most_chosen: MAX_CHOSEN,
        }
    }
}

impl Destinations {
    /// A destination, made if there is none yet, that stays as long as its pool.
    pub(in crate::connection) fn keep(&mut self, place: Place) -> DestinationId {
        let id = self.find(place);
        if let Some(destination) = self.all.get_mut(id.0)
            && !std::mem::replace(&mut destination.kept, true)
        {
            self.chosen -= 1;
        }
        id
    }

    /// A destination, made if there is none yet, that stays until it is [unpinned](Self::unpin) and no call is there any more.
    pub(in crate::connection) fn pin(&mut self, place: Place) -> DestinationId {
        let id = self.find(place);
        if let Some(destination) = self.all.get_mut(id.0) {
            destination.pins += 1;
        }
        id
    }

    pub(in crate::connection) fn unpin(&mut self, id: DestinationId) {
        if let Some(destination) = self.all.get_mut(id.0) {
            destination.pins = destination.pins.saturating_sub(1);
        }
    }

    fn find(&mut self, place: Place) -> DestinationId {
        let name = (Box::from(place.subject.as_str()), place.most, place.pool);
        let index = *self.by_name.entry(name).or_insert_with(|| {
            self.chosen += 1;
            self.all.insert(Destination::new(place))
        });
        DestinationId(index)
    }

    /// How many there are.
    #[cfg(test)]
    pub(in crate::connection) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are so many destinations that no stub keeps that those have to go which are not in use.
    pub(in crate::connection) fn has_too_many(&self) -> bool {
        self.chosen > self.most_chosen
    }

    /// Forgets those that no stub keeps, that are not pinned, and that no call is at.
    pub(in crate::connection) fn forget_unused(&mut self, used: &HashSet<DestinationId>) {
        self.retain(|index, destination| {
            destination.kept || destination.pins > 0 || used.contains(&DestinationId(index))
        });
        // Not again before there are many more: all of them may be in use.
        self.most_chosen = MAX_CHOSEN.max(self.chosen * 2);
    }

    fn retain(&mut self, keep: impl Fn(usize, &Destination) -> bool) {
        let Destinations { all, by_name, listed, chosen, .. } = self;
        by_name.retain(|_, index| {
            let keep = all.get(*index).is_some_and(|destination| keep(*index, destination));
            if !keep && all.try_remove(*index).is_some_and(|removed| !removed.kept) {
                *chosen -= 1;
            }
            keep
        });
        listed.retain(|index| all.contains(*index));
    }

    /// Forgets the destinations of a pool. Nothing is out to them, since calls keep their pool.
    pub(in crate::connection) fn remove_pool(&mut self, pool: usize) {
        self.retain(|_, destination| destination.pool != pool);
    }

    /// Forgets what was learned of replies: the connection has changed.
    pub(in crate::connection) fn forget_replies(&mut self) {
        self.all.iter_mut().for_each(|(_, destination)| destination.replies = Replies::default());
    }

    pub(in crate::connection) fn get_mut(&mut self, id: DestinationId) -> Option<&mut Destination> {
        self.all.get_mut(id.0)
    }

    /// Adds a call to those that wait. Says whether it is the first, so that the flusher must come.
    pub(in crate::connection) fn push(&mut self, id: DestinationId, call: Waiting) -> bool {
        let Some(destination) = self.all.get_mut(id.0) else { return false };
        let is_first = destination.waiting.is_empty();
        destination.bytes += call.payload.len();
        destination.waiting.push_back(call);
        if !destination.listed {
            destination.listed = true;
            self.listed.push_back(id.0);
        }
        is_first
    }

    /// Notes that a call which waits was given up. Those are passed over when their turn comes; before they outnumber
    /// the others, they are removed.
    pub(in crate::connection) fn give_up(&mut self, id: DestinationId, is_wanted: impl Fn(u64) -> bool) {
        let Some(destination) = self.all.get_mut(id.0) else { return };
        destination.given_up += 1;
        if destination.given_up * 2 > destination.waiting.len() {
            destination.waiting.retain(|call| is_wanted(call.id));
            destination.bytes = destination.waiting.iter().map(|call| call.payload.len()).sum();
            destination.given_up = 0;
        }
    }

    /// Notes that a message counts no longer. Says whether others may leave for that.
    pub(in crate::connection) fn close(&mut self, id: DestinationId, message: u64, now: Instant) -> bool {
        let Some(destination) = self.all.get_mut(id.0) else { return false };
        destination.window.close(message);
        destination.listed && destination.may_leave(now, self.max_bytes) == Ok(true)
    }

    /// A destination of which something may leave, each in its turn; if there is none, when there will be.
    pub(in crate::connection) fn next_due(&mut self, now: Instant) -> Result<DestinationId, Option<Instant>> {
        let mut until: Option<Instant> = None;
        for _ in 0..self.listed.len() {
            let Some(index) = self.listed.pop_front() else { break };
            let Some(destination) = self.all.get_mut(index) else { continue };
            match destination.may_leave(now, self.max_bytes) {
                Ok(true) => {
                    self.listed.push_back(index);
                    return Ok(DestinationId(index));
                }
                Ok(false) => destination.listed = false,
                Err(held) => {
                    self.listed.push_back(index);
                    until = Some(until.map_or(held, |until| until.min(held)));
                }
            }
        }
        Err(until)
    }
}
