//! What is known about the calls of one method: how many came, how long they took, what went wrong last.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use histogram::{AtomicHistogram, Config, Histogram};

use super::counters::{Counter, MethodCounters};
use crate::discovery::CallStats;
use crate::error::Error;
use crate::reply::shortened;
use crate::telemetry::{HandlerMetrics, Outcome};
use crate::wire::frame::SERVICE_ERROR;

/// The statistics of one method on one server. What each call adds is added without a lock.
#[derive(Debug)]
pub(super) struct Stats {
    pub(super) counters: MethodCounters,
    /// The time that handlers took together, in nanoseconds.
    processing: Counter,
    handlers: Times,
    /// From the arrival of a call to the start of its handler.
    waits: Times,
    last_error: Mutex<String>,
    metrics: HandlerMetrics,
}

impl Stats {
    pub(super) fn new(service: &'static str, method: &'static str) -> Self {
        Stats {
            counters: MethodCounters::default(),
            processing: Counter::default(),
            handlers: Times::new(),
            waits: Times::new(),
            last_error: Mutex::default(),
            metrics: HandlerMetrics::new(service, method),
        }
    }

    /// Notes that a handler was started, after so long a wait.
    pub(super) fn start(&self, waited: Duration) {
        self.counters.started.add();
        self.waits.add(nanos(waited));
        self.metrics.start(waited);
    }

    /// Notes that a call whose handler was started is done with.
    pub(super) fn end(&self, handler_time: Duration) {
        let nanos = nanos(handler_time);
        self.processing.add_many(nanos);
        self.handlers.add(nanos);
        self.metrics.end(handler_time);
    }

    /// Notes that a call was answered with a value.
    pub(super) fn succeed(&self) {
        self.metrics.conclude(Outcome::Ok);
    }

    /// Notes that a call was cancelled, and is not answered.
    pub(super) fn give_up(&self) {
        self.metrics.conclude(Outcome::Dropped);
    }

    /// Notes that a call was answered with an error.
    pub(super) fn fail(&self, error: &Error) {
        self.metrics.conclude(Outcome::Failed(error.kind()));
        self.fail_with(error.code(), error.message());
    }

    /// Notes that a call was answered with the service's own error.
    pub(super) fn fail_with_own(&self, message: &str) {
        self.metrics.conclude(Outcome::ServiceError);
        self.fail_with(SERVICE_ERROR, message);
    }

    fn fail_with(&self, code: u16, message: &str) {
        self.counters.failed.add();
        // It may quote what the caller has sent, and all that is known has to fit into one answer.
        let text = format!("{code}:{}", shortened(message));
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    /// The code and the message of the last error; empty if there was none.
    pub(super) fn last_error(&self) -> String {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The time that handlers took together, in nanoseconds.
    pub(super) fn processing_time(&self) -> u64 {
        self.processing.get()
    }

    /// What operators want to know beyond what every NATS service tells.
    pub(super) fn calls(&self) -> CallStats {
        let (handlers, waits) = (self.handlers.0.load(), self.waits.0.load());
        let ended: u64 = handlers.as_slice().iter().sum();
        let counters = &self.counters;
        CallStats {
            in_flight: counters.started.get().saturating_sub(ended),
            handled: ended,
            shed: counters.overloaded.get(),
            expired: counters.expired.get(),
            timed_out: counters.timed_out.get(),
            cancelled: counters.cancelled.get(),
            turned_away: counters.turned_away.get(),
            malformed: counters.malformed.get(),
            refused: counters.refused.get(),
            panics: counters.panicked.get(),
            p50_ns: quantile(&handlers, 0.5),
            p99_ns: quantile(&handlers, 0.99),
            queue_wait_p50_ns: quantile(&waits, 0.5),
            queue_wait_p99_ns: quantile(&waits, 0.99),
        }
    }
}

/// A distribution of times. Each bucket is an eighth of its value wide at most, so that is how exact a quantile is.
#[derive(Debug)]
struct Times(AtomicHistogram);

/// The longest time that is told from longer ones, in nanoseconds: more than an hour, which no call outlasts.
const LONGEST: u64 = 1 << LONGEST_POWER;
const LONGEST_POWER: u8 = 42;

/// Three bits of precision.
#[allow(clippy::panic, reason = "evaluated by the compiler")]
const BUCKETS: Config = match Config::new(3, LONGEST_POWER) {
    Ok(config) => config,
    Err(_) => panic!("there are no such buckets"),
};

impl Times {
    fn new() -> Self {
        Times(AtomicHistogram::with_config(&BUCKETS))
    }

    fn add(&self, nanos: u64) {
        let _ = self.0.increment(nanos.min(LONGEST - 1));
    }
}

fn quantile(times: &Histogram, quantile: f64) -> u64 {
    times.quantile_bucket(quantile).ok().flatten().map_or(0, |bucket| bucket.end())
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
