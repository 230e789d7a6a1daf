//! The messages on the wire: pure description, no I/O, no async, no broker.

pub(crate) mod dialect;
pub(crate) mod frame;
pub(crate) mod headers;
pub(crate) mod reply_prefixes;
pub(crate) mod subject;
pub(crate) mod template;
