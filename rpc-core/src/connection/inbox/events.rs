//! What the events of a connection mean for the calls on it.

use std::sync::atomic::Ordering;

use super::{Shared, denied, last_token};
use crate::connection::events::ConnectionEvent;
use crate::connection::waiters::Answer;
use crate::connection::{lost, not_connected};
use crate::error::{Error, Execution};

/// How many refused subscriptions are remembered.
const MAX_DENIED: usize = 1024;

impl Shared {
    /// Does what an event demands, and tells it to those who want to know.
    pub(in crate::connection) fn hear(&self, event: &ConnectionEvent) {
        match event {
            ConnectionEvent::Connected => self.connected(),
            ConnectionEvent::Disconnected => self.disconnected(),
            ConnectionEvent::Unauthenticated => self.unauthenticated.store(true, Ordering::Release),
            ConnectionEvent::PublishDenied(subject) => self.deny_publish(subject),
            ConnectionEvent::SubscriptionDenied(subject) => {
                tracing::error!(subject, "the NATS server refused a subscription");
                self.deny_subscription(subject);
            }
            _ => {}
        }
        self.listeners.tell(event);
    }

    /// The connection is there, again or for the first time.
    pub(in crate::connection) fn connected(&self) {
        self.unauthenticated.store(false, Ordering::Release);
        #[cfg(feature = "jetstream")]
        self.note_return();
        self.outbox.wake.notify_one();
        self.regained.notify_waiters();
    }

    /// The connection is lost. What is out may be executed or not, and nothing will tell; what has not left will not.
    pub(in crate::connection) fn disconnected(&self) {
        let refused = self.unauthenticated.load(Ordering::Acquire);
        self.losses.fetch_add(1, Ordering::AcqRel);
        self.change_and_wake(|state, wake| state.waiters.lose(&lost(refused), &not_connected(refused), wake));
        self.lost.notify_waiters();
    }

    /// The error of a call that is made while the connection is not there.
    pub(in crate::connection) fn unavailable(&self) -> Error {
        not_connected(self.unauthenticated.load(Ordering::Acquire))
    }

    /// The broker refused a message to this subject.
    fn deny_publish(&self, subject: &str) {
        let mut expected = false;
        #[cfg(feature = "jetstream")]
        {
            expected |= self.refusals.tell(subject);
        }
        self.change_and_wake(|state, wake| {
            state.waiters.deny(subject, wake);
            let token = last_token(subject);
            if let Some(barrier) = token.and_then(|token| state.barriers.remove(&token)) {
                expected = true;
                let _ = barrier.send(Err(denied("publish", subject)));
            }
        });
        if !expected {
            tracing::warn!(subject, "the NATS server refused a message");
        }
    }

    /// The broker refused a subscription to this subject.
    fn deny_subscription(&self, subject: &str) {
        self.change_and_wake(|state, wake| {
            if state.denied.len() < MAX_DENIED {
                state.denied.insert(subject.into());
            }
            if *state.inbox == *subject {
                // Nothing will come back. The calls themselves may have arrived.
                for (_, barrier) in state.barriers.drain() {
                    let _ = barrier.send(Err(denied("subscribe", subject)));
                }
                state.waiters.answer_all(|| Answer::Denied(Execution::MaybeExecuted), wake);
            }
        });
    }
}
