//! What happens to a connection, for tests to wait for.

use std::time::Duration;

use nats_rpc::{Connection, ConnectionEvent};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The events of one connection, from now on.
pub(crate) struct Events(UnboundedReceiver<ConnectionEvent>);

impl Events {
    pub(crate) fn of(connection: &Connection) -> Self {
        let (sender, events) = unbounded_channel();
        connection.on_event(move |event| _ = sender.send(event.clone()));
        Events(events)
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> ConnectionEvent {
        let event = tokio::time::timeout(Duration::from_secs(20), self.0.recv()).await;
        event.expect("an event comes").expect("the connection is there")
    }

    /// Passes over all others.
    pub(crate) async fn wait_for(&mut self, wanted: ConnectionEvent) {
        let event = async { while self.next().await != wanted {} };
        tokio::time::timeout(Duration::from_secs(20), event).await.expect("the event comes");
    }

    /// One that has come already.
    pub(crate) fn seen(&mut self) -> Option<ConnectionEvent> {
        self.0.try_recv().ok()
    }
}
