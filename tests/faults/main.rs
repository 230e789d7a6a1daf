//! What calls are worth when networks, servers and instances break: the promises of `docs/reliability.md`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken expectation has to end the test"
)]

mod numbers;
mod record;
mod check;
mod load;
mod bed;
mod scale;
mod simulation;
mod fleet;
mod nats;
mod instances;
mod cluster;
mod overload;
mod leftovers;
mod hour;
mod network;
mod clocks;
mod jobs;
mod streams;
