//! What a handler that executes a job says about it: how far it is, and that it should be tried again.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Context;

/// How far a job is, as its handler has reported it.
///
/// ```
/// use nats_rpc::Progress;
///
/// let progress = Progress::of(3, 10).with_message("three of ten pages");
/// assert_eq!(progress.fraction(), Some(0.3));
/// assert_eq!(Progress::from("warming up").message(), Some("warming up"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    done: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl Progress {
    /// So much is done, of so much.
    pub fn of(done: u64, total: u64) -> Self {
        Progress { done, total: Some(total), message: None }
    }

    /// So much is done; how much there is, nobody knows.
    pub fn done_so_far(done: u64) -> Self {
        Progress { done, total: None, message: None }
    }

    /// What it is about, for people.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// How much is done.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// How much there is, if that is known.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// What it is about, for people.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// How much of it is done, from 0 to 1, if it is known how much there is.
    #[expect(clippy::cast_precision_loss, reason = "it is a fraction")]
    pub fn fraction(&self) -> Option<f64> {
        let total = self.total.filter(|total| *total > 0)?;
        Some((self.done as f64 / total as f64).min(1.0))
    }
}

impl From<&str> for Progress {
    fn from(message: &str) -> Self {
        Progress::default().with_message(message)
    }
}

impl From<String> for Progress {
    fn from(message: String) -> Self {
        Progress::default().with_message(message)
    }
}

impl From<(u64, u64)> for Progress {
    fn from((done, total): (u64, u64)) -> Self {
        Progress::of(done, total)
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.done)?;
        if let Some(total) = self.total {
            write!(f, " of {total}")?;
        }
        match &self.message {
            Some(message) => write!(f, ", {message}"),
            None => Ok(()),
        }
    }
}

/// An attempt of a job, as its handler and its worker share it.
#[derive(Debug)]
pub(crate) struct JobAttempt {
    pub(crate) id: String,
    pub(crate) progress: tokio::sync::watch::Sender<Option<Progress>>,
    /// Whether the handler wants another attempt, and after which pause, if it has said that.
    again: Mutex<Option<Option<Duration>>>,
}

#[cfg(feature = "jetstream")]
impl JobAttempt {
    pub(crate) fn new(id: String) -> Self {
        JobAttempt { id, progress: tokio::sync::watch::Sender::new(None), again: Mutex::default() }
    }

    /// Whether the handler wants another attempt, and after which pause, if it has said that.
    pub(crate) fn again(&self) -> Option<Option<Duration>> {
        *self.again.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Context {
    /// The id of the job that the handler executes; `None` for a call. It is the same in all attempts of the job, so that what is
    /// done under it elsewhere can be done once.
    pub fn job_id(&self) -> Option<String> {
        self.extension::<JobAttempt>().map(|attempt| attempt.id.clone())
    }

    /// Says how far a job is: who submitted it reads that from its status. A later report replaces an earlier one; they are
    /// written a few times a second at most. In a call that is no job, nothing happens.
    ///
    /// ```no_run
    /// # async fn handler(cx: &nats_rpc::Context) {
    /// for page in 0..10 {
    ///     /* … */
    ///     cx.report_progress((page + 1, 10));
    /// }
    /// # }
    /// ```
    pub fn report_progress(&self, progress: impl Into<Progress>) {
        if let Some(attempt) = self.extension::<JobAttempt>() {
            attempt.progress.send_replace(Some(progress.into()));
        }
    }

    /// Asks for another attempt of a job, whatever the handler returns from this one: after the usual pause, or after this one. What is
    /// returned counts when there are no attempts left. In a call that is no job, nothing happens.
    ///
    /// A handler that returns its own error without asking for this has ended the job with that error.
    pub fn retry_job(&self, after: Option<Duration>) {
        if let Some(attempt) = self.extension::<JobAttempt>() {
            *attempt.again.lock().unwrap_or_else(PoisonError::into_inner) = Some(after);
        }
    }

    /// Whether the handler executes a job.
    pub(crate) fn is_job(&self) -> bool {
        self.extension::<JobAttempt>().is_some()
    }
}
