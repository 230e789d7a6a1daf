//! Who waits for which answer, and until when.

mod abandonment;
mod acceptance;
mod departure;
mod failures;
mod gathering;
mod pinning;
mod plain;
mod streaming;
#[cfg(test)]
mod tests;
mod trials;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

pub(super) use self::acceptance::Heard;
use self::gathering::Gathered;
pub(crate) use self::gathering::{Next, Part};
use self::streaming::Streams;
pub(crate) use self::streaming::{ClientStream, Opened};
use self::trials::Trials;
pub(crate) use self::trials::Verdict;
use crate::connection::outbox::{Batch, DestinationId, Destinations, HandlerTimes, Joining};
use crate::connection::peers::{PeerId, Peers};
use crate::connection::random::Random;
use crate::connection::slots::{Left, Slots};
use crate::connection::{Message, OutboundMessage, closed, too_late};
use crate::error::{Error, Execution};
use crate::wire::frame::{ErrorFrame, SuccessFrame};

/// What became of a call that was sent.
#[derive(Debug)]
pub(crate) enum Answer {
    Success(SuccessFrame),
    Error(Box<ErrorFrame>),
    /// A plain message, which only the caller can read.
    Plain(Box<Message>),
    /// A foreign service refused the call, or failed.
    Remote(Error),
    /// The broker says that nobody serves the subject.
    NoResponders,
    /// Its deadline passed; a broadcast may have been refused by an instance before.
    Expired(Option<Box<ErrorFrame>>),
    /// It never left, and will not.
    NotSent(Error),
    /// Something else than a reply came to its reply subject.
    Foreign,
    /// The broker refused the message; what may be concluded about the handler.
    Denied(Execution),
    /// The stream that it asks for is open.
    Opened(Box<Opened>),
    /// What it was out to is gone; what may be concluded about the handler.
    Lost(Error),
    /// The connection closed.
    Closed,
}

/// A call that is about to be sent.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) id: u64,
    pub(crate) destination: DestinationId,
    /// A message of its own.
    pub(crate) payload: Bytes,
    pub(crate) now: Instant,
    pub(crate) deadline: Instant,
    /// Woken by its answer.
    pub(crate) waker: Waker,
}

/// How a call leaves.
#[derive(Debug)]
pub(super) enum Departure {
    /// At once: it is the only one that is out.
    Alone(OutboundMessage),
    /// At once, with others: messages that are full.
    Full(Vec<Batch>),
    /// Soon, with others.
    Later,
}

/// The calls that are out or wait to leave, by id.
#[derive(Default)]
pub(super) struct Waiters {
    calls: HashMap<u64, Waiter, BuildHasherDefault<IdHasher>>,
    pub(super) slots: Slots,
    pub(super) destinations: Destinations,
    /// No call that is out has an earlier deadline.
    earliest: Option<Instant>,
    /// What the answers since the last [`learn`](Self::learn) have taught.
    learned: Option<Learned>,
    /// The calls that are sent to learn whether several replies get through.
    trials: Trials,
    pub(super) peers: Peers,
    /// Those that open a stream, and the open streams.
    streams: Streams,
    /// How many of the calls nobody waits for any more.
    given_up: usize,
    /// What instances are to be told about their calls.
    pub(super) control: Vec<(OutboundMessage, Joining)>,
    /// Whether the connection's tasks must be told.
    pub(super) news: News,
}

/// What tasks must be told once the lock is released.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct News {
    pub(super) sweeper: bool,
    pub(super) flusher: bool,
    pub(super) pulse: bool,
    /// Whether something has come of a trial.
    pub(super) trials: bool,
    /// Whether an answer has come from another account.
    pub(super) imports: bool,
}

/// A call that is out or waits to leave.
pub(super) struct Waiter {
    place: Place,
    deadline: Instant,
    waker: Option<Waker>,
    answer: Option<Answer>,
    refusal: Option<Box<ErrorFrame>>,
    /// The instances that have it, as far as they have said so.
    peers: Vec<PeerId>,
    /// Whether others have it too: it went to all, or those who have it say so.
    one_of_many: bool,
    /// Whether nobody waits for it any more.
    given_up: bool,
    /// What has come for it, if it gathers the answers of many.
    gathered: Option<Box<Gathered>>,
}

/// Where a call is.
#[derive(Debug, Clone, Copy)]
enum Place {
    Waiting(DestinationId),
    /// In the message of a slot.
    Out(usize),
    /// In a plain message of its own.
    Plain(DestinationId),
}

impl Waiter {
    fn new(place: Place, deadline: Instant, waker: Waker) -> Self {
        Waiter {
            place,
            deadline,
            waker: Some(waker),
            answer: None,
            refusal: None,
            peers: Vec::new(),
            one_of_many: false,
            given_up: false,
            gathered: None,
        }
    }
}

impl Waiters {
    /// How many calls there are.
    pub(in crate::connection) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Takes the answer of a call, or leaves a waker for it. `replaced` gets the one that was there: a waker may own a
    /// task, and must not be dropped under a lock.
    #[inline(always)] // on the way of every call
    pub(super) fn poll(&mut self, id: u64, cx: &Context<'_>, replaced: &mut Option<Waker>) -> Poll<Answer> {
        let Some(waiter) = self.calls.get_mut(&id) else { return Poll::Ready(Answer::Closed) };
        if waiter.answer.is_some() {
            let answer = self.calls.remove(&id).and_then(|waiter| waiter.answer);
            return Poll::Ready(answer.unwrap_or(Answer::Closed));
        }
        if !waiter.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *replaced = waiter.waker.replace(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Gives a call its answer; the first one counts. Returns whom to wake.
    pub(super) fn answer(&mut self, id: u64, answer: Answer, now: Instant) -> Option<Waker> {
        let waiter = self.calls.get_mut(&id)?;
        if waiter.answer.is_some() {
            return None;
        }
        let (answer, left) = match (answer, waiter.place) {
            (Answer::Error(mut error), _)
                if error.flags.is_one_of_many()
                    || (waiter.one_of_many && error.execution != Execution::Executed) =>
            {
                // Who is asked by all the same does not know of the others.
                error.flags = error.flags.with_one_of_many();
                waiter.refusal.get_or_insert(error);
                return None;
            }
            (answer @ (Answer::Success(_) | Answer::Error(_) | Answer::Plain(_) | Answer::Opened(_)), _) => {
                (answer, Left::Answered)
            }
            (Answer::Expired(_), Place::Waiting(_)) => (Answer::NotSent(too_late()), Left::Refused),
            (Answer::Closed, Place::Waiting(_)) => (Answer::NotSent(closed()), Left::Refused),
            (Answer::Expired(_), _) if waiter.gathered.as_ref().is_some_and(|gathered| gathered.is_heard) => {
                (Answer::Expired(None), Left::Answered)
            }
            (Answer::Expired(_), _) => (Answer::Expired(waiter.refusal.take()), Left::Abandoned),
            (answer @ (Answer::NoResponders | Answer::NotSent(_)), _) => (answer, Left::Refused),
            (answer @ Answer::Denied(Execution::NotExecuted), _) => (answer, Left::Refused),
            (answer, _) => (answer, Left::Abandoned),
        };
        let (handler_time, is_across_accounts) = match &answer {
            Answer::Success(success) => (Some(success.handler_time), Some(success.is_across_accounts)),
            Answer::Error(error) if error.execution == Execution::NotExecuted => {
                (None, Some(error.is_across_accounts))
            }
            Answer::Error(error) => (Some(error.handler_time), Some(error.is_across_accounts)),
            _ => (None, None),
        };
        let is_opened = matches!(answer, Answer::Opened(_));
        waiter.answer = Some(answer);
        let (waker, place) = (waiter.waker.take(), waiter.place);
        if waiter.given_up {
            self.calls.remove(&id);
            self.given_up -= 1;
        } else if is_opened {
            let peers = std::mem::take(&mut waiter.peers);
            self.leave_others(id, peers);
        } else if !waiter.peers.is_empty() {
            let mut peers = std::mem::take(&mut waiter.peers);
            self.leave_peers(id, &mut peers);
        }
        if let (Place::Out(slot), Some(is_across_accounts)) = (place, is_across_accounts) {
            self.hear(slot, handler_time, is_across_accounts);
        }
        self.leave(place, left, now, handler_time.unwrap_or_default());
        if !is_opened && !self.streams.is_empty() {
            self.end_opening(id);
        }
        waker
    }

    /// Notes how long the handler of a call took, if it ran, and whether its answer came from
    /// another account.
    fn hear(&mut self, slot: usize, handler_time: Option<Duration>, is_across_accounts: bool) {
        if self.learned.is_none() {
            let Some(sent) = self.slots.sent(slot) else { return };
            let (destination, times) = (sent.destination, HandlerTimes::default());
            self.learned = Some(Learned { destination, times, is_across_accounts });
        }
        if let Some(learned) = &mut self.learned {
            learned.is_across_accounts = is_across_accounts;
            handler_time.into_iter().for_each(|time| learned.times.add(time));
        }
    }

    /// Learns from the answers since the last time, which were those of one message.
    pub(super) fn learn(&mut self, random: &Random) {
        let Some(Learned { destination: id, times, is_across_accounts }) = self.learned.take() else {
            return;
        };
        let Some(destination) = self.destinations.get_mut(id) else { return };
        destination.estimate.handlers(times);
        if destination.replies.note(is_across_accounts) {
            self.news.imports = true;
            self.begin_trial(id, random, Instant::now());
        }
    }

    /// Takes a call out of its message, or out of those that wait. What its handler took is not the network's time.
    fn leave(&mut self, place: Place, left: Left, now: Instant, handler_time: Duration) {
        match place {
            Place::Waiting(destination) => {
                let calls = &self.calls;
                let is_wanted = |id| calls.get(&id).is_some_and(|waiter| waiter.answer.is_none());
                self.destinations.give_up(destination, is_wanted);
            }
            Place::Out(slot) => {
                let Some(sent) = self.slots.leave(slot, left) else { return };
                if left == Left::Answered
                    && let Some(destination) = self.destinations.get_mut(sent.destination)
                {
                    destination.estimate.round_trip(now.duration_since(sent.at).saturating_sub(handler_time));
                }
                self.news.flusher |= self.destinations.close(sent.destination, sent.number, now);
            }
            Place::Plain(destination) => self.leave_plain(destination, left),
        }
    }

    /// The calls of the message that a token stands for.
    pub(super) fn calls_of(&self, token: &[u8]) -> Vec<u64> {
        self.slots.find(token).map(|(slot, _)| self.slots.calls(slot).to_vec()).unwrap_or_default()
    }

    /// What the reply subjects of calls to a destination begin with.
    fn reply_prefix(&mut self, destination: DestinationId) -> Arc<str> {
        let pool = self.destinations.get_mut(destination).map(|there| there.pool);
        pool.map(|pool| self.slots.prefix(pool)).unwrap_or_default()
    }
}

/// What the answers in one message have taught.
struct Learned {
    destination: DestinationId,
    /// How long handlers took.
    times: HandlerTimes,
    /// Whether the last of them came from another account.
    is_across_accounts: bool,
}

/// Ids are random numbers of our own making: they are their own hash.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = id;
    }
}
