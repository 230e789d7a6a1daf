//! The wall clock of a connection, and whether those of servers can be believed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Connection;
use crate::deadline::{WallClock, as_wire_ms};

/// For how long calls are sent without a moment of expiry after a server has found one expired that was not.
const DISTRUST: Duration = Duration::from_secs(60);

impl Connection {
    pub(crate) fn clock(&self) -> WallClock {
        self.inner.clock
    }

    /// Whether a server's clock was seen to differ from the one here lately.
    pub(crate) fn clocks_differ(&self) -> bool {
        let until = self.inner.clocks_differ_until.load(Ordering::Relaxed);
        until != 0 && self.clock().unix_ms() < until
    }

    /// Notes that a server found a call expired which by the clock here was not.
    pub(crate) fn distrust_clocks(&self) {
        let until = self.clock().unix_ms() + u64::from(as_wire_ms(DISTRUST));
        if self.inner.clocks_differ_until.swap(until, Ordering::Relaxed) == 0 {
            tracing::warn!(
                "a server's clock differs from the one here by more than half a second: calls carry no expiry now"
            );
        }
    }

    /// The same broker over a connection of its own, whose wall clock is off by so many milliseconds.
    ///
    /// For tests of what happens when the clocks of two hosts differ.
    #[doc(hidden)]
    #[must_use]
    pub fn with_clock_skew(self, skew_ms: i64) -> Self {
        match Arc::try_unwrap(self.inner) {
            Ok(mut inner) => {
                inner.clock = inner.clock.skewed(skew_ms);
                Connection { inner: Arc::new(inner) }
            }
            Err(shared) => Connection { inner: shared },
        }
    }
}
