//! One framed message out, and what became of it: the state machine under every call.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use super::stub::Target;
use crate::connection::Answer;
use crate::connection::inbox::SlotPool;
use crate::connection::{Connection, OutboundMessage, Subject, TryPublishError};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};

/// A message that waits to be sent, is being sent, or waits for its answer.
///
/// Dropping it forgets the call: what was not handed to the connection never leaves, and an answer that comes later
/// is ignored.
pub(super) struct Exchange {
    target: Arc<Target>,
    id: u64,
    deadline: Deadline,
    state: State,
}

enum State {
    Ready {
        subject: Subject,
        payload: Bytes,
    },
    /// The rare way: the inbox is not there yet, or the connection's queue is full.
    Sending(Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>),
    Waiting,
    Done,
}

impl Exchange {
    pub(super) fn new(
        target: Arc<Target>,
        id: u64,
        deadline: Deadline,
        subject: Subject,
        payload: Bytes,
    ) -> Self {
        Exchange { target, id, deadline, state: State::Ready { subject, payload } }
    }

    pub(super) fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Sends the message, then waits. An error means that it was not sent.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Answer, Error>> {
        loop {
            match &mut self.state {
                State::Ready { subject, payload } => {
                    let (subject, payload) = (subject.clone(), payload.clone());
                    match self.send(subject, payload) {
                        Ok(next) => self.state = next,
                        Err(error) => {
                            self.end();
                            return Poll::Ready(Err(error));
                        }
                    }
                }
                State::Sending(sending) => match ready!(sending.as_mut().poll(cx)) {
                    Ok(()) => self.state = State::Waiting,
                    Err(error) => {
                        self.end();
                        return Poll::Ready(Err(error));
                    }
                },
                State::Waiting => {
                    let answer = ready!(self.target.client.connection().inbox().poll_answer(self.id, cx));
                    self.state = State::Done;
                    return Poll::Ready(Ok(answer));
                }
                State::Done => return Poll::Ready(Ok(Answer::Closed)),
            }
        }
    }

    fn send(&self, subject: Subject, payload: Bytes) -> Result<State, Error> {
        let connection = self.target.client.connection();
        if !connection.inbox().is_started() {
            let start = start_and_send(Arc::clone(&self.target), self.id, self.deadline, subject, payload);
            return Ok(State::Sending(Box::pin(until(self.deadline, start))));
        }
        let message = expect(connection, self.id, self.deadline, &self.target.slots, subject, payload);
        match connection.try_publish(message.clone()) {
            Ok(()) => Ok(State::Waiting),
            Err(TryPublishError::Refused(error)) => Err(error),
            Err(TryPublishError::Full) => {
                let connection = connection.clone();
                let publish = async move { connection.publish(message).await };
                Ok(State::Sending(Box::pin(until(self.deadline, publish))))
            }
        }
    }

    fn end(&mut self) {
        if !matches!(self.state, State::Done) {
            self.state = State::Done;
            self.target.client.connection().inbox().forget(self.id);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// Makes the inbox expect an answer; returns the message with the reply subject for it.
fn expect(
    connection: &Connection,
    id: u64,
    deadline: Deadline,
    slots: &SlotPool,
    subject: Subject,
    payload: Bytes,
) -> OutboundMessage {
    let reply = connection.inbox().expect(id, slots, &subject, deadline.instant(), connection.random());
    OutboundMessage { subject, reply: Some(reply), payload, headers: None }
}

async fn start_and_send(
    target: Arc<Target>,
    id: u64,
    deadline: Deadline,
    subject: Subject,
    payload: Bytes,
) -> Result<(), Error> {
    let connection = target.client.connection();
    connection.inbox().start(connection).await?;
    let message = expect(connection, id, deadline, &target.slots, subject, payload);
    connection.publish(message).await
}

/// Bounds what comes before the message is handed over by the call's deadline.
pub(super) async fn until(
    deadline: Deadline,
    send: impl Future<Output = Result<(), Error>>,
) -> Result<(), Error> {
    tokio::time::timeout_at(deadline.instant(), send).await.unwrap_or_else(|_| Err(too_late()))
}

/// The error of a call whose deadline passed before it could be sent.
pub(super) fn too_late() -> Error {
    Error::not_executed(ErrorKind::DeadlineExceeded, "the deadline passed before the call could be sent")
}
