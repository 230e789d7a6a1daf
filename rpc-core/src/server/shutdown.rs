//! How a server ends: intake first, then handlers, then the replies.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Server;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};

/// Where a server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Serving,
    /// The broker is asked for no more messages.
    Stopping,
    /// It has sent the last one: what is in the channels is all there is.
    Draining,
}

/// How long the last replies may take to the broker, after everything else has ended.
const LAST_FLUSH: Duration = Duration::from_secs(1);

impl Server {
    /// Ends the server without losing a call.
    ///
    /// It asks the broker for no more calls, takes in those that were on their way, waits for all handlers up to the
    /// grace time, aborts the rest, each with an answer to its caller, and returns when the broker has all replies. It
    /// takes no longer than the grace time and a second, whatever the network does.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the server is dropped: handlers that still run are aborted, each with an answer.
    pub async fn shutdown(self) {
        self.shutdown_or_abort(std::future::pending()).await;
    }

    /// The same, but aborts what still runs as soon as `abort` is ready.
    pub(super) async fn shutdown_or_abort(mut self, abort: impl Future<Output = ()>) {
        let grace = Deadline::after(self.grace).instant();
        let finished = tokio::select! {
            finished = tokio::time::timeout_at(grace, self.finish()) => finished.is_ok(),
            () = abort => false,
        };
        let mut handlers = self.shared.close();
        if !finished {
            tracing::warn!(handlers = handlers.len(), "handlers are aborted");
        }
        handlers.shutdown().await;
        self.control.shutdown().await;
        let _ = tokio::time::timeout(LAST_FLUSH, self.barrier()).await;
    }

    /// Ends intake, then waits for all handlers.
    async fn finish(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.phase.send_replace(Phase::Stopping);
        // Ends when the last receiver has dropped its sender.
        let _ = self.stopped.recv().await;
        self.barrier().await;
        self.phase.send_replace(Phase::Draining);
        for receiver in &mut self.receivers {
            let _ = receiver.await;
        }
        self.shared.idle().await;
    }

    /// Waits until every receiver has ended by itself, which happens when the connection is closed for good.
    pub(super) async fn closed(&mut self) {
        let _ = self.stopped.recv().await;
    }

    /// Waits until the broker has taken all that was sent before, or until it is clear that it will not.
    async fn barrier(&self) {
        let connection = self.shared.connection();
        if !connection.is_connected() {
            return;
        }
        connection.flush_all().await;
        if let Err(error) = connection.inbox().barrier(connection).await {
            tracing::warn!(%error, "the broker did not confirm the shutdown");
        }
    }
}

impl Drop for Server {
    /// The receivers end by themselves: they find that the server is closed, and answer what has arrived with that.
    fn drop(&mut self) {
        let mut running = self.shared.close();
        self.phase.send_replace(Phase::Draining);
        // Each handler answers its caller as it is dropped.
        running.abort_all();
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
