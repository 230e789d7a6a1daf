//! Numbers about calls for whatever recorder the program has installed, through the facade `metrics`.
//!
//! Without the feature `metrics`, all of this is nothing.

#[cfg(not(feature = "metrics"))]
pub(crate) use self::absent::{CallMetrics, HandlerMetrics};
#[cfg(feature = "metrics")]
pub(crate) use self::recorded::{CallMetrics, HandlerMetrics};

#[cfg(feature = "metrics")]
mod recorded {
    use std::fmt;
    use std::sync::OnceLock;
    use std::time::Duration;

    use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

    use super::super::outcome::{OUTCOMES, Outcome};

    /// A counter for each outcome, made when it is first needed: so there are none of what never happens.
    struct Outcomes {
        name: &'static str,
        labels: [(&'static str, &'static str); 2],
        counters: [OnceLock<Counter>; OUTCOMES],
    }

    impl Outcomes {
        fn new(name: &'static str, labels: [(&'static str, &'static str); 2]) -> Self {
            Outcomes { name, labels, counters: [const { OnceLock::new() }; OUTCOMES] }
        }

        fn add(&self, outcome: Outcome) {
            let [service, method] = self.labels;
            if let Some(counter) = self.counters.get(outcome.index()) {
                let labels = [service, method, ("outcome", outcome.name())];
                counter.get_or_init(|| counter!(self.name, &labels)).increment(1);
            }
        }
    }

    /// The metrics of one method at a server.
    pub(crate) struct HandlerMetrics {
        outcomes: Outcomes,
        in_flight: Gauge,
        handlers: Histogram,
        waits: Histogram,
    }

    impl HandlerMetrics {
        pub(crate) fn new(service: &'static str, method: &'static str) -> Self {
            let labels = [("service", service), ("method", method)];
            HandlerMetrics {
                outcomes: Outcomes::new("nats_rpc_server_calls_total", labels),
                in_flight: gauge!("nats_rpc_server_in_flight", &labels),
                handlers: histogram!("nats_rpc_server_handler_seconds", &labels),
                waits: histogram!("nats_rpc_server_queue_wait_seconds", &labels),
            }
        }

        /// A handler was started, after so long a wait.
        pub(crate) fn start(&self, waited: Duration) {
            self.in_flight.increment(1);
            self.waits.record(waited);
        }

        /// A call whose handler was started is done with.
        pub(crate) fn end(&self, handler_time: Duration) {
            self.in_flight.decrement(1);
            self.handlers.record(handler_time);
        }

        /// A call has come to this end, with or without a handler.
        pub(crate) fn conclude(&self, outcome: Outcome) {
            self.outcomes.add(outcome);
        }
    }

    /// The metrics of one method at a client.
    pub(crate) struct CallMetrics {
        outcomes: Outcomes,
        in_flight: Gauge,
        calls: Histogram,
    }

    impl CallMetrics {
        /// Whether they are recorded.
        pub(crate) const ON: bool = true;

        pub(crate) fn new(service: &'static str, method: &'static str) -> Self {
            let labels = [("service", service), ("method", method)];
            CallMetrics {
                outcomes: Outcomes::new("nats_rpc_client_calls_total", labels),
                in_flight: gauge!("nats_rpc_client_in_flight", &labels),
                calls: histogram!("nats_rpc_client_call_seconds", &labels),
            }
        }

        /// A call was begun.
        pub(crate) fn start(&self) {
            self.in_flight.increment(1);
        }

        /// A call that was begun has come to this end after this time.
        pub(crate) fn conclude(&self, outcome: Outcome, time: Duration) {
            self.in_flight.decrement(1);
            self.calls.record(time);
            self.outcomes.add(outcome);
        }
    }

    impl fmt::Debug for HandlerMetrics {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("HandlerMetrics").finish_non_exhaustive()
        }
    }

    impl fmt::Debug for CallMetrics {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("CallMetrics").finish_non_exhaustive()
        }
    }
}

#[cfg(not(feature = "metrics"))]
mod absent {
    use std::time::Duration;

    use super::super::Outcome;

    #[derive(Debug)]
    pub(crate) struct HandlerMetrics;

    impl HandlerMetrics {
        pub(crate) fn new(_: &'static str, _: &'static str) -> Self {
            HandlerMetrics
        }

        pub(crate) fn start(&self, _: Duration) {}

        pub(crate) fn end(&self, _: Duration) {}

        pub(crate) fn conclude(&self, _: Outcome) {}
    }

    #[derive(Debug)]
    pub(crate) struct CallMetrics;

    impl CallMetrics {
        pub(crate) const ON: bool = false;

        pub(crate) fn new(_: &'static str, _: &'static str) -> Self {
            CallMetrics
        }

        pub(crate) fn start(&self) {}

        pub(crate) fn conclude(&self, _: Outcome, _: Duration) {}
    }
}
