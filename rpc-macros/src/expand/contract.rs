//! The function that makes the contract of a service with schemas, and what calls it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{LitStr, Meta};

use super::answers::Answered;
use super::parameters::Parameters;
use super::support;
use super::{generated_at, runtime_at};
use crate::args;
use crate::model::{Argument, Encoding, Incoming, Method, Passing, Service};

/// The function, if schemas are asked for.
pub(super) fn function(service: &Service) -> Option<TokenStream> {
    let schema = service.options.schema?;
    let site = generated_at(schema);
    let runtime = runtime_at(service, schema);
    let private = support::private_ident(schema);
    let function = function_ident();
    let parameters = Parameters::of(service);
    let (bounded, clause) = (parameters.bounded(), parameters.where_clause());
    let generics = (!parameters.is_empty()).then(|| quote!(<#bounded>));
    let descriptor = support::descriptor_ident();
    let methods = service.methods.iter().map(described);
    Some(quote_spanned! {site=>
        #[allow(unused_mut)]
        fn #function #generics(role: #runtime::contract::Role) -> #runtime::contract::Contract #clause {
            let mut description = #private::description!(&#descriptor);
            #(#methods)*
            description.finish(role)
        }
    })
}

/// The client's method that calls it.
pub(super) fn of_client(service: &Service) -> Option<TokenStream> {
    let call = call(service)?;
    let runtime = &service.runtime;
    Some(quote_spanned! {Span::mixed_site()=>
        fn contract(role: #runtime::contract::Role) -> #runtime::contract::Contract {
            #call(role)
        }
    })
}

/// The server's method that calls it.
pub(super) fn of_server(service: &Service) -> Option<TokenStream> {
    let call = call(service)?;
    let runtime = &service.runtime;
    Some(quote_spanned! {Span::mixed_site()=>
        fn contract(&self) -> #runtime::contract::Contract {
            #call(#runtime::contract::Role::Server)
        }
    })
}

fn function_ident() -> Ident {
    Ident::new("__contract", Span::mixed_site())
}

fn call(service: &Service) -> Option<TokenStream> {
    service.options.schema?;
    let function = function_ident();
    let parameters = Parameters::of(service);
    let names = parameters.names();
    let generics = (!parameters.is_empty()).then(|| quote!(::<#names>));
    Some(quote!(#function #generics))
}

/// Tells of one method which types travel.
fn described(method: &Method) -> TokenStream {
    let conditions = &method.conditions;
    let arguments = method.body().map(parameter);
    let items = method.incoming.as_ref().map(items);
    let result = result(method);
    let site = generated_at(method.ident.span());
    quote_spanned! {site=>
        #(#conditions)*
        description.method() #(#arguments)* #items #result;
    }
}

fn parameter(argument: &Argument) -> TokenStream {
    let site = generated_at(argument.ty.span());
    let ty = travelling(argument);
    let aliases = aliases(argument);
    quote_spanned!(site=> .parameter::<#ty>(&[#(#aliases),*]))
}

/// The type that an argument travels as.
fn travelling(argument: &Argument) -> TokenStream {
    let span = argument.ty.span();
    let (site, private) = (generated_at(span), support::private_ident(span));
    if argument.serde.has_codec() {
        return quote_spanned!(site=> #private::ByOwnCodec);
    }
    if let Some(bytes) = bytes(argument.encoding, span) {
        return bytes;
    }
    match &argument.passing {
        Passing::Owned => argument.ty.to_token_stream(),
        Passing::Lent(target) => target.to_token_stream(),
        Passing::Slice(item) => quote_spanned!(site=> ::std::vec::Vec<#item>),
        Passing::Str(_) => quote_spanned!(site=> ::std::string::String),
        Passing::Bytes(_) => quote_spanned!(site=> #private::AsBytes),
    }
}

fn bytes(encoding: Encoding, span: Span) -> Option<TokenStream> {
    let (site, private) = (generated_at(span), support::private_ident(span));
    match encoding {
        Encoding::Serde => None,
        Encoding::Bytes => Some(quote_spanned!(site=> #private::AsBytes)),
        Encoding::OptionalBytes => Some(quote_spanned!(site=> ::core::option::Option<#private::AsBytes>)),
    }
}

/// The other names that an argument is read under.
fn aliases(argument: &Argument) -> impl Iterator<Item = &LitStr> {
    let is_alias = |option: &&Meta| option.path().is_ident("alias");
    argument.serde.server.iter().filter(is_alias).filter_map(args::text_of)
}

fn items(incoming: &Incoming) -> TokenStream {
    let span = incoming.item.span();
    let item = bytes(incoming.encoding, span).unwrap_or_else(|| incoming.item.to_token_stream());
    quote_spanned!(generated_at(span)=> .items::<#item>())
}

fn result(method: &Method) -> TokenStream {
    if method.options.oneway.is_some() {
        return TokenStream::new();
    }
    let span = method.output.answer.ty.span();
    let site = generated_at(span);
    let Answered { value, error } = Answered::by(method);
    let value = bytes(method.output.answer.encoding, span).unwrap_or(value);
    let error = error.map(|error| quote_spanned!(site=> .error::<#error>()));
    quote_spanned!(site=> .result::<#value>() #error)
}
