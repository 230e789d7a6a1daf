//! How replies leave, and what becomes of those that cannot.

use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use crate::connection::{Connection, Joining, Message, OutboundMessage, Subject, TryPublishError};
use crate::error::{Error, ErrorKind};
use crate::reply::{Audience, Format, Reply, ReplyPath};
use crate::wire::headers::Headers;

impl Shared {
    pub(super) fn connection(&self) -> &Connection {
        &self.replier.connection
    }

    /// Where a question is answered, unless there is no such place; then the message is dropped, and counted.
    pub(super) fn allowed_reply(&self, message: Message) -> Option<Subject> {
        let Some(reply) = message.reply else {
            self.counters.reply_missing.add();
            return None;
        };
        self.accepts_reply(&message.subject, &reply).then_some(reply)
    }

    /// Whether a message may be answered where it asks to; counted if it may not, and so is dropped.
    pub(super) fn accepts_reply(&self, subject: &Subject, reply: &Subject) -> bool {
        let is_accepted = self.reply_prefixes.accept(reply);
        if !is_accepted && self.counters.reply_refused.add() == 0 {
            tracing::warn!(%subject, %reply, "dropped a message: its reply subject is not allowed");
        }
        is_accepted
    }

    /// The way back to a caller.
    pub(super) fn reply_path(
        &self,
        to: Option<Subject>,
        joining: Joining,
        format: Format,
        audience: Audience,
    ) -> ReplyPath {
        ReplyPath { replier: Arc::clone(&self.replier), to, joining, together: None, format, audience }
    }
}

/// Answers from the receiving task that a call is there, or that a probe was right: with nothing.
pub(super) fn send_receipt(shared: &Arc<Shared>, path: &ReplyPath) {
    let receipt = path.success(&Headers::new(), Duration::ZERO, |codec, bytes| codec.encode(&(), bytes));
    let reply = receipt.unwrap_or_else(|error| path.error(&error, Duration::ZERO));
    send(shared, path, reply, Dispatch::AtFlush);
}

/// Answers from the receiving task that nothing was run, and why.
pub(super) fn send_refusal(shared: &Arc<Shared>, path: &ReplyPath, error: &Error) {
    send(shared, path, path.error(error, Duration::ZERO), Dispatch::AtFlush);
}

/// How long a reply may wait for room in the connection's queue.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// When a reply leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dispatch {
    /// At once: its server is being dropped.
    Now,
    /// With what other tasks have to send.
    Soon,
    /// When the receiving task, which is polling us, has run out of messages.
    AtFlush,
}

/// Sends the last reply to whoever waits for one.
pub(super) fn send(shared: &Arc<Shared>, path: &ReplyPath, reply: Reply, dispatch: Dispatch) {
    if let Some(message) = path.message(reply) {
        send_message(shared, message, path.joining, dispatch);
    }
    end_replies(shared, path, dispatch);
}

/// Notes that a call gets no reply any more.
pub(super) fn send_none(shared: &Arc<Shared>, path: &ReplyPath) {
    if let Some(message) = path.message_without() {
        send_message(shared, message, path.joining, Dispatch::Soon);
    }
    end_replies(shared, path, Dispatch::Soon);
}

/// Notes that nothing more is said of a call. Says behind the last reply that it was the last,
/// where the NATS server has to know.
#[inline(always)] // on the way of every call
pub(super) fn end_replies(shared: &Arc<Shared>, path: &ReplyPath, dispatch: Dispatch) {
    if path.is_across_accounts() {
        end_replies_across_accounts(shared, path, dispatch);
    }
}

#[cold]
fn end_replies_across_accounts(shared: &Arc<Shared>, path: &ReplyPath, dispatch: Dispatch) {
    if let Some(end) = path.end_of_replies() {
        if dispatch == Dispatch::Now {
            // What was posted before must not come after it.
            shared.connection().flush_posted();
        }
        send_message(shared, end, Joining::Lone, dispatch);
    }
}

/// Sends a message that waits if the connection's queue is full.
pub(super) fn send_message(
    shared: &Arc<Shared>,
    message: OutboundMessage,
    joining: Joining,
    dispatch: Dispatch,
) {
    let sent = match dispatch {
        Dispatch::Now => shared.connection().try_publish(message.clone()),
        Dispatch::Soon => shared.connection().post(message.clone(), joining),
        Dispatch::AtFlush => shared.connection().post_until_flush(message.clone(), joining),
    };
    match sent {
        Ok(()) => {}
        Err(TryPublishError::Full) => send_later(shared, message),
        Err(TryPublishError::Refused(error)) => lost(shared, &error),
    }
}

/// How many replies may wait for room in the connection's queue.
pub(super) const LATE_REPLIES: usize = 4096;

/// The connection's queue is full: the reply waits, the receiving task does not.
fn send_later(shared: &Arc<Shared>, message: OutboundMessage) {
    let Ok(place) = Arc::clone(&shared.late_replies).try_acquire_owned() else {
        return lost(shared, &Error::new(ErrorKind::Unavailable, "too many replies wait for the connection"));
    };
    // Not one of the handlers: those can be aborted, and their last answers come through here.
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return lost(shared, &Error::new(ErrorKind::Unavailable, "the runtime has ended"));
    };
    let shared = Arc::clone(shared);
    runtime.spawn(async move {
        let _place = place;
        let published = tokio::time::timeout(REPLY_TIMEOUT, shared.connection().publish(message)).await;
        let too_late = || Err(Error::new(ErrorKind::Unavailable, "the connection took no reply for 5 s"));
        if let Err(error) = published.unwrap_or_else(|_| too_late()) {
            lost(&shared, &error);
        }
    });
}

fn lost(shared: &Shared, error: &Error) {
    if shared.counters.reply_lost.add() == 0 {
        tracing::warn!(%error, "a reply could not be sent");
    }
}
