//! As many successes as a decision needs.

use std::error::Error as StdError;
use std::fmt;

use futures_util::StreamExt;

use super::{Gather, GatherEnd, InstanceId};
use crate::error::CallError;

/// Why a [quorum](Gather::quorum) was not reached, with all that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoQuorum<T, E> {
    /// How many successes were needed.
    pub needed: usize,
    /// Those that there were.
    pub successes: Vec<(InstanceId, T)>,
    /// The instances that have failed, or were expected and have not answered.
    pub failures: Vec<(InstanceId, CallError<E>)>,
    /// Why there was nothing more to wait for.
    pub end: GatherEnd,
}

impl<T, E> Gather<T, E> {
    /// Waits until so many instances have succeeded, and for no more of them.
    ///
    /// # Errors
    /// [`NoQuorum`] when the gather has ended before, with what has come. How many instances there are is known only where they are
    /// [expected](Self::expecting): then it ends as soon as all of those have answered.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the gather is dropped.
    pub async fn quorum(mut self, needed: usize) -> Result<Vec<(InstanceId, T)>, NoQuorum<T, E>> {
        let (mut successes, mut failures) = (Vec::new(), Vec::new());
        while successes.len() < needed {
            match self.next().await {
                Some((instance, Ok(value))) => successes.push((instance, value)),
                Some((instance, Err(error))) => failures.push((instance, error)),
                None => {
                    let end = self.end().cloned().unwrap_or(GatherEnd::Complete);
                    return Err(NoQuorum { needed, successes, failures, end });
                }
            }
        }
        Ok(successes)
    }
}

impl<T, E> fmt::Display for NoQuorum<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (successes, failures) = (self.successes.len(), self.failures.len());
        write!(
            f,
            "{successes} of {} instances that are needed have succeeded, {failures} have failed",
            self.needed
        )?;
        match &self.end {
            GatherEnd::Failed(error) => write!(f, ": {error}"),
            _ => Ok(()),
        }
    }
}

impl<T: fmt::Debug, E: fmt::Debug> StdError for NoQuorum<T, E> {}
