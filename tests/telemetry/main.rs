//! What observers are told about calls: spans, traces that cross services, and metrics.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken expectation has to end the test"
)]

mod bed;
mod metrics;
mod spans;
mod traces;
