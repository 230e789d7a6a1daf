//! Who serves what: discovery after NATS ADR-32, from the side of those who ask.
//!
//! Every instance of every [`Server`](crate::Server) answers, and so does every other NATS micro service.

pub(crate) mod metadata;
mod answers;
mod question;
mod responses;

pub(crate) use self::answers::{Answers, Next};
pub(crate) use self::question::{DEFAULT_PREFIX, Verb, check_prefix};
pub use self::question::{Discovery, discover};
pub use self::responses::{CallStats, EndpointInfo, EndpointStats, Pong, ServiceInfo, ServiceStats};
pub(crate) use self::responses::{Described, Ping};
