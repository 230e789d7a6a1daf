//! How a message that waits for no answer is handed to the connection, and one that has to wait for it.

use std::future::Future;
use std::pin::Pin;

use tokio::time::Instant;

use super::outgoing::{FIRST, Outgoing};
use super::written::Written;
use crate::connection::{Connection, OutboundMessage, TryPublishError, too_late};
use crate::deadline::Deadline;
use crate::error::Error;
use crate::wire::frame::{CallBuffer, Times};

impl Outgoing {
    /// Publishes the call without a reply subject: the server's own limit bounds its handler.
    pub(super) fn hand_over(&self, mut buffer: CallBuffer) -> Result<Option<Handover>, Error> {
        let subject = self.route()?.subject.clone();
        let written = if self.is_plain() {
            let (_, args) = buffer.into_parts();
            self.write_plain(args, None)?
        } else {
            if self.is_stale() {
                buffer = self.rewrite(Times::Unlimited, FIRST, buffer.args())?;
            }
            let (payload, _) = buffer.into_parts();
            Written::Framed(payload)
        };
        let message = written.checked(self)?.into_message(subject);
        let connection = self.connection();
        let later = |message| Ok(Some(hand_over_later(connection, message, self.deadline(Instant::now()))));
        if !connection.is_connected() {
            return later(message);
        }
        match connection.try_publish(message.clone()) {
            Ok(()) => Ok(None),
            Err(TryPublishError::Refused(error)) => Err(error),
            Err(TryPublishError::Full) => later(message),
        }
    }
}

/// The rest of a handover, for which the connection has no room yet.
pub(super) type Handover = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// Waits for the connection, and for room in its queue, but not beyond the deadline.
pub(super) fn hand_over_later(
    connection: &Connection,
    message: OutboundMessage,
    deadline: Deadline,
) -> Handover {
    let connection = connection.clone();
    until(deadline, async move {
        connection.inbox().connected(&connection).await?;
        connection.publish(message).await
    })
}

/// Bounds what comes before the message is handed over by the call's deadline.
pub(super) fn until(
    deadline: Deadline,
    send: impl Future<Output = Result<(), Error>> + Send + 'static,
) -> Handover {
    Box::pin(async move {
        tokio::time::timeout_at(deadline.instant(), send).await.unwrap_or_else(|_| Err(too_late()))
    })
}
