//! The receiving half of a direction: what has come and was not taken yet, in order and without gaps.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::outflow::Allowance;
use super::{Flows, Link, Reserved, Window, wait};
use crate::error::{Error, ErrorKind, Execution};
use crate::wire::frame::{Credit, EndFrame, ItemFrame};

/// How long what was taken is kept for oneself: whoever takes little must not look like one who takes nothing.
const GRANT_INTERVAL: Duration = Duration::from_millis(250);

/// So many bytes that were taken are granted at once, even if that is less than half of a large
/// window: the other side counts them as on their way until then, and a server bounds that.
const GRANT: u32 = 64 * 1024;

/// Of the items that are taken without a grant, the first ones and then each of so many have a look at the clock: that costs as much as a small item.
const LOOK: u32 = 16;

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
    /// What of that was granted before half of the window was taken.
    early: Credit,
    /// What its taker has taken and not granted, as long as it waits.
    owed: Credit,
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
            early: Credit::default(),
            owed: Credit::default(),
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

    /// Takes all that has come, or the end once there is nothing else. If the window has grown,
    /// says by how much. What was `taken` and not granted is left here while there is nothing.
    fn poll_take(
        &self,
        cx: &Context<'_>,
        into: &mut VecDeque<Bytes>,
        taken: &mut Credit,
        window: &mut Window,
    ) -> Poll<Result<Option<Credit>, Ended>> {
        let mut state = self.lock();
        *taken = taken.and(std::mem::take(&mut state.owed));
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
        state.owed = std::mem::take(taken);
        let replaced = wait(&mut state.waker, cx);
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    fn grant(&self, credit: Credit, is_early: bool) {
        self.lock().grant(credit, is_early);
    }

    /// Grants what was taken by one who waits for more since then: the sender may wait as well, if
    /// it is not allowed to have a whole window on its way. Returns what it has to be told.
    pub(crate) fn grant_owed(&self) -> Option<Credit> {
        let mut state = self.lock();
        let owed = std::mem::take(&mut state.owed);
        if owed.messages == 0 || state.ended.is_some() {
            return None;
        }
        state.grant(owed, false);
        Some(owed)
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

    /// The sender may send more. Until half of the window was granted early, that does not count
    /// where it is asked whether the window is large enough.
    fn grant(&mut self, credit: Credit, is_early: bool) {
        self.granted.add(credit);
        let early = self.early.and(credit);
        let goes_on = is_early && !is_half(early, self.reserved.window());
        self.early = if goes_on { early } else { Credit::default() };
    }

    /// Makes the window larger if it is what the taker has waited for: most of it was on its way. One who is slower than the sender never waits.
    fn grow(&mut self) -> Option<Credit> {
        let Window { messages, bytes } = self.reserved.window();
        let Credit { messages: early_messages, bytes: early_bytes } = self.early;
        let is_used = self.granted.messages - i64::from(early_messages) <= i64::from(messages / 2)
            || self.granted.bytes - i64::from(early_bytes) <= i64::from(bytes / 2);
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
    /// What was taken since the sender was told, and when that was.
    taken: Credit,
    granted: Instant,
}

impl Taker {
    pub(crate) fn new(flows: Arc<Flows>) -> Self {
        let (here, taken, granted) = (VecDeque::new(), Credit::default(), Instant::now());
        Taker { flows, window: Window::NONE, here, taken, granted }
    }

    /// The next item, or the end.
    pub(crate) fn poll_next(&mut self, cx: &Context<'_>, link: &Link) -> Poll<Result<Bytes, Ended>> {
        if self.here.is_empty() {
            let Taker { flows, here, taken, window, .. } = self;
            match ready!(flows.inflow.poll_take(cx, here, taken, window)) {
                Ok(None) => {}
                Ok(Some(more)) => link.grant(more),
                Err(ended) => return Poll::Ready(Err(ended)),
            }
        }
        let Some(body) = self.here.pop_front() else { return Poll::Ready(Err(Ended::Complete)) };
        let bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        self.taken = self.taken.and(Credit { messages: 1, bytes });
        if let Some(is_early) = self.grant_due() {
            let more = std::mem::take(&mut self.taken);
            self.flows.inflow.grant(more, is_early);
            link.grant(more);
        }
        Poll::Ready(Ok(body))
    }

    /// Whether the sender has to be told what was taken: half of the window, many bytes, or
    /// anything for a while. The second comes early.
    fn grant_due(&mut self) -> Option<bool> {
        let (taken, window) = (self.taken, self.window);
        let is_half = is_half(taken, window);
        let is_due = is_half || taken.bytes >= GRANT;
        if is_due || taken.messages < LOOK || taken.messages.is_multiple_of(LOOK) {
            let now = Instant::now();
            if is_due || now.duration_since(self.granted) >= GRANT_INTERVAL {
                self.granted = now;
                return Some(is_due && !is_half);
            }
        }
        None
    }
}

/// Whether so much is half of a window, or more.
fn is_half(credit: Credit, window: Window) -> bool {
    credit.messages >= window.messages.div_ceil(2) || credit.bytes >= window.bytes / 2
}
