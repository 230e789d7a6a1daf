//! Calls whose items come, or go, one after the other.

mod call;
mod items;
mod opening;
mod results;
mod upload;

pub use self::call::StreamingCall;
pub use self::items::Items;
pub use self::results::Streaming;
pub use self::upload::{ClientStreamingCall, DetailedClientStreamingCall};
