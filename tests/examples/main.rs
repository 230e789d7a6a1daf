//! The examples, run as a reader runs them: on a real nats-server and on the broker in their own process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken expectation has to end the test"
)]

mod event_centre;
mod framed_calls;
mod jobs;
mod program;
mod request_reply;
mod single;
