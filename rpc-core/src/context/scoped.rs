//! Futures that run under the context of a call, in tasks of their own.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use tokio::task::futures::TaskLocalFuture;

use super::Context;
use crate::telemetry::CallSpan;

/// A future that runs under a [`Context`]; see [`Context::scope`].
#[must_use = "futures do nothing unless polled"]
pub struct Scoped<F: Future> {
    future: Pin<Box<TaskLocalFuture<Context, F>>>,
    span: Option<CallSpan>,
}

impl<F: Future> Scoped<F> {
    pub(super) fn new(future: Pin<Box<TaskLocalFuture<Context, F>>>, span: Option<CallSpan>) -> Self {
        Scoped { future, span }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<F::Output> {
        let Scoped { future, span } = &mut *self;
        let _entered = span.as_ref().map(CallSpan::enter);
        future.as_mut().poll(cx)
    }
}

impl<F: Future> fmt::Debug for Scoped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").finish_non_exhaustive()
    }
}
