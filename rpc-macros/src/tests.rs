//! Snapshots of what the macro writes; `UPDATE_EXPECT=1 cargo test -p nats-rpc-macros` renews them.

use expect_test::{ExpectFile, expect_file};
use proc_macro2::TokenStream;
use quote::quote;

use crate::pipeline;

/// The expansion of `#[service(options)] item`, formatted.
fn expansion(options: TokenStream, item: TokenStream) -> String {
    let expanded = pipeline::run(options, item);
    let file = syn::parse2(expanded).expect("the expansion is Rust");
    prettyplease::unparse(&file)
}

#[expect(clippy::needless_pass_by_value, reason = "a snapshot is used once")]
fn check(expected: ExpectFile, options: TokenStream, item: TokenStream) {
    expected.assert_eq(&expansion(options, item));
}

#[test]
fn methods_of_every_kind() {
    check(
        expect_file!["../snapshots/methods.rs"],
        quote!(),
        quote! {
            /// Greets people,
            /// politely.
            ///
            /// This is more than the description holds.
            pub trait Greeter {
                /// Says hello.
                async fn hello(&self, name: &str) -> String;
                async fn divide(&self, cx: &Context, a: f64, b: f64) -> Result<f64, MathError>;
                #[rpc(oneway)]
                async fn log(&self, line: &str);
                async fn ping(&self) {}
            }
        },
    );
}

#[test]
fn arguments_of_every_kind() {
    check(
        expect_file!["../snapshots/arguments.rs"],
        quote!(version = "1.2.3"),
        quote! {
            trait Everything {
                async fn owned(&self, text: String, r#type: Vec<u8>, maybe: Option<Bytes>) -> Option<Bytes>;
                async fn lent(&self, text: &str, point: &Point, list: &[Point], bytes: &[u8], vec: &Vec<u8>) -> Vec<u8>;
                async fn options(
                    &self,
                    #[serde(default, rename = "n")] number: u8,
                    #[serde(with = "hex")] lent: &str,
                    #[serde(serialize_with = "a", deserialize_with = "b")] bytes: &[u8],
                ) -> Result<Bytes, String>;
                #[rpc(bare)]
                async fn bare(&self, point: &Point);
            }
        },
    );
}

#[test]
fn attributes_and_options() {
    check(
        expect_file!["../snapshots/attributes.rs"],
        quote!(name = "other-name", subject = "a.b", version = "1.2.3"),
        quote! {
            #[cfg(unix)]
            #[deprecated]
            #[allow(clippy::all)]
            #[instrumented]
            pub(crate) trait Attributed {
                #[rpc(name = "wire", subject = "one.now", idempotent, broadcast, spawn, no_cancel, coalesce = 7, timeout = "1500ms")]
                #[cfg(feature = "one")]
                #[cfg_attr(docsrs, doc(hidden))]
                #[instrumented]
                async fn one(&self, number: u8);
                #[rpc(durable)]
                #[deprecated = "use `one`"]
                #[allow(unused)]
                async fn two(&self) {
                    self.one(2).await
                }
            }
        },
    );
}

#[test]
fn a_generic_trait() {
    check(
        expect_file!["../snapshots/generic.rs"],
        quote!(name = "cache", version = "1.0.0"),
        quote! {
            pub trait Cache<K: Key, V = String>: Clone
            where
                V: Value,
                Self: Sized,
            {
                async fn get(&self, key: &K) -> Option<V>;
                async fn count(&self, prefix: &str) -> u64;
            }
        },
    );
}

#[test]
fn values_in_subjects() {
    check(
        expect_file!["../snapshots/subjects.rs"],
        quote!(name = "orders", subject = "orders.{region}.{kind}", version = "1.0.0", schema),
        quote! {
            pub trait Orders<K: Key> {
                #[rpc(subject = "get.{id}")]
                async fn get(&self, id: u64) -> Option<K>;
                #[rpc(subject = "items.{order}.of.{key}")]
                async fn set(
                    &self,
                    cx: &Context,
                    count: u32,
                    key: &K,
                    order: &str,
                    note: &str,
                ) -> Result<(), String>;
                #[rpc(oneway, subject = "seen.{id}")]
                async fn seen(&self, id: &str);
                #[rpc(bare, subject = "put.{type}")]
                async fn put(&self, r#type: Kind, order: &Order);
                #[rpc(subject = "v2.count")]
                async fn count(&self) -> u64;
            }
        },
    );
}

#[test]
fn streams_in_both_directions() {
    check(
        expect_file!["../snapshots/streams.rs"],
        quote!(name = "feed", version = "1.0.0", schema),
        quote! {
            pub trait Feed<T: Value> {
                /// Streams what happens.
                fn watch(&self, cx: &Context, prefix: &str) -> impl Stream<Item = Result<T, FeedError>>;
                #[rpc(subject = "read.{name}", timeout = "1s")]
                fn read(&self, name: &str) -> impl futures::Stream<Item = Bytes> + Unpin;
                async fn open(&self, name: &str) -> Result<impl Stream<Item = Option<Vec<u8>>>>;
                async fn tail(&self, name: &str) -> Result<impl Stream<Item = Result<Bytes>>> {
                    self.open(name).await
                }
                #[rpc(no_cancel)]
                async fn upload(&self, name: &str, chunks: Incoming<Bytes>) -> Result<u64, FeedError>;
                #[rpc(bare, idempotent, subject = "sum.{of}")]
                async fn sum(&self, of: u8, start: &T, numbers: nats_rpc::Incoming<T>) -> u64;
                #[cfg(unix)]
                fn talk(&self, lines: Incoming<String>) -> impl Stream<Item = String>;
                #[rpc(subject = "copy.{name}")]
                async fn copy(&self, name: &str, chunks: Incoming<Vec<u8>>) -> Result<impl Stream<Item = T>>;
            }
        },
    );
}

#[test]
fn schemas() {
    check(
        expect_file!["../snapshots/schema.rs"],
        quote!(schema, name = "store", version = "1.0.0"),
        quote! {
            pub trait Store<V: Value> {
                async fn put(&self, #[serde(alias = "id", alias = "name")] key: &str, value: &V, tags: &[String]);
                #[cfg(unix)]
                async fn get(&self, cx: &Context, key: String) -> Result<Option<Bytes>, StoreError>;
                #[rpc(bare)]
                async fn check(&self, #[serde(with = "hex")] bytes: &[u8]) -> Vec<u8>;
                #[rpc(oneway)]
                async fn log(&self, bytes: &[u8], more: Option<Vec<u8>>);
            }
        },
    );
}

#[test]
fn what_mistakes_leave() {
    check(
        expect_file!["../snapshots/mistakes.rs"],
        quote!(version = "1.0.0"),
        quote! {
            pub trait Greeter {
                type Name;
                async fn right(&self);
                async fn wrong(&self, (a, b): (u8, u8));
            }
        },
    );
}

#[test]
fn what_a_useless_head_leaves() {
    check(
        expect_file!["../snapshots/useless_head.rs"],
        quote!(),
        quote! {
            pub trait Greeter<'a> {
                async fn hello(&self);
            }
        },
    );
}

#[test]
fn what_jobs_stand_on_is_asked_for_where_there_are_jobs() {
    let asked = |item| expansion(quote!(), item).matches("__private::jobs!()").count();
    let twice = quote! {
        trait Mail {
            #[cfg(unix)]
            #[rpc(durable)]
            async fn send(&self);
            #[rpc(durable)]
            async fn check(&self);
        }
    };
    assert_eq!(asked(twice), 1);
    let under_conditions = quote! {
        trait Mail {
            #[cfg(unix)]
            #[rpc(durable)]
            async fn send(&self);
            #[cfg(windows)]
            #[rpc(durable)]
            async fn send(&self);
        }
    };
    assert_eq!(asked(under_conditions), 2, "each under its own");
}

#[test]
fn another_path_to_the_runtime_replaces_the_default_everywhere() {
    let item = quote! {
        trait Greeter {
            async fn hello(&self, cx: &Context, name: &str, bytes: &[u8]) -> Result<Bytes, MathError>;
            #[rpc(oneway, spawn)]
            async fn log(&self);
            #[rpc(durable, subject = "bye.{name}")]
            async fn bye(&self, name: &str);
            fn talk(&self, lines: Incoming<Bytes>) -> impl Stream<Item = Result<Bytes, MathError>>;
            async fn copy(&self, lines: Incoming<String>) -> Result<impl Stream<Item = Result<u8>>>;
            async fn upload(&self, lines: Incoming<String>);
        }
    };
    let default = expansion(quote!(subject = "greeter.{town}", schema), item.clone());
    let renamed = expansion(quote!(subject = "greeter.{town}", schema, crate = renamed::reexport), item);
    assert!(default.contains("::nats_rpc"));
    assert!(!renamed.contains("nats_rpc"), "{renamed}");
}

#[test]
#[should_panic = "mistakes were collected and never reported"]
#[cfg(debug_assertions)]
fn mistakes_cannot_be_forgotten() {
    crate::errors::Errors::new();
}
