//! The items that a caller sends, as a handler takes them.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

use super::Port;
use crate::codec::scan::ScanLimits;
use crate::codec::{Codec, Decode};
use crate::connection::streams::{Ended, Taker};
use crate::error::{Error, ErrorKind};

/// The items that a caller sends: a [`Stream`] of `Result<T, Error>`, as they come.
///
/// A method takes it as its last parameter; the client passes any stream of `T`. None is sent before the handler asks for the first one or opens its own
/// stream, and then no more than it takes, and a window of them beside that ([`ServerBuilder::stream_window`](crate::ServerBuilder::stream_window)).
///
/// The items come in order, each of them once, and the stream ends with `None` if the caller's has, and only then. Whatever cuts it short is an error as its last item:
///
/// - [`InvalidArgument`](ErrorKind::InvalidArgument): an item does not decode.
/// - [`DataLoss`](ErrorKind::DataLoss): something in between is missing.
/// - [`Cancelled`](ErrorKind::Cancelled): the caller has given up or is gone; [`Unavailable`](ErrorKind::Unavailable): the connection of the server was lost. Only a handler that is marked
///   `#[rpc(no_cancel)]` sees these; any other is dropped.
///
/// Dropped before its end, it tells the caller to send no more: that stream is dropped there, and the call goes on.
///
/// # Cancel safety
/// `next()` loses nothing when it is dropped.
pub struct Incoming<T> {
    port: Arc<Port>,
    taker: Taker,
    codec: Codec,
    limits: ScanLimits,
    decode: Decode<T>,
    has_ended: bool,
}

impl<T> Incoming<T> {
    pub(crate) fn new(port: Arc<Port>, codec: Codec, limits: ScanLimits, decode: Decode<T>) -> Self {
        let taker = Taker::new(Arc::clone(&port.flows));
        Incoming { port, taker, codec, limits, decode, has_ended: false }
    }

    fn read(&self, body: &Bytes) -> Result<T, Error> {
        (self.decode)(self.codec, body, self.limits).map_err(|error| {
            Error::new(ErrorKind::InvalidArgument, format!("an item of the stream does not decode: {error}"))
        })
    }
}

impl<T> Stream for Incoming<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.has_ended {
            return Poll::Ready(None);
        }
        this.port.want_items();
        let item = match ready!(this.taker.poll_next(cx, &this.port.link)) {
            Ok(body) => Some(this.read(&body)),
            Err(Ended::Complete) => None,
            Err(Ended::Told(end)) => Some(Err(end.to_error())),
            Err(Ended::Failed(error)) => Some(Err(error)),
        };
        if !matches!(item, Some(Ok(_))) {
            this.has_ended = true;
            this.port.refuse_items();
        }
        Poll::Ready(item)
    }
}

/// It never moves what it has pinned.
impl<T> Unpin for Incoming<T> {}

impl<T> Drop for Incoming<T> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.port.refuse_items();
        }
    }
}

impl<T> fmt::Debug for Incoming<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("has_ended", &self.has_ended).finish_non_exhaustive()
    }
}
