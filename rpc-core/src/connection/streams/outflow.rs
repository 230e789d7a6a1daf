//! The sending half of a direction: what the receiver lets us send.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use super::meter::{Back, CreditPool, Meter};
use super::wait;
use crate::error::Error;
use crate::wire::frame::Credit;

/// What the receiver has granted and what was not sent yet. One task sends.
#[derive(Debug, Default)]
pub(crate) struct Outflow(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    granted: Allowance,
    stopped: Option<Stop>,
    waker: Option<Waker>,
    /// At a server: what its caller may have on its way, whatever it grants.
    meter: Option<Box<Meter>>,
}

/// How much may be sent. An item may leave while both are above zero; it may take more bytes than there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Allowance {
    pub(crate) messages: i64,
    pub(crate) bytes: i64,
}

impl Allowance {
    /// Whether an item may leave.
    pub(crate) fn is_enough(self) -> bool {
        self.messages > 0 && self.bytes > 0
    }

    /// Takes an item off.
    pub(crate) fn take(&mut self, bytes: usize) {
        self.messages -= 1;
        self.bytes -= i64::try_from(bytes).unwrap_or(i64::MAX);
    }

    pub(crate) fn add(&mut self, credit: Credit) {
        self.messages = self.messages.saturating_add(i64::from(credit.messages));
        self.bytes = self.bytes.saturating_add(i64::from(credit.bytes));
    }
}

/// Why nothing more is to be sent.
#[derive(Debug, Clone)]
pub(crate) enum Stop {
    /// The receiver wants no more: that is no failure.
    Unwanted,
    Failed(Error),
}

impl Outflow {
    /// One whose receiver shares what may be on its way with its other streams.
    pub(super) fn metered(pool: Arc<CreditPool>) -> Self {
        Outflow(Mutex::new(State { meter: Some(Box::new(Meter::new(pool))), ..State::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The receiver lets us send more. Returns whom to wake.
    pub(crate) fn grant(&self, credit: Credit) -> Option<Waker> {
        // What others wait for is given back, and so dropped, when the lock is released.
        let mut back = Back::default();
        let mut state = self.lock();
        state.granted.add(credit);
        if let Some(meter) = &mut state.meter {
            meter.confirm(credit, &mut back);
        }
        if state.granted.is_enough() { state.waker.take() } else { None }
    }

    /// Nothing more is to be sent; the first reason counts. Returns whom to wake.
    pub(crate) fn stop(&self, stop: Stop) -> Option<Waker> {
        let mut state = self.lock();
        state.stopped.get_or_insert(stop);
        state.waker.take()
    }

    /// Waits until an item may leave. What is `left` of what was taken before is counted, and all
    /// that there is is taken, or as much as a meter lets us.
    pub(crate) fn poll_allowance(&self, cx: &Context<'_>, left: &mut Allowance) -> Poll<Result<(), Stop>> {
        let mut back = Back::default();
        let mut state = self.lock();
        if let Some(stop) = &state.stopped {
            return Poll::Ready(Err(stop.clone()));
        }
        state.take_back(left, &mut back);
        if state.granted.is_enough() && state.poll_give(cx, left, &mut back).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let replaced = wait(&mut state.waker, cx);
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    /// Ready when nothing more is to be sent. Meanwhile there is nothing to send: what is left of
    /// what a meter gave is there for other streams.
    pub(crate) fn poll_idle(&self, cx: &Context<'_>, left: &mut Allowance) -> Poll<Stop> {
        let mut back = Back::default();
        let mut state = self.lock();
        if let Some(stop) = &state.stopped {
            return Poll::Ready(stop.clone());
        }
        if state.meter.is_some() {
            state.take_back(left, &mut back);
        }
        let replaced = wait(&mut state.waker, cx);
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl State {
    fn take_back(&mut self, left: &mut Allowance, back: &mut Back) {
        let left = std::mem::take(left);
        self.granted.messages = self.granted.messages.saturating_add(left.messages);
        self.granted.bytes = self.granted.bytes.saturating_add(left.bytes);
        if let Some(meter) = &mut self.meter {
            meter.settle(left, back);
        }
    }

    /// Hands over what was granted, as far as it may be on its way.
    fn poll_give(&mut self, cx: &Context<'_>, left: &mut Allowance, back: &mut Back) -> Poll<()> {
        *left = match &mut self.meter {
            Some(meter) => ready!(meter.poll_give(cx, self.granted, back)),
            None => self.granted,
        };
        self.granted.messages -= left.messages;
        self.granted.bytes -= left.bytes;
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(outflow: &Outflow, left: &mut Allowance) -> Option<Result<(), Stop>> {
        match outflow.poll_allowance(&Context::from_waker(Waker::noop()), left) {
            Poll::Ready(ready) => Some(ready),
            Poll::Pending => None,
        }
    }

    #[test]
    fn an_item_may_take_more_bytes_than_there_are_and_the_next_one_waits_for_that() {
        let (outflow, mut left) = (Outflow::default(), Allowance::default());
        assert!(poll(&outflow, &mut left).is_none());
        assert!(outflow.grant(Credit { messages: 4, bytes: 10 }).is_some(), "who waits is woken");
        assert!(poll(&outflow, &mut left).is_some());
        left.take(25);
        assert!(!left.is_enough());
        assert!(poll(&outflow, &mut left).is_none());
        assert!(outflow.grant(Credit { messages: 1, bytes: 15 }).is_none(), "still in debt");
        assert!(poll(&outflow, &mut left).is_none());
        assert!(outflow.grant(Credit { messages: 0, bytes: 1 }).is_some());
        assert!(poll(&outflow, &mut left).is_some());
        assert_eq!(left, Allowance { messages: 4, bytes: 1 });
    }

    #[test]
    fn the_first_reason_to_stop_counts() {
        let (outflow, mut left) = (Outflow::default(), Allowance::default());
        outflow.grant(Credit { messages: 4, bytes: 10 });
        outflow.stop(Stop::Unwanted);
        outflow.stop(Stop::Failed(Error::new(crate::ErrorKind::Unavailable, "gone")));
        assert!(matches!(poll(&outflow, &mut left), Some(Err(Stop::Unwanted))));
    }
}
