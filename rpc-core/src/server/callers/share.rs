//! What one caller of a server may have, and has.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connection::streams::CreditPool;
use crate::server::admitted::{Admitted, Bound};
use crate::server::limits::Limits;

/// What one caller has taken of a server.
#[derive(Debug)]
pub(in crate::server) struct Caller {
    calls: Admitted,
    streams: Admitted,
    /// One permit for each handler that may run. Who waits for one has none of the server's places.
    places: Arc<Semaphore>,
    /// How many of its handlers run. Those that were begun before they had a place may be more than
    /// there are.
    pub(super) running: AtomicUsize,
    most_running: Bound,
    /// What may be on its way on its streams.
    pub(in crate::server) credit: Arc<CreditPool>,
}

impl Caller {
    /// One with these limits. As long as one of them is reached, that is counted in `crowd`.
    pub(super) fn new(limits: &Limits, crowd: &Arc<AtomicUsize>) -> Self {
        let in_flight = limits.in_flight_of_caller();
        Caller {
            calls: Admitted::of_caller(limits, crowd),
            streams: Admitted::of_streams_of_caller(limits),
            places: Arc::new(Semaphore::new(in_flight.min(Semaphore::MAX_PERMITS))),
            running: AtomicUsize::new(0),
            most_running: Bound::watched(in_flight, crowd),
            credit: Arc::new(CreditPool::new(limits.of_caller.credit)),
        }
    }

    /// Where its calls count, or those of them that open streams.
    pub(in crate::server) fn admitted(&self, of_streams: bool) -> &Admitted {
        if of_streams { &self.streams } else { &self.calls }
    }

    /// Whether it is at one of its limits.
    pub(in crate::server) fn is_crowded(&self) -> bool {
        self.most_running.is_reached(self.running.load(Ordering::Relaxed)) || self.calls.is_full()
    }

    /// A place for a handler, once there is one.
    pub(in crate::server) async fn place(self: &Arc<Self>) -> CallerPlace {
        let permit = Arc::clone(&self.places).acquire_owned().await.ok();
        self.take_place(permit)
    }

    /// A place for a handler, if there is one.
    pub(in crate::server) fn try_place(self: &Arc<Self>) -> Option<CallerPlace> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(self.take_place(Some(permit)))
    }

    /// The place of a handler that has begun already, whether there is one or not: it must not
    /// wait, since it may hold what others wait for.
    pub(in crate::server) fn place_of_begun(self: &Arc<Self>) -> CallerPlace {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok();
        self.take_place(permit)
    }

    fn take_place(self: &Arc<Self>, permit: Option<OwnedSemaphorePermit>) -> CallerPlace {
        self.most_running.add(&self.running, 1);
        CallerPlace { caller: Arc::clone(self), _permit: permit }
    }
}

/// Where a handler of a caller runs until this is dropped.
#[derive(Debug)]
pub(in crate::server) struct CallerPlace {
    caller: Arc<Caller>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Drop for CallerPlace {
    fn drop(&mut self) {
        let Caller { running, most_running, .. } = &*self.caller;
        most_running.subtract(running, 1);
    }
}
