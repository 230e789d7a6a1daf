//! The client type: one method for each of the trait's, which encodes the arguments and returns the call.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::parameters::Parameters;
use super::support::{self, Names};
use super::{arguments, client_ident, contract, generated_at, runtime_at, subjects};
use crate::model::{Argument, Encoding, Method, Outcome, Service};
use crate::names;

/// The type, which users name.
pub(super) fn definition(service: &Service) -> TokenStream {
    let Service { runtime, ident, visibility, conditions, deprecation, lints, .. } = service;
    let client = client_ident(service);
    let parameters = Parameters::of(service);
    let declared = parameters.declared();
    let marker = parameters.marker(&support::marker_ident());
    let doc = format!(" Client of the service [`{ident}`]: its methods, as calls to whoever serves it.");
    quote_spanned! {Span::mixed_site()=>
        #[doc = #doc]
        #(#conditions)*
        #deprecation
        #(#lints)*
        #[allow(dead_code)]
        #visibility struct #client #declared {
            stub: #runtime::__private::Stub,
            #marker
        }
    }
}

/// What the type can do.
pub(super) fn impls(service: &Service) -> TokenStream {
    let runtime = &service.runtime;
    let client = client_ident(service);
    let parameters = Parameters::of(service);
    let (bounded, given, clause) = (parameters.bounded(), parameters.given(), parameters.where_clause());
    let names = parameters.names();
    let marker = parameters.marker_value(&support::marker_ident());
    let descriptor = support::descriptor_ident();
    let methods = service.methods.iter().map(|method| method_fn(service, method));
    let private = support::private_ident(service.ident.span());
    let new = new(service);
    let contract = contract::of_client(service);
    let debug_name = client.to_string();
    quote_spanned! {Span::mixed_site()=>
        impl<#bounded> #client #given #clause {
            #new

            #(#methods)*
        }

        #[automatically_derived]
        impl<#bounded> #runtime::ServiceClient for #client #given #clause {
            fn from_client(
                client: #runtime::Client,
                subject_values: &[&str],
            ) -> ::core::result::Result<Self, #runtime::Error> {
                let stub = #private::Stub::with_values(client, &#descriptor, subject_values)?;
                ::core::result::Result::Ok(Self { stub, #marker })
            }

            fn client(&self) -> &#runtime::Client {
                self.stub.client()
            }

            fn descriptor() -> &'static #runtime::ServiceDescriptor {
                &#descriptor
            }

            #contract
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

fn new(service: &Service) -> TokenStream {
    let Service { runtime, visibility, subject, .. } = service;
    let values = subject.idents();
    if !values.is_empty() {
        return subjects::client_new(service, &values);
    }
    let private = support::private_ident(service.ident.span());
    let descriptor = support::descriptor_ident();
    let marker = Parameters::of(service).marker_value(&support::marker_ident());
    quote_spanned! {Span::mixed_site()=>
        /// A client that calls through this connection, or with the settings of this client.
        #visibility fn new(client: impl ::core::convert::Into<#runtime::Client>) -> Self {
            Self { stub: #private::Stub::new(::core::convert::Into::into(client), &#descriptor), #marker }
        }
    }
}

fn method_fn(service: &Service, method: &Method) -> TokenStream {
    let Method { ident, name, conditions, attributes, arguments, .. } = method;
    let visibility = &service.visibility;
    let site = generated_at(ident.span());
    let runtime = runtime_at(service, ident.span());
    let (private, methods) = (support::private_ident(ident.span()), support::methods_ident());
    let doc = documentation(service, method);
    let parameters = arguments.iter().map(|Argument { ident, ty, .. }| quote!(#ident: #ty));
    let name = &name.text;
    let index = quote_spanned!(site=> const { #private::method_index(#methods, #name) });
    let sent = sent(service, method);
    let values = subjects::sent(method);
    let (returned, call) = if method.options.oneway.is_some() {
        let call = match values {
            Some(values) => quote_spanned!(site=> self.stub.cast_to(#index, #values, &#sent)),
            None => quote_spanned!(site=> self.stub.cast(#index, &#sent)),
        };
        (quote_spanned!(site=> #runtime::Cast), call)
    } else {
        let returns = returns(method);
        let call = match values {
            Some(values) => quote_spanned!(site=> self.stub.call_to(#index, #values, &#sent, #returns)),
            None => quote_spanned!(site=> self.stub.call(#index, &#sent, #returns)),
        };
        (call_type(service, method), call)
    };
    quote_spanned! {site=>
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
    let doc = format!(" Calls [`{}::{}`].", service.ident, names::of(&method.ident));
    (!is_documented).then(|| quote!(#[doc = #doc]))
}

/// The value that is encoded as the arguments.
fn sent(service: &Service, method: &Method) -> TokenStream {
    let site = generated_at(method.ident.span());
    if method.body().next().is_none() {
        let private = support::private_ident(method.ident.span());
        return quote_spanned!(site=> #private::NoArgs {});
    }
    let send = Names::of(method).send;
    let generics = arguments::sent_generics(service, method);
    let fields = method.body().map(|argument| &argument.ident);
    let marker = Parameters::of(service).marker_value(&support::argument_marker_ident());
    quote_spanned!(site=> #send #generics { #(#fields,)* #marker })
}

fn call_type(service: &Service, method: &Method) -> TokenStream {
    let ty = &method.output.ty;
    let (runtime, private) = (runtime_at(service, ty.span()), support::private_ident(ty.span()));
    let site = generated_at(ty.span());
    match method.output.outcome {
        Outcome::Value => quote_spanned!(site=> #runtime::Call<#ty, ::core::convert::Infallible>),
        Outcome::Result => quote_spanned! {site=>
            #runtime::Call<
                <#ty as #private::MethodResult>::Ok,
                <#ty as #private::MethodResult>::Err,
            >
        },
    }
}

/// How the reply is read.
fn returns(method: &Method) -> TokenStream {
    let constructor = match (method.output.outcome, method.output.encoding) {
        (Outcome::Value, Encoding::Serde) => "infallible",
        (Outcome::Value, _) => "infallible_bytes",
        (Outcome::Result, Encoding::Serde) => "fallible",
        (Outcome::Result, _) => "fallible_bytes",
    };
    let span = method.output.ty.span();
    let private = support::private_ident(span);
    let constructor = Ident::new(constructor, generated_at(span));
    quote_spanned!(generated_at(span)=> #private::Returns::#constructor())
}
