//! How a server ends: intake first, then handlers, then the replies.

use std::pin::pin;
use std::time::Duration;

use super::reception::Reception;
use super::{Server, Shared};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};

/// For so long, calls that wait for a place may still get one. A queue of quick handlers is worked off in that time; what
/// waits behind slow ones does better elsewhere, while there is time left.
const QUEUE_GRACE: Duration = Duration::from_millis(250);

/// How long handlers that are aborted may take to end.
const LAST_ABORTS: Duration = Duration::from_millis(500);

/// How long the last replies may take to the broker, after everything else has ended.
const LAST_FLUSH: Duration = Duration::from_millis(500);

impl Server {
    /// Ends the server without losing a call.
    ///
    /// It asks the broker for no more calls and takes in those that were on their way. Calls that have no place after another
    /// quarter of a second are refused with [`Unavailable`](crate::ErrorKind::Unavailable), not executed: their callers try
    /// another instance at once. It waits for all handlers up to the grace time, aborts the rest, each with an answer to its
    /// caller, and returns when the broker has all replies. It takes no longer than the grace time and a second, whatever the
    /// network and the handlers do.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the server is dropped: handlers that still run are aborted, each with an answer.
    pub async fn shutdown(self) {
        self.shutdown_or_abort(std::future::pending()).await;
    }

    /// The same, but aborts what still runs as soon as `abort` is ready.
    pub(super) async fn shutdown_or_abort(mut self, abort: impl Future<Output = ()>) {
        let grace = Deadline::after(self.grace).instant();
        self.discovery.abort_all();
        self.take_no_jobs();
        // All stays with the server: should this be dropped, it ends with that.
        let Server {
            shared,
            reception: Some(reception),
            #[cfg(feature = "jetstream")]
            jobs,
            ..
        } = &mut self
        else {
            return;
        };
        let finish = async {
            finish(shared, reception).await;
            #[cfg(feature = "jetstream")]
            finish_jobs(jobs).await;
        };
        let finished = tokio::select! {
            finished = tokio::time::timeout_at(grace, finish) => finished.is_ok(),
            () = abort => false,
        };
        let mut handlers = shared.close();
        if !finished {
            tracing::warn!(handlers = handlers.len(), "handlers are aborted");
        }
        // One that blocks its thread ends when it likes: the answers of the others do not wait for that.
        let _ = tokio::time::timeout(LAST_ABORTS, handlers.shutdown()).await;
        let last = async {
            if !finished {
                // What is taken in now is refused.
                reception.end().await;
                #[cfg(feature = "jetstream")]
                finish_jobs(jobs).await;
            }
            shared.barrier().await;
        };
        let _ = tokio::time::timeout(LAST_FLUSH, last).await;
        self.reception = None;
        #[cfg(feature = "jetstream")]
        {
            self.jobs = None;
        }
        self.control.abort_all();
    }

    fn take_no_jobs(&self) {
        #[cfg(feature = "jetstream")]
        self.jobs.iter().for_each(super::jobs::Jobs::stop);
    }

    /// Waits until every receiver has ended by itself, which happens when the connection is closed for good.
    pub(super) async fn closed(&mut self) {
        if let Some(reception) = &mut self.reception {
            reception.closed().await;
        }
    }
}

/// Ends intake, then waits for all handlers.
async fn finish(shared: &Shared, reception: &mut Reception) {
    reception.end().await;
    let mut idle = pin!(shared.idle());
    if tokio::time::timeout(QUEUE_GRACE, &mut idle).await.is_err() {
        shared.turn_away.cancel();
        idle.await;
    }
}

/// Waits until what came of all jobs is stored.
#[cfg(feature = "jetstream")]
async fn finish_jobs(jobs: &mut Option<super::jobs::Jobs>) {
    if let Some(jobs) = jobs {
        jobs.finished().await;
    }
}

impl Drop for Server {
    /// What is on its way is refused by a task that ends when it has come; each handler answers its caller as it is dropped.
    fn drop(&mut self) {
        let mut running = self.shared.close();
        if let Some(reception) = self.reception.take() {
            reception.end_by_itself();
        }
        running.abort_all();
        #[cfg(feature = "jetstream")]
        if let Some(jobs) = self.jobs.take() {
            jobs.end_by_itself();
        }
    }
}

/// The signals that end a program.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    pub(super) fn listen() -> Result<Self, Error> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Error::not_executed(ErrorKind::Internal, "signals cannot be listened for").with_source(error)
            })
        };
        Ok(Signals {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    pub(super) fn listen() -> Result<Self, Error> {
        Ok(Signals {})
    }

    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
