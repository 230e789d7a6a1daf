//! A call has one answer, leaves when it may, and leaves nothing behind.

mod acceptance;
mod chosen;
mod streaming;
mod trials;

use std::collections::VecDeque;

use super::*;
use crate::codec::Codec;
use crate::connection::Subject;
use crate::connection::outbox;
use crate::connection::slots::Token;
use crate::error::ErrorKind;
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
    let pool = waiters.slots.add_pool("_INBOX");
    let place = outbox::Place { subject: SENT.into(), service: "lab".len(), pool, most: 512 };
    let destination = waiters.destinations.keep(place);
    Bed { waiters, destination }
}

fn fresh(prefix: &str) -> (Token, Subject) {
    thread_local!(static NEXT: std::cell::Cell<u64> = const { std::cell::Cell::new(0) });
    let next = NEXT.get() + 1;
    NEXT.set(next);
    (next.to_be_bytes(), format!("{prefix}.{next}").into())
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
        self.waiters.learn(&Random::system());
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
    Answer::Success(SuccessFrame { handler_time, body, headers, instance: None, is_across_accounts: false })
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
        instance: None,
        is_across_accounts: false,
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
    assert_eq!(bed.waiters.calls_of(&0_u64.to_be_bytes()), [0; 0]);
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
    bed.answer(2, Answer::Foreign);
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
