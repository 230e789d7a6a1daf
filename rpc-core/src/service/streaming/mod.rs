//! What a handler does with a stream: take the items of its caller, and send its results.

mod incoming;
mod port;
mod results;

pub use self::incoming::Incoming;
pub(crate) use self::port::{Port, PortSettings};
