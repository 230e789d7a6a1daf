//! What the attempts below the layers have shown about the handler, whatever the layers make of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, ErrorKind, Execution};

/// What is known of one call, which may be sent several times.
#[derive(Debug, Default)]
pub(in crate::client) struct Progress(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many attempts are out.
    out: usize,
    /// What those that have ended have shown; `None` if nothing has run.
    ran: Option<Execution>,
    /// Whether the caller was told that nothing was executed.
    is_over: bool,
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an attempt is out.
    pub(super) fn is_out(&self) -> bool {
        self.lock().out > 0
    }

    /// Notes that an attempt begins.
    pub(super) fn begin(self: &Arc<Self>) -> Result<Attempt, Error> {
        let mut state = self.lock();
        if state.is_over {
            let message = "the call has failed before: its caller takes it for not executed";
            return Err(Error::not_executed(ErrorKind::Cancelled, message));
        }
        state.out += 1;
        Ok(Attempt { progress: Arc::clone(self), shown: Execution::MaybeExecuted })
    }

    /// What the caller of a failed call may conclude. If that is that nothing was executed, it stays so: no attempt begins any
    /// more.
    pub(in crate::client) fn conclude(&self) -> Execution {
        let mut state = self.lock();
        match state.ran {
            Some(ran) => ran,
            None if state.out > 0 => Execution::MaybeExecuted,
            None => {
                state.is_over = true;
                Execution::NotExecuted
            }
        }
    }
}

/// An attempt that is out. Dropped before it is [shown](Self::show) what came of it, it may have been executed.
pub(super) struct Attempt {
    progress: Arc<Progress>,
    shown: Execution,
}

impl Attempt {
    /// Ends the attempt, with what it has shown about the handler.
    pub(super) fn show(mut self, execution: Execution) {
        self.shown = execution;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut state = self.progress.lock();
        state.out -= 1;
        state.ran = match (state.ran, self.shown) {
            (ran, Execution::NotExecuted) => ran,
            (Some(Execution::Executed), _) => Some(Execution::Executed),
            (_, shown) => Some(shown),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Execution::{Executed, MaybeExecuted, NotExecuted};

    /// What may be concluded after attempts that have shown this; `None` is one that was dropped.
    fn after(attempts: &[Option<Execution>]) -> Execution {
        let progress = Arc::<Progress>::default();
        for shown in attempts {
            let attempt = progress.begin().unwrap();
            match shown {
                Some(execution) => attempt.show(*execution),
                None => drop(attempt),
            }
        }
        progress.conclude()
    }

    #[test]
    fn what_an_attempt_may_have_done_is_not_forgotten() {
        assert_eq!(after(&[]), NotExecuted);
        assert_eq!(after(&[Some(NotExecuted), Some(NotExecuted)]), NotExecuted);
        assert_eq!(after(&[Some(MaybeExecuted), Some(NotExecuted)]), MaybeExecuted);
        assert_eq!(after(&[None, Some(NotExecuted)]), MaybeExecuted);
        assert_eq!(after(&[Some(Executed), None, Some(NotExecuted)]), Executed);
        assert_eq!(after(&[None, Some(Executed)]), Executed);
    }

    #[test]
    fn what_was_called_not_executed_is_never_sent() {
        let progress = Arc::<Progress>::default();
        let attempt = progress.begin().unwrap();
        assert_eq!(progress.conclude(), MaybeExecuted, "one is out");
        attempt.show(NotExecuted);
        let attempt = progress.begin().unwrap();
        attempt.show(NotExecuted);
        assert_eq!(progress.conclude(), NotExecuted);
        let refused = progress.begin().err().unwrap();
        assert_eq!((refused.kind(), refused.execution()), (ErrorKind::Cancelled, NotExecuted));
    }
}
