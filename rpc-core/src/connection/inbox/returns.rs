//! Since when a connection is back that was lost.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::{Inbox, Shared};

impl Shared {
    /// The connection is there. If it is so for the first time, it is not back.
    pub(super) fn note_return(&self) {
        if self.losses.load(Ordering::Acquire) > 0 {
            *self.back.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }
}

impl Inbox {
    /// Whether the connection was lost, and is back for less than this.
    pub(crate) fn is_back_for_less_than(&self, time: Duration) -> bool {
        let back = *self.shared.back.lock().unwrap_or_else(PoisonError::into_inner);
        back.is_some_and(|back| back.elapsed() < time)
    }
}
