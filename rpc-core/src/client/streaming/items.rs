//! The items that a client sends, and the task that sends them.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;

use bytes::BytesMut;
use futures_core::Stream;
use serde::ser::Serialize;
use tokio_util::task::AbortOnDropHandle;

use crate::client::Client;
use crate::codec::Codec;
use crate::codec::as_bytes::{AsBytes, BytesLike};
use crate::connection::ClientStream;
use crate::connection::streams::{Finished, Link, Pump, Written};
use crate::error::{Error, ErrorKind, Execution};
use crate::wire::frame::{End, Id, begin_message, put_end};

/// A stream whose items are sent, whatever they are. It is not asked for one before an instance wants it.
pub struct Items(Box<dyn FnOnce(Sending) -> Task + Send>);

/// What sends them, from the first to the last.
type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Items {
    /// Items that travel as their type says.
    pub fn new<S: Stream<Item: Serialize> + Send + 'static>(items: S) -> Self {
        Items::encoded(items, |codec, item, bytes| codec.encode(&item, bytes))
    }

    /// Items that travel as bytes.
    pub fn bytes<S: Stream<Item: BytesLike> + Send + 'static>(items: S) -> Self {
        Items::encoded(items, |codec, item, bytes| codec.encode(&AsBytes(item), bytes))
    }

    fn encoded<S: Stream + Send + 'static>(
        items: S,
        encode: fn(Codec, S::Item, &mut BytesMut) -> Result<(), Error>,
    ) -> Self {
        Items(Box::new(move |sending| Box::pin(sending.run(items, encode))))
    }

    /// Sends them in a task, as soon as an instance wants them.
    pub(super) fn send(self, client: &Client, stream: &Arc<ClientStream>) -> AbortOnDropHandle<()> {
        let sending = Sending { client: client.clone(), stream: Arc::clone(stream), is_over: false };
        AbortOnDropHandle::new(tokio::spawn((self.0)(sending)))
    }
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").finish_non_exhaustive()
    }
}

/// The sending of one stream's items. Dropped before it is over, since the stream of items has panicked, it fails the call.
struct Sending {
    client: Client,
    stream: Arc<ClientStream>,
    is_over: bool,
}

impl Sending {
    async fn run<S: Stream>(
        mut self,
        items: S,
        encode: fn(Codec, S::Item, &mut BytesMut) -> Result<(), Error>,
    ) {
        let flow = &self.stream.flows.outflow;
        let mut allowance = Default::default();
        let wanted = poll_fn(|cx| flow.poll_allowance(cx, &mut allowance)).await;
        let Some(way) = self.stream.way.get().filter(|_| wanted.is_ok()) else {
            self.is_over = true;
            return;
        };
        let connection = self.client.connection().clone();
        let link = Link { connection, to: way.to.clone(), from: way.from.clone(), id: Id::new(way.id) };
        let codec = self.client.codec();
        let mut pump = Pump::new(flow, &link, self.client.stream_idle_timeout(), allowance);
        let items = pin!(items);
        let finished =
            pump.run(items, |item, bytes| encode(codec, item, bytes).map(|()| Written::Value)).await;
        let sent = match finished {
            Finished::Complete => end(&link, pump.sent()).await,
            // What it says is known from elsewhere; a client has no errors of its service.
            Finished::Stopped(_) | Finished::Error { .. } => Ok(()),
            Finished::Failed(error) => Err(error),
        };
        self.is_over = true;
        if let Err(error) = sent {
            self.fail(error.with_execution(Execution::MaybeExecuted));
        }
    }

    fn fail(&self, error: Error) {
        self.client.connection().inbox().fail_stream(&self.stream, error);
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.is_over && std::thread::panicking() {
            let message = "the stream of items that were to be sent has panicked";
            self.fail(Error::new(ErrorKind::Internal, message));
        }
    }
}

/// Tells the instance that there are no more items.
async fn end(link: &Link, items: u64) -> Result<(), Error> {
    let mut message = BytesMut::new();
    begin_message(&mut message);
    let end = End { seq: items, code: 0, execution: Execution::Executed, message: None, body: None };
    put_end(&mut message, &link.id, &end);
    link.send(message.freeze(), 1).await
}
