//! What a connection remembers of a service: whether it has ever answered, how many retries its callers may make, and
//! whether its clock can be believed.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::deadline::{WallClock, as_wire_ms};

/// What a retry costs, and what a call pays towards one: a tenth.
const RETRY: u32 = 10;
const CALL: u32 = 1;

/// How many retries can be saved up, and how many a new connection has.
const MOST: u32 = 1000 * RETRY;
const FIRST: u32 = 100 * RETRY;

/// For how long calls are sent without a moment of expiry after an instance has found one expired that was not.
const DISTRUST: Duration = Duration::from_secs(60);

/// The memory of one service. It outlives the stubs.
#[derive(Debug)]
pub(crate) struct History {
    answered: AtomicBool,
    savings: AtomicU32,
    /// Until when, by the wall clock in milliseconds, calls carry no moment of expiry.
    clocks_differ_until: AtomicU64,
}

impl Default for History {
    fn default() -> Self {
        History {
            answered: AtomicBool::new(false),
            savings: AtomicU32::new(FIRST),
            clocks_differ_until: AtomicU64::new(0),
        }
    }
}

impl History {
    /// Notes that the service has answered.
    pub(crate) fn note_answer(&self) {
        if !self.has_answered() {
            self.answered.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it has ever answered.
    pub(crate) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Notes a call, which pays towards a retry. Most of the time there is enough: then nothing is written.
    pub(crate) fn deposit(&self) {
        if self.savings.load(Ordering::Relaxed) < MOST {
            self.savings.fetch_add(CALL, Ordering::Relaxed);
        }
    }

    /// Pays for a retry, if there is enough for it.
    pub(crate) fn withdraw(&self) -> bool {
        let pay = |savings: u32| savings.checked_sub(RETRY);
        self.savings.try_update(Ordering::Relaxed, Ordering::Relaxed, pay).is_ok()
    }

    /// Whether the clock of an instance was seen to differ from the one here lately.
    pub(crate) fn clocks_differ(&self, clock: WallClock) -> bool {
        let until = self.clocks_differ_until.load(Ordering::Relaxed);
        until != 0 && clock.unix_ms() < until
    }

    /// Notes that an instance found a call expired which by the clock here was not.
    pub(crate) fn distrust_clocks(&self, clock: WallClock, service: &str) {
        let until = clock.unix_ms() + u64::from(as_wire_ms(DISTRUST));
        if self.clocks_differ_until.swap(until, Ordering::Relaxed) == 0 {
            tracing::warn!(
                service,
                "the clock of an instance differs from the one here by more than half a second: calls carry no expiry now"
            );
        }
    }
}
