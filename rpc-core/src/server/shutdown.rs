//! How a server ends: intake first, then handlers, then the replies.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use futures_util::{FutureExt, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, unconstrained};

use super::intake::Work;
use super::{Server, Shared};
use crate::connection::{Message, Subscription};
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

impl Server {
    /// Ends the server without losing a call.
    ///
    /// It asks the broker for no more calls, takes in those that were on their way, waits for all handlers up to the
    /// grace time, aborts the rest, each with an answer to its caller, and returns when the broker has all replies.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the server is dropped: handlers that still run are aborted, each with an answer.
    pub async fn shutdown(mut self) {
        let grace = tokio::time::Instant::now() + self.grace;
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.phase.send_replace(Phase::Stopping);
        // Ends when the last receiver has dropped its sender.
        let _ = self.stopped.recv().await;
        self.barrier().await;
        self.phase.send_replace(Phase::Draining);
        for receiver in self.receivers.drain(..) {
            let _ = receiver.await;
        }
        let mut handlers = self.take_handlers();
        let finish = async { while handlers.join_next().await.is_some() {} };
        if tokio::time::timeout_at(grace, finish).await.is_err() {
            tracing::warn!(handlers = handlers.len(), "the grace time is over: handlers are aborted");
        }
        handlers.shutdown().await;
        self.barrier().await;
    }

    /// Waits until the broker has taken all that was sent before, or until it is clear that it will not.
    async fn barrier(&self) {
        self.shared.connection.flush();
        if let Err(error) = self.shared.connection.inbox().barrier(&self.shared.connection).await {
            tracing::warn!(%error, "the broker did not confirm the shutdown");
        }
    }

    fn take_handlers(&self) -> JoinSet<()> {
        std::mem::take(&mut *self.shared.handlers.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.receivers.iter().for_each(tokio::task::JoinHandle::abort);
        // Each handler answers its caller as it is dropped.
        self.take_handlers().abort_all();
    }
}

/// Takes in the messages of one subscription until the server ends.
pub(super) async fn receive(
    mut subscription: Subscription,
    work: Work,
    shared: Arc<Shared>,
    mut phase: watch::Receiver<Phase>,
    stopped: mpsc::Sender<Infallible>,
) {
    {
        let mut stopping = pin!(phase.wait_for(|phase| *phase >= Phase::Stopping));
        while !shared.stopping.load(Ordering::Relaxed) {
            tokio::select! {
                biased;
                message = subscription.next() => match message {
                    Some(message) => take_batch(message, &mut subscription, &work, &shared),
                    None => return,
                },
                _ = &mut stopping => break,
            }
        }
    }
    if let Err(error) = subscription.stop_intake().await {
        tracing::warn!(%error, "a subscription could not be stopped");
    }
    drop(stopped);
    loop {
        tokio::select! {
            biased;
            message = subscription.next() => match message {
                Some(message) => take_batch(message, &mut subscription, &work, &shared),
                None => return,
            },
            _ = phase.wait_for(|phase| *phase >= Phase::Draining) => break,
        }
    }
    while let Some(message) = arrived(&mut subscription) {
        take_batch(message, &mut subscription, &work, &shared);
    }
}

/// How many messages share a flush: so many cheap handlers hold up the first reply for well under a millisecond.
const BATCH: usize = 16;

/// Takes a message and those that have arrived with it, then sends the replies that are there, in one go.
fn take_batch(first: Message, subscription: &mut Subscription, work: &Work, shared: &Shared) {
    work.take(first);
    for _ in 1..BATCH {
        match arrived(subscription) {
            Some(message) => work.take(message),
            None => break,
        }
    }
    shared.connection.flush();
}

/// The next message, if it is there. Unconstrained: else the runtime would make the task pause after 128 messages, which
/// looks as if there were no more.
fn arrived(subscription: &mut Subscription) -> Option<Message> {
    unconstrained(subscription.next()).now_or_never().flatten()
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
