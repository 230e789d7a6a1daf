//! Jobs that have failed for good, for whoever looks after them.

use std::fmt;
use std::time::{Duration, SystemTime};

use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{DirectGetErrorKind, Stream};
use bytes::Bytes;
use futures_core::Stream as Items;
use futures_util::StreamExt;
use futures_util::stream::unfold;

use crate::client::Client;
use crate::connection::{HeaderMap, first_values, header_map};
use crate::error::{Error, ErrorKind, Execution};
use crate::jobs::jetstream::{JetStream, api, failed};
use crate::jobs::record::{Record, State};
use crate::jobs::setup::look_up;
use crate::jobs::store::Store;
use crate::jobs::{JobId, Names, header};
use crate::wire::dialect::header::{ERROR, ERROR_CODE, EXECUTION};
use crate::wire::headers::Headers;

/// The jobs of a service that have failed for good: that could not be read, or failed in each of their attempts.
///
/// They stay until they are [replayed](Self::replay) or [discarded](Self::discard). A job that has ended with its service's own error
/// is none of them: that is its result. It is both if its handler has asked for another attempt in the last one.
///
/// ```no_run
/// use futures_util::TryStreamExt;
/// use nats_rpc::jobs::DeadLetters;
///
/// # async fn look(client: nats_rpc::Client) -> Result<(), nats_rpc::Error> {
/// let dead = DeadLetters::of(&client, "video").await?;
/// for letter in dead.list().try_collect::<Vec<_>>().await? {
///     println!("{} after {} attempts: {}", letter.job, letter.attempts, letter.reason);
///     dead.replay(&letter).await?;
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct DeadLetters {
    service: String,
    store: Store,
    stream: Stream,
}

/// One of them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The id of the job.
    pub job: JobId,
    /// Where it was submitted.
    pub subject: String,
    /// Why it has failed.
    pub reason: Error,
    /// How often it was begun.
    pub attempts: u32,
    /// When it was given up.
    pub time: SystemTime,
    /// Its number among the dead letters.
    pub sequence: u64,
    /// The message, as it was submitted: frames, or the arguments alone.
    pub payload: Bytes,
    /// The headers that it had, but for those of JetStream.
    pub headers: Headers,
    /// Which message of the stream of jobs it was.
    message: u64,
}

impl DeadLetters {
    /// Those of a service, by its name, in the deployment of the client.
    ///
    /// # Errors
    /// [`NoResponders`](ErrorKind::NoResponders) if no server has ever executed jobs of the service;
    /// [`Unimplemented`](ErrorKind::Unimplemented) without JetStream; [`PermissionDenied`](ErrorKind::PermissionDenied) and
    /// [`Unavailable`](ErrorKind::Unavailable).
    pub async fn of(client: impl Into<Client>, service: impl Into<String>) -> Result<Self, Error> {
        let (client, service) = (client.into(), service.into());
        let store = client.job_store(&service).await?;
        let names = Names::new(client.prefix(), &service)?;
        let jetstream = store.jetstream();
        let found = look_up(jetstream, &names.dead, "the stream of dead letters").await?;
        let stream = found.ok_or_else(|| {
            let message = format!("there is no stream {}", names.dead);
            Error::not_executed(ErrorKind::NoResponders, message)
        })?;
        Ok(DeadLetters { service, store, stream })
    }

    /// All that are there, the oldest first. What cannot be read is passed over and logged.
    pub fn list(&self) -> impl Items<Item = Result<DeadLetter, Error>> + Send + Unpin + 'static {
        unfold(Some((self.clone(), 1)), |at| async move {
            let (letters, from) = at?;
            match letters.next(from).await {
                Ok(Some(letter)) => {
                    let next = letter.sequence + 1;
                    Some((Ok(letter), Some((letters, next))))
                }
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }

    /// The first one with this number or a higher one.
    async fn next(&self, mut from: u64) -> Result<Option<DeadLetter>, Error> {
        loop {
            let asked = self.stream.direct_get_next_for_subject(">", Some(from));
            let found = self.jetstream().ask(&[&self.asked("DIRECT.GET")], asked).await?;
            match found {
                Ok(message) => {
                    from = message.sequence + 1;
                    match self.read(&message) {
                        Ok(letter) => return Ok(Some(letter)),
                        Err(error) => {
                            tracing::warn!(sequence = message.sequence, %error, "a dead letter cannot be read");
                        }
                    }
                }
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(failed("the dead letters cannot be read", error)),
            }
        }
    }

    /// The subject of a question about the stream.
    fn asked(&self, question: &str) -> String {
        api(question, &self.stream.cached_info().config.name)
    }

    fn jetstream(&self) -> &JetStream {
        self.store.jetstream()
    }

    fn read(&self, message: &StreamMessage) -> Result<DeadLetter, Error> {
        let headers = &message.headers;
        let value = |name: &str| headers.get(name).map(|value| value.as_str());
        let missing = |name: &str| Error::new(ErrorKind::Protocol, format!("it has no header {name}"));
        let job = value(header::JOB_ID).ok_or_else(|| missing(header::JOB_ID))?;
        let message_sequence = value(header::SEQUENCE).and_then(|value| value.parse().ok());
        let number = |name: &str| value(name).and_then(|value| value.trim().parse::<u16>().ok());
        let code = number(ERROR_CODE).unwrap_or(500);
        let reason = Error::new(ErrorKind::from_code(code), value(ERROR).unwrap_or_default().to_owned())
            .with_code(code)
            .with_execution(Execution::from_wire(number(EXECUTION).unwrap_or(1).into()));
        let own = [
            header::JOB_ID,
            header::SUBJECT,
            header::SEQUENCE,
            header::ATTEMPTS,
            ERROR_CODE,
            ERROR,
            EXECUTION,
        ];
        let others =
            first_values(headers).filter(|(name, _)| !own.contains(name) && !name.starts_with("Nats-"));
        Ok(DeadLetter {
            job: JobId::new(&self.service, job),
            subject: value(header::SUBJECT).ok_or_else(|| missing(header::SUBJECT))?.to_owned(),
            reason,
            attempts: value(header::ATTEMPTS).and_then(|value| value.parse().ok()).unwrap_or_default(),
            time: SystemTime::UNIX_EPOCH
                + Duration::from_secs(u64::try_from(message.time.unix_timestamp()).unwrap_or_default()),
            sequence: message.sequence,
            payload: message.payload.clone(),
            headers: others.collect(),
            message: message_sequence.ok_or_else(|| missing(header::SEQUENCE))?,
        })
    }

    /// Submits a job once more, as it was and under its id, with all its attempts before it; then it is no dead letter any more. Who waits for its
    /// result, and has not heard that it has failed, gets the new one.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) if JetStream does not answer, or if the worker that wrote the letter is not done with the job: the
    /// letter is still there, and replaying it once more is safe.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the job may have been submitted, and the letter may still be there.
    pub async fn replay(&self, letter: &DeadLetter) -> Result<(), Error> {
        let job = letter.job.token();
        let anew = |record: &mut Record| {
            // Somebody may have replayed this letter before, and the job have failed once more: that has a letter of its own.
            let has_failed =
                record.sequence == Some(letter.message) && matches!(record.state, State::Failed { .. });
            if has_failed {
                record.state = State::Queued;
                record.attempts = 0;
                record.sequence = None;
                record.cancel = false;
            }
            has_failed
        };
        // Without a record, whoever executes it makes one.
        let record = self.store.change(job, anew).await?;
        if record.is_some_and(|record| record.sequence == Some(letter.message) && !record.is_final()) {
            let message = format!("the worker of {} has not said yet that it has failed", letter.job);
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        let message = PublishMessage::build()
            .payload(letter.payload.clone())
            .headers(replayed_headers(letter, job)?)
            .message_id(format!("{job}-replay-{}", letter.sequence));
        let stored = self.jetstream().publish(&letter.subject, message).await?;
        stored.map_err(|error| failed("the job cannot be stored", error))?;
        self.discard(letter).await
    }

    /// Removes a dead letter. Its job stays failed.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) if JetStream does not answer.
    pub async fn discard(&self, letter: &DeadLetter) -> Result<(), Error> {
        let subject = self.asked("STREAM.MSG.DELETE");
        match self.jetstream().ask(&[&subject], self.stream.delete_message(letter.sequence)).await? {
            Ok(_) => Ok(()),
            // Somebody else was quicker, perhaps.
            Err(error) => match self.stream.direct_get(letter.sequence).await {
                Err(gone) if gone.kind() == DirectGetErrorKind::NotFound => Ok(()),
                _ => Err(failed("a dead letter cannot be removed", error)),
            },
        }
    }
}

fn replayed_headers(letter: &DeadLetter, job: &str) -> Result<HeaderMap, Error> {
    let all = letter.headers.iter().chain([(header::JOB_ID, job)]);
    header_map(all)
        .ok_or_else(|| Error::new(ErrorKind::Internal, "a header of the dead letter may not travel"))
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters").field("service", &self.service).finish_non_exhaustive()
    }
}
