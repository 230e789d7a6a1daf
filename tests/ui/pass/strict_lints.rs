//! Code that is generated into a strictly linted crate raises nothing there.

#![deny(warnings, missing_docs, missing_debug_implementations, unused, unused_qualifications, rust_2018_idioms)]
#![deny(unused_lifetimes, unused_crate_dependencies, single_use_lifetimes, elided_lifetimes_in_paths, let_underscore_drop)]
#![deny(trivial_casts, trivial_numeric_casts, unit_bindings, explicit_outlives_requirements, variant_size_differences)]
#![allow(unused_crate_dependencies)]

use futures::Stream;
use nats_rpc::{Context, Incoming};

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

/// One with streams.
#[nats_rpc::service(name = "log", schema)]
pub trait Log<T: Value + schemars::JsonSchema> {
    /// Reads them.
    fn read(&self, cx: &Context, name: &str) -> impl Stream<Item = Result<T, String>>;
    /// Opens them.
    #[rpc(subject = "open.{name}")]
    async fn open(&self, name: &str) -> Result<impl Stream<Item = Result<T, String>>, String>;
    /// Writes them.
    async fn write(&self, name: &str, items: Incoming<T>) -> u64;
    /// Copies them.
    fn copy(&self, items: Incoming<Vec<u8>>) -> impl Stream<Item = T>;
    /// Has a body.
    fn body(&self) -> impl Stream<Item = u8> + Send + 'static {
        futures::stream::empty()
    }
    /// Has one, too.
    async fn further(&self, items: Incoming<Vec<u8>>) -> Result<impl Stream<Item = u8>, String> {
        drop(items);
        Ok(self.body())
    }
}

/// An implementation, which says no more than the trait does.
#[derive(Debug)]
pub struct Nowhere;

impl<T: Value + schemars::JsonSchema> Log<T> for Nowhere {
    fn read(&self, _: &Context, name: &str) -> impl Stream<Item = Result<T, String>> {
        futures::stream::iter([Err(name.to_owned())])
    }

    async fn open(&self, name: &str) -> Result<impl Stream<Item = Result<T, String>>, String> {
        Ok(futures::stream::iter([Err(name.to_owned())]))
    }

    async fn write(&self, _: &str, _: Incoming<T>) -> u64 {
        0
    }

    fn copy(&self, _: Incoming<Vec<u8>>) -> impl Stream<Item = T> {
        futures::stream::empty()
    }
}

#[nats_rpc::service]
trait Private {
    async fn hello(&self, name: &str) -> String;
    fn watch(&self, name: &str) -> impl Stream<Item = String>;
}

fn main() {}
