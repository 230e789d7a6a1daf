//! A call that sends a stream of items and gets one result.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use super::Items;
use super::opening::{Opening, Stream};
use crate::client::call::Call;
use crate::client::response::Response;
use crate::client::retry::Retry;
use crate::connection::streams::Window;
use crate::error::CallError;
#[cfg(doc)]
use crate::error::ErrorKind;

/// A call of a method that takes a stream of items and answers once: it does nothing until it is awaited.
///
/// The items are taken from their stream as the handler takes them, and a window of them beside that. None is taken before an instance has begun with the
/// call, so that one which is refused can be sent again; after that it is not. A handler may answer before it has taken all items: then the others stay
/// where they are, and their stream is dropped.
///
/// The timeouts of client and method bound the time until the handler takes its first item. [`timeout`](Self::timeout) of this call bounds all of it,
/// and so does the deadline of the handler that it is made in.
///
/// ```
/// use futures_util::{StreamExt, stream};
/// use nats_rpc::Incoming;
///
/// #[nats_rpc::service]
/// trait Sums {
///     async fn sum(&self, numbers: Incoming<u64>) -> u64;
/// }
///
/// struct Adder;
///
/// impl Sums for Adder {
///     async fn sum(&self, mut numbers: Incoming<u64>) -> u64 {
///         let mut sum = 0;
///         while let Some(Ok(number)) = numbers.next().await {
///             sum += number;
///         }
///         sum
///     }
/// }
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let nats = nats_rpc::memory::Broker::new().connect();
/// # let server = nats_rpc::Server::builder(&nats).add(SumsServer::new(Adder)).start().await?;
///
/// let sum = SumsClient::new(&nats).sum(stream::iter(1..=100)).await?;
/// assert_eq!(sum, 5050);
/// # server.shutdown().await;
/// # Ok(()) }
/// ```
///
/// # Errors
/// Those of a [`Call`]. If an item does not encode or is larger than the broker takes, the call is cancelled and fails with what is wrong
/// with it: [`PayloadTooLarge`](ErrorKind::PayloadTooLarge), say.
///
/// # Panics
/// Polled outside of a tokio runtime.
///
/// # Cancel safety
/// That of a [`Call`]. The stream of items is dropped with it.
#[must_use = "a call is not sent until it is awaited"]
pub struct ClientStreamingCall<T, E> {
    call: Call<T, E>,
    opening: Opening,
    /// From the first poll on, until it is answered.
    stream: Option<Stream>,
}

impl<T, E> ClientStreamingCall<T, E> {
    pub(in crate::client) fn new(call: Call<T, E>, items: Items) -> Self {
        ClientStreamingCall { call, opening: Opening::new(Some(items)), stream: None }
    }

    /// Sets how long all of it may take, from the first poll on; an hour at most.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.opening.last(timeout);
        self
    }

    /// Adds a header, in place of an earlier one of the same name.
    pub fn header(mut self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        self.call = self.call.header(name, value);
        self
    }

    /// Sets when the call is sent again, in place of what its client says; see [`Retry`]. It is never hedged.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.call = self.call.retry(retry);
        self
    }

    /// Sends the call to this very instance. If it is not there any more, the call fails at once as
    /// [`NoResponders`](ErrorKind::NoResponders).
    pub fn at(mut self, instance: impl AsRef<str>) -> Self {
        self.call = self.call.at(instance);
        self
    }

    /// Yields the value with what came beside it: response headers, the instance, the handler's time.
    pub fn detailed(mut self) -> DetailedClientStreamingCall<T, E> {
        self.call = self.call.naming_instance();
        DetailedClientStreamingCall(self)
    }

    fn poll_response(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<Response<T>, CallError<E>>> {
        if self.stream.is_none() {
            self.stream = Some(self.opening.prepare(&mut self.call.outgoing, Window::NONE)?);
        }
        let response = ready!(self.call.poll_response(cx));
        self.stream = None;
        Poll::Ready(response)
    }
}

impl<T, E> Future for ClientStreamingCall<T, E> {
    type Output = Result<T, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let response = ready!(self.poll_response(cx));
        Poll::Ready(response.map(Response::into_inner))
    }
}

impl<T, E> fmt::Debug for ClientStreamingCall<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientStreamingCall").field(&self.call).finish()
    }
}

/// A call that yields its value with what came beside it; see [`ClientStreamingCall::detailed`].
///
/// # Errors
/// Those of [`ClientStreamingCall`].
///
/// # Cancel safety
/// That of [`ClientStreamingCall`].
#[derive(Debug)]
#[must_use = "a call is not sent until it is awaited"]
pub struct DetailedClientStreamingCall<T, E>(ClientStreamingCall<T, E>);

impl<T, E> Future for DetailedClientStreamingCall<T, E> {
    type Output = Result<Response<T>, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        self.0.poll_response(cx)
    }
}
