//! The receiving tasks of a server together, and how they end without losing what is on its way.

use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Shared;
use super::intake::Work;
use super::phase::{Phase, Phases};
use super::receive::receive;
use crate::connection::Subscription;

/// The receiving tasks. They end with the server, and not before they have taken in what has arrived.
pub(super) struct Reception {
    shared: Arc<Shared>,
    receivers: JoinSet<()>,
    phase: Phases,
    /// Closed when every receiver has asked the broker for no more messages.
    stopped: mpsc::Receiver<Infallible>,
}

impl Reception {
    pub(super) fn new(shared: &Arc<Shared>, subscribed: Vec<(Subscription, Work)>) -> Self {
        let phase = Phases::default();
        let (stopping, stopped) = mpsc::channel(1);
        let mut receivers = JoinSet::new();
        for (subscription, work) in subscribed {
            receivers.spawn(receive(subscription, work, Arc::clone(shared), phase.clone(), stopping.clone()));
        }
        Reception { shared: Arc::clone(shared), receivers, phase, stopped }
    }

    /// Waits until every receiver has ended by itself, which happens when the connection is closed for good.
    pub(super) async fn closed(&mut self) {
        let _ = self.stopped.recv().await;
    }

    /// Asks the broker for no more messages, and takes in what it has sent before. Dropped before it is ready, it can be
    /// called again.
    pub(super) async fn end(&mut self) {
        self.phase.advance(Phase::Stopping);
        // Ends when the last receiver has dropped its sender.
        let _ = self.stopped.recv().await;
        self.shared.barrier().await;
        self.phase.advance(Phase::Draining);
        while self.receivers.join_next().await.is_some() {}
    }

    /// The same in a task of its own, or as much of it as can be done without one.
    pub(super) fn end_by_itself(mut self) {
        // It has to be known before anything else happens: what is taken in from now on is refused.
        self.phase.advance(Phase::Stopping);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { self.end().await });
        } else {
            self.receivers.detach_all();
            self.phase.advance(Phase::Draining);
        }
    }
}

impl Shared {
    /// Waits until the broker has taken all that was sent before, or until it is clear that it will not.
    pub(super) async fn barrier(&self) {
        let connection = self.connection();
        if !connection.is_connected() {
            return;
        }
        connection.flush_all().await;
        if let Err(error) = connection.inbox().barrier(connection).await {
            tracing::warn!(%error, "the broker did not confirm the shutdown");
        }
    }
}
