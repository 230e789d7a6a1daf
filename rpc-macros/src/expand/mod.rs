//! From the model to Rust: what stands next to the trait.

mod answers;
mod arguments;
mod calls;
mod client;
mod contract;
pub(crate) mod fallback;
mod parameters;
mod server;
pub(crate) mod service_trait;
mod subjects;
mod support;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, format_ident, quote_spanned};

use crate::model::Service;

/// The client, the server, and what the two share. All impls and helpers are in one anonymous constant, so that no
/// helper can collide with a name of the user's, nor with those of another service in the same module.
pub(crate) fn service(service: &Service) -> TokenStream {
    let client_type = client::definition(service);
    let server_type = server::definition(service);
    let shared = support::tables(service);
    let arguments: TokenStream =
        service.methods.iter().map(|method| arguments::structs(service, method)).collect();
    let contract = contract::function(service);
    let jobs = support::jobs(service);
    let client = client::impls(service);
    let server = server::impls(service);
    let Service { conditions, lints, .. } = service;
    quote_spanned! {Span::mixed_site()=>
        #client_type
        #server_type
        // Helpers are named after methods, a service may have none or may be used from one side only, and the trait
        // itself warns about the user's own names and deprecated types.
        #(#conditions)*
        #(#lints)*
        #[allow(dead_code, deprecated, non_camel_case_types, non_snake_case, unused_imports, unused_variables)]
        const _: () = {
            #shared
            #arguments
            #contract
            #jobs
            #client
            #server
        };
    }
}

/// The place of the user's tokens with the hygiene of generated code: errors point there, locals stay apart.
fn generated_at(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

/// The path of the runtime, at the place of the user's tokens.
fn runtime_at(service: &Service, span: Span) -> TokenStream {
    let relocate = |mut token: TokenTree| {
        token.set_span(token.span().located_at(span));
        token
    };
    service.runtime.to_token_stream().into_iter().map(relocate).collect()
}

fn client_ident(service: &Service) -> Ident {
    format_ident!("{}Client", service.ident, span = service.ident.span())
}

fn server_ident(service: &Service) -> Ident {
    format_ident!("{}Server", service.ident, span = service.ident.span())
}
