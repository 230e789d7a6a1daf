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
    /// Takes on a call of so many bytes, or says what there is too much of.
    pub(super) fn enter(&self, limits: &Limits, bytes: usize) -> Result<(), String> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        let held = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let most = limits.in_flight.saturating_add(limits.queued);
        let too_much = if calls >= most {
            format!("{calls} calls are running or waiting, of {most} that may")
        } else if held + bytes > limits.bytes {
            format!(
                "the requests that are running or waiting have {held} bytes, of {} that they may",
                limits.bytes
            )
        } else {
            return Ok(());
        };
        self.leave(bytes);
        Err(too_much)
    }

    /// Counts a call that has begun already.
    pub(super) fn add(&self, bytes: usize) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
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
        assert_eq!(admitted.enter(&limits, 60), Ok(()));
        assert!(admitted.enter(&limits, 60).unwrap_err().contains("bytes"));
        assert_eq!(admitted.enter(&limits, 40), Ok(()));
        assert!(admitted.enter(&limits, 0).unwrap_err().contains("2 calls"));
        admitted.leave(60);
        assert_eq!(admitted.enter(&limits, 60), Ok(()));
    }
}
