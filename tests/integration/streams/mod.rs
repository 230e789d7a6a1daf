//! Streams from end to end: how they open, what they carry, how they end, and what is left of them.

pub(crate) mod bed;
mod ending;
mod grpc_cases;
mod items;
mod limits;
mod opening;
mod results;
