//! What client and server share: the names of the helpers, and the tables that describe the service.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::Path;
use syn::ext::IdentExt as _;

use super::generated_at;
use crate::model::{Argument, Kind, Method, Service};

// Types of the user's are named next to these helpers, so the names of helpers are ones that no user would choose.

pub(super) fn methods_ident() -> Ident {
    Ident::new("__METHODS", Span::mixed_site())
}

pub(super) fn descriptor_ident() -> Ident {
    Ident::new("__DESCRIPTOR", Span::mixed_site())
}

/// The alias of the part of the runtime that only generated code sees.
pub(super) fn private_ident(span: Span) -> Ident {
    Ident::new("__private", generated_at(span))
}

/// The field that names the type parameters, in the client and the server.
pub(super) fn marker_ident() -> Ident {
    Ident::new("types", Span::mixed_site())
}

/// The same among arguments, one of which may be called `types`.
pub(super) fn argument_marker_ident() -> Ident {
    Ident::new("__types", Span::mixed_site())
}

/// The two types that carry the arguments of a method.
pub(super) struct Names {
    /// Lends the arguments to the encoder.
    pub(super) send: Ident,
    /// Holds the decoded arguments.
    pub(super) receive: Ident,
}

impl Names {
    /// Methods with different names have different types here, whatever the case of their letters.
    pub(super) fn of(method: &Method) -> Self {
        let name = method.ident.unraw();
        Self {
            send: format_ident!("__Send_{name}", span = Span::mixed_site()),
            receive: format_ident!("__Recv_{name}", span = Span::mixed_site()),
        }
    }
}

/// The methods in the order of the trait, and the service that they make up.
pub(super) fn tables(service: &Service) -> TokenStream {
    let runtime = &service.runtime;
    let (private, methods, descriptor) =
        (private_ident(Span::call_site()), methods_ident(), descriptor_ident());
    let entries = service.methods.iter().map(|method| entry(service, method));
    let name = &service.name.text;
    let version = version(service);
    let subject = service.options.subject.as_ref().map(|subject| quote!(.with_subject(#subject)));
    let description = service.description.as_ref().map(|description| quote!(.with_description(#description)));
    quote_spanned! {Span::mixed_site()=>
        use #runtime::#private;

        const #methods: &[#runtime::Method] = &[#(#entries),*];
        static #descriptor: #runtime::ServiceDescriptor =
            #runtime::ServiceDescriptor::new(#name, #methods).with_version(#version) #subject #description;
    }
}

/// Asks for what jobs stand on: once, if a method with jobs is there in any case, or else under the conditions of each.
pub(super) fn jobs(service: &Service) -> TokenStream {
    let durable =
        service.methods.iter().filter_map(|method| Some((method.options.durable?, &method.conditions)));
    let durable: Vec<_> = durable.collect();
    let always = durable.iter().find(|(_, conditions)| conditions.is_empty());
    let asking = always.map_or(durable.as_slice(), std::slice::from_ref);
    let asked = asking.iter().map(|(span, conditions)| {
        let private = private_ident(*span);
        quote_spanned!(generated_at(*span)=> #(#conditions)* #private::jobs!();)
    });
    asked.collect()
}

fn entry(service: &Service, method: &Method) -> TokenStream {
    let runtime = &service.runtime;
    let Method { name, options, conditions, description, .. } = method;
    let name = &name.text;
    let subject = options.subject.as_ref().map(|subject| quote!(.with_subject(#subject)));
    let kind = match method.kind() {
        Kind::Unary => quote!(unary),
        Kind::Oneway => quote!(oneway),
        Kind::ServerStreaming => quote!(server_streaming),
        Kind::ClientStreaming => quote!(client_streaming),
        Kind::BidiStreaming => quote!(bidi_streaming),
    };
    let idempotent = options.idempotent.map(|_| quote!(.idempotent()));
    let broadcast = options.broadcast.map(|_| quote!(.broadcast()));
    let durable = options.durable.map(|_| quote!(.durable()));
    let spawn = options.spawn.map(|_| quote!(.spawn()));
    let no_cancel = options.no_cancel.map(|_| quote!(.no_cancel()));
    let bare = options.bare.map(|_| quote!(.bare()));
    let coalesce = options.coalesce.map(|(calls, _)| quote!(.coalesce(#calls)));
    let timeout = options.timeout.map(|millis| quote!(.timeout_ms(#millis)));
    let description = description.as_ref().map(|description| quote!(.with_description(#description)));
    let parameters: Vec<_> = method.body().map(|argument| parameter(runtime, method, argument)).collect();
    let parameters = (!parameters.is_empty()).then(|| quote!(.with_parameters(&[#(#parameters),*])));
    quote_spanned! {Span::mixed_site()=>
        #(#conditions)* #runtime::Method::#kind(#name) #subject #idempotent #broadcast #durable #spawn #no_cancel #bare
            #coalesce #timeout #description #parameters
    }
}

fn parameter(runtime: &Path, method: &Method, argument: &Argument) -> TokenStream {
    let name = &argument.name.text;
    if method.options.bare.is_none() && argument.may_be_missing() {
        quote!(#runtime::Parameter::optional(#name))
    } else {
        quote!(#runtime::Parameter::required(#name))
    }
}

/// The version that was given, or else that of the user's crate.
fn version(service: &Service) -> TokenStream {
    if let Some(version) = &service.options.version {
        return version.to_token_stream();
    }
    quote_spanned! {Span::mixed_site()=>
        match ::core::option_env!("CARGO_PKG_VERSION") {
            ::core::option::Option::Some(version) => version,
            ::core::option::Option::None => "0.0.0",
        }
    }
}
