//! The type parameters of a generic trait, in the forms that generated types and impls need.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::{GenericParam, Generics, TypeParam, WhereClause};

use crate::model::Service;

/// The type parameters of a service; most have none.
pub(super) struct Parameters {
    generics: Generics,
}

impl Parameters {
    /// The parameters of the trait. Predicates on `Self` stay behind, since `Self` is another type elsewhere.
    pub(super) fn of(service: &Service) -> Self {
        let mut generics = service.generics.clone();
        if let Some(clause) = &mut generics.where_clause {
            let kept = std::mem::take(&mut clause.predicates).into_iter();
            clause.predicates = kept.filter(|predicate| !mentions(quote!(#predicate), "Self")).collect();
        }
        Self { generics }
    }

    /// The same, after one for the implementation.
    pub(super) fn after(mut self, implementation: &Ident) -> Self {
        let implementation = TypeParam::from(implementation.clone());
        self.generics.params.insert(0, GenericParam::Type(implementation));
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.generics.params.is_empty()
    }

    /// `<K, V = String>`, as the definition of a type without bounds declares them.
    pub(super) fn declared(&self) -> TokenStream {
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
    pub(super) fn bounded(&self) -> TokenStream {
        let bounded = self
            .generics
            .type_params()
            .map(|TypeParam { ident, colon_token, bounds, .. }| quote!(#ident #colon_token #bounds));
        quote!(#(#bounded),*)
    }

    /// `K, V`, as a type is given them.
    pub(super) fn names(&self) -> TokenStream {
        let names = self.generics.type_params().map(|parameter| &parameter.ident);
        quote!(#(#names),*)
    }

    /// `<K, V>`, or nothing.
    pub(super) fn given(&self) -> TokenStream {
        if self.is_empty() {
            return TokenStream::new();
        }
        let names = self.names();
        quote!(<#names>)
    }

    pub(super) fn where_clause(&self) -> Option<&WhereClause> {
        self.generics.where_clause.as_ref()
    }

    /// A field that names the parameters without owning values of them; nothing if there are none.
    pub(super) fn marker(&self, field: &Ident) -> TokenStream {
        if self.is_empty() {
            return TokenStream::new();
        }
        let names = self.generics.type_params().map(|parameter| &parameter.ident);
        quote_spanned!(Span::mixed_site()=> #field: ::core::marker::PhantomData<fn() -> (#(#names,)*)>,)
    }

    /// The value of that field.
    pub(super) fn marker_value(&self, field: &Ident) -> TokenStream {
        if self.is_empty() {
            return TokenStream::new();
        }
        quote_spanned!(Span::mixed_site()=> #field: ::core::marker::PhantomData,)
    }
}

/// The type parameter for the implementation: `S`, unless the trait means something else by that.
pub(super) fn implementation(service: &Service) -> Ident {
    let (ident, generics, clause) = (&service.ident, &service.generics, &service.generics.where_clause);
    let taken = mentions(quote!(#ident #generics #clause), "S");
    Ident::new(if taken { "__S" } else { "S" }, Span::mixed_site())
}

fn mentions(tokens: TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => mentions(group.stream(), name),
        TokenTree::Ident(ident) => ident == name,
        _ => false,
    })
}
