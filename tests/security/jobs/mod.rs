//! The section "Jobs" of docs/security.md.

mod bed;
mod least;
mod limits;
mod parts;
