//! Calls that wait to leave for one subject, and when they may.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use slab::Slab;
use tokio::time::Instant;

use super::batch::{MAX_BYTES, MAX_FRAMES};
use super::estimate::Estimate;
use super::window::Window;
use crate::connection::Subject;

/// Names one destination of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DestinationId(usize);

/// Where calls go: the subject of a method, as clients with one limit of calls per message see it.
#[derive(Debug)]
pub(in crate::connection) struct Destination {
    pub(in crate::connection) subject: Subject,
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
    fn new(subject: Subject, pool: usize, most: usize) -> Self {
        Destination {
            subject,
            pool,
            most: most.clamp(1, MAX_FRAMES),
            waiting: VecDeque::new(),
            bytes: 0,
            given_up: 0,
            listed: false,
            window: Window::default(),
            estimate: Estimate::default(),
        }
    }

    /// How many calls the next message may carry.
    pub(in crate::connection) fn limit(&self) -> usize {
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
    by_name: HashMap<(Box<str>, usize), usize>,
    /// Those with something to send, in the order of their turns.
    listed: VecDeque<usize>,
}

impl Default for Destinations {
    fn default() -> Self {
        Destinations {
            max_bytes: MAX_BYTES,
            all: Slab::new(),
            by_name: HashMap::new(),
            listed: VecDeque::new(),
        }
    }
}

impl Destinations {
    /// The destination of a pool for this subject, for messages of so many calls at most.
    pub(in crate::connection) fn add(
        &mut self,
        subject: &Subject,
        pool: usize,
        most: usize,
    ) -> DestinationId {
        let index = *self
            .by_name
            .entry((subject.as_str().into(), most))
            .or_insert_with(|| self.all.insert(Destination::new(subject.clone(), pool, most)));
        DestinationId(index)
    }

    /// Forgets the destinations of a pool. Nothing is out to them, since calls keep their pool.
    pub(in crate::connection) fn remove_pool(&mut self, pool: usize) {
        let all = &mut self.all;
        self.by_name.retain(|_, index| {
            let keep = all.get(*index).is_some_and(|destination| destination.pool != pool);
            if !keep {
                all.try_remove(*index);
            }
            keep
        });
        self.listed.retain(|index| all.contains(*index));
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
