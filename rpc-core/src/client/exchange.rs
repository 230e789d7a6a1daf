//! One call out, perhaps in a message with others, and what became of it: the state machine under every call.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::time::Instant;

use super::stub::Target;
use crate::connection::{
    Answer, Connection, DestinationId, Expected, OutboundMessage, TryPublishError, too_late,
};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};

/// A call that waits to be sent, is being sent, or waits for its answer.
///
/// Dropping it forgets the call: before its first poll nothing has left, and an answer that comes later is ignored.
pub(super) struct Exchange {
    target: Arc<Target>,
    id: u64,
    deadline: Deadline,
    state: State,
}

enum State {
    Ready(Instant, DestinationId, Bytes),
    /// The rare way: the inbox is not there yet, or the connection's queue is full.
    Sending(Handover),
    Waiting,
    Done,
}

impl Exchange {
    pub(super) fn new(
        target: Arc<Target>,
        id: u64,
        now: Instant,
        deadline: Deadline,
        destination: DestinationId,
        payload: Bytes,
    ) -> Self {
        Exchange { target, id, deadline, state: State::Ready(now, destination, payload) }
    }

    pub(super) fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Sends the message, then waits. An error means that it was not sent.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Answer, Error>> {
        loop {
            match &mut self.state {
                State::Waiting => {
                    let answer = ready!(self.target.client.connection().inbox().poll_answer(self.id, cx));
                    self.state = State::Done;
                    return Poll::Ready(Ok(answer));
                }
                State::Sending(sending) => {
                    if let Err(error) = ready!(sending.as_mut().poll(cx)) {
                        self.end();
                        return Poll::Ready(Err(error));
                    }
                    self.state = State::Waiting;
                }
                State::Ready(..) | State::Done => match self.send(cx) {
                    Ok(()) if matches!(self.state, State::Waiting) => return Poll::Pending,
                    Ok(()) => {}
                    Err(error) => {
                        self.end();
                        return Poll::Ready(Err(error));
                    }
                },
            }
        }
    }

    /// Hands the message over. Who is to be woken by its answer is known before that can come.
    fn send(&mut self, cx: &Context<'_>) -> Result<(), Error> {
        let State::Ready(now, destination, payload) = std::mem::replace(&mut self.state, State::Waiting)
        else {
            self.state = State::Done;
            return Err(Error::new(ErrorKind::Cancelled, "polled after it had been answered"));
        };
        let connection = self.target.client.connection();
        let (deadline, waker) = (self.deadline.instant(), cx.waker().clone());
        let expected = Expected { id: self.id, destination, payload, now, deadline, waker };
        if !connection.inbox().is_started() {
            let start = start_and_send(connection.clone(), expected);
            self.state = State::Sending(until(self.deadline, start));
            return Ok(());
        }
        let Some(lone) = connection.take_on(expected)? else { return Ok(()) };
        match connection.try_publish(lone.clone()) {
            Ok(()) => Ok(()),
            Err(TryPublishError::Refused(error)) => Err(error),
            Err(TryPublishError::Full) => {
                self.state = State::Sending(hand_over_later(connection, lone, self.deadline));
                Ok(())
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

async fn start_and_send(connection: Connection, expected: Expected) -> Result<(), Error> {
    connection.inbox().start(&connection).await?;
    match connection.take_on(expected)? {
        Some(lone) => connection.publish(lone).await,
        None => Ok(()),
    }
}

/// The rest of a handover, for which the connection has no room yet.
pub(super) type Handover = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// Waits for room in the connection's queue, but not beyond the deadline.
pub(super) fn hand_over_later(
    connection: &Connection,
    message: OutboundMessage,
    deadline: Deadline,
) -> Handover {
    let connection = connection.clone();
    until(deadline, async move { connection.publish(message).await })
}

/// Bounds what comes before the message is handed over by the call's deadline.
fn until(deadline: Deadline, send: impl Future<Output = Result<(), Error>> + Send + 'static) -> Handover {
    Box::pin(async move {
        tokio::time::timeout_at(deadline.instant(), send).await.unwrap_or_else(|_| Err(too_late()))
    })
}
