//! From the model to Rust: what stands next to the trait.

mod arguments;
mod client;
pub(crate) mod fallback;
mod server;
pub(crate) mod service_trait;
mod support;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::visit::{self, Visit};
use syn::{GenericParam, Generics, TypeParam, WhereClause, WherePredicate};

use crate::model::Service;

/// The client, the server, and what the two share. All impls and helpers are in one anonymous constant, so that no
/// helper can collide with a name of the user's, nor with those of another service in the same module.
pub(crate) fn service(service: &Service) -> TokenStream {
    let client_type = client::definition(service);
    let server_type = server::definition(service);
    let shared = support::tables(service);
    let arguments: TokenStream =
        service.methods.iter().map(|method| arguments::structs(service, method)).collect();
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

/// The type parameters of a generic trait, in the forms that generated types need.
struct Parameters {
    generics: Generics,
}

impl Parameters {
    /// The parameters of the trait. Predicates on `Self` stay behind, since `Self` is another type elsewhere.
    fn of(service: &Service) -> Self {
        let mut generics = service.generics.clone();
        if let Some(clause) = &mut generics.where_clause {
            let kept = std::mem::take(&mut clause.predicates).into_iter();
            clause.predicates = kept.filter(|predicate| !names_self(predicate)).collect();
        }
        Self { generics }
    }

    /// The same, with one parameter before all others.
    fn after(mut self, first: TypeParam) -> Self {
        self.generics.params.insert(0, GenericParam::Type(first));
        self
    }

    fn is_empty(&self) -> bool {
        self.generics.params.is_empty()
    }

    /// `<K, V = String>`, as the definition of a type without bounds declares them.
    fn declared(&self) -> TokenStream {
        if self.is_empty() {
            return TokenStream::new();
        }
        let declared = self.generics.type_params().map(|parameter| {
            let ident = &parameter.ident;
            let default = parameter.default.as_ref().map(|(equals, ty)| quote!(#equals #ty));
            quote!(#ident #default)
        });
        quote!(<#(#declared),*>)
    }

    /// `K: Key, V: Value`, as an `impl` declares them.
    fn bounded(&self) -> TokenStream {
        let bounded = self
            .generics
            .type_params()
            .map(|TypeParam { ident, colon_token, bounds, .. }| quote!(#ident #colon_token #bounds));
        quote!(#(#bounded),*)
    }

    /// `K, V`, as a type is given them.
    fn names(&self) -> TokenStream {
        let names = self.generics.type_params().map(|parameter| &parameter.ident);
        quote!(#(#names),*)
    }

    /// `<K, V>`, or nothing.
    fn given(&self) -> TokenStream {
        if self.is_empty() {
            return TokenStream::new();
        }
        let names = self.names();
        quote!(<#names>)
    }

    fn where_clause(&self) -> Option<&WhereClause> {
        self.generics.where_clause.as_ref()
    }

    /// The type of a field that names the parameters without owning values of them.
    fn marker(&self) -> TokenStream {
        let names = self.generics.type_params().map(|parameter| &parameter.ident);
        quote_spanned!(Span::mixed_site()=> ::core::marker::PhantomData<fn() -> (#(#names,)*)>)
    }
}

fn names_self(predicate: &WherePredicate) -> bool {
    struct NamesSelf(bool);
    impl<'ast> Visit<'ast> for NamesSelf {
        fn visit_ident(&mut self, ident: &'ast Ident) {
            self.0 |= ident == "Self";
        }
    }
    let mut found = NamesSelf(false);
    visit::visit_where_predicate(&mut found, predicate);
    found.0
}
