//! What becomes of calls that open a stream, and of the streams that are open.

use std::sync::Arc;

use super::acceptance::accepted;
use super::*;
use crate::connection::peers::Origin;
use crate::connection::streams::{Allowance, Ended, Link, Stop, Taker, Window, Windows};
use crate::connection::waiters::acceptance::Gone;
use crate::wire::frame::{AcceptedFrame, Credit, EndFrame, Id, ItemFrame};

const A: &str = "lab._ctl.a.7";
const B: &str = "lab._ctl.b.8";
const WINDOW: Window = Window { messages: 8, bytes: 1000 };

/// An accepted that has the stream of results open.
fn opened(instance: &str) -> AcceptedFrame {
    accepted(instance, Flags::default().with_open())
}

/// One that wants items.
fn wanting(instance: &str, messages: u32) -> AcceptedFrame {
    let credit = Some(Credit { messages, bytes: 1000 });
    AcceptedFrame { credit, ..accepted(instance, Flags::default()) }
}

fn end(seq: u64, code: u16) -> EndFrame {
    EndFrame { seq, code, execution: Execution::Executed, message: "".into(), body: None }
}

impl Bed {
    /// Sends a call that opens a stream and expires after so many seconds.
    fn stream(&mut self, id: u64, seconds: u64) -> Arc<ClientStream> {
        self.stream_until(id, seconds, None)
    }

    fn stream_until(&mut self, id: u64, seconds: u64, until: Option<Instant>) -> Arc<ClientStream> {
        let stream = Arc::new(ClientStream::new(Windows::default().reserve(WINDOW).unwrap(), until));
        self.waiters.expect_stream(id, Arc::clone(&stream));
        self.send(id, seconds);
        stream
    }

    /// The same, once it is open at instance a and its caller knows.
    fn open(&mut self, id: u64) -> Arc<ClientStream> {
        let stream = self.stream(id, 5);
        assert_eq!(self.accept_with(id, &opened("a"), A), 1);
        assert!(matches!(self.poll(id), Poll::Ready(Answer::Opened(_))));
        stream
    }

    /// An item comes, as the inbox delivers it.
    fn item(&mut self, id: u64, seq: u64, control: &'static str) {
        let control = Subject::from_static(control);
        match self.waiters.open_stream(id, Origin::Control(&control)) {
            Some(stream) => {
                let item = ItemFrame { seq, body: Bytes::from_static(b"item") };
                if stream.flows.take_items(std::iter::once(item), &mut Vec::new()).is_err() {
                    self.waiters.close_stream(id);
                }
            }
            None => self.waiters.refuse_items(id, Origin::Control(&control)),
        }
    }

    fn end(&mut self, id: u64, end: EndFrame, control: &'static str) {
        self.waiters.take_end(
            id,
            Box::new(end),
            Origin::Control(&Subject::from_static(control)),
            &mut Vec::new(),
        );
    }

    fn credit(&mut self, id: u64, messages: u32, control: &'static str) {
        let credit = Credit { messages, bytes: 1000 };
        self.waiters.take_credit(
            id,
            credit,
            Origin::Control(&Subject::from_static(control)),
            &mut Vec::new(),
        );
    }

    fn cancelled(&mut self, id: u64, control: &'static str) {
        self.waiters.take_cancel(id, Origin::Control(&Subject::from_static(control)), &mut Vec::new());
    }

    /// That nothing is left of what there was.
    #[track_caller]
    fn assert_empty(&self) {
        assert!(self.waiters.streams.is_empty(), "a stream is left");
        assert!(self.waiters.peers.is_empty(), "an instance is left");
        assert!(self.waiters.calls.is_empty(), "a call is left");
        assert_eq!(self.waiters.given_up, 0);
    }
}

/// How many items have come, and how it has ended if it has.
fn taken(stream: &ClientStream) -> (usize, Option<Ended>) {
    let connection = crate::connection::memory::Broker::new().connect();
    let link = Link { connection, to: A.into(), from: Some("_INBOX._a".into()), id: Id::new(0) };
    let mut taker = Taker::new(Arc::clone(&stream.flows));
    let mut count = 0;
    loop {
        match taker.poll_next(&Context::from_waker(Waker::noop()), &link) {
            Poll::Ready(Ok(_)) => count += 1,
            Poll::Ready(Err(ended)) => return (count, Some(ended)),
            Poll::Pending => return (count, None),
        }
    }
}

/// What may be sent on it, or why nothing.
fn allowed(stream: &ClientStream) -> Result<i64, Stop> {
    let mut left = Allowance::default();
    match stream.flows.outflow.poll_allowance(&Context::from_waker(Waker::noop()), &mut left) {
        Poll::Ready(Ok(())) => Ok(left.messages),
        Poll::Ready(Err(stop)) => Err(stop),
        Poll::Pending => Ok(0),
    }
}

fn cancel_at(control: &str) -> (String, bool) {
    (control.to_owned(), true)
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_opened_answers_its_call_and_gets_what_comes_for_it_to_its_end() {
    let mut bed = bed();
    let stream = bed.stream(1, 5);
    assert!(!stream.has_begun());
    let headers = Headers::from_iter([("tenant", "acme")]);
    assert_eq!(bed.accept_with(1, &AcceptedFrame { headers, ..opened("a") }, A), 1, "its caller is woken");
    let Poll::Ready(Answer::Opened(opened)) = bed.poll(1) else { panic!("it is open") };
    assert_eq!((&*opened.instance, opened.headers.get("tenant")), ("a", Some("acme")));
    assert_eq!(stream.opened.get(), Some(&1));
    let way = stream.way.get().unwrap();
    assert_eq!((&*way.to, way.from.as_deref(), way.id), (A, Some("_INBOX._a.1"), 1));
    (0..3).for_each(|seq| bed.item(1, seq, A));
    assert!(matches!(taken(&stream), (3, None)));
    bed.item(1, 3, A);
    bed.end(1, end(4, 0), A);
    assert!(matches!(taken(&stream), (1, Some(Ended::Complete))));
    assert!(matches!(allowed(&stream), Err(Stop::Unwanted)), "its items are wanted no more");
    bed.assert_empty();
    // What is dropped after its end is not cancelled.
    bed.waiters.close_stream(1);
    assert!(bed.told().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stream_lasts_past_the_deadline_of_its_opening_and_its_instance_is_told_that_we_are_there() {
    let mut bed = bed();
    let stream = bed.open(1);
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert_eq!(bed.waiters.sweep(Instant::now(), &mut Vec::new()), None);
    bed.waiters.beat();
    assert_eq!(bed.told(), [(A.to_owned(), false)]);
    bed.item(1, 0, A);
    assert!(matches!(taken(&stream), (1, None)));
}

#[tokio::test(start_paused = true)]
async fn what_opens_nothing_and_wants_nothing_only_says_where_the_call_is() {
    let mut bed = bed();
    let stream = bed.stream(1, 5);
    assert_eq!(bed.accept_with(1, &accepted("a", Flags::default()), A), 0);
    assert!(!stream.has_begun() && bed.poll(1).is_pending());
    bed.item(1, 0, A);
    assert!(matches!(taken(&stream), (0, None)), "it is not open");
    assert!(bed.told().is_empty(), "nor is it refused: its call is out");
    assert_eq!(bed.accept_with(1, &opened("a"), A), 1);
    assert!(matches!(bed.poll(1), Poll::Ready(Answer::Opened(_))));
    bed.item(1, 0, A);
    assert!(matches!(taken(&stream), (1, None)));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_answered_otherwise_has_no_stream() {
    for answer in [success(), error(Flags::default()), Answer::NoResponders, Answer::Foreign] {
        let mut bed = bed();
        let stream = bed.stream(1, 5);
        bed.accept(1, "a", A);
        assert!(bed.answer(1, answer));
        assert!(bed.poll(1).is_ready());
        assert!(stream.opened.get().is_none());
        bed.assert_empty();
    }
    let mut bed = bed();
    bed.stream(1, 5);
    tokio::time::advance(Duration::from_secs(5)).await;
    bed.waiters.sweep(Instant::now(), &mut Vec::new());
    assert!(matches!(bed.poll(1), Poll::Ready(Answer::Expired(None))));
    // Too late.
    assert_eq!(bed.accept_with(1, &opened("a"), A), 0);
    bed.assert_empty();
}

/// Else whoever may publish to the inbox could add to a stream, end it, or make its caller send.
#[tokio::test(start_paused = true)]
async fn what_does_not_come_from_the_instance_of_a_stream_is_ignored() {
    let mut bed = bed();
    let stream = bed.open(1);
    bed.open(2);
    bed.credit(1, 5, B);
    bed.cancelled(1, B);
    bed.end(1, end(0, 0), B);
    bed.item(1, 0, B);
    bed.item(1, 0, "orders.delete");
    assert!(bed.told().is_empty(), "to subjects that nobody knows, nothing is sent");
    // A message from another account does not say whose it is, and this instance is in no other.
    let slot = Subject::from_static("_INBOX.1");
    let none = Origin::Across(&slot);
    bed.waiters.take_credit(1, Credit { messages: 5, bytes: 5 }, none, &mut Vec::new());
    bed.waiters.take_cancel(1, none, &mut Vec::new());
    bed.waiters.take_end(1, Box::new(end(0, 0)), none, &mut Vec::new());
    assert!(bed.waiters.open_stream(1, none).is_none());
    assert!(matches!(taken(&stream), (0, None)));
    assert!(matches!(allowed(&stream), Ok(0)));
    // The stream of another call at the same instance is none of its business either.
    bed.end(3, end(0, 0), A);
    bed.item(1, 0, A);
    assert!(matches!(taken(&stream), (1, None)));
}

#[tokio::test(start_paused = true)]
async fn an_accepted_that_names_a_foreign_subject_opens_nothing() {
    let mut bed = bed();
    for (id, control) in
        [(1, "orders.delete"), (2, "$SYS._ctl.a.7"), (3, "lab._ctl.b.7"), (4, "lab._ctl.a.7.8")]
    {
        let stream = bed.stream(id, 5);
        assert_eq!(bed.accept_with(id, &opened("a"), control), 0);
        assert!(bed.poll(id).is_pending() && !stream.has_begun());
    }
    assert!(bed.told().is_empty() && bed.waiters.peers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn items_that_nobody_waits_for_are_cancelled_where_an_instance_is_known() {
    let mut bed = bed();
    bed.open(1);
    bed.open(2);
    bed.waiters.close_stream(1);
    assert_eq!(bed.told(), [cancel_at(A)]);
    // The cancel may have been lost.
    bed.item(1, 0, A);
    assert_eq!(bed.told(), [cancel_at(A)]);
    bed.waiters.close_stream(2);
    assert_eq!(bed.told(), [cancel_at(A)]);
    bed.item(1, 1, A);
    assert!(bed.told().is_empty(), "it is not known any more");
    bed.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn a_gap_fails_the_stream_and_its_instance_is_told() {
    let mut bed = bed();
    let stream = bed.open(1);
    bed.item(1, 0, A);
    bed.item(1, 2, A);
    let (1, Some(Ended::Failed(error))) = taken(&stream) else { panic!("something is lost") };
    assert_eq!(error.kind(), ErrorKind::DataLoss);
    assert_eq!(bed.told(), [cancel_at(A)]);
    bed.assert_empty();

    let stream = bed.open(2);
    bed.item(2, 0, A);
    bed.end(2, end(2, 0), A);
    let (1, Some(Ended::Failed(error))) = taken(&stream) else { panic!("something is lost") };
    assert_eq!(error.kind(), ErrorKind::DataLoss);
    assert!(bed.told().is_empty(), "its handler has ended");
    bed.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_sends_more_than_it_may_is_told_to_stop() {
    let mut bed = bed();
    let stream = bed.open(1);
    (0..9).for_each(|seq| bed.item(1, seq, A));
    let (8, Some(Ended::Failed(error))) = taken(&stream) else { panic!("more than its window") };
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(bed.told(), [cancel_at(A)]);
    bed.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_gone_fails_its_streams_and_no_others() {
    for gone in [Gone::Unreached, Gone::Silent] {
        let mut bed = bed();
        let lost = [bed.open(1), bed.open(2)];
        let opening = bed.stream(3, 5);
        bed.accept(3, "a", A);
        let peer = bed.waiters.peers.find(A).unwrap();
        let other = bed.stream(4, 5);
        bed.accept_with(4, &opened("b"), B);
        bed.item(1, 0, A);
        let mut wake = Vec::new();
        bed.waiters.lose_peer(peer, gone, &mut wake);
        for (stream, items) in lost.iter().zip([1, 0]) {
            let (count, Some(Ended::Failed(error))) = taken(stream) else { panic!("it is lost") };
            assert_eq!((count, error.kind()), (items, ErrorKind::Unavailable));
            assert!(error.message().contains("the instance a"), "{error}");
            assert!(matches!(allowed(stream), Err(Stop::Failed(_))));
        }
        assert!(matches!(bed.poll(3), Poll::Ready(Answer::Lost(_))), "it was not open yet");
        assert!(opening.opened.get().is_none());
        bed.item(4, 0, B);
        assert!(matches!(taken(&other), (1, None)));
        assert_eq!((bed.waiters.streams.len(), bed.told()), (1, Vec::new()));
        bed.end(4, end(1, 0), B);
        assert!(matches!(bed.poll(4), Poll::Ready(Answer::Opened(_))), "it has been");
        bed.assert_empty();
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_fails_all_streams() {
    type Lose = fn(&mut Waiters, &mut Vec<Waker>);
    // The connection may come back, and then the instances learn of it.
    let back = vec![cancel_at(A), cancel_at(A), cancel_at(B)];
    let lost: Lose = |waiters, wake| {
        let lost = Error::new(ErrorKind::Unavailable, "lost");
        waiters.lose(&lost, &lost, wake);
    };
    let closed: Lose = |waiters, wake| waiters.answer_all(|| Answer::Closed, wake);
    for (lose, told) in [(lost, back), (closed, Vec::new())] {
        let mut bed = bed();
        let open = bed.open(1);
        let fresh = bed.stream(2, 5);
        bed.accept_with(2, &opened("a"), A);
        let opening = bed.stream(3, 5);
        bed.accept_with(3, &wanting("b", 5), B);
        bed.stream(4, 5);
        bed.item(1, 0, A);
        let mut wake = Vec::new();
        lose(&mut bed.waiters, &mut wake);
        let (1, Some(Ended::Failed(error))) = taken(&open) else { panic!("it is lost") };
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(matches!(bed.poll(2), Poll::Ready(Answer::Opened(_))), "it was open before");
        assert!(matches!(taken(&fresh), (0, Some(Ended::Failed(_)))));
        assert!(matches!(bed.poll(3), Poll::Ready(Answer::Lost(_) | Answer::Closed)));
        assert!(opening.opened.get().is_none());
        assert!(bed.poll(4).is_ready());
        assert_eq!(bed.told(), told);
        bed.assert_empty();
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_an_instance_begins_with_after_its_connection_was_lost_is_refused_there() {
    let mut bed = bed();
    bed.stream(1, 5);
    let lost = Error::new(ErrorKind::Unavailable, "lost");
    bed.waiters.lose(&lost, &lost, &mut Vec::new());
    assert!(bed.poll(1).is_ready());
    assert_eq!(bed.accept_with(1, &opened("a"), A), 0);
    assert_eq!(bed.told(), Vec::new(), "it hears nothing from here and ends it by itself");
    let _open = bed.open(2);
    bed.accept_with(1, &opened("a"), A);
    bed.accept_with(2, &opened("a"), A);
    assert_eq!(bed.told(), [cancel_at(A)], "and not the one that is open");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_we_may_not_publish_to_has_no_streams() {
    let mut bed = bed();
    let open = bed.open(1);
    bed.stream(2, 5);
    bed.accept(2, "a", A);
    // A call without a stream needs nothing to be published to its instance.
    bed.send(3, 5);
    bed.accept(3, "a", A);
    let other = bed.stream(4, 5);
    bed.accept_with(4, &opened("b"), B);
    bed.waiters.deny(A, &mut Vec::new());
    let (0, Some(Ended::Failed(error))) = taken(&open) else { panic!("it is denied") };
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.message().contains(A), "{error}");
    assert!(matches!(allowed(&open), Err(Stop::Failed(_))));
    let Poll::Ready(Answer::Lost(error)) = bed.poll(2) else { panic!("else it would wait for its deadline") };
    assert_eq!((error.kind(), error.execution()), (ErrorKind::PermissionDenied, Execution::MaybeExecuted));
    assert!(bed.poll(3).is_pending());
    assert!(matches!(taken(&other), (0, None)));
    assert!(bed.told().is_empty());
    bed.answer(3, success());
    assert!(bed.poll(3).is_ready() && bed.poll(4).is_ready());
    bed.end(4, end(0, 0), B);
    bed.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_is_cancelled_once_wherever_it_is() {
    // Before anybody has it: once it is known who.
    let mut bed = bed();
    bed.stream(1, 5);
    bed.waiters.forget(1);
    assert!(bed.told().is_empty() && bed.waiters.streams.is_empty());
    assert_eq!(bed.accept_with(1, &opened("a"), A), 0);
    assert_eq!(bed.told(), [cancel_at(A)]);
    bed.assert_empty();

    // An instance has it, wants items or not.
    for accepted in [accepted("a", Flags::default()), wanting("a", 5)] {
        bed.stream(1, 5);
        bed.accept_with(1, &accepted, A);
        bed.waiters.forget(1);
        assert_eq!(bed.told(), [cancel_at(A)]);
        bed.assert_empty();
    }

    // It is open, which its caller has not seen yet.
    bed.stream(1, 5);
    bed.accept_with(1, &opened("a"), A);
    bed.waiters.forget(1);
    bed.waiters.close_stream(1);
    assert_eq!(bed.told(), [cancel_at(A)]);
    bed.assert_empty();

    // It is open.
    let stream = bed.open(1);
    bed.item(1, 0, A);
    bed.waiters.close_stream(1);
    bed.waiters.close_stream(1);
    assert_eq!(bed.told(), [cancel_at(A)]);
    bed.assert_empty();
    assert!(matches!(taken(&stream), (1, None)));
}

#[tokio::test(start_paused = true)]
async fn of_several_instances_that_open_a_stream_the_first_has_it() {
    let mut bed = bed();
    let stream = bed.open(1);
    assert_eq!(bed.accept_with(1, &opened("b"), B), 0);
    assert_eq!(bed.told(), [cancel_at(B)]);
    bed.item(1, 0, B);
    bed.item(1, 0, A);
    assert!(matches!(taken(&stream), (1, None)));
    // The same instance may say it again; a service of another name is told nothing.
    bed.accept_with(1, &opened("a"), A);
    bed.accept_with(1, &opened("b"), "shelf._ctl.b.8");
    assert!(bed.told().is_empty());
    bed.end(1, end(1, 0), A);
    bed.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn of_a_broadcast_the_instances_that_do_not_open_it_have_no_part_in_the_stream() {
    let one_of_many = Flags::default().with_one_of_many();
    let mut bed = bed();
    let stream = bed.stream(1, 5);
    bed.accept_with(1, &accepted("a", one_of_many), A);
    bed.accept_with(1, &accepted("b", one_of_many.with_open()), B);
    assert!(matches!(bed.poll(1), Poll::Ready(Answer::Opened(opened)) if &*opened.instance == "b"));
    assert_eq!(bed.told(), [cancel_at(A)]);
    assert!(bed.waiters.peers.find(A).is_none(), "its loss would not be the stream's");
    bed.item(1, 0, B);
    assert!(matches!(taken(&stream), (1, None)));
    bed.accept_with(1, &accepted("a", one_of_many.with_open()), A);
    assert_eq!(bed.told(), [cancel_at(A)]);
    bed.end(1, end(1, 0), B);
    bed.assert_empty();
}

/// Else the credit of both would be spent at one of them.
#[tokio::test(start_paused = true)]
async fn of_a_broadcast_the_first_instance_that_wants_items_gets_them() {
    let many =
        |instance| AcceptedFrame { flags: Flags::default().with_one_of_many(), ..wanting(instance, 3) };
    let mut bed = bed();
    let stream = bed.stream(1, 5);
    bed.accept_with(1, &many("a"), A);
    bed.accept_with(1, &many("b"), B);
    assert_eq!(bed.told(), [cancel_at(B)]);
    assert!(matches!(allowed(&stream), Ok(3)));
    bed.credit(1, 2, B);
    assert!(matches!(allowed(&stream), Ok(0)), "which was taken");
    bed.credit(1, 2, A);
    assert!(matches!(allowed(&stream), Ok(2)));
    assert_eq!(&*stream.way.get().unwrap().to, A);
    bed.answer(1, success());
    assert!(bed.poll(1).is_ready());
    bed.assert_empty();

    // No other one goes on with what was sent to it.
    bed.stream(2, 5);
    bed.accept_with(2, &many("a"), A);
    bed.accept_with(2, &many("b"), B);
    bed.waiters.lose_peer(bed.waiters.peers.find(B).unwrap(), Gone::Silent, &mut Vec::new());
    assert!(bed.poll(2).is_pending());
    bed.waiters.lose_peer(bed.waiters.peers.find(A).unwrap(), Gone::Silent, &mut Vec::new());
    assert!(matches!(bed.poll(2), Poll::Ready(Answer::Lost(_))));
    bed.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_the_opening_is_lifted_when_items_are_wanted() {
    let mut bed = bed();
    let start = Instant::now();
    let endless = bed.stream(1, 5);
    let bounded = bed.stream_until(2, 5, Some(start + Duration::from_secs(60)));
    bed.stream(3, 5);
    bed.accept(3, "a", A);
    bed.accept_with(1, &wanting("a", 3), A);
    bed.accept_with(2, &wanting("a", 4), A);
    assert!(endless.has_begun() && endless.opened.get().is_none());
    assert!(matches!((allowed(&endless), allowed(&bounded)), (Ok(3), Ok(4))));
    tokio::time::advance(Duration::from_secs(5)).await;
    let next = bed.waiters.sweep(Instant::now(), &mut Vec::new());
    assert_eq!(next, Some(start + Duration::from_secs(60)));
    assert!(matches!(bed.poll(3), Poll::Ready(Answer::Expired(_))));
    assert!(bed.poll(1).is_pending() && bed.poll(2).is_pending());
    tokio::time::advance(Duration::from_secs(55)).await;
    bed.waiters.sweep(Instant::now(), &mut Vec::new());
    assert!(matches!(bed.poll(2), Poll::Ready(Answer::Expired(_))));
    assert!(bed.poll(1).is_pending());
    bed.credit(1, 2, A);
    assert!(matches!(allowed(&endless), Ok(2)));
    assert!(bed.answer(1, success()));
    assert!(bed.poll(1).is_ready());
    bed.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_wants_no_more_items_may_still_answer() {
    let mut bed = bed();
    let stream = bed.stream(1, 5);
    bed.accept_with(1, &wanting("a", 3), A);
    bed.cancelled(1, A);
    assert!(matches!(allowed(&stream), Err(Stop::Unwanted)));
    assert!(bed.poll(1).is_pending());
    assert!(bed.answer(1, success()));
    assert!(matches!(bed.poll(1), Poll::Ready(Answer::Success(_))));
    bed.assert_empty();
    assert!(bed.told().is_empty());
}

#[tokio::test(start_paused = true)]
async fn items_that_cannot_be_sent_fail_the_call_or_the_stream_and_its_instance_is_told() {
    let broken = || Error::new(ErrorKind::PayloadTooLarge, "an item is too large");
    let mut bed = bed();
    let stream = bed.stream(1, 5);
    let mut wake = Vec::new();
    bed.waiters.fail_stream(&stream, broken(), &mut wake);
    assert!(bed.poll(1).is_pending(), "nobody has taken items yet");
    bed.accept_with(1, &wanting("a", 3), A);
    bed.waiters.fail_stream(&stream, broken(), &mut wake);
    assert_eq!((wake.len(), bed.told()), (1, vec![cancel_at(A)]));
    let Poll::Ready(Answer::Lost(error)) = bed.poll(1) else { panic!("it has failed") };
    assert_eq!(error.kind(), ErrorKind::PayloadTooLarge);
    bed.waiters.fail_stream(&stream, broken(), &mut wake);
    assert!(bed.told().is_empty(), "once");
    bed.assert_empty();

    let stream = bed.open(2);
    bed.item(2, 0, A);
    bed.waiters.fail_stream(&stream, broken(), &mut wake);
    let (1, Some(Ended::Failed(error))) = taken(&stream) else { panic!("it has failed") };
    assert_eq!((error.kind(), bed.told()), (ErrorKind::PayloadTooLarge, vec![cancel_at(A)]));
    bed.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn an_end_with_an_error_is_the_streams_end() {
    let mut bed = bed();
    let stream = bed.open(1);
    bed.item(1, 0, A);
    bed.end(1, end(0, 500), A);
    assert!(matches!(taken(&stream), (1, Some(Ended::Told(end))) if end.code == 500));
    assert!(bed.told().is_empty());
    bed.assert_empty();
}
