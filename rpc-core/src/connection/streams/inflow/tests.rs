//! Items are taken in order and once, and nothing is passed over in silence.

use super::*;
use crate::connection::streams::Windows;

fn inflow(messages: u32, bytes: u32) -> Inflow {
    Inflow::new(Windows::default().reserve(Window { messages, bytes }).unwrap())
}

/// Adds one item.
fn push(inflow: &Inflow, seq: u64, text: &'static str) -> Result<(), Fault> {
    inflow.push(item(seq, text), &mut Vec::new())
}

fn item(seq: u64, text: &'static str) -> impl Iterator<Item = ItemFrame> {
    std::iter::once(ItemFrame { seq, body: Bytes::from_static(text.as_bytes()) })
}

fn end(seq: u64) -> EndFrame {
    EndFrame { seq, code: 0, execution: Execution::Executed, message: "".into(), body: None }
}

fn taken(inflow: &Inflow) -> (Vec<Bytes>, Option<Ended>) {
    let (mut all, mut some) = (Vec::new(), VecDeque::new());
    loop {
        match inflow.poll_take(
            &Context::from_waker(Waker::noop()),
            &mut some,
            &mut Credit::default(),
            &mut Window::default(),
        ) {
            Poll::Ready(Ok(_)) => all.extend(some.drain(..)),
            Poll::Ready(Err(ended)) => return (all, Some(ended)),
            Poll::Pending => return (all, None),
        }
    }
}

#[test]
fn items_are_taken_in_order_and_once_and_the_end_comes_last() {
    let (inflow, mut wake) = (inflow(8, 100), Vec::new());
    for (seq, text) in [(0, "a"), (1, "b"), (0, "a"), (1, "b"), (2, "c")] {
        assert_eq!(push(&inflow, seq, text), Ok(()));
    }
    assert_eq!(inflow.end(end(3), &mut wake), Ok(()));
    assert_eq!(push(&inflow, 3, "late"), Ok(()));
    assert!(inflow.fail(Error::new(ErrorKind::Unavailable, "too late")).is_none());
    let (items, ended) = taken(&inflow);
    assert_eq!(items, ["a", "b", "c"]);
    assert!(matches!(ended, Some(Ended::Complete)));
}

#[test]
fn what_is_missing_is_never_passed_over_in_silence() {
    let mut wake = Vec::new();
    let lacking = inflow(8, 100);
    push(&lacking, 0, "a").unwrap();
    assert_eq!(push(&lacking, 2, "c"), Err(Fault::Gap { expected: 1, came: 2 }));
    let (items, ended) = taken(&lacking);
    assert_eq!(items, ["a"], "what came before is there");
    assert!(matches!(ended, Some(Ended::Failed(error)) if error.kind() == ErrorKind::DataLoss));

    let cut = inflow(8, 100);
    push(&cut, 0, "a").unwrap();
    assert_eq!(cut.end(end(2), &mut wake), Err(Fault::Gap { expected: 1, came: 2 }));
}

#[test]
fn more_than_was_granted_is_a_fault_of_the_sender() {
    let few = inflow(1, 100);
    push(&few, 0, "a").unwrap();
    assert_eq!(push(&few, 1, "b"), Err(Fault::Overrun));

    let small = inflow(8, 2);
    push(&small, 0, "abc").unwrap();
    assert_eq!(push(&small, 1, "d"), Err(Fault::Overrun), "the bytes are in debt");
    assert_eq!(push(&inflow(0, 0), 0, "a"), Err(Fault::Overrun));
}

#[test]
fn what_came_before_a_failure_can_still_be_taken_and_the_first_end_counts() {
    let mut wake = Vec::new();
    let failed = inflow(8, 100);
    push(&failed, 0, "a").unwrap();
    failed.fail(Error::new(ErrorKind::Unavailable, "gone"));
    assert!(failed.has_ended());
    assert_eq!(push(&failed, 1, "b"), Ok(()), "passed over");
    assert_eq!(push(&failed, 7, "c"), Ok(()), "as is what would be a gap");
    assert_eq!(failed.end(end(9), &mut wake), Ok(()));
    let (items, ended) = taken(&failed);
    assert_eq!(items, ["a"]);
    assert!(matches!(ended, Some(Ended::Failed(error)) if error.kind() == ErrorKind::Unavailable));

    // An instance that fails does not know how many of its items have left.
    let told = inflow(8, 100);
    push(&told, 0, "a").unwrap();
    told.end(EndFrame { code: 500, message: "oops".into(), ..end(0) }, &mut wake).unwrap();
    let (items, ended) = taken(&told);
    assert_eq!(items, ["a"]);
    assert!(matches!(ended, Some(Ended::Told(end)) if end.code == 500));
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(std::sync::atomic::AtomicUsize);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn who_waits_is_woken_once_by_whatever_comes_first() {
    let causes: [fn(&Inflow, &mut Vec<Waker>); 5] = [
        |inflow, wake| inflow.push(item(0, "a"), wake).unwrap(),
        |inflow, wake| _ = inflow.push(item(1, "b"), wake),
        |inflow, wake| inflow.end(end(0), wake).unwrap(),
        |inflow, wake| _ = inflow.end(end(1), wake),
        |inflow, wake| wake.extend(inflow.fail(Error::new(ErrorKind::Unavailable, "gone"))),
    ];
    for cause in causes {
        let (inflow, woken) = (inflow(8, 100), Arc::new(Woken::default()));
        let waker = Waker::from(Arc::clone(&woken));
        for _ in 0..2 {
            assert!(
                inflow
                    .poll_take(
                        &Context::from_waker(&waker),
                        &mut VecDeque::new(),
                        &mut Credit::default(),
                        &mut Window::default()
                    )
                    .is_pending()
            );
        }
        let mut wake = Vec::new();
        cause(&inflow, &mut wake);
        wake.into_iter().for_each(Waker::wake);
        assert_eq!(woken.0.load(std::sync::atomic::Ordering::Relaxed), 1);
        let mut wake = Vec::new();
        cause(&inflow, &mut wake);
        assert!(wake.is_empty(), "nobody waits");
    }
}

/// A taker of a stream with this window, and where its grants arrive.
async fn taker(window: Window) -> (Taker, Link, crate::connection::Subscription) {
    let broker = crate::connection::memory::Broker::new();
    let granted = broker.connect().subscribe("lab._ctl.a.7", None).await.unwrap();
    let (connection, to, from) = (broker.connect(), "lab._ctl.a.7".into(), Some("_INBOX.x._a".into()));
    let link = Link { connection, to, from, id: crate::wire::frame::Id::new(7) };
    (Taker::new(Arc::new(Flows::new(Windows::default().reserve(window).unwrap()))), link, granted)
}

/// What was granted since; on an in-process broker, all that was sent is there.
fn grants(granted: &mut crate::connection::Subscription) -> Vec<(u32, u32)> {
    use crate::wire::frame::{Frame, Frames};
    use futures_util::{FutureExt, StreamExt};
    let messages = std::iter::from_fn(|| granted.next().now_or_never().flatten());
    let frames = messages
        .flat_map(|message| Frames::new(&message.payload).unwrap().map(Result::unwrap).collect::<Vec<_>>());
    frames
        .map(|frame| match frame {
            Frame::Credit(id, credit) if id.own() == Some(7) => (credit.messages, credit.bytes),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn take(taker: &mut Taker, link: &Link) -> Option<Bytes> {
    match taker.poll_next(&Context::from_waker(Waker::noop()), link) {
        Poll::Ready(item) => Some(item.unwrap()),
        Poll::Pending => None,
    }
}

#[tokio::test]
async fn a_sender_may_send_as_much_again_as_half_of_its_window_was_taken() {
    let (mut few, link, mut granted) = taker(Window { messages: 5, bytes: 1000 }).await;
    for seq in 0..5 {
        few.flows.take_items(item(seq, "ab"), &mut Vec::new()).unwrap();
    }
    let mut all = Vec::new();
    for _ in 0..5 {
        assert_eq!(take(&mut few, &link).unwrap(), "ab");
        all.push(grants(&mut granted));
    }
    assert_eq!(all, [vec![], vec![], vec![(3, 6)], vec![], vec![]]);
    assert!(take(&mut few, &link).is_none());
    // As many as were granted, and no more.
    for seq in 5..8 {
        few.flows.take_items(item(seq, "ab"), &mut Vec::new()).unwrap();
    }
    assert_eq!(few.flows.take_items(item(8, "ab"), &mut Vec::new()), Err(Fault::Overrun));

    let (mut small, link, mut granted) = taker(Window { messages: 100, bytes: 10 }).await;
    for seq in 0..4 {
        small.flows.take_items(item(seq, "abc"), &mut Vec::new()).unwrap();
    }
    assert_eq!(small.flows.take_items(item(4, "a"), &mut Vec::new()), Err(Fault::Overrun), "in debt");
    let mut all = Vec::new();
    for _ in 0..4 {
        take(&mut small, &link).unwrap();
        all.push(grants(&mut granted));
    }
    assert_eq!(all, [vec![], vec![(2, 6)], vec![], vec![(2, 6)]]);
}

/// However small the window is: a sender that waits for credit, all of whose items were taken, gets some.
#[tokio::test]
async fn no_window_is_too_small_to_go_on() {
    for (messages, bytes) in [(1, 1), (1, 1000), (2, 1), (3, 2), (1000, 1), (7, 3)] {
        let (mut taker, link, mut granted) = taker(Window { messages, bytes }).await;
        let mut allowance = Allowance::default();
        allowance.add(taker.flows.inflow.first_credit());
        for seq in 0..50 {
            // Else a task that polls as often as this is put off.
            tokio::task::yield_now().await;
            assert!(allowance.is_enough(), "{messages} items, {bytes} bytes: stuck before item {seq}");
            taker.flows.take_items(item(seq, "ab"), &mut Vec::new()).unwrap();
            allowance.take(2);
            if !allowance.is_enough() {
                while take(&mut taker, &link).is_some() {}
                let credit = |(messages, bytes)| Credit { messages, bytes };
                grants(&mut granted).into_iter().for_each(|more| allowance.add(credit(more)));
            }
        }
    }
}
