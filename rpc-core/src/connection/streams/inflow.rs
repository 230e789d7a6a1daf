//! The receiving half of a direction: what has come and was not taken yet, in order and without gaps.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;

use super::outflow::Allowance;
use super::{Flows, Link, Reserved, Window};
use crate::error::{Error, ErrorKind, Execution};
use crate::wire::frame::{Credit, EndFrame, ItemFrame};

/// What has come. It is bounded by what the sender was granted.
#[derive(Debug)]
pub(crate) struct Inflow(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Room for what comes.
    reserved: Reserved,
    items: VecDeque<Bytes>,
    /// The number of the next item.
    next: u64,
    /// What the sender may still send.
    granted: Allowance,
    ended: Option<Ended>,
    /// Whether its taker had to wait for what comes next.
    is_awaited: bool,
    waker: Option<Waker>,
}

/// How the direction has ended.
#[derive(Debug, Clone)]
pub(crate) enum Ended {
    Complete,
    /// With an error that the sender has told.
    Told(Arc<EndFrame>),
    Failed(Error),
}

/// What the sender did that it must not do, or what was lost on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Gap {
        expected: u64,
        came: u64,
    },
    /// More came than was granted.
    Overrun,
}

impl Fault {
    fn to_error(self) -> Error {
        match self {
            Fault::Gap { expected, came } => Error::new(
                ErrorKind::DataLoss,
                format!("a part of the stream is lost: item {came} came where {expected} had to come"),
            ),
            Fault::Overrun => {
                Error::new(ErrorKind::Protocol, "more came on the stream than its sender was allowed to send")
            }
        }
        .with_execution(Execution::Executed)
    }
}

impl Inflow {
    pub(super) fn new(reserved: Reserved) -> Self {
        let mut granted = Allowance::default();
        granted.add(reserved.window().credit());
        Inflow(Mutex::new(State {
            reserved,
            items: VecDeque::new(),
            next: 0,
            granted,
            ended: None,
            is_awaited: false,
            waker: None,
        }))
    }

    /// What the sender is granted at first.
    pub(crate) fn first_credit(&self) -> Credit {
        self.lock().reserved.window().credit()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds items. One that has come before is passed over, as is all that comes after the end.
    pub(super) fn push(
        &self,
        items: impl Iterator<Item = ItemFrame>,
        wake: &mut Vec<Waker>,
    ) -> Result<(), Fault> {
        let mut state = self.lock();
        let mut taken = Ok(());
        for item in items {
            // All of them are taken out of the message, whatever becomes of them.
            if state.ended.is_none()
                && let Err(fault) = state.push(item)
            {
                state.ended = Some(Ended::Failed(fault.to_error()));
                taken = Err(fault);
            }
        }
        if state.ended.is_some() || !state.items.is_empty() {
            wake.extend(state.waker.take());
        }
        taken
    }

    /// Ends the direction as its sender says.
    pub(super) fn end(&self, end: EndFrame, wake: &mut Vec<Waker>) -> Result<(), Fault> {
        let mut state = self.lock();
        if state.ended.is_some() {
            return Ok(());
        }
        let gap = (end.seq > state.next).then(|| Fault::Gap { expected: state.next, came: end.seq });
        state.ended = Some(match gap {
            Some(fault) => Ended::Failed(fault.to_error()),
            None if end.code == 0 => Ended::Complete,
            None => Ended::Told(Arc::new(end)),
        });
        wake.extend(state.waker.take());
        gap.map_or(Ok(()), Err)
    }

    /// Ends the direction, unless it has ended. What has come before can still be taken.
    pub(crate) fn fail(&self, error: Error) -> Option<Waker> {
        let mut state = self.lock();
        state.ended.get_or_insert(Ended::Failed(error));
        state.waker.take()
    }

    /// Whether nothing more comes.
    pub(crate) fn has_ended(&self) -> bool {
        self.lock().ended.is_some()
    }

    /// Takes all that has come, or the end once there is nothing else. If the window has grown, says by how much.
    fn poll_take(
        &self,
        cx: &Context<'_>,
        into: &mut VecDeque<Bytes>,
        window: &mut Window,
    ) -> Poll<Result<Option<Credit>, Ended>> {
        let mut replaced = None;
        let mut state = self.lock();
        if !state.items.is_empty() {
            std::mem::swap(&mut state.items, into);
            let more = state.grow();
            *window = state.reserved.window();
            return Poll::Ready(Ok(more));
        }
        if let Some(ended) = &state.ended {
            return Poll::Ready(Err(ended.clone()));
        }
        state.is_awaited = true;
        if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            replaced = state.waker.replace(cx.waker().clone());
        }
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    fn grant(&self, credit: Credit) {
        self.lock().granted.add(credit);
    }
}

impl State {
    fn push(&mut self, item: ItemFrame) -> Result<(), Fault> {
        let ItemFrame { seq, body } = item;
        if seq < self.next {
            return Ok(());
        }
        if seq > self.next {
            return Err(Fault::Gap { expected: self.next, came: seq });
        }
        if !self.granted.is_enough() {
            return Err(Fault::Overrun);
        }
        self.next += 1;
        self.granted.take(body.len());
        self.items.push_back(body);
        Ok(())
    }

    /// Makes the window larger if it is what the taker has waited for: most of it was on its way. One who is slower than the sender never waits.
    fn grow(&mut self) -> Option<Credit> {
        let Window { messages, bytes } = self.reserved.window();
        let is_used =
            self.granted.messages <= i64::from(messages / 2) || self.granted.bytes <= i64::from(bytes / 2);
        if !std::mem::take(&mut self.is_awaited) || !is_used || self.ended.is_some() {
            return None;
        }
        let more = self.reserved.grow()?;
        self.granted.add(more);
        Some(more)
    }
}

/// Takes the items of a direction one by one, and lets its sender send as many more.
#[derive(Debug)]
pub(crate) struct Taker {
    flows: Arc<Flows>,
    /// How large the window is.
    window: Window,
    /// Taken out together, so that not each costs a lock.
    here: VecDeque<Bytes>,
    /// What was taken since the sender was told.
    taken: Credit,
}

impl Taker {
    pub(crate) fn new(flows: Arc<Flows>) -> Self {
        Taker { flows, window: Window::NONE, here: VecDeque::new(), taken: Credit::default() }
    }

    /// The next item, or the end.
    pub(crate) fn poll_next(&mut self, cx: &Context<'_>, link: &Link) -> Poll<Result<Bytes, Ended>> {
        if self.here.is_empty() {
            match ready!(self.flows.inflow.poll_take(cx, &mut self.here, &mut self.window)) {
                Ok(None) => {}
                Ok(Some(more)) => link.grant(more),
                Err(ended) => return Poll::Ready(Err(ended)),
            }
        }
        let Some(body) = self.here.pop_front() else { return Poll::Ready(Err(Ended::Complete)) };
        self.taken.messages = self.taken.messages.saturating_add(1);
        let bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        self.taken.bytes = self.taken.bytes.saturating_add(bytes);
        let Window { messages, bytes } = self.window;
        if self.taken.messages >= messages.div_ceil(2) || self.taken.bytes >= bytes / 2 {
            let more = std::mem::take(&mut self.taken);
            self.flows.inflow.grant(more);
            link.grant(more);
        }
        Poll::Ready(Ok(body))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Windows;
    use super::*;

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
            match inflow.poll_take(&Context::from_waker(Waker::noop()), &mut some, &mut Window::default()) {
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
                        .poll_take(&Context::from_waker(&waker), &mut VecDeque::new(), &mut Window::default())
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
        let (connection, to, from) = (broker.connect(), "lab._ctl.a.7".into(), "_INBOX.x._a".into());
        let link = Link { connection, to, from, id: crate::wire::frame::Id::new(7) };
        (Taker::new(Arc::new(Flows::new(Windows::default().reserve(window).unwrap()))), link, granted)
    }

    /// What was granted since; on an in-process broker, all that was sent is there.
    fn grants(granted: &mut crate::connection::Subscription) -> Vec<(u32, u32)> {
        use crate::wire::frame::{Frame, Frames};
        use futures_util::{FutureExt, StreamExt};
        let messages = std::iter::from_fn(|| granted.next().now_or_never().flatten());
        let frames = messages.flat_map(|message| {
            Frames::new(&message.payload).unwrap().map(Result::unwrap).collect::<Vec<_>>()
        });
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
}
