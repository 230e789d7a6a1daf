//! How much a server takes on at a time.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::codec::scan::ScanLimits;

/// The limits of one server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Handlers that run in tasks of their own.
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

impl Admitted {
    /// Takes on a call of so many bytes, unless that is too much.
    pub(super) fn enter(&self, limits: &Limits, bytes: usize) -> bool {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        let held = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = calls < limits.in_flight.saturating_add(limits.queued) && held + bytes <= limits.bytes;
        if !fits {
            self.leave(bytes);
        }
        fits
    }

    /// Ends a call.
    pub(super) fn leave(&self, bytes: usize) {
        self.calls.fetch_sub(1, Ordering::SeqCst);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
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
        assert!(admitted.enter(&limits, 60));
        assert!(!admitted.enter(&limits, 60), "bytes");
        assert!(admitted.enter(&limits, 40));
        assert!(!admitted.enter(&limits, 0), "calls");
        admitted.leave(60);
        assert!(admitted.enter(&limits, 60));
    }
}
