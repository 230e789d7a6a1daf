//! What takes the place of client and server where the trait cannot have any.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use super::{client_ident, server_ident};
use crate::model::Service;

/// The client and the server as bare names, so that code which imports them does not turn red as well.
pub(crate) fn types(service: &Service) -> TokenStream {
    let Service { visibility, conditions, .. } = service;
    let (client, server) = (client_ident(service), server_ident(service));
    let implementation = syn::Ident::new("S", Span::mixed_site());
    quote_spanned! {Span::mixed_site()=>
        /// The client of a service that does not compile.
        #(#conditions)*
        #[derive(::core::fmt::Debug)]
        #[allow(dead_code)]
        #visibility struct #client;

        /// The server of a service that does not compile.
        #(#conditions)*
        #[derive(::core::fmt::Debug)]
        #[allow(dead_code)]
        #visibility struct #server<#implementation>(#implementation);
    }
}
