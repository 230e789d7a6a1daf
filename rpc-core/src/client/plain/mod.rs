//! Plain calls: without frames, to services that need not be of this library.

mod read;
mod write;

pub(super) use self::read::{PlainValue, judge, value};
