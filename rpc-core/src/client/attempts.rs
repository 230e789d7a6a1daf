//! The attempts of one call: the first one, which is nearly always the last, and what follows it otherwise.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::InFlight;
use super::layers::{Passage, Passed};
use super::outgoing::Outgoing;
use super::pursuit::{Concluded, Pursuit, is_conclusive};
use super::sending::Sent;
use crate::connection::Answer;
use crate::error::{Error, ErrorKind, Execution};
use crate::wire::frame::CallBuffer;

/// A call from its first poll to its answer. Nothing is boxed for one whose first attempt is answered.
pub(super) enum Attempts {
    Refused(Error),
    Built(CallBuffer),
    /// The same, of a client with layers.
    Outside(CallBuffer),
    First(Sent, InFlight),
    /// The rare way: there is no connection, or the answer is not the end of it.
    Later(Pin<Box<dyn Future<Output = Concluded> + Send>>),
    /// In the layers, which make the attempts.
    Passing(Passage),
    Done,
}

impl Attempts {
    /// The message, while it can still be changed.
    pub(super) fn built(&mut self) -> Option<&mut CallBuffer> {
        match self {
            Attempts::Built(buffer) | Attempts::Outside(buffer) => Some(buffer),
            _ => None,
        }
    }

    /// Gives the call up. What is out is cancelled; returns what may be concluded about the handler.
    pub(super) fn give_up(&mut self) -> Execution {
        match std::mem::replace(self, Attempts::Done) {
            Attempts::First(..) | Attempts::Later(_) => Execution::MaybeExecuted,
            Attempts::Passing(passage) => passage.give_up(),
            Attempts::Refused(_) | Attempts::Built(_) | Attempts::Outside(_) | Attempts::Done => {
                Execution::NotExecuted
            }
        }
    }

    /// Gives the message up, to be sent in another way.
    #[inline(always)] // on the way of every call
    pub(super) fn take_built(&mut self) -> Result<CallBuffer, Error> {
        match std::mem::replace(self, Attempts::Done) {
            Attempts::Refused(error) => Err(error),
            Attempts::Built(buffer) | Attempts::Outside(buffer) => Ok(buffer),
            _ => Err(polled_again()),
        }
    }

    /// Whether the call goes through layers.
    pub(super) fn are_layered(&self) -> bool {
        matches!(self, Attempts::Outside(_) | Attempts::Passing(_))
    }

    /// Sends the call through the layers, and waits for what comes back.
    #[cold]
    pub(super) fn poll_layers(
        &mut self,
        outgoing: &Outgoing,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Passed, Error>> {
        if matches!(self, Attempts::Outside(_)) {
            let (_, args) = self.take_built()?.into_parts();
            *self = Attempts::Passing(Passage::answered(outgoing, args, outgoing.begin()?));
        }
        let Attempts::Passing(passage) = self else { return Poll::Ready(Err(polled_again())) };
        let passed = ready!(passage.poll(cx));
        *self = Attempts::Done;
        Poll::Ready(passed)
    }

    /// Sends the call, and once more where that is right, until it is known what became of it.
    pub(super) fn poll(
        &mut self,
        outgoing: &Outgoing,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Concluded, Error>> {
        loop {
            // While a call waits, it is polled where it is: its state is too large to be moved at each poll.
            match self {
                Attempts::First(sent, _) => {
                    let answer = ready!(sent.exchange.poll(cx)).unwrap_or_else(Answer::NotSent);
                    let Attempts::First(sent, in_flight) = std::mem::replace(self, Attempts::Done) else {
                        continue;
                    };
                    if is_conclusive(&answer) {
                        return Poll::Ready(Ok(Concluded::at_first(answer)));
                    }
                    let deadline = sent.exchange.deadline();
                    let pursuit = Pursuit::new(outgoing, sent.args, deadline, Some(in_flight));
                    *self = Attempts::Later(Box::pin(pursuit.after(answer, sent.expiry)));
                }
                Attempts::Later(pursuit) => {
                    let concluded = ready!(pursuit.as_mut().poll(cx));
                    *self = Attempts::Done;
                    return Poll::Ready(Ok(concluded));
                }
                _ => self.begin(outgoing)?,
            }
        }
    }

    /// Sends the call for the first time.
    fn begin(&mut self, outgoing: &Outgoing) -> Result<(), Error> {
        let buffer = self.take_built()?;
        let begun = outgoing.begin()?;
        let hedge = outgoing.retry().hedge(outgoing.is_idempotent());
        if hedge.is_none() && outgoing.connection().is_connected() && !outgoing.must_verify() {
            let sent = outgoing.send(buffer, begun.now, begun.deadline)?;
            *self = Attempts::First(sent, begun.in_flight);
            return Ok(());
        }
        let (_, args) = buffer.into_parts();
        let pursuit = Pursuit::new(outgoing, args, begun.deadline, Some(begun.in_flight));
        *self = Attempts::Later(Box::pin(pursuit.start()));
        Ok(())
    }
}

fn polled_again() -> Error {
    Error::new(ErrorKind::Cancelled, "the call was polled after it had been resolved")
}
