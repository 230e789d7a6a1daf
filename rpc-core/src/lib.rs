#![doc = include_str!("../docs/guide.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
compile_error!(
    "nats-rpc needs a cryptography provider: turn on the feature `ring` (on by default) or `aws-lc-rs`"
);

mod error;
mod deadline;
mod codec;
mod wire;
mod telemetry;
mod layers;
mod connection;
pub mod discovery;
mod reply;
mod context;
mod service;
pub mod contract;
#[cfg(feature = "jetstream")]
pub mod jobs;
mod client;
mod server;
pub mod middleware;
#[cfg(test)]
mod fuzzing;

#[doc(hidden)]
pub mod __private;

pub use async_nats;
#[doc(inline)]
pub use nats_rpc_macros::service;
#[cfg(feature = "schema")]
pub use schemars;

pub use crate::client::{
    Call, Cast, Check, Client, ClientBuilder, ClientStreamingCall, DetailedCall, DetailedClientStreamingCall,
    Gather, GatherEnd, InstanceId, NoQuorum, Response, Retry, Streaming, StreamingCall,
};
pub use crate::codec::Codec;
pub use crate::connection::{Connection, ConnectionEvent, Subscription, connect, connect_with, memory};
pub use crate::context::{Context, Progress, Scoped};
pub use crate::deadline::Deadline;
pub use crate::error::{CallError, Error, ErrorKind, Execution};
pub use crate::reply::Reply;
pub use crate::server::{MethodLimits, Server, ServerBuilder, ServerCounters};
pub use crate::service::{
    Incoming, Method, MethodKind, MethodRegistry, Parameter, RawCall, Service, ServiceClient,
    ServiceDescriptor,
};
pub use crate::wire::headers::Headers;
