//! The client type: one method for each of the trait's, which encodes the arguments and returns the call.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::support::{self, Names};
use super::{Parameters, arguments, client_ident, generated_at};
use crate::model::{Encoding, Method, Outcome, Service};

/// The type, which users name.
pub(super) fn definition(service: &Service) -> TokenStream {
    let Service { runtime, ident, visibility, conditions, deprecation, .. } = service;
    let client = client_ident(service);
    let parameters = Parameters::of(service);
    let declared = parameters.declared();
    let marker = (!parameters.is_empty()).then(|| parameters.marker()).map(|marker| quote!(types: #marker,));
    let doc = format!(" Client of the service [`{ident}`]: its methods, as calls to whoever serves it.");
    quote_spanned! {Span::mixed_site()=>
        #[doc = #doc]
        #(#conditions)*
        #deprecation
        #[allow(dead_code)]
        #visibility struct #client #declared {
            stub: #runtime::__private::Stub,
            #marker
        }
    }
}

/// What the type can do.
pub(super) fn impls(service: &Service) -> TokenStream {
    let Service { runtime, visibility, .. } = service;
    let client = client_ident(service);
    let parameters = Parameters::of(service);
    let (bounded, given, clause) = (parameters.bounded(), parameters.given(), parameters.where_clause());
    let names = parameters.names();
    let marker = (!parameters.is_empty())
        .then(|| quote_spanned!(Span::mixed_site()=> types: ::core::marker::PhantomData,));
    let descriptor = support::descriptor_ident();
    let methods = service.methods.iter().map(|method| method_fn(service, method));
    let debug_name = client.to_string();
    quote_spanned! {Span::mixed_site()=>
        impl<#bounded> #client #given #clause {
            /// A client that calls through this connection, or with the settings of this client.
            #visibility fn new(client: impl ::core::convert::Into<#runtime::Client>) -> Self {
                <Self as #runtime::ServiceClient>::from_client(::core::convert::Into::into(client))
            }

            #(#methods)*
        }

        #[automatically_derived]
        impl<#bounded> #runtime::ServiceClient for #client #given #clause {
            fn from_client(client: #runtime::Client) -> Self {
                Self { stub: #runtime::__private::Stub::new(client, &#descriptor), #marker }
            }

            fn client(&self) -> &#runtime::Client {
                self.stub.client()
            }

            fn descriptor() -> &'static #runtime::ServiceDescriptor {
                &#descriptor
            }
        }

        #[automatically_derived]
        impl<#names> ::core::clone::Clone for #client #given {
            fn clone(&self) -> Self {
                Self { stub: ::core::clone::Clone::clone(&self.stub), #marker }
            }
        }

        #[automatically_derived]
        impl<#names> ::core::fmt::Debug for #client #given {
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                formatter.debug_struct(#debug_name).finish_non_exhaustive()
            }
        }
    }
}

fn method_fn(service: &Service, method: &Method) -> TokenStream {
    let Service { runtime, visibility, .. } = service;
    let Method { ident, name, conditions, attributes, arguments, .. } = method;
    let names = Names::of(method);
    let methods = support::methods_ident();
    let doc = documentation(service, method);
    let parameters = arguments.iter().map(|argument| {
        let (name, ty) = (&argument.ident, &argument.ty);
        quote!(#name: #ty)
    });
    let wire_name = &name.text;
    let index = quote_spanned! {Span::mixed_site()=>
        const { #runtime::__private::method_index(#methods, #wire_name) }
    };
    let sent = sent(service, method, &names);
    let (returned, call) = if method.options.oneway.is_some() {
        (
            quote_spanned!(Span::mixed_site()=> #runtime::Cast),
            quote_spanned!(Span::mixed_site()=> self.stub.cast(#index, &#sent)),
        )
    } else {
        let returns = returns(method);
        (
            call_type(service, method),
            quote_spanned! {Span::mixed_site()=>
                self.stub.call(#index, &#sent, #runtime::__private::Returns::#returns())
            },
        )
    };
    quote_spanned! {Span::mixed_site()=>
        #doc
        #(#conditions)*
        #(#attributes)*
        #visibility fn #ident(&self, #(#parameters),*) -> #returned {
            #call
        }
    }
}

/// Documentation for a method that has none, which the compiler may be asked to insist on.
fn documentation(service: &Service, method: &Method) -> Option<TokenStream> {
    let is_documented = method.attributes.iter().any(|attribute| attribute.path().is_ident("doc"));
    let doc = format!(" Calls [`{}::{}`].", service.ident, method.ident);
    (!is_documented).then(|| quote!(#[doc = #doc]))
}

/// The value that is encoded as the arguments.
fn sent(service: &Service, method: &Method, names: &Names) -> TokenStream {
    let runtime = &service.runtime;
    if method.arguments.is_empty() {
        return quote_spanned!(Span::mixed_site()=> #runtime::__private::NoArgs {});
    }
    let fields = method.arguments.iter().map(|argument| &argument.ident);
    let send = &names.send;
    let generics = arguments::sent_generics(service, method);
    let marker = (!Parameters::of(service).is_empty()).then(|| {
        let marker = support::marker_ident();
        quote_spanned!(Span::mixed_site()=> #marker: ::core::marker::PhantomData)
    });
    quote_spanned!(Span::mixed_site()=> #send #generics { #(#fields,)* #marker })
}

fn call_type(service: &Service, method: &Method) -> TokenStream {
    let runtime = &service.runtime;
    let ty = &method.output.ty;
    let site = generated_at(ty.span());
    match method.output.outcome {
        Outcome::Value => quote_spanned!(site=> #runtime::Call<#ty, ::core::convert::Infallible>),
        Outcome::Result => quote_spanned! {site=>
            #runtime::Call<
                <#ty as #runtime::__private::MethodResult>::Ok,
                <#ty as #runtime::__private::MethodResult>::Err,
            >
        },
    }
}

/// The constructor of `Returns` that fits the method.
fn returns(method: &Method) -> syn::Ident {
    let outcome = match method.output.outcome {
        Outcome::Value => "infallible",
        Outcome::Result => "fallible",
    };
    let site = generated_at(method.output.ty.span());
    match method.output.encoding {
        Encoding::Serde => format_ident!("{outcome}", span = site),
        Encoding::Bytes | Encoding::OptionalBytes => format_ident!("{outcome}_bytes", span = site),
    }
}
