//! Items leave in order, together where they can, and never more than the receiver lets them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::*;
use crate::connection::Subscription;
use crate::connection::memory::Broker;
use crate::wire::frame::{Credit, Frame, Frames, Id};

const IDLE: Duration = Duration::from_secs(60);
const PLENTY: Credit = Credit { messages: 1_000_000, bytes: u32::MAX };
/// What an item's frame has beside its body, as long as its number fits a byte.
const FRAME: usize = 18;

/// A sender, and where its messages arrive.
struct Bed {
    outflow: Arc<Outflow>,
    link: Link,
    arrivals: Subscription,
}

async fn bed(max_payload: usize) -> Bed {
    let broker = Broker::builder().max_payload(max_payload).build();
    let (connection, receiver) = (broker.connect(), broker.connect());
    let arrivals = receiver.subscribe("lab._ctl.a.7", None).await.unwrap();
    let (to, from) = ("lab._ctl.a.7".into(), Some("_INBOX.x._a".into()));
    Bed { outflow: Arc::default(), link: Link { connection, to, from, id: Id::new(7) }, arrivals }
}

type Sent = JoinHandle<(Finished, u64)>;

impl Bed {
    /// Begins to send what a stream has.
    fn send<S: Stream<Item: AsRef<[u8]> + Send> + Send + 'static>(&self, items: S) -> Sent {
        self.send_with(items, Allowance::default(), |item, bytes| {
            bytes.extend_from_slice(item.as_ref());
            Ok(Written::Value)
        })
    }

    fn send_with<S: Stream<Item: Send> + Send + 'static>(
        &self,
        items: S,
        left: Allowance,
        write: fn(S::Item, &mut BytesMut) -> Result<Written, Error>,
    ) -> Sent {
        let (outflow, link) = (Arc::clone(&self.outflow), self.link.clone());
        tokio::spawn(async move {
            let mut pump = Pump::new(&outflow, &link, IDLE, left);
            let finished = pump.run(std::pin::pin!(items), write).await;
            (finished, pump.sent())
        })
    }

    fn grant(&self, messages: u32, bytes: u32) {
        self.outflow.grant(Credit { messages, bytes }).into_iter().for_each(std::task::Waker::wake);
    }

    fn stop(&self, stop: Stop) {
        self.outflow.stop(stop).into_iter().for_each(std::task::Waker::wake);
    }

    /// The items of the next message: their numbers and bodies. `None` if there is none: the clock moves only when there is
    /// nothing else to do.
    async fn next(&mut self) -> Option<Vec<(u64, Bytes)>> {
        let next = timeout(Duration::from_millis(1), self.arrivals.next()).await;
        let message = next.ok()?.unwrap();
        assert_eq!(message.reply.as_deref(), Some("_INBOX.x._a"));
        let items = Frames::new(&message.payload).unwrap().map(|frame| match frame.unwrap() {
            Frame::Item(id, item) => {
                assert_eq!(id.own(), Some(7));
                (item.seq, item.body)
            }
            other => panic!("{other:?}"),
        });
        Some(items.collect())
    }

    /// The numbers of the items of all messages that come.
    async fn numbers(&mut self) -> Vec<Vec<u64>> {
        let mut messages = Vec::new();
        while let Some(message) = self.next().await {
            messages.push(message.into_iter().map(|(seq, _)| seq).collect());
        }
        messages
    }
}

/// A stream of what is put into it.
fn channel() -> (mpsc::UnboundedSender<&'static str>, impl Stream<Item = &'static str>) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    (sender, stream::poll_fn(move |cx| receiver.poll_recv(cx)))
}

/// So many items, and how many of them were asked for.
fn counted(count: usize) -> (Arc<AtomicUsize>, impl Stream<Item = &'static str>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&asked);
    let items = stream::iter(0..count).map(move |_| {
        counting.fetch_add(1, Ordering::Relaxed);
        "item"
    });
    (asked, items)
}

#[tokio::test(start_paused = true)]
async fn items_that_are_ready_share_messages_of_512() {
    let mut bed = bed(1024 * 1024).await;
    bed.outflow.grant(PLENTY);
    let sent = bed.send(stream::iter((0..1200_u32).map(u32::to_be_bytes)));
    for (first, count) in [(0, 512), (512, 512), (1024, 176)] {
        let message = bed.next().await.unwrap();
        let expected = (first..first + count).map(|n: u32| (u64::from(n), n.to_be_bytes().to_vec().into()));
        assert_eq!(message, expected.collect::<Vec<(u64, Bytes)>>());
    }
    assert!(bed.next().await.is_none());
    assert!(matches!(sent.await.unwrap(), (Finished::Complete, 1200)));
}

#[tokio::test(start_paused = true)]
async fn a_message_is_full_at_64_kib() {
    let mut bed = bed(1024 * 1024).await;
    bed.outflow.grant(PLENTY);
    let sent = bed.send(stream::iter((0..20).map(|_| [7; 10_000])));
    let messages = bed.numbers().await;
    assert_eq!(messages.iter().map(Vec::len).collect::<Vec<_>>(), [6, 6, 6, 2]);
    assert_eq!(messages.concat(), (0..20).collect::<Vec<u64>>());
    assert!(matches!(sent.await.unwrap(), (Finished::Complete, 20)));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ready_is_not_waited_for() {
    let mut bed = bed(1000).await;
    bed.outflow.grant(PLENTY);
    let (items, stream) = channel();
    let sent = bed.send(stream);
    assert!(bed.next().await.is_none());
    ["a", "b"].into_iter().for_each(|item| items.send(item).unwrap());
    assert_eq!(bed.next().await.unwrap(), [(0, "a".into()), (1, "b".into())]);
    items.send("c").unwrap();
    assert_eq!(bed.next().await.unwrap(), [(2, "c".into())]);
    drop(items);
    assert!(matches!(sent.await.unwrap(), (Finished::Complete, 3)));
}

#[tokio::test(start_paused = true)]
async fn no_more_items_are_asked_for_than_may_leave() {
    let mut bed = bed(1000).await;
    let (asked, items) = counted(6);
    let sent = bed.send(items);
    assert_eq!(bed.numbers().await, [[0; 0]; 0]);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    bed.grant(3, 1000);
    assert_eq!(bed.numbers().await, [[0, 1, 2]]);
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    bed.grant(2, 0);
    assert_eq!(bed.numbers().await, [[3, 4]]);
    bed.grant(1, 0);
    assert_eq!(bed.numbers().await, [[5]]);
    // That there are no more, only another one could tell.
    bed.grant(1, 0);
    assert!(matches!(sent.await.unwrap(), (Finished::Complete, 6)));
}

#[tokio::test(start_paused = true)]
async fn no_more_bytes_leave_than_are_granted_but_for_the_last_item() {
    let mut bed = bed(1000).await;
    let (asked, items) = counted(6);
    let _sent = bed.send(items);
    bed.grant(100, 9);
    // Four bytes each: the third is two bytes more than there are, but for one.
    assert_eq!(bed.numbers().await, [[0, 1, 2]]);
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    bed.grant(0, 3);
    assert!(bed.next().await.is_none(), "what was in debt is paid, and no more");
    bed.grant(0, 1);
    assert_eq!(bed.numbers().await, [[3]]);
    bed.grant(0, 3);
    assert!(bed.next().await.is_none());
    bed.grant(0, 5);
    assert_eq!(bed.numbers().await, [[4, 5]]);
}

#[tokio::test(start_paused = true)]
async fn what_was_granted_before_is_used_and_credit_that_comes_meanwhile_too() {
    let mut bed = bed(1000).await;
    bed.outflow.grant(Credit { messages: 1, bytes: 0 });
    let write = |item: &str, bytes: &mut BytesMut| {
        bytes.extend_from_slice(item.as_bytes());
        Ok(Written::Value)
    };
    let items = stream::iter(["a", "b", "c", "d"]);
    let _sent = bed.send_with(items, Allowance { messages: 2, bytes: 100 }, write);
    assert_eq!(bed.numbers().await, [[0, 1, 2]], "in one message");
}

#[tokio::test(start_paused = true)]
async fn an_item_that_no_longer_fits_begins_the_next_message() {
    let limit = 2 + 2 * FRAME + 50;
    let mut bed = bed(limit).await;
    bed.outflow.grant(PLENTY);
    let sizes = [20, 30, 31, 1, 20, 60, 67, 68, 2];
    let sent = bed.send(stream::iter(sizes.map(|size| vec![7_u8; size])));
    let mut messages = Vec::new();
    while let Some(message) = bed.next().await {
        let numbers: Vec<u64> = message.iter().map(|(seq, _)| *seq).collect();
        let bytes: usize = message.iter().map(|(_, body)| FRAME + body.len()).sum();
        assert!(2 + bytes <= limit, "{numbers:?}: {bytes} bytes");
        for (seq, body) in message {
            assert_eq!(body.len(), sizes[usize::try_from(seq).unwrap()]);
        }
        messages.push(numbers);
    }
    // The third does not fit behind the first two by a byte, and begins the next message.
    assert_eq!(messages, [&[0, 1][..], &[2, 3], &[4], &[5], &[6], &[7], &[8]]);
    assert!(matches!(sent.await.unwrap(), (Finished::Complete, 9)));
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_carried_over_counts_against_the_credit() {
    let mut bed = bed(100).await;
    bed.grant(2, 1000);
    let sent = bed.send(stream::iter([20, 70, 1].map(|size| vec![7_u8; size])));
    assert_eq!(bed.numbers().await, [[0], [1]]);
    bed.grant(1, 0);
    assert_eq!(bed.numbers().await, [[2]]);
    bed.grant(1, 0);
    assert!(matches!(sent.await.unwrap(), (Finished::Complete, 3)));
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_too_large_ends_the_stream_after_those_before_it() {
    let mut bed = bed(100).await;
    bed.outflow.grant(PLENTY);
    let sizes = [10, 100 - 2 - FRAME, 100 - 2 - FRAME + 1, 1];
    let sent = bed.send(stream::iter(sizes.map(|size| vec![7_u8; size])));
    assert_eq!(bed.numbers().await, [[0], [1]], "to the byte");
    let (Finished::Failed(error), 2) = sent.await.unwrap() else { panic!("it cannot be sent") };
    assert_eq!((error.kind(), error.execution()), (ErrorKind::PayloadTooLarge, Execution::Executed));

    let mut bed = self::bed(100).await;
    bed.outflow.grant(PLENTY);
    let sent = bed.send(stream::iter([1, 2, 1000, 1].map(|size| vec![7_u8; size])));
    assert_eq!(bed.numbers().await, [[0, 1]]);
    assert!(matches!(sent.await.unwrap(), (Finished::Failed(_), 2)));
}

#[tokio::test(start_paused = true)]
async fn an_item_that_cannot_be_encoded_ends_the_stream_after_those_before_it() {
    let mut bed = bed(1000).await;
    bed.outflow.grant(PLENTY);
    let items = stream::iter(["a", "b", "", "c"]);
    let sent = bed.send_with(items, Allowance::default(), |item: &str, bytes| {
        bytes.extend_from_slice(item.as_bytes());
        if item.is_empty() {
            bytes.extend_from_slice(b"half of it");
            return Err(Error::not_executed(ErrorKind::InvalidArgument, "what is this"));
        }
        Ok(Written::Value)
    });
    assert_eq!(bed.next().await.unwrap(), [(0, "a".into()), (1, "b".into())]);
    let (Finished::Failed(error), 2) = sent.await.unwrap() else { panic!("it has failed") };
    assert_eq!((error.kind(), error.execution()), (ErrorKind::InvalidArgument, Execution::Executed));
}

#[tokio::test(start_paused = true)]
async fn the_services_own_error_is_the_last_item_and_none_of_the_items() {
    for before in [0, 2] {
        let mut bed = bed(1000).await;
        bed.outflow.grant(PLENTY);
        let items = (0..before).map(|_| Ok("item")).chain([Err("no more"), Ok("never")]);
        let items = stream::iter(items.collect::<Vec<Result<&str, &str>>>());
        let sent = bed.send_with(items, Allowance::default(), |item, bytes| match item {
            Ok(item) => {
                bytes.extend_from_slice(item.as_bytes());
                Ok(Written::Value)
            }
            Err(error) => {
                bytes.extend_from_slice(b"encoded");
                Ok(Written::Error(error.into()))
            }
        });
        let expected: Vec<Vec<u64>> = if before == 0 { Vec::new() } else { vec![(0..before).collect()] };
        assert_eq!(bed.numbers().await, expected);
        let (Finished::Error { message, body }, count) = sent.await.unwrap() else { panic!("an error") };
        assert_eq!((&*message, &body[..], count), ("no more", &b"encoded"[..], before));
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_takes_nothing_for_too_long_ends_the_stream() {
    let bed = bed(1000).await;
    let start = Instant::now();
    let sent = bed.send(stream::repeat("item"));
    tokio::time::sleep(IDLE - Duration::from_millis(1)).await;
    bed.grant(1, 1000);
    let (Finished::Failed(error), 1) = sent.await.unwrap() else { panic!("nobody takes anything") };
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    let waited = start.elapsed();
    // From the last item on, not from the first.
    assert!(waited >= 2 * IDLE - Duration::from_millis(2) && waited < 2 * IDLE + IDLE / 10, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_has_nothing_to_send_may_take_its_time() {
    let mut bed = bed(1000).await;
    bed.outflow.grant(PLENTY);
    let (items, stream) = channel();
    let _sent = bed.send(stream);
    tokio::time::sleep(10 * IDLE).await;
    items.send("late").unwrap();
    assert_eq!(bed.next().await.unwrap(), [(0, "late".into())]);
}

#[tokio::test(start_paused = true)]
async fn who_is_stopped_sends_no_more_whatever_it_waits_for() {
    let gone = || Stop::Failed(Error::new(ErrorKind::Unavailable, "gone"));
    // For its stream, having sent something or nothing.
    for before in [&[][..], &["a"]] {
        let mut bed = bed(1000).await;
        bed.outflow.grant(PLENTY);
        let (items, stream) = channel();
        let sent = bed.send(stream);
        before.iter().for_each(|item| items.send(item).unwrap());
        assert_eq!(bed.numbers().await.concat().len(), before.len());
        // Credit that comes meanwhile takes the waker with it.
        bed.grant(1, 1);
        assert!(bed.next().await.is_none());
        bed.stop(Stop::Unwanted);
        let (Finished::Stopped(Stop::Unwanted), _) = sent.await.unwrap() else { panic!("it is stopped") };
        assert!(items.is_closed(), "the stream is dropped");
    }
    // For credit.
    let mut bed = bed(1000).await;
    let sent = bed.send(stream::repeat("item"));
    assert!(bed.next().await.is_none());
    bed.stop(gone());
    assert!(matches!(sent.await.unwrap(), (Finished::Stopped(Stop::Failed(_)), 0)));
    // For nothing: its stream is always ready, and it may send all of it.
    let bed = self::bed(1024 * 1024).await;
    bed.outflow.grant(PLENTY);
    let sent = bed.send(stream::repeat("item"));
    yield_now().await;
    bed.stop(gone());
    assert!(matches!(sent.await.unwrap(), (Finished::Stopped(Stop::Failed(_)), 1..)));
    // Before it has begun.
    let bed = self::bed(1000).await;
    bed.outflow.grant(PLENTY);
    bed.stop(Stop::Unwanted);
    let (asked, items) = counted(1);
    assert!(matches!(bed.send(items).await.unwrap(), (Finished::Stopped(Stop::Unwanted), 0)));
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

/// What is posted goes through the outbox, with others that go to the same place.
#[tokio::test(start_paused = true)]
async fn order_is_kept_on_the_way_through_the_outbox_and_messages_stay_within_their_limits() {
    let mut bed = bed(4000).await;
    let connection = bed.link.connection.clone();
    connection.inbox().start(&connection).await.unwrap();
    bed.outflow.grant(PLENTY);
    let sizes = |n: usize| [1, 900, 30, 3900, 3, 2500, 2500, 7][n % 8];
    let sent = bed.send(stream::iter((0..5000).map(move |n| vec![7_u8; sizes(n)])));
    let mut expected = 0;
    while let Some(message) = bed.next().await {
        assert!(message.len() <= MAX_FRAMES);
        for (seq, body) in message {
            assert_eq!((seq, body.len()), (expected, sizes(usize::try_from(seq).unwrap())));
            expected += 1;
        }
    }
    assert_eq!(expected, 5000);
    assert!(matches!(sent.await.unwrap(), (Finished::Complete, 5000)));
}

#[tokio::test(start_paused = true)]
async fn the_items_of_a_stream_share_messages_with_those_of_others_up_to_512() {
    let mut bed = bed(1024 * 1024).await;
    let connection = bed.link.connection.clone();
    connection.inbox().start(&connection).await.unwrap();
    // Two messages of 300 are too many for one.
    for _ in 0..2 {
        bed.outflow = Arc::default();
        bed.outflow.grant(Credit { messages: 301, bytes: u32::MAX });
        drop(bed.send(stream::iter((0..300_u32).map(u32::to_be_bytes))));
    }
    let messages = bed.numbers().await;
    assert_eq!(messages.iter().map(Vec::len).collect::<Vec<_>>(), [300, 300]);
    // Two of 200 are not.
    for _ in 0..2 {
        bed.outflow = Arc::default();
        bed.outflow.grant(Credit { messages: 201, bytes: u32::MAX });
        drop(bed.send(stream::iter((0..200_u32).map(u32::to_be_bytes))));
    }
    let messages = bed.numbers().await;
    assert_eq!(messages.iter().map(Vec::len).collect::<Vec<_>>(), [400]);
}
