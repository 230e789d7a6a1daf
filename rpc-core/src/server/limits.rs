//! How much a server takes on at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::codec::scan::ScanLimits;

/// The limits of one server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Handlers that run.
    pub(super) in_flight: usize,
    /// Calls that wait for one of those to end.
    pub(super) queued: usize,
    /// Bytes of requests, of calls that run or wait.
    pub(super) bytes: usize,
    /// Bytes of one request; the broker's own limit if it is lower.
    pub(super) request: usize,
    /// What is refused before it is decoded.
    pub(super) scan: ScanLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            in_flight: 1024,
            queued: 1024,
            bytes: 64 * 1024 * 1024,
            request: 1024 * 1024,
            scan: ScanLimits::default(),
        }
    }
}

/// What a server has taken on.
#[derive(Debug, Default)]
pub(super) struct Admitted {
    calls: AtomicUsize,
    bytes: AtomicUsize,
}

/// The memory that a call keeps.
#[derive(Debug, Clone)]
pub(super) enum Held {
    /// That of a message of its own, in bytes.
    Own(usize),
    /// That of a message of several calls, each of which keeps all of it.
    Shared(Arc<SharedBytes>),
}

/// The memory of a message of several calls: it counts once, from the first of its calls that is counted to the end of
/// the last.
#[derive(Debug)]
pub(super) struct SharedBytes {
    admitted: Arc<Admitted>,
    bytes: usize,
    counted: AtomicBool,
}

impl Held {
    /// The memory of a message of several calls.
    pub(super) fn shared(admitted: &Arc<Admitted>, bytes: usize) -> Self {
        let counted = AtomicBool::new(false);
        Held::Shared(Arc::new(SharedBytes { admitted: Arc::clone(admitted), bytes, counted }))
    }

    /// How many bytes are to be counted for a call that is. Those that are shared count for the first one, and are given
    /// back when the last hold on them is dropped.
    fn count_once(&self) -> usize {
        match self {
            Held::Own(bytes) => *bytes,
            Held::Shared(shared) if shared.counted.swap(true, Ordering::Relaxed) => 0,
            Held::Shared(shared) => shared.bytes,
        }
    }
}

impl Drop for SharedBytes {
    fn drop(&mut self) {
        if *self.counted.get_mut() {
            self.admitted.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

impl Admitted {
    /// Takes on a call, or says what there is too much of.
    pub(super) fn enter(&self, limits: &Limits, held: &Held) -> Result<(), String> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        let more = held.count_once();
        let bytes = self.bytes.fetch_add(more, Ordering::Relaxed);
        let most = limits.in_flight.saturating_add(limits.queued);
        let too_much = if calls >= most {
            format!("{calls} calls are running or waiting, of {most} that may")
        } else if bytes + more > limits.bytes {
            format!(
                "the requests that are running or waiting have {bytes} bytes, of {} that they may",
                limits.bytes
            )
        } else {
            return Ok(());
        };
        self.leave(held);
        Err(too_much)
    }

    /// Whether the memory of a call may be kept, should it come to that.
    pub(super) fn has_room(&self, limits: &Limits, held: &Held) -> bool {
        let more = match held {
            Held::Own(bytes) => *bytes,
            Held::Shared(shared) if shared.counted.load(Ordering::Relaxed) => 0,
            Held::Shared(shared) => shared.bytes,
        };
        self.bytes.load(Ordering::Relaxed).saturating_add(more) <= limits.bytes
    }

    /// Counts a call that has begun already.
    pub(super) fn add(&self, held: &Held) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(held.count_once(), Ordering::Relaxed);
    }

    /// Ends a call. Memory that it shares counts until the last call that shares it is gone.
    pub(super) fn leave(&self, held: &Held) {
        self.calls.fetch_sub(1, Ordering::SeqCst);
        if let Held::Own(bytes) = held {
            self.bytes.fetch_sub(*bytes, Ordering::Relaxed);
        }
    }

    /// How many calls run or wait.
    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_bytes_are_bounded_and_given_back() {
        let limits = Limits { in_flight: 1, queued: 1, bytes: 100, ..Limits::default() };
        let admitted = Admitted::default();
        assert_eq!(admitted.enter(&limits, &Held::Own(60)), Ok(()));
        assert!(admitted.enter(&limits, &Held::Own(60)).unwrap_err().contains("bytes"));
        assert_eq!(admitted.enter(&limits, &Held::Own(40)), Ok(()));
        assert!(admitted.enter(&limits, &Held::Own(0)).unwrap_err().contains("2 calls"));
        admitted.leave(&Held::Own(60));
        assert_eq!(admitted.enter(&limits, &Held::Own(60)), Ok(()));
    }

    #[test]
    fn the_memory_of_a_message_counts_once_and_until_its_last_call() {
        let limits = Limits { bytes: 100, ..Limits::default() };
        let admitted = Arc::new(Admitted::default());
        let held = Held::shared(&admitted, 60);
        assert_eq!(admitted.enter(&limits, &held), Ok(()));
        assert_eq!(admitted.enter(&limits, &held), Ok(()));
        let other = Held::shared(&admitted, 60);
        assert!(admitted.enter(&limits, &other).unwrap_err().contains("60 bytes"));
        drop(other);
        admitted.leave(&held);
        assert!(admitted.enter(&limits, &Held::Own(50)).is_err());
        admitted.leave(&held);
        drop(held);
        assert_eq!(admitted.enter(&limits, &Held::Own(50)), Ok(()));
    }
}
