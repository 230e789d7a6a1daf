//! Who waits for which answer, and until when.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use super::Subject;
use super::slots::{Left, Slots, Token};
use crate::error::Execution;
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
    pub(crate) deadline: Instant,
    /// Woken by its answer.
    pub(crate) waker: Waker,
}

/// The calls that are out, by id.
#[derive(Default)]
pub(super) struct Waiters {
    calls: HashMap<u64, Waiter, BuildHasherDefault<IdHasher>>,
    pub(super) slots: Slots,
    /// No call that is out has an earlier deadline.
    earliest: Option<Instant>,
}

/// One of them.
pub(super) struct Waiter {
    slot: usize,
    deadline: Instant,
    waker: Option<Waker>,
    answer: Option<Answer>,
    refusal: Option<Box<ErrorFrame>>,
}

impl Waiters {
    /// Adds a call. Says whether its deadline is the earliest now, so that the sweeper must know.
    pub(super) fn add(
        &mut self,
        expected: Expected,
        pool: usize,
        sent: &Subject,
        fresh: impl FnOnce() -> (Token, Subject),
    ) -> (Subject, bool) {
        let Expected { id, deadline, waker } = expected;
        let (slot, reply) = self.slots.lease(pool, sent, fresh);
        self.slots.join(slot, id);
        self.calls.insert(id, Waiter { slot, deadline, waker: Some(waker), answer: None, refusal: None });
        let is_earliest = self.earliest.is_none_or(|earliest| deadline < earliest);
        if is_earliest {
            self.earliest = Some(deadline);
        }
        (reply, is_earliest)
    }

    /// How many calls are out, or answered but not yet taken.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
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

    /// Forgets a call that nobody waits for any more. What it leaves is not to be dropped under a lock either.
    pub(super) fn forget(&mut self, id: u64) -> Option<Waiter> {
        let waiter = self.calls.remove(&id)?;
        if waiter.answer.is_none() {
            self.slots.leave(waiter.slot, id, Left::Abandoned);
        }
        Some(waiter)
    }

    /// Gives a call its answer; the first one counts. Returns whom to wake.
    pub(super) fn answer(&mut self, id: u64, answer: Answer) -> Option<Waker> {
        let waiter = self.calls.get_mut(&id)?;
        if waiter.answer.is_some() {
            return None;
        }
        let (answer, left) = match answer {
            Answer::Error(error) if error.flags.is_one_of_many() => {
                waiter.refusal.get_or_insert(error);
                return None;
            }
            Answer::Success(_) | Answer::Error(_) => (answer, Left::Answered),
            Answer::Expired(_) => (Answer::Expired(waiter.refusal.take()), Left::Abandoned),
            Answer::NoResponders | Answer::Denied(Execution::NotExecuted) => (answer, Left::Refused),
            _ => (answer, Left::Abandoned),
        };
        waiter.answer = Some(answer);
        self.slots.leave(waiter.slot, id, left);
        waiter.waker.take()
    }

    /// Fails the calls of a subject that the broker does not let us publish to.
    ///
    /// It refuses one message and does not say which: permissions can change while calls are out. So a call was
    /// certainly not executed only if it is the only one that can be meant.
    pub(super) fn deny(&mut self, subject: &str, wake: &mut Vec<Waker>) {
        let calls = self.slots.calls_to(subject);
        let execution = match calls[..] {
            [id] if self.calls.get(&id).is_some_and(|call| self.slots.none_abandoned(call.slot)) => {
                Execution::NotExecuted
            }
            _ => Execution::MaybeExecuted,
        };
        wake.extend(calls.into_iter().filter_map(|id| self.answer(id, Answer::Denied(execution))));
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
        wake.extend(expired.into_iter().filter_map(|id| self.answer(id, Answer::Expired(None))));
        self.earliest = earliest;
        earliest
    }

    /// Gives all calls that are out the same answer.
    pub(super) fn answer_all(&mut self, answer: impl Fn() -> Answer, wake: &mut Vec<Waker>) {
        let out: Vec<u64> = self.calls.keys().copied().collect();
        wake.extend(out.into_iter().filter_map(|id| self.answer(id, answer())));
    }
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
    use std::time::Duration;

    use super::*;
    use crate::codec::Codec;
    use crate::wire::frame::Flags;

    const SENT: &str = "lab.echo";

    /// Adds a call that expires after so many seconds; its slot's token is its id.
    fn add(waiters: &mut Waiters, pool: usize, id: u64, seconds: u64) -> bool {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let expected = Expected { id, deadline, waker: Waker::noop().clone() };
        let token = id.to_be_bytes();
        waiters.add(expected, pool, &SENT.into(), || (token, format!("_INBOX.{id}").into())).1
    }

    fn poll(waiters: &mut Waiters, id: u64) -> Poll<Answer> {
        waiters.poll(id, &Context::from_waker(Waker::noop()), &mut None)
    }

    fn error(flags: Flags) -> Answer {
        let execution = Execution::NotExecuted;
        let frame =
            ErrorFrame { code: 429, execution, flags, message: "".into(), retry_after: None, body: None };
        Answer::Error(Box::new(frame))
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_answer_counts_and_is_taken_once() {
        let mut waiters = Waiters::default();
        let pool = waiters.slots.add_pool();
        add(&mut waiters, pool, 1, 5);
        assert!(poll(&mut waiters, 1).is_pending());
        assert!(waiters.answer(1, Answer::NoResponders).is_some(), "its caller is woken");
        assert!(waiters.answer(1, Answer::Foreign).is_none());
        assert!(waiters.answer(2, Answer::Foreign).is_none(), "nobody waits for that");
        assert!(matches!(poll(&mut waiters, 1), Poll::Ready(Answer::NoResponders)));
        assert!(matches!(poll(&mut waiters, 1), Poll::Ready(Answer::Closed)));
        assert!(waiters.calls.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_sweeper_is_told_of_earlier_deadlines_only_and_expires_what_is_due() {
        let mut waiters = Waiters::default();
        let pool = waiters.slots.add_pool();
        assert!(add(&mut waiters, pool, 1, 5));
        assert!(!add(&mut waiters, pool, 2, 6));
        assert!(add(&mut waiters, pool, 3, 4));
        let mut wake = Vec::new();
        let start = Instant::now();
        tokio::time::advance(Duration::from_secs(5)).await;
        let next = waiters.sweep(Instant::now(), &mut wake);
        assert_eq!((next, wake.len()), (Some(start + Duration::from_secs(6)), 2));
        assert!(matches!(poll(&mut waiters, 1), Poll::Ready(Answer::Expired(None))));
        assert!(poll(&mut waiters, 2).is_pending());
        waiters.forget(2);
        assert_eq!(waiters.sweep(Instant::now(), &mut wake), None);
        assert_eq!(waiters.slots.len(), 0, "unanswered slots are retired");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_of_one_of_many_is_kept_for_the_deadline() {
        let mut waiters = Waiters::default();
        let pool = waiters.slots.add_pool();
        add(&mut waiters, pool, 1, 5);
        let one_of_many = Flags::codec(Codec::MessagePack).with_one_of_many();
        assert!(waiters.answer(1, error(one_of_many)).is_none());
        assert!(poll(&mut waiters, 1).is_pending());
        waiters.sweep(Instant::now() + Duration::from_secs(5), &mut Vec::new());
        assert!(matches!(poll(&mut waiters, 1), Poll::Ready(Answer::Expired(Some(_)))));

        add(&mut waiters, pool, 2, 5);
        waiters.answer(2, error(Flags::default()));
        assert!(matches!(poll(&mut waiters, 2), Poll::Ready(Answer::Error(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_publish_proves_something_only_about_a_lone_call() {
        let mut waiters = Waiters::default();
        let pool = waiters.slots.add_pool();
        let deny = |waiters: &mut Waiters, subject| {
            let mut wake = Vec::new();
            waiters.deny(subject, &mut wake);
            wake.len()
        };
        add(&mut waiters, pool, 1, 5);
        assert_eq!(deny(&mut waiters, "other.subject"), 0);
        assert_eq!(deny(&mut waiters, SENT), 1);
        assert!(matches!(poll(&mut waiters, 1), Poll::Ready(Answer::Denied(Execution::NotExecuted))));
        add(&mut waiters, pool, 6, 5);
        assert_eq!(deny(&mut waiters, SENT), 1, "and again");
        assert!(matches!(poll(&mut waiters, 6), Poll::Ready(Answer::Denied(Execution::NotExecuted))));

        let pool = waiters.slots.add_pool();
        add(&mut waiters, pool, 2, 5);
        add(&mut waiters, pool, 3, 5);
        assert_eq!(deny(&mut waiters, SENT), 2);
        assert!(matches!(poll(&mut waiters, 2), Poll::Ready(Answer::Denied(Execution::MaybeExecuted))));

        let pool = waiters.slots.add_pool();
        add(&mut waiters, pool, 4, 5);
        waiters.forget(4);
        add(&mut waiters, pool, 5, 5);
        assert_eq!(deny(&mut waiters, SENT), 1);
        let given_up_before = poll(&mut waiters, 5);
        assert!(matches!(given_up_before, Poll::Ready(Answer::Denied(Execution::MaybeExecuted))));
    }
}
