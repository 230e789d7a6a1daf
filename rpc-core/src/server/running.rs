//! A handler from its start to its end.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::replies::Dispatch;
use super::taken::{End, Taken, until_end};
use crate::error::{Error, ErrorKind};
use crate::reply::Reply;
use crate::service::{Handler, HandlerFuture, Port, RawCall};

/// A handler that has been started.
pub(super) struct Running {
    handler: Stage,
    pub(super) taken: Taken,
}

/// Where a handler is. Its future is made and polled, and dropped at its end, where a panic is caught: all of that is user
/// code. One that is aborted is dropped with its task, which catches a panic as well.
enum Stage {
    Called(Handler, RawCall),
    Polled(HandlerFuture),
    Ended,
}

impl Running {
    pub(super) fn start(mut taken: Taken, body: Bytes, now: Instant) -> Self {
        taken.begun = Some(now);
        let endpoint = &taken.endpoint;
        endpoint.stats.start(now.saturating_duration_since(taken.arrived));
        let limits = endpoint.shared.limits.scan;
        let port = taken.port().cloned();
        let call = RawCall::new(taken.context.clone(), body, &endpoint.method, limits, now, port);
        Running { handler: Stage::Called(Arc::clone(&endpoint.handler), call), taken }
    }

    /// Polls the handler with its context as the ambient one; a panic is an answer like any other.
    pub(super) fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<Reply, Error>> {
        let stage = &mut self.handler;
        let poll = || catch_unwind(AssertUnwindSafe(|| stage.poll(cx)));
        self.taken.context.enter(poll).unwrap_or_else(|panic| Poll::Ready(Err(self.panicked(&*panic))))
    }

    /// The caller learns of an incident; the text of the panic stays in the log.
    fn panicked(&self, panic: &(dyn std::any::Any + Send)) -> Error {
        self.taken.endpoint.stats.counters.panicked.add();
        let incident = self.taken.shared().connection().random().token_string::<12>();
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
        tracing::error!(subject = self.taken.context.subject(), incident, panic = text, "a handler panicked");
        Error::new(ErrorKind::Internal, format!("the handler panicked, incident {incident}"))
    }

    /// Polls the handler until it is done, or nobody waits for the call any more. One that is not to be cancelled goes on
    /// after that.
    pub(super) async fn finish(mut self) {
        // Who has opened a stream can end it from the start; of other calls nobody knows yet where they are.
        let (cancellation, quiet_until) = (self.cancellation(), self.taken.quiet_until());
        match until_end(Polling(&mut self), cancellation.as_ref(), quiet_until).await {
            Ok(result) => return self.taken.answer(result, Dispatch::Soon),
            Err(End::Deadline) => {}
            Err(end) => return self.taken.end(end),
        }
        self.taken.open();
        let (cancellation, deadline) = (self.cancellation(), self.taken.context.deadline().instant());
        let endpoint = Arc::clone(&self.taken.endpoint);
        // A stream of results may have no end of its own.
        let drains = endpoint.method.kind().streams_results();
        let port = self.taken.port().cloned();
        let ended = tokio::select! {
            biased;
            ended = until_end(Polling(&mut self), cancellation.as_ref(), deadline) => ended,
            () = endpoint.shared.turn_away.cancelled(), if drains => Err(End::Drained),
            () = overdue(port.as_deref()) => Err(End::Deadline),
        };
        match ended {
            Ok(result) => self.taken.answer(result, Dispatch::Soon),
            Err(end) => {
                self.taken.end(end);
                if endpoint.method.is_no_cancel() && end == End::Deadline {
                    // It keeps its place; its caller has the answer.
                    let _ = Polling(&mut self).await;
                }
            }
        }
    }

    /// What aborts the handler when nobody waits for the call any more, as far as anybody can tell it so.
    fn cancellation(&self) -> Option<CancellationToken> {
        self.taken.cancellation().filter(|_| !self.taken.endpoint.method.is_no_cancel())
    }
}

/// Ready if the stream of a call was not begun in time. Nobody waits for it then, and nothing else would end its handler: a stream has no deadline.
async fn overdue(port: Option<&Port>) {
    match port {
        Some(port) => port.overdue().await,
        None => std::future::pending().await,
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
