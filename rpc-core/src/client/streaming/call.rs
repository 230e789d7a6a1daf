//! A call that opens a stream of results.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use super::opening::{Opening, Stream};
use super::{Items, Streaming};
use crate::client::call::Call;
use crate::client::retry::Retry;
use crate::error::CallError;
#[cfg(doc)]
use crate::error::ErrorKind;

/// A call of a method that streams its results: it does nothing until it is awaited.
///
/// Awaited, it opens the stream, and yields a [`Streaming`] as soon as an instance has it open. Whatever keeps that from happening shows here: nobody
/// serves the method, the server has too many streams, a layer refuses the call, or the method's own error where it is
/// `async fn … -> Result<impl Stream<…>, E>`.
///
/// The timeouts of client and method bound the opening alone: an open stream lasts as long as its two sides want. [`timeout`](Self::timeout) of this call
/// bounds all of it, and so does the deadline of the handler that it is made in. Until the stream is open, the call is sent again as any other; after
/// that it is not.
///
/// ```
/// use futures_util::{Stream, StreamExt, stream};
///
/// #[nats_rpc::service]
/// trait Numbers {
///     fn up_to(&self, last: u64) -> impl Stream<Item = u64>;
/// }
///
/// struct Natural;
///
/// impl Numbers for Natural {
///     fn up_to(&self, last: u64) -> impl Stream<Item = u64> {
///         stream::iter(1..=last)
///     }
/// }
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let nats = nats_rpc::memory::Broker::new().connect();
/// # let server = nats_rpc::Server::builder(&nats).add(NumbersServer::new(Natural)).start().await?;
///
/// let mut numbers = NumbersClient::new(&nats).up_to(3).await?;
/// while let Some(number) = numbers.next().await {
///     println!("{}", number?);
/// }
/// # drop(numbers);
/// # server.shutdown().await;
/// # Ok(()) }
/// ```
///
/// # Errors
/// Those of a [`Call`]; [`Overloaded`](ErrorKind::Overloaded) also if as many streams come to the connection as it has room for.
///
/// # Panics
/// Polled outside of a tokio runtime.
///
/// # Cancel safety
/// That of a [`Call`]: a stream that is opened after all is closed at once.
#[must_use = "a stream is not opened until it is awaited"]
pub struct StreamingCall<T, E> {
    call: Call<T, E>,
    opening: Opening,
    /// From the first poll on, until it is open.
    stream: Option<Stream>,
}

impl<T, E> StreamingCall<T, E> {
    pub(in crate::client) fn new(call: Call<T, E>) -> Self {
        StreamingCall { call, opening: Opening::new(None), stream: None }
    }

    /// Sends these items, as far as the method takes some.
    #[doc(hidden)]
    pub fn with_items(mut self, items: Items) -> Self {
        self.opening.send(items);
        self
    }

    /// Sets how long the whole stream may last, from the first poll of the call on; an hour at most. After that it ends with
    /// [`DeadlineExceeded`](ErrorKind::DeadlineExceeded) at both sides, whatever has come by then.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.opening.last(timeout);
        self
    }

    /// Adds a header, in place of an earlier one of the same name.
    pub fn header(mut self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        self.call = self.call.header(name, value);
        self
    }

    /// Sets when the call is sent again, in place of what its client says; see [`Retry`]. Streams are never hedged.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.call = self.call.retry(retry);
        self
    }

    /// Opens the stream at this very instance. If it is not there any more, the call fails at once as
    /// [`NoResponders`](ErrorKind::NoResponders).
    pub fn at(mut self, instance: impl AsRef<str>) -> Self {
        self.call = self.call.at(instance);
        self
    }
}

impl<T, E> Future for StreamingCall<T, E> {
    type Output = Result<Streaming<T, E>, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let stream = match this.stream.take() {
            Some(stream) => stream,
            None => {
                let window = this.call.outgoing.target.client.stream_window();
                this.opening.prepare(&mut this.call.outgoing, window)?
            }
        };
        let Poll::Ready(opened) = this.call.poll_opened(cx) else {
            this.stream = Some(stream);
            return Poll::Pending;
        };
        let (watch, parent) = (this.call.watch.take(), this.call.parent.take());
        Poll::Ready(match opened {
            Ok(opened) => Ok(Streaming::new(stream, opened, this.call.returns, parent, watch)),
            Err(error) => {
                let failed = Err(error);
                if let Some(mut watch) = watch {
                    watch.conclude(&failed);
                }
                failed
            }
        })
    }
}

impl<T, E> fmt::Debug for StreamingCall<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StreamingCall").field(&self.call).finish()
    }
}
