//! What observers are told about calls: spans, traces that cross services, and metrics.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken expectation has to end the test"
)]

/// Makes two tests of each case: on nats-server, and on the broker in this process. `$run` gives a case what it observes.
macro_rules! on_both_brokers {
    ($run:ident: $($case:ident),+ $(,)?) => {
        $(mod $case {
            #[test]
            fn on_memory() {
                super::$run(super::$case, crate::bed::Site::memory());
            }

            #[test]
            fn on_nats_server() {
                super::$run(super::$case, crate::bed::Site::nats());
            }
        })+
    };
}

mod bed;
mod metrics;
mod spans;
mod traces;
