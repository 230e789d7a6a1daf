//! The `#[service]` attribute of nats-rpc.

mod args;
mod attributes;
mod errors;
mod expand;
mod lower;
mod model;
mod names;
mod pipeline;
mod semver;
mod types;
mod validate;

use proc_macro::TokenStream;

/// Makes a trait an RPC service.
#[proc_macro_attribute]
pub fn service(options: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::run(options.into(), item.into()).into()
}
