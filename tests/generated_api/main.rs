//! What `#[nats_rpc::service]` generates, used from the places and next to the names that could break it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the handlers of a test are test code too"
)]

// The runtime under another name. Cargo does not let one package depend on another under two names.
extern crate nats_rpc as renamed_rpc;

mod arguments;
mod bodies;
mod calls;
mod conditions;
mod contracts;
mod descriptions;
mod generics;
mod names;
mod no_prelude;
mod placement;
mod renamed;
mod results;
mod shadowed;
mod stream_types;
mod streams;
mod subjects;
mod support;
