//! Which handlers are so cheap that the receiving task runs them itself.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// So many first polls in a row must be cheap.
const PROOF: u32 = 32;

/// A first poll below this is cheap. What decoding and encoding take is part of it, and takes several times as long in a program that is
/// not optimized.
const CHEAP: Duration = Duration::from_micros(if cfg!(debug_assertions) { 60 } else { 20 });

/// A first poll above this ends the trust.
const DEAR: Duration = Duration::from_micros(200);

/// The measured pace of one method. A task for each call costs a fifth to a third of the throughput of cheap handlers;
/// a handler that blocks in the receiving task would hold up every call behind it.
#[derive(Debug)]
pub(super) enum Pace {
    /// Always a task, as the service's author says.
    Spawned,
    Measured(AtomicU32),
}

impl Pace {
    pub(super) fn measured() -> Self {
        Pace::Measured(AtomicU32::new(0))
    }

    /// Whether the receiving task may poll the next call itself.
    pub(super) fn is_inline(&self) -> bool {
        match self {
            Pace::Spawned => false,
            Pace::Measured(cheap) => cheap.load(Ordering::Relaxed) >= PROOF,
        }
    }

    /// Notes how long the first poll of a call took.
    pub(super) fn record(&self, first_poll: Duration) {
        let Pace::Measured(cheap) = self else { return };
        let proven = cheap.load(Ordering::Relaxed);
        if first_poll > DEAR || (proven < PROOF && first_poll > CHEAP) {
            cheap.store(0, Ordering::Relaxed);
        } else if proven < PROOF {
            cheap.store(proven + 1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_is_earned_slowly_and_lost_at_once() {
        let pace = Pace::measured();
        (0..PROOF - 1).for_each(|_| pace.record(CHEAP));
        assert!(!pace.is_inline());
        pace.record(CHEAP * 2);
        (0..PROOF - 1).for_each(|_| pace.record(CHEAP));
        assert!(!pace.is_inline(), "one slow poll starts the proof anew");
        pace.record(CHEAP);
        assert!(pace.is_inline());
        pace.record(DEAR);
        assert!(pace.is_inline(), "a trusted method may be a little slower");
        pace.record(DEAR * 2);
        assert!(!pace.is_inline());
    }

    #[test]
    fn what_is_pinned_stays_in_tasks() {
        let pace = Pace::Spawned;
        (0..PROOF * 2).for_each(|_| pace.record(Duration::ZERO));
        assert!(!pace.is_inline());
    }
}
