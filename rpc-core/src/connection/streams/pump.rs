//! Sends the items of a stream: as many in a message as are ready, and no more than the receiver lets us.

#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::outflow::Allowance;
use super::{Link, Outflow, Stop};
use crate::connection::{MAX_BYTES, MAX_FRAMES, buffers};
use crate::error::{Error, ErrorKind, Execution};
use crate::wire::frame::{HEAD, begin_message, put_item};

/// A message larger than this gets a buffer of its own from the start, if the one before was as large.
const LARGE: usize = 8 * 1024;

/// What an item was written as.
pub(crate) enum Written {
    Value,
    /// The service's own error, which ends the stream; its message.
    Error(Box<str>),
}

/// Why no more items are sent.
#[derive(Debug)]
pub(crate) enum Finished {
    /// There are no more.
    Complete,
    /// With the service's own error.
    Error {
        message: Box<str>,
        body: Bytes,
    },
    Stopped(Stop),
    /// An item cannot be sent, or nobody takes them.
    Failed(Error),
}

/// One direction of a stream, at the side that sends.
pub(crate) struct Pump<'a> {
    outflow: &'a Outflow,
    link: &'a Link,
    /// How long the receiver may take nothing.
    idle: Duration,
    /// The number of the next item.
    seq: u64,
    left: Allowance,
    /// How large the last message was.
    last: usize,
    /// An item that the last message had no room for: the next one begins with it.
    carried: Option<BytesMut>,
}

/// What was gathered into a message, and why there is no more in it.
struct Gathered {
    message: BytesMut,
    frames: usize,
    end: Option<Finished>,
}

impl<'a> Pump<'a> {
    /// One that may begin with what was granted before.
    pub(crate) fn new(outflow: &'a Outflow, link: &'a Link, idle: Duration, left: Allowance) -> Self {
        Pump { outflow, link, idle, seq: 0, left, last: 0, carried: None }
    }

    /// How many items were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.seq
    }

    /// Sends all items; `write` encodes one. The stream is not asked for an item as long as none may leave.
    pub(crate) async fn run<S: Stream>(
        &mut self,
        mut items: Pin<&mut S>,
        mut write: impl FnMut(S::Item, &mut BytesMut) -> Result<Written, Error>,
    ) -> Finished {
        loop {
            if self.carried.is_none() {
                let allowed = poll_fn(|cx| self.outflow.poll_allowance(cx, &mut self.left));
                match timeout(self.idle, allowed).await {
                    Ok(Ok(())) => {}
                    Ok(Err(stop)) => return Finished::Stopped(stop),
                    Err(_) => return Finished::Failed(nobody_takes(self.idle)),
                }
            }
            let gathered = poll_fn(|cx| self.gather(cx, items.as_mut(), &mut write)).await;
            let Gathered { message, frames, end } = gathered;
            let size = message.len();
            if frames > 0 {
                self.last = size;
                if let Err(error) = self.link.send(message.freeze(), frames).await {
                    return Finished::Failed(error);
                }
            }
            if let Some(end) = end {
                return end;
            }
            if frames >= MAX_FRAMES || size >= MAX_BYTES || self.carried.is_some() {
                // A stream that is always ready would keep its thread from all others.
                yield_now().await;
            }
        }
    }

    /// Takes the items that are ready into a message, up to one that is full.
    fn gather<S: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        mut items: Pin<&mut S>,
        write: &mut impl FnMut(S::Item, &mut BytesMut) -> Result<Written, Error>,
    ) -> Poll<Gathered> {
        let mut message = self.carried.take();
        let mut frames = usize::from(message.is_some());
        let end = loop {
            let size = message.as_ref().map_or(0, BytesMut::len);
            if frames >= MAX_FRAMES || size >= MAX_BYTES {
                break None;
            }
            if !self.left.is_enough() {
                match self.outflow.poll_allowance(cx, &mut self.left) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(stop)) => break Some(Finished::Stopped(stop)),
                    Poll::Pending => break None,
                }
            }
            let item = match items.as_mut().poll_next(cx) {
                Poll::Ready(Some(item)) => item,
                Poll::Ready(None) => break Some(Finished::Complete),
                Poll::Pending => match self.outflow.poll_idle(cx, &mut self.left) {
                    Poll::Ready(stop) => break Some(Finished::Stopped(stop)),
                    Poll::Pending if frames == 0 => return Poll::Pending,
                    Poll::Pending => break None,
                },
            };
            let bytes = message.get_or_insert_with(|| self.begin());
            if let Err(end) = self.put(bytes, |bytes| write(item, bytes)) {
                break Some(end);
            }
            if self.carried.is_some() {
                break None;
            }
            frames += 1;
        };
        let message = message.map(buffers::finish).unwrap_or_default();
        Poll::Ready(Gathered { message, frames, end })
    }

    /// An empty message.
    fn begin(&self) -> BytesMut {
        let mut bytes =
            if self.last > LARGE { BytesMut::with_capacity(self.last + LARGE) } else { buffers::take() };
        begin_message(&mut bytes);
        bytes
    }

    /// Adds an item to a message, or says why the stream ends without it.
    fn put(
        &mut self,
        bytes: &mut BytesMut,
        write: impl FnOnce(&mut BytesMut) -> Result<Written, Error>,
    ) -> Result<(), Finished> {
        let start = bytes.len();
        let (mut written, mut size) = (Written::Value, 0);
        let put = put_item(bytes, &self.link.id, self.seq, |bytes| {
            let before = bytes.len();
            written = write(bytes)?;
            size = bytes.len() - before;
            Ok(())
        });
        if let Err(error) = put {
            bytes.truncate(start);
            return Err(Finished::Failed(error.with_execution(Execution::Executed)));
        }
        if let Written::Error(message) = written {
            let body = Bytes::copy_from_slice(bytes.get(bytes.len() - size..).unwrap_or_default());
            bytes.truncate(start);
            return Err(Finished::Error { message, body });
        }
        let (limit, alone) = (self.link.connection.max_payload(), bytes.len() - start + HEAD);
        if alone > limit {
            bytes.truncate(start);
            return Err(Finished::Failed(too_large(alone, limit)));
        }
        if start > HEAD && bytes.len() > MAX_BYTES.min(limit) {
            let item = bytes.split_off(start);
            let mut carried = BytesMut::with_capacity(alone);
            begin_message(&mut carried);
            carried.extend_from_slice(&item);
            self.carried = Some(carried);
        }
        self.seq += 1;
        self.left.take(size);
        Ok(())
    }
}

fn too_large(size: usize, limit: usize) -> Error {
    let message = format!("an item of the stream takes {size} bytes, and the broker takes {limit}");
    Error::new(ErrorKind::PayloadTooLarge, message).with_execution(Execution::Executed)
}

fn nobody_takes(idle: Duration) -> Error {
    let message = format!("the stream was closed: nothing was taken from it for {idle:?}");
    Error::new(ErrorKind::DeadlineExceeded, message)
}
