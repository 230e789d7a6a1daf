//! A oneway call: nobody waits for its handler.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use serde::ser::Serialize;

use super::call::Call;
use super::handover::Handover;
use super::returns::Returns;
use super::stub::Target;
use crate::error::{CallError, Error};
use crate::wire::frame::Times;

/// A oneway call that has been made but not sent: it does nothing until it is awaited.
///
/// Awaited, it yields `Ok(())` once the message is handed to the connection. What that says:
///
/// - **Known** is that the message is well-formed, that the broker takes one of its size, and that there was a connection to hand it to.
/// - **Not known** is whether it reaches the broker: a connection that is lost, or whose last clone is dropped, drops what it has queued (see
///   [`Connection::flush`](crate::Connection::flush)); whether anybody serves the method, and may be published to; whether the handler runs, and how it ends.
///
/// [`acked`](Self::acked) waits for the receipt of the instance that took it, before its handler runs. Then it is known that there is such an instance, and that it will
/// run the handler unless its process ends. Of a call to all instances — those of a method marked `#[rpc(oneway, broadcast)]`, or
/// [`broadcast`](Self::broadcast) — that is the first receipt; `acked().gather()` has them all, with the names of the instances.
///
/// ```
/// # #[nats_rpc::service]
/// # trait Journal {
/// #     #[rpc(oneway)]
/// #     async fn note(&self, line: &str);
/// # }
/// # struct Paper;
/// # impl Journal for Paper {
/// #     async fn note(&self, _line: &str) {}
/// # }
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let nats = nats_rpc::memory::Broker::new().connect();
/// # let server = nats_rpc::Server::builder(&nats).add(JournalServer::new(Paper)).start().await?;
/// let journal = JournalClient::new(&nats);
/// journal.note("handed over").await?;
/// journal.note("taken by an instance").acked().await?;
/// # server.shutdown().await;
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`CallError::Rpc`] if the message could not be handed over: [`NotExecuted`](crate::Execution::NotExecuted), always, unless a
/// [layer](crate::middleware) fails the call after that.
///
/// # Cancel safety
/// Dropped before it is ready, it was not sent.
#[must_use = "a call is not sent until it is awaited"]
pub struct Cast {
    call: Call<(), Infallible>,
    sending: Option<Handover>,
}

impl Cast {
    pub(super) fn new<A: Serialize>(target: Arc<Target>, method: usize, args: &A) -> Self {
        let returns =
            Returns { value: |_, _: &Bytes, _| Ok(()), error: Returns::<(), Infallible>::infallible().error };
        Cast { call: Call::new(target, method, args, returns, Times::Unlimited), sending: None }
    }

    /// Adds a header, in place of an earlier one of the same name.
    pub fn header(mut self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        self.call = self.call.header(name, value);
        self
    }

    /// Sends the call to this very instance.
    pub fn at(mut self, instance: impl AsRef<str>) -> Self {
        self.call = self.call.at(instance);
        self
    }

    /// Sends the call to every instance, also where the method is one that a single instance executes. Of the methods that are marked
    /// `#[rpc(oneway, broadcast)]` each call is.
    pub fn broadcast(mut self) -> Self {
        self.call = self.call.broadcast();
        self
    }

    /// Chooses the values of the parameters in the method's subject.
    pub(super) fn to(mut self, values: &[&dyn fmt::Display]) -> Self {
        self.call = self.call.to(values);
        self
    }

    /// Waits until an instance says that it has the call, which it says before its handler runs.
    ///
    /// # Errors
    /// Those of any call: no responders, say, or an overloaded server.
    pub fn acked(self) -> Call<(), Infallible> {
        self.call.with_receipt()
    }

    fn poll_handover(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Error>> {
        let sending = match &mut self.sending {
            Some(sending) => sending,
            None => match self.call.hand_over()? {
                None => return Poll::Ready(Ok(())),
                Some(sending) => self.sending.insert(sending),
            },
        };
        let sent = ready!(sending.as_mut().poll(cx));
        self.sending = None;
        Poll::Ready(sent)
    }
}

impl Future for Cast {
    type Output = Result<(), CallError<Infallible>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut watch = self.call.watch().take();
        let entered = watch.as_mut().map(|watch| watch.enter());
        let polled = self.poll_handover(cx).map_err(CallError::Rpc);
        drop(entered);
        match (&polled, &mut watch) {
            (Poll::Ready(handed_over), Some(watch)) => watch.conclude(handed_over),
            _ => *self.call.watch() = watch,
        }
        polled
    }
}

impl fmt::Debug for Cast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cast").field(&self.call).finish()
    }
}
