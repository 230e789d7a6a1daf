//! The messages on the wire: pure description, no I/O, no async, no broker.

pub(crate) mod dialect;
#[allow(
    dead_code,
    unused_imports,
    reason = "the frames about long calls are written and read in later commits"
)]
pub(crate) mod frame;
pub(crate) mod headers;
pub(crate) mod subject;
