//! How a message that waits for no answer is handed to the connection, and one that has to wait for it.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use tokio::time::Instant;

use super::outgoing::{FIRST, Outgoing};
use super::written::Written;
use crate::connection::{Connection, OutboundMessage, TryPublishError, too_late};
use crate::deadline::Deadline;
use crate::error::Error;
use crate::wire::frame::{CallBuffer, Times};

impl Outgoing {
    /// Publishes the call without a reply subject: the server's own limit bounds its handler.
    pub(super) fn hand_over(&self, buffer: CallBuffer) -> Result<Option<Handover>, Error> {
        let written = if self.is_plain() || self.is_stale() {
            let (_, args) = buffer.into_parts();
            self.write_cast(args)?
        } else {
            let (payload, _) = buffer.into_parts();
            Written::Framed(payload)
        };
        self.hand_over_written(written, || self.deadline(Instant::now()))
    }

    /// Writes the message of a call that is handed over around arguments that have been encoded.
    pub(super) fn write_cast(&self, args: Bytes) -> Result<Written, Error> {
        if self.is_plain() {
            return self.write_plain(args, None);
        }
        let (payload, _) = self.rewrite(Times::Unlimited, FIRST, &args)?.into_parts();
        Ok(Written::Framed(payload))
    }

    /// Publishes a message without a reply subject; if that has to wait, until the deadline.
    pub(super) fn hand_over_written(
        &self,
        written: Written,
        deadline: impl FnOnce() -> Deadline,
    ) -> Result<Option<Handover>, Error> {
        let subject = self.route()?.subject.clone();
        let message = written.checked(self)?.into_message(subject);
        let connection = self.connection();
        let later = |message| Ok(Some(hand_over_later(connection, message, deadline())));
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
