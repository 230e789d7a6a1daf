//! How a gather goes on, from its first poll to its end.

use std::future::Future;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, sleep_until};

use super::expectation::Expectation;
use super::{Answered, Gather, GatherEnd, InstanceId, State, read, send};
use crate::client::outcome::error_of;
use crate::connection::{Answer, Next, Part};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::wire::frame::CallBuffer;

impl<T, E> Gather<T, E> {
    /// The next answer. Nothing once it has ended.
    pub(super) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answered<T, E>>> {
        loop {
            if let Some(answer) = self.ready.pop_front() {
                return Poll::Ready(Some(answer));
            }
            match &mut self.state {
                State::Ended(_) => return Poll::Ready(None),
                State::Made(built) => {
                    let begun = built.take().map_or(Ok(()), |built| self.begin(built));
                    if let Err(error) = begun {
                        self.conclude(GatherEnd::Failed(error));
                    }
                }
                State::Sending(sending) => {
                    let sent = ready!(sending.as_mut().poll(cx));
                    self.state = State::Collecting;
                    if let Err(error) = sent {
                        self.conclude(GatherEnd::Failed(error));
                    }
                }
                State::Collecting => {
                    let end = ready!(self.poll_collecting(cx));
                    if let Some(end) = end {
                        self.conclude(end);
                    }
                }
            }
        }
    }

    /// Starts the gather's time, and hands the call over.
    fn begin(&mut self, built: Result<CallBuffer, Error>) -> Result<(), Error> {
        let (_, args) = built?.into_parts();
        self.outgoing.takes_one_answer = self.most == 1;
        let begun = self.outgoing.begin()?;
        self.expectation.begin(&self.outgoing, begun.deadline);
        self.state = State::Sending(send::begin(&self.outgoing, args, begun.deadline));
        self.in_flight = Some(begun.in_flight);
        Ok(())
    }

    /// Takes what has come. Ready with nothing if there is an answer, else with the end.
    fn poll_collecting(&mut self, cx: &mut Context<'_>) -> Poll<Option<GatherEnd>> {
        if self.heard.len() >= self.most {
            return Poll::Ready(Some(GatherEnd::Complete));
        }
        let inbox = self.outgoing.connection().inbox();
        match inbox.poll_gathering(self.outgoing.id, cx) {
            Poll::Ready(Next::Part(part)) => {
                self.take(part);
                self.timer = None;
                return Poll::Ready(None);
            }
            Poll::Ready(Next::End(Answer::Expired(_))) => return Poll::Ready(Some(GatherEnd::TimedOut)),
            Poll::Ready(Next::End(answer)) => {
                return Poll::Ready(Some(GatherEnd::Failed(error_of(&self.outgoing, answer))));
            }
            Poll::Pending => {}
        }
        match self.expectation.poll_met(&self.heard, cx) {
            Ok(true) => return Poll::Ready(Some(GatherEnd::Complete)),
            Ok(false) => {}
            Err(error) => return Poll::Ready(Some(GatherEnd::Failed(error))),
        }
        let Some(quiet) = self.quiet.filter(|_| !self.heard.is_empty()) else { return Poll::Pending };
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(Deadline::of(Instant::now(), quiet).instant())));
        timer.as_mut().poll(cx).map(|()| Some(GatherEnd::Quiet))
    }

    /// Reads what has come of an instance.
    fn take(&mut self, part: Part) {
        let answers = match part {
            Part::Reply(message) => read::answers(&self.outgoing, self.returns, message),
            Part::Lost { instance, error } => vec![(Some(instance), Err(error.into()))],
        };
        for (instance, answer) in answers {
            let instance = instance.map_or_else(
                || {
                    self.unnamed += 1;
                    InstanceId::unnamed(self.unnamed)
                },
                InstanceId::from,
            );
            // An instance that has answered may be gone after that.
            if self.heard.insert(instance.clone()) && self.heard.len() <= self.most {
                self.ready.push_back((instance, answer));
            }
        }
    }

    /// Ends it. Those that were expected and have not answered are named.
    fn conclude(&mut self, end: GatherEnd) {
        self.outgoing.connection().inbox().forget(self.outgoing.id);
        let error = match &end {
            GatherEnd::Failed(error) => Some(error.clone()),
            GatherEnd::TimedOut | GatherEnd::Quiet => None,
            GatherEnd::Complete => {
                self.expectation = Expectation::None;
                None
            }
        };
        for instance in self.expectation.missing(&self.heard) {
            let error = error.clone().unwrap_or_else(|| {
                Error::new(
                    ErrorKind::DeadlineExceeded,
                    format!("the instance {instance} has not answered in time"),
                )
            });
            self.ready.push_back((instance, Err(error.into())));
        }
        self.expectation = Expectation::None;
        self.timer = None;
        self.in_flight = None;
        self.state = State::Ended(end);
    }

    /// Ends it with the handler that it was made in, if that is cancelled.
    pub(super) fn end_with_parent(&mut self, cx: &mut Context<'_>) {
        let cancelled = self.parent.as_mut().is_some_and(|parent| parent.as_mut().poll(cx).is_ready());
        if cancelled && self.end().is_none() {
            self.parent = None;
            let message = "the handler that made the call was cancelled";
            self.conclude(GatherEnd::Failed(Error::new(ErrorKind::Cancelled, message)));
        }
    }
}
