//! What a call that opens a stream prepares when it is first polled.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::Items;
use crate::client::outgoing::Outgoing;
use crate::connection::ClientStream;
use crate::connection::streams::Window;
use crate::error::{Error, ErrorKind};
use crate::wire::frame::Flags;

/// A call that opens a stream, beside what every call has.
pub(super) struct Opening {
    /// How long the whole of it may last, if its caller has said so.
    whole: Option<Duration>,
    items: Option<Items>,
}

/// A stream that is being opened, or is open. Dropped, it is closed.
pub(super) struct Stream {
    pub(super) outgoing: Outgoing,
    pub(super) shared: Arc<ClientStream>,
    /// Sends the items of the client.
    sending: Option<AbortOnDropHandle<()>>,
}

impl Opening {
    pub(super) fn new(items: Option<Items>) -> Self {
        Opening { whole: None, items }
    }

    pub(super) fn last(&mut self, whole: Duration) {
        self.whole = Some(whole);
    }

    pub(super) fn send(&mut self, items: Items) {
        self.items = Some(items);
    }

    /// Makes the stream, for results that come within this window.
    pub(super) fn prepare(&mut self, outgoing: &mut Outgoing, window: Window) -> Result<Stream, Error> {
        if outgoing.is_plain() {
            let message = "a plain client cannot stream: other services do not know how";
            return Err(Error::not_executed(ErrorKind::Unimplemented, message));
        }
        let now = Instant::now();
        if let Some(whole) = self.whole {
            outgoing.set_timeout(whole);
            outgoing.set_flags(Flags::with_whole_stream, None);
        }
        let own = self.whole.map(|_| outgoing.deadline(now));
        let until = own.into_iter().chain(outgoing.inherited_deadline()).min();
        let reserved = outgoing.connection().inbox().windows().reserve(window)?;
        let until = until.map(|deadline| deadline.instant());
        let shared = Arc::new(ClientStream::new(reserved, until));
        outgoing.open(Arc::clone(&shared));
        let client = &outgoing.target.client;
        let sending = self.items.take().map(|items| items.send(client, &shared));
        Ok(Stream { outgoing: outgoing.clone(), shared, sending })
    }
}

impl Stream {
    /// Tells the instance that nothing more is taken, and drops what was still to be sent.
    pub(super) fn close(&mut self) {
        self.sending = None;
        self.outgoing.connection().inbox().close_stream(&self.shared);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.outgoing.connection().inbox().close_stream(&self.shared);
    }
}
