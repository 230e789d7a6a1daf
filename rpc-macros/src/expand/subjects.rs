//! Values in subjects: those that a client and a server have of the service's, and those that a call has of its method's.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote_spanned};
use syn::Type;
use syn::spanned::Spanned as _;

use super::generated_at;
use crate::model::{Argument, Method, Passing, Service};
use crate::names;

/// The client's `new`, which takes a value for each parameter in the subject of the service.
pub(super) fn client_new(service: &Service, values: &[Ident]) -> TokenStream {
    let Service { runtime, visibility, subject, .. } = service;
    let doc = format!(
        " A client that calls those who serve `{}` with these values, through this connection, or with the settings of \
         this client.",
        subject.text
    );
    quote_spanned! {Span::mixed_site()=>
        #[doc = #doc]
        ///
        /// # Errors
        /// `InvalidArgument` if a value cannot be a token of a subject: 1 to 64 of `A-Z`, `a-z`, `0-9`, `_` and `-`, of
        /// which the first is no `_`.
        #visibility fn new(
            client: impl ::core::convert::Into<#runtime::Client>,
            #(#values: &str,)*
        ) -> ::core::result::Result<Self, #runtime::Error> {
            <Self as #runtime::ServiceClient>::from_client(::core::convert::Into::into(client), &[#(#values),*])
        }
    }
}

/// What the server type has for its values.
#[derive(Default)]
pub(super) struct ServedValues {
    /// The field that holds them.
    pub(super) field: TokenStream,
    /// The field of a server that serves all values.
    pub(super) all: TokenStream,
    /// The field of a clone.
    pub(super) cloned: TokenStream,
    /// The methods that choose them.
    pub(super) builders: TokenStream,
    /// The method that tells the runtime.
    pub(super) told: TokenStream,
}

impl ServedValues {
    /// Nothing, for a service whose subject has no parameters.
    pub(super) fn of(service: &Service) -> Self {
        let parameters = service.subject.idents();
        if parameters.is_empty() {
            return Self::default();
        }
        let site = Span::mixed_site();
        let ty = quote_spanned!(site=> ::std::vec::Vec<(&'static str, ::std::string::String)>);
        let field = Ident::new("values", site);
        Self {
            field: quote_spanned!(site=> #field: #ty,),
            all: quote_spanned!(site=> #field: ::std::vec::Vec::new(),),
            cloned: quote_spanned!(site=> #field: ::core::clone::Clone::clone(&self.#field),),
            builders: parameters.iter().map(|parameter| builder(service, parameter, &field)).collect(),
            told: quote_spanned! {site=>
                fn subject_values(&self) -> #ty {
                    ::core::clone::Clone::clone(&self.#field)
                }
            },
        }
    }
}

fn builder(service: &Service, parameter: &Ident, field: &Ident) -> TokenStream {
    let visibility = &service.visibility;
    let builder = format_ident!("with_{parameter}");
    let parameter = parameter.to_string();
    let doc = format!(
        " Serves only calls with this value of `{{{parameter}}}`; all values otherwise. Checked when the server starts."
    );
    quote_spanned! {Span::mixed_site()=>
        #[doc = #doc]
        #[must_use]
        #visibility fn #builder(mut self, value: impl ::core::convert::Into<::std::string::String>) -> Self {
            self.#field.retain(|(name, _)| *name != #parameter);
            self.#field.push((#parameter, ::core::convert::Into::into(value)));
            self
        }
    }
}

/// The values of a call, as the client hands them to the runtime; none if the method's subject has no parameters.
pub(super) fn sent(method: &Method) -> Option<TokenStream> {
    let values: Vec<_> = method.subject_arguments().map(shown).collect();
    (!values.is_empty()).then(|| quote_spanned!(generated_at(method.ident.span())=> &[#(#values),*]))
}

/// A value that is to be written, at the place of its type: that is what has to implement `Display`.
fn shown(argument: &Argument) -> TokenStream {
    let site = generated_at(target(argument).span());
    let mut ident = argument.ident.clone();
    ident.set_span(ident.span().located_at(site));
    quote_spanned!(site=> &#ident)
}

/// Reads the values of a call, each into a variable that is called like its argument.
pub(super) fn received(method: &Method) -> TokenStream {
    method.subject_arguments().map(read).collect()
}

/// Reads a value, at the place of its type: that is what has to implement `FromStr`.
fn read(argument: &Argument) -> TokenStream {
    let target = target(argument);
    let site = generated_at(target.span());
    let ident = &argument.ident;
    let name = names::of(ident);
    let ty = match argument.passing {
        Passing::Str(_) => quote_spanned!(site=> ::std::string::String),
        _ => target.to_token_stream(),
    };
    quote_spanned!(site=> let #ident = call.subject_value::<#ty>(#name)?;)
}

fn target(argument: &Argument) -> &Type {
    argument.target().unwrap_or(&argument.ty)
}
