//! Who waits for which answer, and until when.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::outbox::{Batch, DestinationId, Destinations, Heard, Waiting};
use super::slots::{Left, Sent, Slots, Token};
use super::{OutboundMessage, Subject, closed};
use crate::error::{Error, ErrorKind, Execution};
use crate::wire::frame::{ErrorFrame, SuccessFrame};

/// What became of a call that was sent.
#[derive(Debug)]
pub(crate) enum Answer {
    Success(SuccessFrame),
    Error(Box<ErrorFrame>),
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
    /// The connection closed.
    Closed,
}

/// A call that is about to be sent.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) id: u64,
    pub(crate) destination: DestinationId,
    /// A framed message of its own.
    pub(crate) payload: Bytes,
    pub(crate) now: Instant,
    pub(crate) deadline: Instant,
    /// Woken by its answer.
    pub(crate) waker: Waker,
}

/// How a call leaves.
#[derive(Debug)]
pub(crate) enum Departure {
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
    /// How long handlers took, by the answers since the last [`learn`](Self::learn).
    heard: Option<(DestinationId, Heard)>,
    /// Whether the sweeper and the flusher must be told.
    pub(super) news: News,
}

/// What tasks must be told once the lock is released.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct News {
    pub(super) sweeper: bool,
    pub(super) flusher: bool,
}

/// A call that is out or waits to leave.
pub(super) struct Waiter {
    place: Place,
    deadline: Instant,
    waker: Option<Waker>,
    answer: Option<Answer>,
    refusal: Option<Box<ErrorFrame>>,
}

/// Where a call is.
#[derive(Debug, Clone, Copy)]
enum Place {
    Waiting(DestinationId),
    /// In the message of a slot.
    Out(usize),
}

impl Waiters {
    /// Adds a call, and says how it leaves.
    pub(super) fn add(
        &mut self,
        expected: Expected,
        max_bytes: usize,
        fresh: impl Fn() -> (Token, Subject),
    ) -> Departure {
        self.destinations.max_bytes = max_bytes;
        let Expected { id, destination, payload, now, deadline, waker } = expected;
        let is_alone = self.calls.is_empty();
        let place = Place::Waiting(destination);
        self.calls.insert(id, Waiter { place, deadline, waker: Some(waker), answer: None, refusal: None });
        if self.earliest.is_none_or(|earliest| deadline < earliest) {
            self.earliest = Some(deadline);
            self.news.sweeper = true;
        }
        let is_first = self.destinations.push(destination, Waiting { id, payload, since: now });
        if is_alone && let Some(batch) = self.form(destination, now, &fresh) {
            // What the destination has besides is of calls that nobody waits for.
            return Departure::Alone(batch.into_message());
        }
        self.news.flusher |= is_first;
        let mut full = Vec::new();
        while self.destinations.get_mut(destination).is_some_and(|there| there.is_full(max_bytes)) {
            full.extend(self.form(destination, now, &fresh));
        }
        if full.is_empty() { Departure::Later } else { Departure::Full(full) }
    }

    /// Makes a message of the calls that wait longest for a destination: of those whose callers still wait.
    fn form(
        &mut self,
        id: DestinationId,
        now: Instant,
        fresh: impl Fn() -> (Token, Subject),
    ) -> Option<Batch> {
        let max_bytes = self.destinations.max_bytes;
        let destination = self.destinations.get_mut(id)?;
        let limit = destination.limit();
        let mut message: Option<(usize, Batch)> = None;
        while let Some(first) = destination.first() {
            let fits = message
                .as_ref()
                .is_none_or(|(_, batch)| batch.has_room(first.payload.len(), limit, max_bytes));
            if !fits {
                break;
            }
            let Some(call) = destination.take_first() else { break };
            let Some(waiter) = self.calls.get_mut(&call.id).filter(|waiter| waiter.answer.is_none()) else {
                destination.pass_over();
                continue;
            };
            let slot = match &mut message {
                Some((slot, batch)) => {
                    batch.add(call.payload);
                    *slot
                }
                None => {
                    let sent = Sent { destination: id, number: destination.depart(now), at: now };
                    let (slot, reply) = self.slots.lease(destination.pool, sent, &fresh);
                    let subject = destination.subject.clone();
                    let payload = call.payload;
                    let lone = OutboundMessage { subject, reply: Some(reply), payload, headers: None };
                    message = Some((slot, lone.into()));
                    slot
                }
            };
            waiter.place = Place::Out(slot);
            self.slots.join(slot, call.id);
        }
        message.map(|(_, batch)| batch)
    }

    /// Makes messages of the calls that may leave now, no more than so many. Returns when others may, if any are held
    /// back: now, if there were too many.
    pub(super) fn form_due(
        &mut self,
        most: usize,
        fresh: impl Fn() -> (Token, Subject),
        batches: &mut VecDeque<Batch>,
    ) -> Option<Instant> {
        let now = Instant::now();
        loop {
            match self.destinations.next_due(now) {
                Ok(_) if batches.len() >= most => return Some(now),
                Ok(destination) => batches.extend(self.form(destination, now, &fresh)),
                Err(until) => return until,
            }
        }
    }

    /// Takes the answer of a call, or leaves a waker for it. `replaced` gets the one that was there: a waker may own a
    /// task, and must not be dropped under a lock.
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

    /// Forgets a call that nobody waits for any more: one that has not left never will. What it leaves is not to be
    /// dropped under a lock either.
    pub(super) fn forget(&mut self, id: u64) -> Option<Waiter> {
        let waiter = self.calls.remove(&id)?;
        if waiter.answer.is_none() {
            self.leave(waiter.place, Left::Abandoned, Instant::now());
        }
        Some(waiter)
    }

    /// Gives a call its answer; the first one counts. Returns whom to wake.
    pub(super) fn answer(&mut self, id: u64, answer: Answer, now: Instant) -> Option<Waker> {
        let waiter = self.calls.get_mut(&id)?;
        if waiter.answer.is_some() {
            return None;
        }
        let (answer, left) = match (answer, waiter.place) {
            (Answer::Error(error), _) if error.flags.is_one_of_many() => {
                waiter.refusal.get_or_insert(error);
                return None;
            }
            (answer @ (Answer::Success(_) | Answer::Error(_)), _) => (answer, Left::Answered),
            (Answer::Expired(_), Place::Waiting(_)) => (Answer::NotSent(too_late()), Left::Refused),
            (Answer::Closed, Place::Waiting(_)) => (Answer::NotSent(closed()), Left::Refused),
            (Answer::Expired(_), Place::Out(_)) => (Answer::Expired(waiter.refusal.take()), Left::Abandoned),
            (answer @ (Answer::NoResponders | Answer::NotSent(_)), _) => (answer, Left::Refused),
            (answer @ Answer::Denied(Execution::NotExecuted), _) => (answer, Left::Refused),
            (answer, _) => (answer, Left::Abandoned),
        };
        let handler_time = match &answer {
            Answer::Success(success) => Some(success.handler_time),
            Answer::Error(error) if error.execution != Execution::NotExecuted => Some(error.handler_time),
            _ => None,
        };
        waiter.answer = Some(answer);
        let (waker, place) = (waiter.waker.take(), waiter.place);
        if let (Place::Out(slot), Some(time)) = (place, handler_time) {
            self.hear(slot, time);
        }
        self.leave(place, left, now);
        waker
    }

    /// Notes how long the handler of a call took.
    fn hear(&mut self, slot: usize, handler_time: Duration) {
        if let Some((_, heard)) = &mut self.heard {
            heard.add(handler_time);
        } else if let Some(sent) = self.slots.sent(slot) {
            let mut heard = Heard::default();
            heard.add(handler_time);
            self.heard = Some((sent.destination, heard));
        }
    }

    /// Learns from the answers since the last time, which were those of one message.
    pub(super) fn learn(&mut self) {
        if let Some((destination, heard)) = self.heard.take()
            && let Some(destination) = self.destinations.get_mut(destination)
        {
            destination.estimate.handlers(heard);
        }
    }

    /// Takes a call out of its message, or out of those that wait.
    fn leave(&mut self, place: Place, left: Left, now: Instant) {
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
                    destination.estimate.round_trip(now.duration_since(sent.at));
                }
                self.news.flusher |= self.destinations.close(sent.destination, sent.number, now);
            }
        }
    }

    /// The calls of the message that a token stands for, if it went to `subject` (where that is known).
    pub(super) fn calls_of(&mut self, token: &[u8], subject: Option<&str>) -> Vec<u64> {
        let Some((slot, sent)) = self.slots.find(token) else { return Vec::new() };
        let went_to = self.destinations.get_mut(sent.destination).map(|destination| &*destination.subject);
        if subject.is_some() && subject != went_to {
            return Vec::new();
        }
        self.slots.calls(slot).to_vec()
    }

    /// Fails the calls of a subject that the broker does not let us publish to.
    ///
    /// It refuses one message and does not say which: permissions can change while calls are out. So calls were
    /// certainly not executed only if theirs is the only message that can be meant.
    pub(super) fn deny(&mut self, subject: &str, wake: &mut Vec<Waker>) {
        let mut messages: Vec<(usize, Sent)> = self.slots.out().collect();
        messages.retain(|(_, sent)| {
            self.destinations.get_mut(sent.destination).is_some_and(|there| *there.subject == *subject)
        });
        let execution = match messages[..] {
            [(slot, _)] if !self.slots.is_answered(slot) && self.slots.none_abandoned(slot) => {
                Execution::NotExecuted
            }
            _ => Execution::MaybeExecuted,
        };
        let calls: Vec<u64> =
            messages.iter().flat_map(|(slot, _)| self.slots.calls(*slot)).copied().collect();
        let now = Instant::now();
        wake.extend(calls.into_iter().filter_map(|id| self.answer(id, Answer::Denied(execution), now)));
    }

    /// Expires the calls whose deadline has passed; returns when to come back.
    pub(super) fn sweep(&mut self, now: Instant, wake: &mut Vec<Waker>) -> Option<Instant> {
        let mut expired = Vec::new();
        let mut earliest: Option<Instant> = None;
        for (id, waiter) in &self.calls {
            if waiter.answer.is_some() {
                continue;
            }
            if waiter.deadline <= now {
                expired.push(*id);
            } else {
                earliest = Some(earliest.map_or(waiter.deadline, |earliest| earliest.min(waiter.deadline)));
            }
        }
        wake.extend(expired.into_iter().filter_map(|id| self.answer(id, Answer::Expired(None), now)));
        self.earliest = earliest;
        earliest
    }

    /// Gives all calls the same answer.
    pub(super) fn answer_all(&mut self, answer: impl Fn() -> Answer, wake: &mut Vec<Waker>) {
        let all: Vec<u64> = self.calls.keys().copied().collect();
        let now = Instant::now();
        wake.extend(all.into_iter().filter_map(|id| self.answer(id, answer(), now)));
    }
}

/// The error of a call whose deadline passed before it could be sent.
pub(crate) fn too_late() -> Error {
    Error::not_executed(ErrorKind::DeadlineExceeded, "the deadline passed before the call could be sent")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::wire::frame::Flags;
    use crate::wire::headers::Headers;

    const SENT: &str = "lab.echo";

    /// Waiters with one destination, whose slots' tokens are counted up.
    struct Bed {
        waiters: Waiters,
        destination: DestinationId,
    }

    fn bed() -> Bed {
        let mut waiters = Waiters::default();
        let pool = waiters.slots.add_pool();
        let destination = waiters.destinations.add(&SENT.into(), pool, 512);
        Bed { waiters, destination }
    }

    fn fresh() -> (Token, Subject) {
        thread_local!(static NEXT: std::cell::Cell<u64> = const { std::cell::Cell::new(0) });
        let next = NEXT.get() + 1;
        NEXT.set(next);
        (next.to_be_bytes(), format!("_INBOX.{next}").into())
    }

    impl Bed {
        /// Adds a call that expires after so many seconds.
        fn add(&mut self, id: u64, seconds: u64) -> Departure {
            let now = Instant::now();
            let expected = Expected {
                id,
                destination: self.destination,
                payload: Bytes::from(vec![0xC1, 1, u8::try_from(id).unwrap()]),
                now,
                deadline: now + Duration::from_secs(seconds),
                waker: Waker::noop().clone(),
            };
            self.waiters.add(expected, 1000, fresh)
        }

        /// Adds a call and sends it.
        fn send(&mut self, id: u64, seconds: u64) {
            self.add(id, seconds);
            self.flush();
        }

        /// What the flusher sends: how many bytes each message has.
        fn flush(&mut self) -> Vec<usize> {
            let mut batches = VecDeque::new();
            self.waiters.form_due(usize::MAX, fresh, &mut batches);
            batches.into_iter().map(|batch| batch.into_message().payload.len()).collect()
        }

        fn answer(&mut self, id: u64, answer: Answer) -> bool {
            let woken = self.waiters.answer(id, answer, Instant::now()).is_some();
            self.waiters.learn();
            woken
        }

        fn poll(&mut self, id: u64) -> Poll<Answer> {
            self.waiters.poll(id, &Context::from_waker(Waker::noop()), &mut None)
        }

        /// Answers calls until a message may carry many.
        fn prove_cheap(&mut self) {
            for id in 100..200 {
                self.send(id, 5);
                self.answer(id, success());
                assert!(self.poll(id).is_ready());
            }
            self.waiters.news = News::default();
        }
    }

    fn success() -> Answer {
        let (handler_time, body, headers) = (Duration::ZERO, Bytes::new(), Headers::new());
        Answer::Success(SuccessFrame { handler_time, body, headers, instance: None })
    }

    fn error(flags: Flags) -> Answer {
        Answer::Error(Box::new(ErrorFrame {
            code: 429,
            execution: Execution::NotExecuted,
            flags,
            message: "".into(),
            handler_time: Duration::ZERO,
            retry_after: None,
            body: None,
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_answer_counts_and_is_taken_once() {
        let mut bed = bed();
        assert!(matches!(bed.add(1, 5), Departure::Alone(_)));
        assert!(bed.poll(1).is_pending());
        assert!(bed.answer(1, Answer::NoResponders), "its caller is woken");
        assert!(!bed.answer(1, Answer::Foreign));
        assert!(!bed.answer(2, Answer::Foreign), "nobody waits for that");
        assert!(matches!(bed.poll(1), Poll::Ready(Answer::NoResponders)));
        assert!(matches!(bed.poll(1), Poll::Ready(Answer::Closed)));
        assert!(bed.waiters.calls.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_share_a_message_once_their_handler_has_been_measured() {
        let mut bed = bed();
        bed.send(1, 5);
        for id in 2..5 {
            assert!(matches!(bed.add(id, 5), Departure::Later));
        }
        assert_eq!(bed.flush(), [3, 3, 3], "one each");

        let mut bed = self::bed();
        bed.prove_cheap();
        bed.send(1, 5);
        for id in 2..5 {
            assert!(matches!(bed.add(id, 5), Departure::Later));
        }
        assert_eq!(bed.flush(), [5], "one head, three frames of a byte");
        assert_eq!(bed.waiters.calls_of(&0_u64.to_be_bytes(), None), [0; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_message_leaves_at_once_and_others_wait_while_four_are_out() {
        let mut bed = bed();
        bed.prove_cheap();
        bed.send(1, 5);
        for id in 2..5 {
            bed.send(id, 5);
        }
        assert!(matches!(bed.add(5, 5), Departure::Later));
        assert_eq!(bed.flush(), [0; 0], "four are out");
        for id in 6..104 {
            assert!(matches!(bed.add(id, 5), Departure::Later), "{id}");
        }
        // A hundred replies were seen, so that a message may carry a hundred calls.
        let Departure::Full(full) = bed.add(104, 5) else { panic!("a full message waits for nothing") };
        assert_eq!(full.into_iter().map(|full| full.into_message().payload.len()).collect::<Vec<_>>(), [102]);

        bed.add(105, 5);
        assert_eq!(bed.flush(), [0; 0]);
        bed.waiters.news = News::default();
        bed.answer(1, success());
        assert!(!bed.waiters.news.flusher, "four are out still");
        bed.answer(2, success());
        assert!(bed.waiters.news.flusher);
        assert_eq!(bed.flush(), [3]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_is_held_back_for_a_millisecond() {
        let mut bed = bed();
        bed.prove_cheap();
        (1..5).for_each(|id| bed.send(id, 5));
        tokio::time::advance(Duration::from_micros(600)).await;
        bed.add(5, 5);
        let mut batches = VecDeque::new();
        let until = bed.waiters.form_due(8, fresh, &mut batches);
        assert_eq!((until, batches.len()), (Some(Instant::now() + Duration::from_millis(1)), 0));
        tokio::time::advance(Duration::from_micros(500)).await;
        assert_eq!(bed.flush(), [3], "the four are overdue by now");
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_waits_for_is_not_sent() {
        let mut bed = bed();
        bed.prove_cheap();
        bed.send(1, 5);
        (2..6).for_each(|id| _ = bed.add(id, id));
        bed.waiters.forget(3);
        tokio::time::advance(Duration::from_secs(2)).await;
        bed.waiters.sweep(Instant::now(), &mut Vec::new());
        let Poll::Ready(Answer::NotSent(error)) = bed.poll(2) else { panic!("it expired before it left") };
        assert_eq!((error.kind(), error.execution()), (ErrorKind::DeadlineExceeded, Execution::NotExecuted));
        assert_eq!(bed.flush(), [4], "the other two");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_are_given_up_while_nothing_leaves_take_no_memory() {
        let mut bed = bed();
        bed.send(1, 5);
        for round in 0..1000 {
            (2..12).for_each(|id| _ = bed.add(id, 5));
            (2..12).for_each(|id| _ = bed.waiters.forget(id));
            let waiting = bed.waiters.destinations.get_mut(bed.destination).unwrap().len();
            assert!(waiting < 12, "{waiting} in round {round}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_sweeper_is_told_of_earlier_deadlines_only_and_expires_what_is_due() {
        let mut bed = bed();
        let sweeper = |bed: &mut Bed| std::mem::take(&mut bed.waiters.news).sweeper;
        bed.send(1, 5);
        assert!(sweeper(&mut bed));
        bed.send(2, 6);
        assert!(!sweeper(&mut bed));
        bed.send(3, 4);
        assert!(sweeper(&mut bed));
        let mut wake = Vec::new();
        let start = Instant::now();
        tokio::time::advance(Duration::from_secs(5)).await;
        let next = bed.waiters.sweep(Instant::now(), &mut wake);
        assert_eq!((next, wake.len()), (Some(start + Duration::from_secs(6)), 2));
        assert!(matches!(bed.poll(1), Poll::Ready(Answer::Expired(None))));
        assert!(bed.poll(2).is_pending());
        bed.waiters.forget(2);
        assert_eq!(bed.waiters.sweep(Instant::now(), &mut wake), None);
        assert_eq!(bed.waiters.slots.len(), 0, "unanswered slots are retired");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_of_one_of_many_is_kept_for_the_deadline() {
        let mut bed = bed();
        bed.send(1, 5);
        let one_of_many = Flags::codec(Codec::MessagePack).with_one_of_many();
        assert!(!bed.answer(1, error(one_of_many)));
        assert!(bed.poll(1).is_pending());
        bed.waiters.sweep(Instant::now() + Duration::from_secs(5), &mut Vec::new());
        assert!(matches!(bed.poll(1), Poll::Ready(Answer::Expired(Some(_)))));

        bed.send(2, 5);
        bed.answer(2, error(Flags::default()));
        assert!(matches!(bed.poll(2), Poll::Ready(Answer::Error(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_publish_proves_something_only_about_a_lone_message() {
        let deny = |bed: &mut Bed, subject| {
            let mut wake = Vec::new();
            bed.waiters.deny(subject, &mut wake);
            wake.len()
        };
        let denied = |bed: &mut Bed, id| match bed.poll(id) {
            Poll::Ready(Answer::Denied(execution)) => execution,
            other => panic!("{other:?}"),
        };
        let mut bed = bed();
        bed.prove_cheap();
        bed.send(1, 5);
        assert_eq!(deny(&mut bed, "other.subject"), 0);
        assert_eq!(deny(&mut bed, SENT), 1);
        assert_eq!(denied(&mut bed, 1), Execution::NotExecuted);
        bed.send(6, 5);
        assert_eq!(deny(&mut bed, SENT), 1, "and again");
        assert_eq!(denied(&mut bed, 6), Execution::NotExecuted);

        bed.send(2, 5);
        (3..5).for_each(|id| _ = bed.add(id, 5));
        assert_eq!(deny(&mut bed, SENT), 1, "the other two have not left");
        assert_eq!(denied(&mut bed, 2), Execution::NotExecuted);
        assert_eq!(bed.flush().len(), 1);
        assert_eq!(deny(&mut bed, SENT), 2, "all of one message");
        assert_eq!(denied(&mut bed, 3), Execution::NotExecuted);

        (7..9).for_each(|id| bed.send(id, 5));
        assert_eq!(deny(&mut bed, SENT), 2, "of two messages");
        assert_eq!(denied(&mut bed, 7), Execution::MaybeExecuted);

        let mut bed = self::bed();
        bed.send(4, 5);
        bed.waiters.forget(4);
        bed.send(5, 5);
        assert_eq!(deny(&mut bed, SENT), 1);
        assert_eq!(denied(&mut bed, 5), Execution::MaybeExecuted, "another was given up before");
    }
}
