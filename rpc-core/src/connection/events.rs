//! What happens to a connection beside its messages, and who wants to know.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};

/// What happens to a [`Connection`](crate::Connection); see [`Connection::on_event`](crate::Connection::on_event).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// It is there again after a [`Disconnected`](Self::Disconnected).
    Connected,
    /// It is lost, and reconnects by itself. The calls that were out have failed.
    Disconnected,
    /// The NATS server will shut down soon.
    LameDuck,
    /// The connection has moved away from a NATS server that will shut down.
    Moved,
    /// The NATS server does not accept the credentials, or not any more.
    Unauthenticated,
    /// The NATS server refused a message to this subject.
    PublishDenied(String),
    /// The NATS server refused a subscription to this subject.
    SubscriptionDenied(String),
    /// A subscription of this process was so full that messages were dropped.
    SlowConsumer,
    /// It is closed for good.
    Closed,
    /// Anything else that the NATS server or the client reports.
    Other(String),
}

type Listener = Arc<dyn Fn(&ConnectionEvent) + Send + Sync>;

/// Who wants to know.
#[derive(Default)]
pub(super) struct Listeners(RwLock<Vec<Listener>>);

impl Listeners {
    pub(super) fn add(&self, listener: impl Fn(&ConnectionEvent) + Send + Sync + 'static) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(listener));
    }

    /// Tells all of them, outside of the lock: a listener may add another.
    pub(super) fn tell(&self, event: &ConnectionEvent) {
        let listeners = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        for listener in listeners {
            // Else a panic would end the task that brings the events to the calls as well.
            if catch_unwind(AssertUnwindSafe(|| listener(event))).is_err() {
                tracing::error!(?event, "a listener of the connection's events panicked");
            }
        }
    }
}
