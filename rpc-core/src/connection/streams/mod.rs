//! Open streams, as the frames that come for them see them: what has come, and what may leave.

mod inflow;
mod link;
mod meter;
mod outflow;
mod pump;
mod windows;

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

pub(crate) use self::inflow::{Ended, Fault, Inflow, Taker};
pub(crate) use self::link::Link;
pub(crate) use self::meter::CreditPool;
pub(crate) use self::outflow::{Allowance, Outflow, Stop};
pub(crate) use self::pump::{Finished, Pump, Written};
pub(crate) use self::windows::{Reserved, Window, Windows};
use crate::error::Error;
use crate::wire::frame::{EndFrame, ItemFrame};

/// How long a receiver may take nothing, unless something else is chosen.
pub(crate) const STREAM_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Leaves a waker. The one that was there may own a task, and must not be dropped under a lock.
#[must_use]
fn wait(place: &mut Option<Waker>, cx: &Context<'_>) -> Option<Waker> {
    if place.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        return None;
    }
    place.replace(cx.waker().clone())
}

/// Both directions of one stream. One that carries no items has a window of nothing.
#[derive(Debug)]
pub(crate) struct Flows {
    /// What the other side sends.
    pub(crate) inflow: Inflow,
    /// What the other side lets us send.
    pub(crate) outflow: Outflow,
}

impl Flows {
    /// What comes has as much room as is reserved.
    pub(crate) fn new(reserved: Reserved) -> Self {
        Flows { inflow: Inflow::new(reserved), outflow: Outflow::default() }
    }

    /// The same at a server: what leaves is bounded by what all streams of the caller may have on
    /// their way.
    pub(crate) fn metered(reserved: Reserved, pool: &Arc<CreditPool>) -> Self {
        Flows { inflow: Inflow::new(reserved), outflow: Outflow::metered(Arc::clone(pool)) }
    }

    /// Takes items in. A fault ends the direction, and the other side has to be told.
    pub(crate) fn take_items(
        &self,
        items: impl Iterator<Item = ItemFrame>,
        wake: &mut Vec<Waker>,
    ) -> Result<(), Fault> {
        self.inflow.push(items, wake)
    }

    /// Takes in that there are no more items.
    pub(crate) fn take_end(&self, end: EndFrame, wake: &mut Vec<Waker>) -> Result<(), Fault> {
        self.inflow.end(end, wake)
    }

    /// Ends both directions: nothing more comes, and nothing is to be sent.
    pub(crate) fn fail(&self, error: &Error, wake: &mut Vec<Waker>) {
        wake.extend(self.inflow.fail(error.clone()));
        wake.extend(self.outflow.stop(Stop::Failed(error.clone())));
    }
}
