//! What has become of a call that passes through layers, whatever these say.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::Error;
use crate::reply::Reply;

/// How far a call has come on its way through the layers.
#[derive(Debug, Default)]
pub(crate) struct Passage(Mutex<Progress>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    OnItsWay,
    /// Its caller is told that it was not executed: from now on it must not be.
    Refused,
    /// It is with its handler, or was.
    Arrived,
    /// The handler has done nothing.
    Returned,
}

impl Passage {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the call may go to its handler.
    pub(crate) fn arrive(&self) -> bool {
        let mut progress = self.lock();
        let may_run = *progress == Progress::OnItsWay;
        if may_run {
            *progress = Progress::Arrived;
        }
        may_run
    }

    /// Notes what the handler itself has returned.
    pub(crate) fn note(&self, result: &Result<Reply, Error>) {
        if matches!(result, Err(error) if error.before_work_reason().is_some()) {
            *self.lock() = Progress::Returned;
        }
    }

    /// What the caller is told where the layers end the call with an error, which may be of another call.
    pub(crate) fn conclude(&self, error: Error) -> Error {
        let mut progress = self.lock();
        match *progress {
            Progress::OnItsWay | Progress::Refused => {
                *progress = Progress::Refused;
                error.refused()
            }
            Progress::Arrived => error.after_work(),
            Progress::Returned => error,
        }
    }
}
