//! What a connection remembers of a service: whether it has ever answered, and how many retries its callers may make.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What a retry costs, and what a call pays towards one: a tenth.
const RETRY: u32 = 10;
const CALL: u32 = 1;

/// How many retries can be saved up, and how many a new connection has.
const MOST: u32 = 1000 * RETRY;
const FIRST: u32 = 100 * RETRY;

/// The memory of one service. It outlives the stubs.
#[derive(Debug)]
pub(crate) struct History {
    answered: AtomicBool,
    savings: AtomicU32,
}

impl Default for History {
    fn default() -> Self {
        History { answered: AtomicBool::new(false), savings: AtomicU32::new(FIRST) }
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
}
