//! A call of a generated client: a future that a caller can adjust before it is awaited.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use serde::ser::Serialize;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::attempts::Attempts;
use super::handover::Handover;
use super::layers::{Passage, Passed};
use super::outcome::{opened, opened_through_layers, outcome, outcome_of_layers};
use super::outgoing::Outgoing;
use super::pursuit::Concluded;
use super::response::Response;
use super::retry::Retry;
use super::returns::Returns;
use super::stub::Target;
use super::watch::Watch;
use crate::connection::Opened;
use crate::context::Context;
use crate::error::{CallError, Error, ErrorKind};
use crate::wire::frame::{Flags, Times};

/// A call that has been made but not sent: it does nothing until it is awaited.
///
/// It is a [`Future`] that is `Send + 'static`, whatever it was made from: the arguments are encoded already. So
/// `join_all(calls)`, `tokio::spawn(call)` and `select!` work as with any other future. The time budget starts at the
/// first poll.
///
/// A call that is made in a handler ends with it: it has no later deadline, and fails as [`ErrorKind::Cancelled`] when that
/// handler's own call is cancelled. See [`Context`].
///
/// ```
/// use std::time::Duration;
///
/// # #[nats_rpc::service]
/// # trait Greeter {
/// #     async fn hello(&self, name: &str) -> String;
/// # }
/// # struct English;
/// # impl Greeter for English {
/// #     async fn hello(&self, name: &str) -> String { format!("Hello, {name}!") }
/// # }
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let nats = nats_rpc::memory::Broker::new().connect();
/// # let server = nats_rpc::Server::builder(&nats).add(GreeterServer::new(English)).start().await?;
/// let greeter = GreeterClient::new(&nats);
/// let call = greeter.hello("Ann").timeout(Duration::from_millis(200)).header("tenant", "acme");
/// assert_eq!(call.await?, "Hello, Ann!");
///
/// let both = futures_util::future::join_all(["Ann", "Bob"].map(|name| greeter.hello(name))).await;
/// assert!(both.iter().all(Result::is_ok));
/// # server.shutdown().await;
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`CallError::Service`] with what the handler returned, or [`CallError::Rpc`]; see [`ErrorKind`] for what can go
/// wrong, and [`Error::execution`] for what each says about the handler.
///
/// # Panics
/// Polled outside of a tokio runtime.
///
/// # Cancel safety
/// Dropped before it has left, it is never sent. Dropped later, it is cancelled at the instance that has it, as soon as that
/// is known: for handlers that run for more than a quarter of a second. Quicker ones run to their end, and nobody learns
/// of it.
#[must_use = "a call is not sent until it is awaited"]
pub struct Call<T, E> {
    pub(super) outgoing: Outgoing,
    pub(super) returns: Returns<T, E>,
    pub(super) attempts: Attempts,
    /// The end of the handler that the call was made in, if it was made in one.
    pub(super) parent: Option<Parent>,
    /// Who observes it, if anybody does.
    pub(super) watch: Option<Box<Watch>>,
}

/// What became of a call, with layers or without.
enum Conclusion {
    OfLayers(Passed),
    Own(Concluded),
}

impl Conclusion {
    /// The instance that has answered, if it named itself.
    fn instance(&self) -> Option<&str> {
        match self {
            Conclusion::OfLayers(passed) => passed.response.instance(),
            Conclusion::Own(concluded) => concluded.instance(),
        }
    }
}

/// Ready when the handler that a call was made in is cancelled.
pub(super) type Parent = Pin<Box<WaitForCancellationFutureOwned>>;

impl<T, E> Call<T, E> {
    pub(super) fn new<A: Serialize>(
        target: Arc<Target>,
        method: usize,
        args: &A,
        returns: Returns<T, E>,
        times: Times,
    ) -> Self {
        let watch = Watch::of(&target, method);
        let mut outgoing = Outgoing::new(target, method);
        let span = watch.as_ref().and_then(|watch| watch.span());
        outgoing.continue_trace(span);
        if span.is_some() {
            outgoing.set_flags(Flags::with_instance, None);
        }
        let attempts = match outgoing.build(args, times) {
            Ok(buffer) if outgoing.layers().is_none() => Attempts::Built(buffer),
            Ok(buffer) => Attempts::Outside(buffer),
            Err(error) => Attempts::Refused(error),
        };
        let parent = Context::with_current(Context::inherited_cancellation).flatten();
        let parent = parent.map(|token| Box::pin(token.cancelled_owned()));
        Call { outgoing, returns, attempts, parent, watch }
    }

    /// Sets how long to wait, in place of the method's and the client's default; an hour at most.
    ///
    /// The deadline of the handler that the call is made in stays the upper bound.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.outgoing.set_timeout(timeout);
        self
    }

    /// Adds a header, in place of an earlier one of the same name.
    pub fn header(mut self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        self.outgoing.set_header(name.into(), value.into());
        self
    }

    /// Sets when the call is sent again, in place of what its client says; see [`Retry`].
    pub fn retry(mut self, retry: Retry) -> Self {
        self.outgoing.set_retry(retry);
        self
    }

    /// Yields the value with what came beside it: response headers, the instance, the handler's time.
    pub fn detailed(self) -> DetailedCall<T, E> {
        DetailedCall(self.naming_instance())
    }

    /// Has the answer name its instance.
    pub(super) fn naming_instance(mut self) -> Self {
        self.outgoing.set_flags(Flags::with_instance, self.attempts.built());
        self
    }

    /// Asks for a receipt of a oneway call.
    pub(super) fn with_receipt(mut self) -> Self {
        self.outgoing.want_receipt();
        self
    }

    /// Hands a oneway call to the connection, without a reply subject. What is returned, if anything, finishes that.
    pub(super) fn hand_over(&mut self) -> Result<Option<Handover>, Error> {
        let buffer = self.attempts.take_built()?;
        if self.outgoing.layers().is_some() {
            let (_, args) = buffer.into_parts();
            let mut passage = Passage::handed_over(&self.outgoing, args);
            return Ok(Some(Box::pin(async move { poll_fn(|cx| passage.poll(cx)).await.map(drop) })));
        }
        self.outgoing.hand_over(buffer)
    }

    /// Who observes it, if anybody does.
    pub(super) fn watch(&mut self) -> &mut Option<Box<Watch>> {
        &mut self.watch
    }

    pub(super) fn poll_response(
        &mut self,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Result<Response<T>, CallError<E>>> {
        if self.watch.is_some() || self.attempts.are_layered() {
            return self.poll_rare(cx);
        }
        if self.is_cancelled(cx) {
            return Poll::Ready(Err(self.cancel().into()));
        }
        let concluded = ready!(self.attempts.poll(&self.outgoing, cx))?;
        Poll::Ready(outcome(&self.outgoing, self.returns, concluded))
    }

    /// The same for a call that somebody observes, or that passes through layers.
    #[cold]
    fn poll_rare(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<Response<T>, CallError<E>>> {
        let response = ready!(self.poll_observed(cx));
        if let Some(mut watch) = self.watch.take() {
            watch.conclude(&response);
        }
        Poll::Ready(response)
    }

    fn poll_observed(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<Response<T>, CallError<E>>> {
        let conclusion = ready!(self.poll_conclusion(cx))?;
        self.watch.iter().for_each(|watch| watch.instance(conclusion.instance()));
        Poll::Ready(match conclusion {
            Conclusion::OfLayers(passed) => outcome_of_layers(&self.outgoing, self.returns, passed),
            Conclusion::Own(concluded) => outcome(&self.outgoing, self.returns, concluded),
        })
    }

    /// Sends a call that opens a stream, and waits until that is open. Those who observe it are told later.
    pub(super) fn poll_opened(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<Opened, CallError<E>>> {
        Poll::Ready(match ready!(self.poll_conclusion(cx))? {
            Conclusion::OfLayers(passed) => opened_through_layers(&self.outgoing, self.returns, passed),
            Conclusion::Own(concluded) => opened(&self.outgoing, self.returns, concluded),
        })
    }

    /// Sends the call, through its layers if it has any, and waits for what becomes of it.
    fn poll_conclusion(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<Conclusion, Error>> {
        if self.is_cancelled(cx) {
            return Poll::Ready(Err(self.cancel()));
        }
        let _entered = self.watch.as_mut().map(|watch| watch.enter());
        if self.attempts.are_layered() {
            return self.attempts.poll_layers(&self.outgoing, cx).map_ok(Conclusion::OfLayers);
        }
        self.attempts.poll(&self.outgoing, cx).map_ok(Conclusion::Own)
    }

    /// Whether the handler that the call was made in was cancelled.
    fn is_cancelled(&mut self, cx: &mut TaskContext<'_>) -> bool {
        let cancelled = self.parent.as_mut().is_some_and(|parent| parent.as_mut().poll(cx).is_ready());
        if cancelled {
            self.parent = None;
        }
        cancelled
    }

    /// Gives the call up with the handler that it was made in.
    fn cancel(&mut self) -> Error {
        Error::new(ErrorKind::Cancelled, "the handler that made the call was cancelled")
            .with_execution(self.attempts.give_up())
    }
}

impl<T, E> Future for Call<T, E> {
    type Output = Result<T, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let response = ready!(self.poll_response(cx));
        Poll::Ready(response.map(Response::into_inner))
    }
}

impl<T, E> fmt::Debug for Call<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (service, method) = self.outgoing.names();
        f.debug_struct("Call").field("service", &service).field("method", &method).finish_non_exhaustive()
    }
}

/// A call that yields its value with what came beside it; see [`Call::detailed`].
///
/// # Errors
/// Those of [`Call`].
///
/// # Cancel safety
/// That of [`Call`].
#[derive(Debug)]
#[must_use = "a call is not sent until it is awaited"]
pub struct DetailedCall<T, E>(Call<T, E>);

impl<T, E> Future for DetailedCall<T, E> {
    type Output = Result<Response<T>, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        self.0.poll_response(cx)
    }
}
