//! An open stream of results, as its caller takes from it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use futures_core::Stream as Results;
use tokio::time::{Sleep, sleep_until};

use super::opening::Stream;
use crate::client::call::Parent;
use crate::client::outcome::unreadable;
use crate::client::returns::Returns;
use crate::client::watch::Watch;
use crate::connection::Opened;
use crate::connection::streams::{Ended, Link, Taker};
use crate::error::{CallError, Error, ErrorKind};
use crate::wire::frame::{EndFrame, Id, SERVICE_ERROR};
use crate::wire::headers::Headers;

/// An open stream: a [`Stream`](futures_core::Stream) of what the method yields, as it comes.
///
/// The items come in order, each of them once. The stream ends with `None` if the method's has, and only then: whatever cuts it short is an error as its last
/// item. That is the method's own error ([`CallError::Service`]), or
///
/// - [`Unavailable`](ErrorKind::Unavailable): the instance is gone or shuts down, or the connection was lost. What has come until then is taken first.
/// - [`DataLoss`](ErrorKind::DataLoss): something in between is missing. Items are never passed over in silence.
/// - [`DeadlineExceeded`](ErrorKind::DeadlineExceeded): its [time](crate::StreamingCall::timeout) has run out, or nothing was taken from it for longer than the server
///   waits ([`ServerBuilder::stream_idle_timeout`](crate::ServerBuilder::stream_idle_timeout)).
/// - [`Cancelled`](ErrorKind::Cancelled): the handler that it was opened in was cancelled.
///
/// The method is asked for no more than is taken here, and a window of items beside that ([`ClientBuilder::stream_window`](crate::ClientBuilder::stream_window)): so much is kept
/// in memory at most.
///
/// # Cancel safety
/// `next()` loses nothing when it is dropped. Dropped itself, the stream is closed: the instance is told, its handler is dropped at its next `.await`, and
/// items that the client was sending are dropped too.
#[must_use = "a stream that is dropped is closed"]
pub struct Streaming<T, E> {
    stream: Stream,
    link: Link,
    taker: Taker,
    returns: Returns<T, E>,
    opened: Opened,
    parent: Option<Parent>,
    /// Ready when its time has run out.
    until: Option<Pin<Box<Sleep>>>,
    watch: Option<Box<Watch>>,
    has_ended: bool,
}

impl<T, E> Streaming<T, E> {
    pub(super) fn new(
        stream: Stream,
        opened: Opened,
        returns: Returns<T, E>,
        parent: Option<Parent>,
        watch: Option<Box<Watch>>,
    ) -> Self {
        let (to, from, id) = match stream.shared.way.get() {
            Some(way) => (way.to.clone(), way.from.clone(), way.id),
            // An open stream has a way. Without one it is one that has ended.
            None => ("".into(), None, Id::UNREADABLE),
        };
        let link = Link { connection: stream.outgoing.connection().clone(), to, from, id: Id::new(id) };
        watch.iter().for_each(|watch| watch.instance(Some(&opened.instance)));
        Streaming {
            taker: Taker::new(stream.shared.flows.clone()),
            until: stream.shared.until.map(|until| Box::pin(sleep_until(until))),
            stream,
            link,
            returns,
            opened,
            parent,
            watch,
            has_ended: false,
        }
    }

    /// The id of the instance that has it open.
    pub fn instance(&self) -> &str {
        &self.opened.instance
    }

    /// The headers that the handler had set when it opened the stream.
    pub fn headers(&self) -> &Headers {
        &self.opened.headers
    }

    fn poll_item(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<T, CallError<E>>>> {
        if let Some(parent) = &mut self.parent
            && parent.as_mut().poll(cx).is_ready()
        {
            let message = "the handler that opened the stream was cancelled";
            return Poll::Ready(Some(Err(Error::new(ErrorKind::Cancelled, message).into())));
        }
        if let Some(until) = &mut self.until
            && until.as_mut().poll(cx).is_ready()
        {
            let message = "the time of the stream has run out";
            return Poll::Ready(Some(Err(Error::new(ErrorKind::DeadlineExceeded, message).into())));
        }
        Poll::Ready(match ready!(self.taker.poll_next(cx, &self.link)) {
            Ok(body) => Some(self.read(&body)),
            Err(Ended::Complete) => None,
            Err(Ended::Told(end)) => Some(Err(self.read_end(&end))),
            Err(Ended::Failed(error)) => Some(Err(error.into())),
        })
    }

    fn read(&self, body: &Bytes) -> Result<T, CallError<E>> {
        let outgoing = &self.stream.outgoing;
        let value = (self.returns.value)(outgoing.codec(), body, outgoing.limits());
        value.map_err(|error| unreadable("item", &error).into())
    }

    /// The error that ended it.
    fn read_end(&self, end: &EndFrame) -> CallError<E> {
        if end.code != SERVICE_ERROR {
            return end.to_error().into();
        }
        let outgoing = &self.stream.outgoing;
        let body = end.body.clone().unwrap_or_default();
        match (self.returns.error)(outgoing.codec(), &body, outgoing.limits()) {
            Ok(error) => CallError::Service(error),
            Err(undecodable) => unreadable("error", &undecodable).into(),
        }
    }

    /// Ends it here, and tells those who observe it how.
    fn end(&mut self, item: Option<&Result<T, CallError<E>>>) {
        self.has_ended = true;
        (self.parent, self.until) = (None, None);
        self.stream.close();
        if let Some(mut watch) = self.watch.take() {
            match item {
                Some(failed) => watch.conclude(failed),
                None => watch.conclude::<(), E>(&Ok(())),
            }
        }
    }
}

impl<T, E> Results for Streaming<T, E> {
    type Item = Result<T, CallError<E>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let item = ready!(self.poll_item(cx));
        if !matches!(item, Some(Ok(_))) {
            self.end(item.as_ref());
        }
        Poll::Ready(item)
    }
}

/// It never moves what it has pinned.
impl<T, E> Unpin for Streaming<T, E> {}

impl<T, E> fmt::Debug for Streaming<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (service, method) = self.stream.outgoing.names();
        f.debug_struct("Streaming")
            .field("service", &service)
            .field("method", &method)
            .field("instance", &self.opened.instance)
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}
