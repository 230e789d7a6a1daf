//! What came of an attempt, and how that is kept.

use std::time::Duration;

use async_nats::jetstream::AckKind;

use super::attempt::Settled;
use super::delivery::Delivery;
use super::worker::Worker;
use crate::error::{BeforeWork, Error, ErrorKind, Execution};
use crate::jobs::record::{Encoded, Failure, Record, State};
use crate::jobs::store::Known;
use crate::wire::frame::SERVICE_ERROR;

/// How long to wait before JetStream is asked again that has not answered.
const PAUSE: Duration = Duration::from_millis(250);

/// What is to become of a job.
#[derive(Debug, PartialEq)]
pub(super) enum Ending {
    /// It has a result.
    Done(Encoded),
    /// It has its service's own error, which is a result as well.
    Failed(Failure),
    /// It goes to the dead letters.
    Dead(Failure),
    /// It is tried again, after so long.
    Again(Failure, Duration),
    /// The server ends, which is not the job's fault: somebody else begins it at once.
    Released {
        may_have_run: bool,
    },
    Cancelled,
}

impl Ending {
    /// What is said of the last attempt is not true of those before it, which may have been executed.
    fn after(self, record: &Record) -> Self {
        match self {
            Ending::Dead(failure) if record.may_have_run && !failure.may_have_run() => {
                Ending::Dead(Failure { execution: Execution::MaybeExecuted.as_u8(), ..failure })
            }
            ending => ending,
        }
    }

    /// Whether the handler has come to its end, so that there is nothing more to be executed.
    fn is_result(&self) -> bool {
        matches!(self, Ending::Done(_) | Ending::Failed(_))
    }
}

/// Whether a record is still that of an attempt: nobody has begun another one.
pub(super) fn is_same_attempt(there: &Record, ours: &Record) -> bool {
    match (&there.state, &ours.state) {
        (State::Running(there), State::Running(ours)) => {
            there.instance == ours.instance && there.delivery == ours.delivery
        }
        (there, ours) => there == ours,
    }
}

impl Worker {
    /// What follows from what the handler has returned, and from whether it wants another attempt.
    pub(super) fn ending(&self, settled: Settled, again: Option<Option<Duration>>, attempts: u32) -> Ending {
        let Ok(settled) = settled else { return Ending::Cancelled };
        let is_last = attempts >= self.settings.attempts;
        let pause = |after: Option<Duration>| after.unwrap_or_else(|| self.settings.pause(attempts));
        match settled {
            Ok(reply) => {
                let body = Encoded(reply.payload);
                let failure = reply.own_error.map(|message| Failure {
                    code: SERVICE_ERROR,
                    execution: Execution::Executed.as_u8(),
                    message: message.into(),
                    body: Some(body.clone()),
                });
                match (failure, again) {
                    (failure, Some(after)) if !is_last => {
                        Ending::Again(failure.unwrap_or_else(unsatisfied), pause(after))
                    }
                    (Some(failure), Some(_)) => Ending::Dead(failure),
                    (Some(failure), None) => Ending::Failed(failure),
                    (None, _) => Ending::Done(body),
                }
            }
            Err(error) if self.shared.is_closed() || is_turned_away(&error) => {
                Ending::Released { may_have_run: error.execution() != Execution::NotExecuted }
            }
            Err(error) if is_last || !may_pass(&error) => Ending::Dead(Failure::of(&error)),
            Err(error) => Ending::Again(Failure::of(&error), pause(error.retry_after())),
        }
    }

    /// Keeps what came of a job, for as long as that takes; then tells JetStream that it has done with this delivery. It does neither if another
    /// worker has the job by now, unless there is a result: whoever ends first decides.
    pub(super) async fn settle(
        &self,
        delivery: &Delivery,
        known: Known,
        ending: Ending,
    ) -> Result<(), Error> {
        let ending = self.bounded(&known.record, ending.after(&known.record));
        if let Ending::Dead(failure) = &ending
            && self.is_to_be_buried(delivery, &known.record).await?
        {
            tracing::warn!(job = %self.id(delivery), reason = failure.message, "a job has failed for good");
            self.bury(delivery, &known.record, failure).await?;
        }
        if !self.store_ending(delivery, known, &ending).await? {
            tracing::debug!(job = %self.id(delivery), "another worker has the job by now");
            return Ok(());
        }
        match ending {
            Ending::Again(_, after) => self.later(delivery, after).await,
            Ending::Released { .. } => self.acknowledge(delivery, AckKind::Nak(None)).await,
            _ => self.done(delivery).await,
        }
        Ok(())
    }

    /// Whether a job that has failed here for good has not ended elsewhere, and is not executed there.
    async fn is_to_be_buried(&self, delivery: &Delivery, ours: &Record) -> Result<bool, Error> {
        loop {
            match self.store.load(&delivery.job).await {
                Ok(Some(there)) => return Ok(is_same_attempt(&there.record, ours)),
                Ok(None) => return Ok(true),
                Err(error) => self.wait(delivery, error).await?,
            }
        }
    }

    /// A result that does not fit into a record cannot be kept.
    fn bounded(&self, record: &Record, ending: Ending) -> Ending {
        let mut ended = record.clone();
        conclude(&mut ended, &ending);
        let limit = self.shared.connection().max_payload();
        match ended.write() {
            // The headers of the record's message are small.
            Ok(written) if written.len() + 1024 <= limit => ending,
            Ok(written) => Ending::Dead(Failure::of(
                &Error::new(
                    ErrorKind::PayloadTooLarge,
                    format!(
                        "the status with its result has {} bytes, the broker takes {limit}",
                        written.len()
                    ),
                )
                .with_execution(Execution::Executed),
            )),
            Err(error) => Ending::Dead(Failure::of(&error)),
        }
    }

    /// Writes what came of an attempt into the record, unless another worker has the job by now: then this is `false`.
    async fn store_ending(&self, delivery: &Delivery, known: Known, ending: &Ending) -> Result<bool, Error> {
        let ours = known.record;
        let (mut ended, mut revision) = (ours.clone(), Some(known.revision));
        loop {
            conclude(&mut ended, ending);
            let stored = match revision {
                Some(revision) => self.store.replace(&delivery.job, &ended, revision).await,
                // It was kept for so long, and no longer.
                None => self.store.create(&delivery.job, &ended).await,
            };
            let looked = match stored {
                Ok(Some(_)) => return Ok(true),
                Ok(None) => self.store.load(&delivery.job).await,
                Err(error) => Err(error),
            };
            match looked {
                // Another worker, to whom the job was given as well, was quicker; or the answer to ourselves was lost.
                Ok(Some(there)) if there.record.is_final() || there.record == ended => return Ok(true),
                Ok(Some(there)) if ending.is_result() || is_same_attempt(&there.record, &ours) => {
                    (ended, revision) = (there.record, Some(there.revision));
                }
                Ok(Some(_)) => return Ok(false),
                Ok(None) => revision = None,
                Err(error) => self.wait(delivery, error).await?,
            }
        }
    }

    /// Waits for JetStream to come back, if it may.
    pub(super) async fn wait(&self, delivery: &Delivery, error: Error) -> Result<(), Error> {
        if error.kind() != ErrorKind::Unavailable {
            return Err(error);
        }
        tracing::debug!(job = %self.id(delivery), %error, "the status of a job is out of reach at the moment");
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }
}

/// Writes the end of an attempt into a record.
fn conclude(record: &mut Record, ending: &Ending) {
    match ending {
        Ending::Done(body) => record.state = State::Done { body: body.clone() },
        Ending::Failed(failure) | Ending::Dead(failure) => {
            record.state = State::Failed { failure: failure.clone() };
        }
        Ending::Again(failure, _) => {
            record.may_have_run |= failure.may_have_run();
            // The service's own error is kept in the result only: each status shows the record.
            record.last_failure = Some(Failure { body: None, ..failure.clone() });
            record.state = State::Queued;
        }
        Ending::Released { may_have_run } => {
            record.may_have_run |= may_have_run;
            if matches!(record.state, State::Running(_)) {
                record.attempts = record.attempts.saturating_sub(1);
            }
            record.state = State::Queued;
        }
        Ending::Cancelled => record.state = State::Cancelled,
    }
}

/// Whether the server has sent the call away before it began.
fn is_turned_away(error: &Error) -> bool {
    error.kind() == ErrorKind::Unavailable
        && error.execution() == Execution::NotExecuted
        && error.before_work_reason().is_none()
}

/// Whether another attempt may end otherwise.
fn may_pass(error: &Error) -> bool {
    let passes = match error.kind() {
        ErrorKind::DeadlineExceeded
        | ErrorKind::Unavailable
        | ErrorKind::Overloaded
        | ErrorKind::NoResponders
        | ErrorKind::Cancelled
        | ErrorKind::DataLoss
        | ErrorKind::Remote
        | ErrorKind::Internal => true,
        ErrorKind::Unimplemented
        | ErrorKind::InvalidArgument
        | ErrorKind::PayloadTooLarge
        | ErrorKind::PermissionDenied
        | ErrorKind::Unauthenticated
        | ErrorKind::Protocol => false,
    };
    // A result that does not encode will not do so the next time.
    passes
        && error.execution() != Execution::Executed
        && error.before_work_reason() != Some(BeforeWork::Undecodable)
}

/// Why a handler wants another attempt that has not failed.
fn unsatisfied() -> Failure {
    Failure::of(
        &Error::new(ErrorKind::Unavailable, "the handler has asked for another attempt")
            .with_execution(Execution::Executed),
    )
}
