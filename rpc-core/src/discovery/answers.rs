//! The answers to a question that anybody may answer.

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use crate::connection::{
    Connection, Message, OutboundMessage, Subscription, closed, header_map, no_responders,
};
use crate::error::Error;
use crate::wire::dialect::header;

/// A question that is out, and a subscription for its answers alone.
pub(crate) struct Answers<'a> {
    connection: &'a Connection,
    inbox: String,
    subscription: Subscription,
}

/// What comes next.
pub(crate) enum Next {
    Answer(Message),
    /// Nobody listens to the question.
    Nobody,
    /// There was no further answer in time.
    TooLate,
}

impl<'a> Answers<'a> {
    /// Asks whoever listens to a subject. Those of this library say whether they answer to another
    /// account, and whether they have said all.
    pub(crate) async fn ask(connection: &'a Connection, subject: String) -> Result<Self, Error> {
        let inbox = connection.inbox().subject_apart();
        let subscription = connection.subscribe(inbox.as_str(), None).await?;
        let (subject, reply) = (subject.into(), Some(inbox.as_str().into()));
        let headers = header_map([(header::TRIAL, "1")]);
        connection.publish(OutboundMessage { subject, reply, payload: Bytes::new(), headers }).await?;
        Ok(Answers { connection, inbox, subscription })
    }

    /// Waits for the next answer, but not longer than this.
    pub(crate) async fn next(&mut self, until: Instant) -> Result<Next, Error> {
        match timeout_at(until, self.subscription.next()).await {
            Err(_) => Ok(Next::TooLate),
            Ok(Some(answer)) if no_responders(&answer).is_some() => Ok(Next::Nobody),
            Ok(Some(answer)) => Ok(Next::Answer(answer)),
            // It ends when the broker refuses it, or with the connection.
            Ok(None) => {
                let denied = self.connection.inbox().denied_subscription([self.inbox.as_str()]);
                Err(denied.unwrap_or_else(closed))
            }
        }
    }
}
