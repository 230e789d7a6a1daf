//! The client type, which has one method for each of the trait's.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use super::parameters::Parameters;
use super::{calls, client_ident, contract, subjects, support};
use crate::model::Service;

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
    let methods = service.methods.iter().map(|method| calls::method_fn(service, method));
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
