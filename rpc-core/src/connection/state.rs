//! Whether a connection is there, and what happens to it.

use super::nats::NatsTransport;
use super::{Connection, ConnectionEvent};
use crate::error::Error;

impl Connection {
    /// Has a function called with what happens to this connection from now on: for logs, metrics and health checks. It
    /// must not block: calls wait behind it for what they have to learn of the event.
    ///
    /// Of a connection that was made from an `async_nats::Client`, nothing is heard: that client has an event callback of
    /// its own.
    ///
    /// ```
    /// # fn watch(nats: &nats_rpc::Connection) {
    /// nats.on_event(|event| eprintln!("NATS: {event:?}"));
    /// # }
    /// ```
    pub fn on_event(&self, listener: impl Fn(&ConnectionEvent) + Send + Sync + 'static) {
        self.inner.inbox.shared().listeners.add(listener);
    }

    /// How many calls of this connection have no answer yet, of all its clients. Those that were dropped count until their
    /// handlers are known to have ended, or until their deadlines.
    pub fn pending_calls(&self) -> usize {
        self.inner.inbox.shared().pending_calls()
    }

    /// Whether a permission that is missing shows here.
    pub(crate) fn hears_denials(&self) -> bool {
        self.transport().nats().is_some_and(NatsTransport::hears_events)
    }

    /// An error, unless messages can leave now.
    pub(crate) fn check_connected(&self) -> Result<(), Error> {
        if self.is_connected() { Ok(()) } else { Err(self.inner.inbox.shared().unavailable()) }
    }

    /// Whether messages can leave now.
    pub(crate) fn is_connected(&self) -> bool {
        self.transport().is_connected()
    }
}
