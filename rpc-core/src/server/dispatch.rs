//! Where a handler runs: in a task of its own, or in the task that received the call.

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use bytes::Bytes;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::Shared;
use super::admitted::{Admitted, Held, Quota};
use super::callers::{Caller, CallerPlace};
use super::deploy::DeployedMethod;
use super::pace::Pace;
use super::peers::Peers;
use super::receive::Turn;
use super::replies::Dispatch;
use super::running::Running;
use super::stats::Stats;
use super::taken::{End, Taken};
use crate::connection::Subject;
use crate::service::{Handler, Method, ServiceDescriptor};
use crate::wire::template::Places;

/// A method with what serves it.
pub(super) struct Endpoint {
    pub(super) shared: Arc<Shared>,
    pub(super) stats: Arc<Stats>,
    pub(super) service: &'static ServiceDescriptor,
    pub(super) method: Method,
    /// Where the values of parameters are in the subjects of its calls, if there are any.
    pub(super) places: Option<Arc<Places>>,
    pub(super) handler: Handler,
    pub(super) pace: Pace,
    /// Those who have calls of its service open.
    pub(super) peers: Arc<Peers>,
    /// What it may take on, if it has limits of its own.
    pub(super) quota: Option<Arc<Quota>>,
}

impl Endpoint {
    pub(super) fn new(
        shared: Arc<Shared>,
        service: &'static ServiceDescriptor,
        method: DeployedMethod,
        peers: Arc<Peers>,
    ) -> Self {
        let DeployedMethod { method, places, handler, limits, stats, .. } = method;
        let quota = limits.map(|limits| Arc::new(Quota::new(&limits)));
        // A method that has to be limited is not one of the cheap ones.
        let is_spawned = method.is_spawned() || method.kind().is_streaming() || quota.is_some();
        let pace = if is_spawned { Pace::Spawned } else { Pace::measured() };
        Endpoint { shared, stats, service, method, places, handler, pace, peers, quota }
    }

    /// A place for a handler: those of its method and of its caller first, since who waits for them
    /// has none of the server's.
    pub(super) async fn place(&self, caller: Option<&Arc<Caller>>) -> Place<'_> {
        // Streams may last: they are counted apart, and take no places from calls.
        let lasts = self.method.kind().is_streaming();
        let (own, of_caller) = self.lower_places(caller.filter(|_| !lasts)).await;
        let of_server = if lasts { None } else { self.shared.running.acquire().await.ok() };
        Place { _own: own, _of_caller: of_caller, _of_server: of_server }
    }

    /// The places of a method and of a caller. Who waits for one of them has none of the other: a
    /// caller that is at its limit keeps no place of a method from others.
    async fn lower_places(
        &self,
        caller: Option<&Arc<Caller>>,
    ) -> (Option<SemaphorePermit<'_>>, Option<CallerPlace>) {
        match (&self.quota, caller) {
            (None, None) => (None, None),
            (None, Some(caller)) => (None, Some(caller.place().await)),
            (Some(quota), None) => (quota.places.acquire().await.ok(), None),
            (Some(quota), Some(caller)) => loop {
                let own = quota.places.acquire().await.ok();
                if let Some(place) = caller.try_place() {
                    break (own, Some(place));
                }
                drop(own);
                let place = caller.place().await;
                if let Ok(own) = quota.places.try_acquire() {
                    break (Some(own), Some(place));
                }
            },
        }
    }

    /// Where its calls count.
    pub(super) fn admitted(&self) -> &Arc<Admitted> {
        if self.method.kind().is_streaming() { &self.shared.streams } else { &self.shared.admitted }
    }

    /// How many handlers may run at a time.
    #[cfg(feature = "jetstream")]
    pub(super) fn most_at_once(&self) -> usize {
        let own = self.quota.as_ref().map_or(usize::MAX, |quota| quota.most_at_once);
        self.shared.limits.in_flight.min(own)
    }
}

/// Where a handler may run until this is dropped.
pub(super) struct Place<'a> {
    _own: Option<SemaphorePermit<'a>>,
    _of_caller: Option<CallerPlace>,
    _of_server: Option<SemaphorePermit<'a>>,
}

/// Runs a call in a task of its own.
pub(super) fn spawn(taken: Taken, body: Bytes) {
    let shared = Arc::clone(taken.shared());
    shared.spawn(run_in_task(taken, body));
}

/// Begins a call at once, in the task that received it and in the place of its turn. It is counted if it is not done then.
/// `receipt_to` is where a caller was answered that waits for no more.
pub(super) fn begin(
    mut taken: Taken,
    body: Bytes,
    mut held: Held,
    receipt_to: Option<&Subject>,
    turn: &mut Turn<'_>,
) {
    let begun = turn.now;
    if taken.begin_by <= begun {
        // While those before it in its message ran.
        return taken.expire();
    }
    let endpoint = Arc::clone(&taken.endpoint);
    let mut running = Running::start(taken, body, begun);
    // Nobody is to be woken: what is pending now is polled again by its own task.
    let polled = running.poll(&mut TaskContext::from_waker(Waker::noop()));
    if let Poll::Ready(result) = polled {
        running.taken.answer(result, Dispatch::AtFlush);
    } else {
        let shared = Arc::clone(&endpoint.shared);
        let reply = running.taken.context.reply_path().to.as_deref().or(receipt_to.map(Subject::as_str));
        let of_caller = held.identify(&shared.callers, reply).map(Caller::place_of_begun);
        shared.admitted.add(&held);
        running.taken.counted = Some(held);
        // The permit goes along: a handler that has begun may hold what others wait for, and must not wait itself.
        let permit = turn.give_place().map(|permit| {
            permit.forget();
            Permit(Arc::clone(&shared))
        });
        shared.spawn(async move {
            let _places = (permit, of_caller);
            running.finish().await;
        });
    }
    turn.proceed();
    endpoint.pace.record(turn.now.duration_since(begun));
}

/// A permit that was taken in one task and is given back by another.
struct Permit(Arc<Shared>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.running.add_permits(1);
    }
}

/// Waits for its turn, then runs the handler from its start.
async fn run_in_task(mut taken: Taken, body: Bytes) {
    let endpoint = Arc::clone(&taken.endpoint);
    let caller = taken.counted.as_ref().and_then(Held::caller).cloned();
    let _place = match taken.wait_for(endpoint.place(caller.as_ref())).await {
        Ok(place) => place,
        Err(end) => return taken.end(end),
    };
    let begun = Instant::now();
    if taken.begin_by <= begun {
        return taken.end(End::Deadline);
    }
    let mut running = Running::start(taken, body, begun);
    // What is noted about the call before is not the handler's pace.
    let polled_at = Instant::now();
    let polled = std::future::poll_fn(|cx| Poll::Ready(running.poll(cx))).await;
    endpoint.pace.record(polled_at.elapsed());
    match polled {
        Poll::Ready(result) => running.taken.answer(result, Dispatch::Soon),
        Poll::Pending => running.finish().await,
    }
}
