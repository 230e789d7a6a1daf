//! A job, as whoever submitted it sees it.

use std::fmt;
use std::future::ready;

use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::ReadAs;
use super::changes::changes;
use crate::client::Client;
use crate::client::outcome::unreadable;
use crate::client::returns::Returns;
use crate::context::Progress;
use crate::error::{CallError, Error, ErrorKind, Execution};
use crate::jobs::JobId;
use crate::jobs::record::{Encoded, Record, State};
use crate::jobs::store::unknown;
use crate::wire::frame::SERVICE_ERROR;

/// A call that JetStream has stored, and that is executed at least once by one instance: a receipt, and the way to what becomes of it.
///
/// It holds nothing open: dropped, or in a process that has ended, the job goes on. Its [id](Self::id) leads back to it, from anywhere.
///
/// ```no_run
/// use nats_rpc::jobs::{Job, JobStatus};
/// # #[nats_rpc::service]
/// # trait Video {
/// #     #[rpc(durable)]
/// #     async fn transcode(&self, name: &str) -> Result<u64, String>;
/// # }
/// # async fn submit(client: nats_rpc::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let video = VideoClient::new(&client);
/// let job = video.transcode("cat.mp4").submit().key("order-17").await?;
/// let id = job.id().to_string();
///
/// // Later, and elsewhere:
/// let job = Job::<u64, String>::open(&client, &id)?;
/// match job.status().await? {
///     JobStatus::Done => println!("{} bytes", job.result().await?),
///     status => println!("{status:?}"),
/// }
/// # Ok(()) }
/// ```
pub struct Job<T, E> {
    client: Client,
    id: JobId,
    returns: Returns<T, E>,
}

/// Where a job is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum JobStatus {
    /// It waits for a worker, after so many attempts. Where its submitter got no receipt, it may not be stored yet.
    #[non_exhaustive]
    Queued {
        /// How often it was begun.
        attempts: u32,
        /// What the last attempt failed with.
        last_error: Option<Error>,
    },
    /// It is being executed, or its worker died a moment ago.
    #[non_exhaustive]
    Running {
        /// Which attempt it is, from 1.
        attempt: u32,
        /// Who executes it.
        instance: String,
        /// How far it is, as far as its handler has said that.
        progress: Option<Progress>,
    },
    /// It was executed, and its [result](Job::result) is there.
    Done,
    /// It has failed for good; what with, its [result](Job::result) tells.
    #[non_exhaustive]
    Failed {
        /// How often it was begun.
        attempts: u32,
        /// Why; for the service's own error, what that says for people, with the code 422.
        reason: Error,
    },
    /// Somebody has cancelled it.
    Cancelled,
}

impl<T, E> Job<T, E> {
    pub(super) fn new(client: Client, id: JobId, returns: Returns<T, E>) -> Self {
        Job { client, id, returns }
    }

    /// Comes back to a job by its id. What its method returns is `T`, and fails with is `E`: [`Infallible`](std::convert::Infallible) if it
    /// does not return a `Result`. For a method that returns bytes, see [`open_bytes`](Self::open_bytes). Whether the job exists shows when it is asked for.
    ///
    /// # Errors
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for what is no id of a job.
    pub fn open<M>(client: impl Into<Client>, id: impl fmt::Display) -> Result<Self, Error>
    where
        (T, E): ReadAs<M, Value = T, Error = E>,
    {
        Ok(Job::new(client.into(), id.to_string().parse()?, <(T, E)>::returns()))
    }

    /// Its id, by which [`open`](Self::open) finds it.
    pub fn id(&self) -> &JobId {
        &self.id
    }

    /// Where it is.
    ///
    /// # Errors
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) if nothing is known of it, or not any more;
    /// [`Unavailable`](ErrorKind::Unavailable) if JetStream does not answer.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing has happened.
    pub async fn status(&self) -> Result<JobStatus, Error> {
        let store = self.client.job_store(self.id.service()).await?;
        let known = store.find(self.id.token()).await?.ok_or_else(|| unknown(&self.id))?;
        Ok(JobStatus::of(known.record))
    }

    /// Waits until it is done, for as long as that takes: through restarts of workers and of NATS, and of nothing at all if nobody executes
    /// it. Put a [`timeout`](tokio::time::timeout) around it, and ask for the [status](Self::status) when that is over.
    ///
    /// Where its user may read records and not listen for their changes, it looks every second.
    ///
    /// # Errors
    /// [`CallError::Service`] with what its handler returned; [`CallError::Rpc`] with what its last attempt failed with, with
    /// [`Cancelled`](ErrorKind::Cancelled), or with what [`status`](Self::status) fails with.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing has happened; it can be called again, and as often as one likes.
    pub async fn result(&self) -> Result<T, CallError<E>> {
        let mut changes = self.changes();
        loop {
            match changes.next().await {
                Some(Ok(record)) if record.is_final() => return self.read(record),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err(unknown(&self.id).into()),
            }
        }
    }

    /// What its handler reports of its progress, from the last report on, until the job has ended. What comes quickly may be passed over.
    pub fn progress(&self) -> impl Stream<Item = Progress> + Send + Unpin + 'static + use<T, E> {
        let changes =
            self.changes().take_while(|change| ready(change.as_ref().is_ok_and(|record| !record.is_final())));
        let mut last = None;
        let reports = changes.filter_map(move |change| {
            let progress = match change.map(|record| record.state) {
                Ok(State::Running(run)) => run.progress,
                _ => None,
            };
            let is_new = progress.is_some() && progress != last;
            if is_new {
                last.clone_from(&progress);
            }
            ready(progress.filter(|_| is_new))
        });
        reports.boxed()
    }

    /// Asks that it be not executed, or not to its end. A job that waits is cancelled at once; the handler of one that runs is dropped at
    /// its next `.await`, unless its method is marked `#[rpc(no_cancel)]`. One that has ended stays as it is. What came of it, its
    /// [status](Self::status) tells.
    ///
    /// # Errors
    /// Those of [`status`](Self::status).
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it may have been cancelled.
    pub async fn cancel(&self) -> Result<(), Error> {
        let store = self.client.job_store(self.id.service()).await?;
        let cancel = |record: &mut Record| match record.state {
            State::Submitting | State::Queued => {
                record.state = State::Cancelled;
                true
            }
            State::Running(_) => !std::mem::replace(&mut record.cancel, true),
            State::Done { .. } | State::Failed { .. } | State::Cancelled => false,
        };
        let record = store.change(self.id.token(), cancel).await?.ok_or_else(|| unknown(&self.id))?;
        if matches!(record.state, State::Running(_)) {
            store.announce_cancel(self.id.token()).await?;
        }
        Ok(())
    }

    fn changes(&self) -> BoxStream<'static, Result<Record, Error>> {
        changes(self.client.clone(), self.id.clone())
    }

    fn read(&self, record: Record) -> Result<T, CallError<E>> {
        let (codec, limits) = (record.codec, self.client.limits());
        match record.state {
            State::Done { body: Encoded(body) } => (self.returns.value)(codec, &body, limits)
                .map_err(|error| CallError::Rpc(unreadable("value", &error))),
            State::Failed { failure } if failure.code == SERVICE_ERROR => {
                let body = failure.body.map(|Encoded(body)| body).unwrap_or_default();
                Err((self.returns.error)(codec, &body, limits)
                    .map_or_else(|error| CallError::Rpc(unreadable("error", &error)), CallError::Service))
            }
            State::Failed { failure } => Err(failure.to_error().into()),
            _ => {
                let ran = if record.attempts > 0 || record.may_have_run {
                    Execution::MaybeExecuted
                } else {
                    Execution::NotExecuted
                };
                Err(Error::new(ErrorKind::Cancelled, "the job was cancelled").with_execution(ran).into())
            }
        }
    }
}

impl<T: for<'de> crate::codec::as_bytes::FromBytes<'de>, E> Job<T, E> {
    /// The same as [`open`](Self::open) for a method that returns bytes.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn open_bytes<M>(client: impl Into<Client>, id: impl fmt::Display) -> Result<Self, Error>
    where
        ((), E): ReadAs<M, Value = (), Error = E>,
    {
        let returns =
            Returns { value: Returns::<T, _>::infallible_bytes().value, error: <((), E)>::returns().error };
        Ok(Job::new(client.into(), id.to_string().parse()?, returns))
    }
}

impl JobStatus {
    fn of(record: Record) -> Self {
        let attempts = record.attempts;
        match record.state {
            State::Submitting | State::Queued => {
                let last_error = record.last_failure.map(|failure| failure.to_error());
                JobStatus::Queued { attempts, last_error }
            }
            State::Running(run) => {
                JobStatus::Running { attempt: attempts, instance: run.instance, progress: run.progress }
            }
            State::Done { .. } => JobStatus::Done,
            State::Failed { failure } => JobStatus::Failed { attempts, reason: failure.to_error() },
            State::Cancelled => JobStatus::Cancelled,
        }
    }
}

impl<T, E> Clone for Job<T, E> {
    fn clone(&self) -> Self {
        Job { client: self.client.clone(), id: self.id.clone(), returns: self.returns }
    }
}

impl<T, E> fmt::Debug for Job<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("id", &self.id).finish_non_exhaustive()
    }
}
