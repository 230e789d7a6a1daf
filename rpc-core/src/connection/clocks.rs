//! The wall clock of a connection.

use std::sync::Arc;

use super::Connection;
use crate::deadline::WallClock;

impl Connection {
    pub(crate) fn clock(&self) -> WallClock {
        self.inner.clock
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
