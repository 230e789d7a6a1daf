//! Contracts as a whole.

mod by_names;
#[cfg(feature = "schema")]
mod by_schema;
