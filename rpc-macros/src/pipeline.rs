//! The stages in order: parse, lower to the model, validate, expand.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{Item, ItemTrait};

use crate::args::ServiceOptions;
use crate::errors::Errors;
use crate::expand::{self, fallback, service_trait};
use crate::{lower, validate};

/// Expands `#[service(options)] item`. Mistakes are part of what is returned, next to as much of the service as they
/// leave, so that one of them does not turn all code red that uses the service.
pub(crate) fn run(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let expanded = match parse(item.clone(), &mut errors) {
        Some(item) => expand(ServiceOptions::parse(options, &mut errors), item, &mut errors),
        None => item,
    };
    let mistakes = errors.into_compile_errors();
    quote!(#expanded #mistakes)
}

fn parse(item: TokenStream, errors: &mut Errors) -> Option<ItemTrait> {
    let keyword = match syn::parse2(item) {
        Ok(Item::Trait(item)) => return Some(item),
        Ok(Item::Impl(item)) => item.impl_token.into_token_stream(),
        Ok(Item::Struct(item)) => item.struct_token.into_token_stream(),
        Ok(Item::Enum(item)) => item.enum_token.into_token_stream(),
        Ok(Item::Fn(item)) => item.sig.fn_token.into_token_stream(),
        Ok(Item::Mod(item)) => item.mod_token.into_token_stream(),
        Ok(item) => item.into_token_stream(),
        Err(error) => {
            errors.push(error);
            return None;
        }
    };
    errors.report(
        keyword,
        "`#[service]` belongs on a trait: its methods become calls, and its `impl` serves them",
    );
    None
}

fn expand(options: ServiceOptions, item: ItemTrait, errors: &mut Errors) -> TokenStream {
    let mut service = lower::service(options, &item);
    validate::service(&service, &item, errors);
    for function in lower::functions(&item, errors) {
        let method = errors.if_none_from(|errors| {
            let method = lower::method(function, errors);
            validate::method(&service, &method, errors);
            method
        });
        service.methods.extend(method);
    }
    let service_trait = service_trait::emit(item);
    let generated = if service.is_generic_over_types_only() {
        expand::service(&service)
    } else {
        fallback::types(&service)
    };
    quote!(#service_trait #generated)
}
