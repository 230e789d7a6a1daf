//! One call from its admission to its reply.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::Shared;
use super::limits::Held;
use super::pace::Pace;
use super::receive::Turn;
use super::replies::{Dispatch, send};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Execution};
use crate::reply::Reply;
use crate::service::{Handler, HandlerFuture, Method, RawCall};

/// A method with what serves it.
pub(super) struct Endpoint {
    pub(super) method: Method,
    pub(super) handler: Handler,
    pub(super) pace: Pace,
}

/// A call that the server has taken on. It is answered once, at the latest when this is dropped.
pub(super) struct Accepted {
    shared: Arc<Shared>,
    context: Context,
    /// The memory that it keeps; `None` as long as it is not counted among those that run or wait.
    counted: Option<Held>,
    /// When its handler was started, if it was.
    begun: Option<Instant>,
    answered: bool,
}

impl Accepted {
    pub(super) fn new(shared: Arc<Shared>, context: Context, counted: Option<Held>) -> Self {
        Accepted { shared, context, counted, begun: None, answered: false }
    }

    fn answer(&mut self, result: Result<Reply, Error>, dispatch: Dispatch) {
        self.answered = true;
        let path = self.context.reply_path();
        let reply = result.unwrap_or_else(|error| {
            let time = self.begun.map(|begun| begun.elapsed());
            // What a handler returns may be the error of a call of its own, whose "not executed" is not about this one.
            if error.is_before_work() {
                self.shared.counters.malformed.add();
            }
            let error = if time.is_some() { error.of_started_handler() } else { error };
            path.error(&error, time.unwrap_or_default())
        });
        let reply = if path.is_missing(&reply) { path.error(&no_reply(), Duration::ZERO) } else { reply };
        send(&self.shared, path, reply, dispatch);
    }

    /// Answers a call whose time has run out.
    fn expire(&mut self) {
        let error = if self.begun.is_some() {
            self.shared.counters.timed_out.add();
            if self.context.reply_path().to.is_none() {
                // Nobody else learns of it.
                tracing::warn!(
                    subject = self.context.subject(),
                    "a oneway handler was aborted at its deadline"
                );
            }
            Error::new(ErrorKind::DeadlineExceeded, "the handler was aborted at the call's deadline")
        } else {
            self.shared.counters.expired.add();
            Error::not_executed(ErrorKind::DeadlineExceeded, "the call expired in the server's queue")
        };
        self.answer(Err(error), Dispatch::Soon);
    }
}

impl Drop for Accepted {
    fn drop(&mut self) {
        if !self.answered {
            self.context.cancel();
            let error = if self.begun.is_some() {
                Error::new(ErrorKind::Unavailable, "the server stopped while the handler ran")
            } else {
                Error::not_executed(ErrorKind::Unavailable, "the server stopped before the handler ran")
            };
            self.answer(Err(error), Dispatch::Now);
        }
        if let Some(held) = &self.counted {
            self.shared.leave(held);
        }
    }
}

/// What the caller of a handler gets that ended a call without its result.
fn no_reply() -> Error {
    Error::new(ErrorKind::Internal, "the handler gave no reply").with_execution(Execution::Executed)
}

/// Runs a call in a task of its own.
pub(super) fn spawn(endpoint: &Arc<Endpoint>, accepted: Accepted, body: Bytes) {
    let shared = Arc::clone(&accepted.shared);
    shared.spawn(run_in_task(Arc::clone(endpoint), accepted, body));
}

/// Begins a call at once, in the task that received it and in the place of its turn. It is counted if it is not done then.
pub(super) fn begin(
    endpoint: &Endpoint,
    mut accepted: Accepted,
    body: Bytes,
    held: Held,
    turn: &mut Turn<'_>,
) {
    let begun = turn.now;
    if accepted.context.deadline().was_expired(begun) {
        // While those before it in its message ran.
        return accepted.expire();
    }
    let mut running = Running::start(endpoint, accepted, body, begun);
    // Nobody is to be woken: what is pending now is polled again by its own task.
    let polled = running.poll(&mut TaskContext::from_waker(Waker::noop()));
    if let Poll::Ready(result) = polled {
        running.accepted.answer(result, Dispatch::AtFlush);
    } else {
        let shared = Arc::clone(&running.accepted.shared);
        shared.admitted.add(&held);
        running.accepted.counted = Some(held);
        // The permit goes along: a handler that has begun may hold what others wait for, and must not wait itself.
        let permit = turn.give_place().map(|permit| {
            permit.forget();
            Permit(Arc::clone(&shared))
        });
        shared.spawn(async move {
            let _permit = permit;
            running.until_deadline().await;
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
async fn run_in_task(endpoint: Arc<Endpoint>, mut accepted: Accepted, body: Bytes) {
    let shared = Arc::clone(&accepted.shared);
    let deadline = accepted.context.deadline();
    let Ok(_permit) = tokio::time::timeout_at(deadline.instant(), shared.running.acquire()).await else {
        return accepted.expire();
    };
    if deadline.is_expired() {
        return accepted.expire();
    }
    let begun = Instant::now();
    let mut running = Running::start(&endpoint, accepted, body, begun);
    let polled = std::future::poll_fn(|cx| Poll::Ready(running.poll(cx))).await;
    endpoint.pace.record(begun.elapsed());
    match polled {
        Poll::Ready(result) => running.accepted.answer(result, Dispatch::Soon),
        Poll::Pending => running.until_deadline().await,
    }
}

/// A handler that has been started.
struct Running {
    handler: Stage,
    accepted: Accepted,
}

/// Where a handler is. Its future is made, polled and dropped where a panic is caught: all three are user code.
enum Stage {
    Called(Handler, RawCall),
    Polled(HandlerFuture),
    Ended,
}

impl Running {
    fn start(endpoint: &Endpoint, mut accepted: Accepted, body: Bytes, now: Instant) -> Self {
        accepted.begun = Some(now);
        accepted.shared.counters.started.add();
        let call =
            RawCall::new(accepted.context.clone(), body, &endpoint.method, accepted.shared.limits.scan, now);
        Running { handler: Stage::Called(Arc::clone(&endpoint.handler), call), accepted }
    }

    /// Polls the handler with its context as the ambient one; a panic is an answer like any other.
    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<Reply, Error>> {
        let stage = &mut self.handler;
        let poll = || catch_unwind(AssertUnwindSafe(|| stage.poll(cx)));
        self.accepted.context.enter(poll).unwrap_or_else(|panic| Poll::Ready(Err(self.panicked(&*panic))))
    }

    /// The caller learns of an incident; the text of the panic stays in the log.
    fn panicked(&self, panic: &(dyn std::any::Any + Send)) -> Error {
        self.accepted.shared.counters.panicked.add();
        let incident = self.accepted.shared.connection().random().token_string::<12>();
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
        tracing::error!(
            subject = self.accepted.context.subject(),
            incident,
            panic = text,
            "a handler panicked"
        );
        Error::new(ErrorKind::Internal, format!("the handler panicked, incident {incident}"))
    }

    /// Polls the handler until it is done or its call's deadline passes.
    async fn until_deadline(mut self) {
        let deadline = self.accepted.context.deadline().instant();
        match tokio::time::timeout_at(deadline, Polling(&mut self)).await {
            Ok(result) => self.accepted.answer(result, Dispatch::Soon),
            Err(_) => self.accepted.expire(),
        }
    }
}

impl Stage {
    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<Reply, Error>> {
        let mut future = match std::mem::replace(self, Stage::Ended) {
            Stage::Called(handler, call) => handler(call),
            Stage::Polled(future) => future,
            Stage::Ended => {
                return Poll::Ready(Err(Error::new(ErrorKind::Internal, "the handler has ended")));
            }
        };
        let polled = future.as_mut().poll(cx);
        if polled.is_pending() {
            *self = Stage::Polled(future);
        }
        polled
    }
}

/// The future of a running handler.
struct Polling<'a>(&'a mut Running);

impl Future for Polling<'_> {
    type Output = Result<Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        self.0.poll(cx)
    }
}
