//! Refused messages, for those who wait for an answer that is not paired here.

use std::future::Future;

use tokio::sync::broadcast;

use super::{Inbox, denied};
use crate::error::Error;

/// How many refusals are kept for whoever is slow to hear of them.
const CAPACITY: usize = 64;

/// Tells the subjects of messages that the broker has refused.
pub(super) struct Refusals(broadcast::Sender<Box<str>>);

impl Default for Refusals {
    fn default() -> Self {
        Refusals(broadcast::Sender::new(CAPACITY))
    }
}

impl Refusals {
    /// Says whether anybody wants to know.
    pub(super) fn tell(&self, subject: &str) -> bool {
        self.0.receiver_count() > 0 && self.0.send(subject.into()).is_ok()
    }
}

impl Inbox {
    /// Waits for a future, but no longer than until the broker refuses a message to a subject that is about this, or the connection is
    /// lost, as far as it tells: who waits for an answer would wait in vain.
    pub(crate) async fn unless_refused<T>(
        &self,
        is_about: impl Fn(&str) -> bool,
        future: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let mut refusals = self.shared.refusals.0.subscribe();
        let lost = self.shared.lost.notified();
        let refused = async {
            loop {
                match refusals.recv().await {
                    Ok(subject) if is_about(&subject) => return denied("publish", &subject),
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            biased;
            done = future => Ok(done),
            error = refused => Err(error),
            () = lost => Err(crate::connection::lost(false)),
        }
    }
}
