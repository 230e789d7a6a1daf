//! Layers around calls: what they pass through before they are sent, and before their handlers run.
//!
//! A layer is a [`tower::Layer`](https://docs.rs/tower): those of the crate `tower` itself work as they are, and so does one
//! of your own.

pub use tower::{Layer, Service};

pub use crate::server::ServerService;
