//! What generated code stands on. Nothing here is stable; only `nats-rpc-macros` of the same version may use it.

pub use serde;

pub use crate::__description as description;
pub use crate::__jobs as jobs;
pub use futures_core::Stream;

pub use crate::client::{Items, Returns, Stub};
pub use crate::codec::as_bytes;
#[cfg(feature = "schema")]
pub use crate::contract::description::Description;
pub use crate::contract::stand_ins::{AsBytes, ByOwnCodec};
use crate::service::Method;
pub use crate::service::{ItemResult, MethodResult};

/// The arguments of a method that has none.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct NoArgs {}

/// The place of a method in its description, found while the user's program is compiled.
///
/// # Panics
/// When the method is not described, which generated code never does.
#[allow(clippy::panic, clippy::indexing_slicing, reason = "evaluated by the compiler")]
pub const fn method_index(methods: &[Method], name: &str) -> usize {
    let mut index = 0;
    while index < methods.len() {
        if same(methods[index].name().as_bytes(), name.as_bytes()) {
            return index;
        }
        index += 1;
    }
    panic!("the method is not described");
}

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn same(one: &[u8], two: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < two.len() {
        if one[at] != two[at] {
            return false;
        }
        at += 1;
    }
    one.len() == two.len()
}

/// The description that `#[service(schema)]` fills with the types of a service.
#[doc(hidden)]
#[macro_export]
#[cfg(feature = "schema")]
macro_rules! __description {
    ($descriptor:expr) => {
        $crate::__private::Description::new($descriptor)
    };
}

/// The description that `#[service(schema)]` fills with the types of a service, which needs `schemars`.
///
/// ```compile_fail
/// #[nats_rpc::service(schema)]
/// trait Greeter {
///     async fn hello(&self, name: &str) -> String;
/// }
/// ```
#[doc(hidden)]
#[macro_export]
#[cfg(not(feature = "schema"))]
macro_rules! __description {
    ($descriptor:expr) => {
        ::core::compile_error!(
            "`#[service(schema)]` needs the feature `schema` of nats-rpc: turn it on in Cargo.toml"
        )
    };
}

/// What `#[rpc(durable)]` stands on: JetStream, which is there.
#[doc(hidden)]
#[macro_export]
#[cfg(feature = "jetstream")]
macro_rules! __jobs {
    () => {};
}

/// What `#[rpc(durable)]` stands on: JetStream, which is not there.
///
/// ```compile_fail
/// #[nats_rpc::service]
/// trait Mail {
///     #[rpc(durable)]
///     async fn send(&self, letter: &str);
/// }
/// ```
#[doc(hidden)]
#[macro_export]
#[cfg(not(feature = "jetstream"))]
macro_rules! __jobs {
    () => {
        ::core::compile_error!(
            "`#[rpc(durable)]` needs the feature `jetstream` of nats-rpc: turn it on in Cargo.toml"
        );
    };
}
