//! How much a server, and a single method, may take on at a time.

use std::time::Duration;

use super::Shared;
use crate::codec::scan::ScanLimits;
use crate::connection::streams::{STREAM_IDLE_TIMEOUT, Window};
use crate::deadline::MAX_BUDGET;
use crate::error::{Error, ErrorKind};

/// The limits of one server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Handlers that run.
    pub(super) in_flight: usize,
    /// Calls that wait for one of those to end.
    pub(super) queued: usize,
    /// Bytes of requests, of calls that run or wait.
    pub(super) bytes: usize,
    /// Streams that are open.
    pub(super) streams: usize,
    /// Those of one inbox.
    pub(super) streams_of_peer: usize,
    /// What may be on its way on one of them.
    pub(super) window: Window,
    /// How long the caller of one may take nothing.
    pub(super) stream_idle: Duration,
    /// Bytes of one request; the broker's own limit if it is lower.
    pub(super) request: usize,
    /// What is refused before it is decoded.
    pub(super) scan: ScanLimits,
    /// The longest that a call may take, whatever it asks for.
    pub(super) timeout: Duration,
    /// What one caller may have of all this.
    pub(super) of_caller: CallerLimits,
}

/// What one caller may have of a server. What is not said is a part of what the server may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallerLimits {
    pub(super) in_flight: Option<usize>,
    pub(super) queued: Option<usize>,
    pub(super) bytes: Option<usize>,
    pub(super) streams: Option<usize>,
    /// Bytes that were sent on its streams and that it has not taken yet.
    pub(super) credit: usize,
}

impl Default for CallerLimits {
    fn default() -> Self {
        CallerLimits { in_flight: None, queued: None, bytes: None, streams: None, credit: 16 * 1024 * 1024 }
    }
}

/// What one caller may have of this if nothing else is said: so much that the only one of a server
/// misses little, and less than all, so that others always find room.
fn part_of_caller(all: usize) -> usize {
    all - all / 8
}

impl Limits {
    /// The error of a request that has too many bytes.
    pub(super) fn too_large(&self, size: usize) -> Error {
        let limit = self.request;
        let text = format!("{size} bytes are more than the {limit} that this server takes");
        Error::not_executed(ErrorKind::PayloadTooLarge, text)
    }

    /// Limits must let handlers run.
    pub(super) fn check(&self) -> Result<(), Error> {
        let text = if self.in_flight == 0 {
            "a server that may run no handler at a time cannot serve"
        } else if self.in_flight_of_caller() == 0 {
            "a server that may run no handler of a caller at a time cannot serve"
        } else if self.timeout.is_zero() {
            "a server whose calls may take no time cannot serve"
        } else {
            return Ok(());
        };
        Err(Error::not_executed(ErrorKind::InvalidArgument, text))
    }

    /// These, where one caller may have all that the server has, unless its limits were set.
    pub(super) fn of_everybody(&self) -> Self {
        let CallerLimits { in_flight, queued, bytes, streams, credit } = self.of_caller;
        let of_caller = CallerLimits {
            in_flight: in_flight.or(Some(self.in_flight)),
            queued: queued.or(Some(self.queued)),
            bytes: bytes.or(Some(self.bytes)),
            streams: streams.or(Some(self.streams)),
            credit,
        };
        Limits { of_caller, ..*self }
    }

    /// How many handlers of one caller may run.
    pub(super) fn in_flight_of_caller(&self) -> usize {
        self.of_caller.in_flight.unwrap_or_else(|| part_of_caller(self.in_flight))
    }

    /// How many more of its calls may wait.
    pub(super) fn queued_of_caller(&self) -> usize {
        self.of_caller.queued.unwrap_or_else(|| part_of_caller(self.queued))
    }

    /// How many bytes the requests of its calls may have together.
    pub(super) fn bytes_of_caller(&self) -> usize {
        self.of_caller.bytes.unwrap_or_else(|| part_of_caller(self.bytes))
    }

    /// How many streams it may have open.
    pub(super) fn streams_of_caller(&self) -> usize {
        self.of_caller.streams.unwrap_or_else(|| part_of_caller(self.streams))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            in_flight: 1024,
            queued: 1024,
            bytes: 64 * 1024 * 1024,
            streams: 4096,
            streams_of_peer: 32,
            window: Window::default(),
            stream_idle: STREAM_IDLE_TIMEOUT,
            request: 1024 * 1024,
            scan: ScanLimits::default(),
            timeout: MAX_BUDGET,
            of_caller: CallerLimits::default(),
        }
    }
}

impl Shared {
    /// How long a call may take that has this budget.
    pub(super) fn timeout(&self, budget: Option<Duration>) -> Duration {
        budget.map_or(self.default_timeout, |budget| budget.min(self.limits.timeout))
    }
}

/// What one method of a server may take on at a time, besides what the server may; see
/// [`ServerBuilder::limit_method`](crate::ServerBuilder::limit_method). Without a word about it, as much as the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MethodLimits {
    pub(super) in_flight: usize,
    queued: Option<usize>,
    pub(super) bytes: usize,
}

impl MethodLimits {
    /// No limits but those of the server.
    pub const fn new() -> Self {
        MethodLimits { in_flight: usize::MAX, queued: None, bytes: usize::MAX }
    }

    /// How many of its handlers may run at a time; at least 1.
    #[must_use]
    pub const fn max_in_flight(mut self, handlers: usize) -> Self {
        self.in_flight = handlers;
        self
    }

    /// How many more of its calls may wait for one of those to end; above it, calls are refused at once as
    /// [`Overloaded`](crate::ErrorKind::Overloaded). As many as may run unless it is said, so that a slow method cannot
    /// fill the server's queue.
    #[must_use]
    pub const fn max_queued(mut self, calls: usize) -> Self {
        self.queued = Some(calls);
        self
    }

    /// How many bytes the requests of its running and waiting calls may have together.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// How many calls may run or wait.
    pub(super) fn calls(&self) -> usize {
        self.in_flight.saturating_add(self.queued.unwrap_or(self.in_flight))
    }
}

impl Default for MethodLimits {
    fn default() -> Self {
        MethodLimits::new()
    }
}
