//! The stages in order: parse, lower to the model, validate, expand.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemTrait;

use crate::args::ServiceOptions;
use crate::errors::Errors;
use crate::expand::{self, service_trait};
use crate::lower;

/// Expands `#[service(options)] item`. Mistakes are part of what is returned, next to as much of the service as they
/// leave, so that one of them does not make errors of all code that uses the service.
pub(crate) fn run(options: TokenStream, item: TokenStream) -> TokenStream {
    let item: ItemTrait = syn::parse2(item).unwrap();
    let mut errors = Errors::new();
    let mut service = lower::service(ServiceOptions::parse(options, &mut errors), &item);
    for function in lower::functions(&item, &mut errors) {
        let method = errors.if_none_from(|errors| lower::method(function, errors));
        service.methods.extend(method);
    }
    let generated = expand::service(&service);
    let service_trait = service_trait::emit(item);
    let mistakes = errors.into_compile_errors();
    quote!(#service_trait #generated #mistakes)
}
