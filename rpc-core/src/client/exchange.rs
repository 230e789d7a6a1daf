//! One call out, perhaps in a message with others, and what became of it: the state machine under every call.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::time::Instant;

use super::handover::{Handover, hand_over_later, until};
use super::plain;
use super::stub::Target;
use super::written::Written;
use crate::connection::{
    Answer, Connection, DestinationId, Expected, OutboundMessage, TryPublishError, too_late,
};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind, Execution};

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
    Ready(Instant, DestinationId, Written),
    /// The rare way: the inbox is not there yet.
    Starting(Handover, DestinationId, Written),
    /// Another: the connection's queue is full.
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
        message: Written,
    ) -> Self {
        Exchange { target, id, deadline, state: State::Ready(now, destination, message) }
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
                    if let Answer::Plain(reply) = answer {
                        return Poll::Ready(Ok(plain::judge(reply, self.target.client.codec())));
                    }
                    return Poll::Ready(Ok(answer));
                }
                State::Starting(start, ..) => {
                    let started = ready!(start.as_mut().poll(cx));
                    let State::Starting(_, destination, message) =
                        std::mem::replace(&mut self.state, State::Done)
                    else {
                        continue;
                    };
                    if let Err(error) = started {
                        return Poll::Ready(Err(error));
                    }
                    self.state = State::Ready(Instant::now(), destination, message);
                }
                State::Sending(sending) => match sending.as_mut().poll(cx) {
                    Poll::Ready(Ok(())) => self.state = State::Waiting,
                    Poll::Ready(Err(error)) => {
                        self.end();
                        return Poll::Ready(Err(error));
                    }
                    Poll::Pending => {
                        let answer = ready!(self.target.client.connection().inbox().poll_answer(self.id, cx));
                        // The message is dropped with the state: it has certainly not been sent.
                        self.state = State::Done;
                        return Poll::Ready(Ok(unsent(answer)));
                    }
                },
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
        let State::Ready(now, destination, message) = std::mem::replace(&mut self.state, State::Waiting)
        else {
            self.state = State::Done;
            return Err(Error::new(ErrorKind::Cancelled, "polled after it had been answered"));
        };
        let connection = self.target.client.connection();
        if !connection.inbox().is_started() {
            let start = start(connection.clone());
            self.state = State::Starting(until(self.deadline, start), destination, message);
            return Ok(());
        }
        let (id, deadline, waker) = (self.id, self.deadline.instant(), cx.waker().clone());
        let expect = |payload| Expected { id, destination, payload, now, deadline, waker };
        let lone = match message {
            Written::Framed(payload) => connection.take_on(expect(payload))?,
            Written::Plain(payload, headers) => Some(connection.take_on_plain(expect(payload), *headers)?),
        };
        let Some(lone) = lone else { return Ok(()) };
        self.publish(lone)
    }

    /// Publishes a message that goes alone.
    fn publish(&mut self, lone: OutboundMessage) -> Result<(), Error> {
        let connection = self.target.client.connection();
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

/// The answer to a call whose message was not handed over.
fn unsent(answer: Answer) -> Answer {
    match answer {
        Answer::Lost(error) => Answer::NotSent(error.with_execution(Execution::NotExecuted)),
        Answer::Expired(_) => Answer::NotSent(too_late()),
        answer => answer,
    }
}

async fn start(connection: Connection) -> Result<(), Error> {
    connection.inbox().start(&connection).await
}
