//! How a server is told what one caller may have of it.

use std::time::Duration;

use super::builder::ServerBuilder;

/// What one caller may have. Who that is, [`reply_prefixes`](Self::reply_prefixes) says: each
/// prefix that is listed there is a caller, and so is each account that imports the service.
///
/// What is not set is seven eighths of what the server may have, so that one caller alone misses
/// little and others always find room. Without a list of prefixes, all callers with the usual
/// inboxes (`_INBOX.…`) are one that may have all of it: they are told apart by nothing.
impl ServerBuilder {
    /// How many handlers may run for one caller at a time; above it, its calls wait for a place of
    /// their own, and take none of the server's. Seven eighths of
    /// [`max_in_flight`](Self::max_in_flight) by default, which is 896; at least 1.
    pub fn max_in_flight_per_caller(mut self, handlers: usize) -> Self {
        self.limits.of_caller.in_flight = Some(handlers);
        self
    }

    /// How many more calls of one caller may wait, for whichever place; above it, they are refused
    /// at once as [`Overloaded`](crate::ErrorKind::Overloaded). Seven eighths of
    /// [`max_queued`](Self::max_queued) by default, which is 896.
    pub fn max_queued_per_caller(mut self, calls: usize) -> Self {
        self.limits.of_caller.queued = Some(calls);
        self
    }

    /// How many bytes the requests of one caller's running and waiting calls may have together, and
    /// as many those of its calls with streams; above it, calls are refused at once as
    /// [`Overloaded`](crate::ErrorKind::Overloaded). Seven eighths of
    /// [`max_bytes`](Self::max_bytes) by default, which is 56 MiB.
    pub fn max_bytes_per_caller(mut self, bytes: usize) -> Self {
        self.limits.of_caller.bytes = Some(bytes);
        self
    }

    /// How many streams one caller may have open at a time, on all of its connections; above it,
    /// calls that open one are refused at once as [`Overloaded`](crate::ErrorKind::Overloaded).
    /// Seven eighths of [`max_streams`](Self::max_streams) by default, which is 3584.
    pub fn max_streams_per_caller(mut self, streams: usize) -> Self {
        self.limits.of_caller.streams = Some(streams);
        self
    }

    /// How many bytes of results one caller may have on their way on all of its streams, which it
    /// has not said that it has taken; 16 MiB by default. An item counts for 32 bytes more than it
    /// has. Above it, its streams wait, as for a caller that takes nothing
    /// ([`stream_idle_timeout`](Self::stream_idle_timeout)).
    ///
    /// Each stream has a share beside that, which no other can use up, so that one that is taken
    /// goes on whatever the others do: 128 KiB of the first 48, and less of those that come later,
    /// but at least 2 KiB, or one item. All shares together are half of these bytes, and 2 KiB or
    /// one item of each later stream.
    ///
    /// What a caller asks for and does not read waits at its NATS server. Once 32 MiB wait for one
    /// connection there, with the settings that a NATS server has by default, the NATS server slows
    /// down all that the instance sends.
    pub fn max_credit_per_caller(mut self, bytes: usize) -> Self {
        self.limits.of_caller.credit = bytes;
        self
    }

    /// The longest that a call may take, whatever its caller asks for: longer budgets, and
    /// [`default_timeout`](Self::default_timeout), are cut to it. An hour by default, and at most.
    /// A caller that is there and says nothing keeps its places until then.
    ///
    /// It does not concern streams that have begun, unless their call says that its budget is that
    /// of the whole stream, and not the timeouts that methods have themselves.
    pub fn max_timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }
}
