//! Code that is generated into a strictly linted crate raises nothing there.

#![deny(warnings, missing_docs, missing_debug_implementations, unused, unused_qualifications, rust_2018_idioms)]
#![deny(unused_lifetimes, unused_crate_dependencies, single_use_lifetimes, elided_lifetimes_in_paths, let_underscore_drop)]
#![deny(trivial_casts, trivial_numeric_casts, unit_bindings, explicit_outlives_requirements, variant_size_differences)]
#![allow(unused_crate_dependencies)]

use nats_rpc::Context;

/// Values that can be kept.
pub trait Value: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static {}

/// A service that nobody uses, which is no reason to warn.
#[nats_rpc::service]
pub trait Greeter {
    /// Says hello.
    async fn hello(&self, cx: &Context, name: &str, bytes: &[u8], times: u8) -> String;
    /// Does nothing.
    async fn nothing(&self) {}
    /// May fail.
    async fn fails(&self, list: &[u16]) -> Result<(), String>;
    /// Says it with a body.
    async fn body(&self, name: &str) -> Result<String, String> {
        Err(name.to_owned())
    }
    /// Was nice once.
    #[deprecated]
    async fn old(&self, name: String) -> String;
    /// Writes a line.
    #[rpc(oneway)]
    async fn log(&self, line: &str);
}

/// A generic one.
#[nats_rpc::service(name = "cache")]
pub trait Cache<K: Value> {
    /// Keeps a value.
    async fn put(&self, key: &K, name: &str) -> Option<K>;
}

/// One with values in its subjects.
#[nats_rpc::service(name = "orders", subject = "orders.{region}.{aKind}")]
pub trait Orders<K: Value> {
    /// Finds one.
    #[rpc(subject = "get.{id}.of.{user}", durable)]
    async fn get(&self, cx: &Context, id: u64, user: &str, key: &K) -> Option<K>;
    /// Forgets one, if its number is known.
    #[rpc(oneway, broadcast, subject = "forget.{id}")]
    async fn forget(&self, id: &u64);
}

#[nats_rpc::service]
trait Private {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
