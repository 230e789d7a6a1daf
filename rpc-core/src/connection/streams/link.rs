//! The way to the other side of an open stream.

use bytes::{Bytes, BytesMut};

use crate::connection::{Connection, Joining, OutboundMessage, Subject, TryPublishError};
use crate::error::Error;
use crate::wire::frame::{self, Credit, Id};

/// Where the frames of a stream go, and where what is said about that comes.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) connection: Connection,
    pub(crate) to: Subject,
    /// The reply subject of messages; none across accounts, where a NATS server would replace it.
    pub(crate) from: Option<Subject>,
    pub(crate) id: Id,
}

impl Link {
    /// A message to the other side. All share their subject in memory, and can be joined.
    pub(crate) fn message(&self, payload: Bytes) -> OutboundMessage {
        OutboundMessage { subject: self.to.clone(), reply: self.from.clone(), payload, headers: None }
    }

    /// Sends frames, with others that go there; waits while the connection has no room.
    pub(crate) async fn send(&self, payload: Bytes, frames: usize) -> Result<(), Error> {
        let message = self.message(payload);
        loop {
            match self.connection.post(message.clone(), Joining::Frames(frames)) {
                Ok(()) => return Ok(()),
                Err(TryPublishError::Refused(error)) => return Err(error),
                Err(TryPublishError::Full) => self.connection.flush_all().await,
            }
            tokio::task::yield_now().await;
        }
    }

    /// Lets the other side send more.
    pub(crate) fn grant(&self, credit: Credit) {
        let mut bytes = BytesMut::new();
        frame::write_credit(&mut bytes, &self.id, credit);
        self.tell(bytes.freeze());
    }

    /// Tells the other side that its items are not wanted any more, or that nobody waits for the call.
    pub(crate) fn cancel(&self) {
        let mut bytes = BytesMut::new();
        frame::write_cancel(&mut bytes, &self.id);
        self.tell(bytes.freeze());
    }

    /// Sends a frame without waiting. If the connection has no room for it, that is with so much else on its way that the stream
    /// will have to end anyway.
    pub(crate) fn tell(&self, payload: Bytes) {
        if self.connection.post(self.message(payload), Joining::Frames(1)).is_err() {
            tracing::warn!(to = %self.to, "a frame of a stream could not be sent: the connection has no room");
        }
    }
}
