//! The two types that carry the arguments of a method in the body of a message: one lends them to the encoder, one holds what was decoded.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Lifetime, LitStr, Meta};

use super::generated_at;
use super::parameters::Parameters;
use super::support::{self, Names};
use crate::model::{Argument, Encoding, Method, Passing, Service};

/// Both types; a method whose messages have no arguments in their body has none.
pub(super) fn structs(service: &Service, method: &Method) -> TokenStream {
    if method.body().next().is_none() {
        return TokenStream::new();
    }
    let names = Names::of(method);
    let sent = Struct {
        ident: names.send,
        derive: Ident::new("Serialize", Span::mixed_site()),
        expecting: None,
        has_lifetime: method.body().any(is_lent),
        fields: method.body().map(sent_field).collect(),
    };
    let expecting = format!("the arguments of `{}`", method.name.text);
    let received = Struct {
        ident: names.receive,
        derive: Ident::new("Deserialize", Span::mixed_site()),
        // A message that is a single argument does not need it; serde would ignore it as well.
        expecting: method.options.bare.is_none().then_some(expecting),
        has_lifetime: method.body().any(borrows_from_message),
        fields: method.body().map(|argument| received_field(method, argument)).collect(),
    };
    let sent = sent.emit(service, method);
    let received = received.emit(service, method);
    quote!(#sent #received)
}

/// The generic arguments of the type that lends the arguments of a method.
pub(super) fn sent_generics(service: &Service, method: &Method) -> TokenStream {
    generics(service, method.body().any(is_lent))
}

/// The generic arguments of the type that holds the decoded arguments of a method.
pub(super) fn received_generics(service: &Service, method: &Method) -> TokenStream {
    generics(service, method.body().any(borrows_from_message))
}

fn generics(service: &Service, has_lifetime: bool) -> TokenStream {
    let parameters = Parameters::of(service);
    let names = parameters.names();
    match (has_lifetime, parameters.is_empty()) {
        (true, _) => quote_spanned!(Span::mixed_site()=> ::<'_, #names>),
        (false, false) => quote_spanned!(Span::mixed_site()=> ::<#names>),
        (false, true) => TokenStream::new(),
    }
}

fn is_lent(argument: &Argument) -> bool {
    !matches!(argument.passing, Passing::Owned)
}

fn borrows_from_message(argument: &Argument) -> bool {
    matches!(argument.passing, Passing::Str(_) | Passing::Bytes(_)) && !names_owned_type(argument)
}

/// One of the two types.
struct Struct {
    ident: Ident,
    derive: Ident,
    /// How serde names the whole when it finds something else.
    expecting: Option<String>,
    has_lifetime: bool,
    fields: Vec<TokenStream>,
}

impl Struct {
    fn emit(self, service: &Service, method: &Method) -> TokenStream {
        let Self { ident, derive, expecting, has_lifetime, fields } = self;
        let private = support::private_ident(method.ident.span());
        let conditions = &method.conditions;
        let parameters = Parameters::of(service);
        let clause = parameters.where_clause();
        let lifetime = has_lifetime.then(lifetime).map(|lifetime| quote!(#lifetime,));
        let bounded = parameters.bounded();
        let generics = (has_lifetime || !parameters.is_empty()).then(|| quote!(<#lifetime #bounded>));
        let serde = in_runtime("serde", method.ident.span());
        let expecting = expecting.map(|expecting| quote!(, expecting = #expecting));
        let transparent = method.options.bare.map(|_| quote!(, transparent));
        // Without this, serde would ask for bounds of its own beside those of the trait.
        let bound = (!parameters.is_empty()).then(|| quote!(, bound = ""));
        let marker = (!parameters.is_empty()).then(|| {
            let marker = parameters.marker(&support::argument_marker_ident());
            quote!(#[serde(skip)] #marker)
        });
        quote_spanned! {generated_at(method.ident.span())=>
            #(#conditions)*
            #[derive(#private::serde::#derive)]
            #[serde(crate = #serde #expecting #transparent #bound)]
            struct #ident #generics #clause {
                #(#fields,)*
                #marker
            }
        }
    }
}

fn sent_field(argument: &Argument) -> TokenStream {
    let Argument { ident, ty, passing, serde, .. } = argument;
    let lifetime = lifetime();
    let ty = match passing {
        Passing::Owned => ty.to_token_stream(),
        Passing::Str(target) | Passing::Bytes(target) | Passing::Lent(target) => quote!(&#lifetime #target),
        Passing::Slice(item) => quote!(&#lifetime [#item]),
    };
    let options: Vec<Meta> = serde.both.iter().chain(&serde.client).cloned().collect();
    let attributes = attributes(argument, &options);
    quote!(#attributes #ident: #ty)
}

fn received_field(method: &Method, argument: &Argument) -> TokenStream {
    let Argument { ident, ty, passing, encoding, serde, .. } = argument;
    let lifetime = lifetime();
    let site = Span::mixed_site();
    let ty = match passing {
        Passing::Owned => ty.to_token_stream(),
        Passing::Lent(target) => target.to_token_stream(),
        Passing::Slice(item) => quote_spanned!(site=> ::std::vec::Vec<#item>),
        Passing::Str(_) if names_owned_type(argument) => quote_spanned!(site=> ::std::string::String),
        Passing::Bytes(_) if names_owned_type(argument) => quote_spanned!(site=> ::std::vec::Vec<u8>),
        Passing::Str(target) | Passing::Bytes(target) => {
            quote_spanned!(site=> ::std::borrow::Cow<#lifetime, #target>)
        }
    };
    let borrow = borrows_from_message(argument).then(|| quote!(#[serde(borrow)]));
    // serde lets an `Option` be missing, but not one that has a codec of its own.
    let is_optional = *encoding == Encoding::OptionalBytes && method.options.bare.is_none();
    let default = (is_optional && serde.any_of(&["default"]).is_none()).then(|| quote!(#[serde(default)]));
    let options: Vec<Meta> = serde.both.iter().chain(&serde.server).cloned().collect();
    let attributes = attributes(argument, &options);
    quote!(#borrow #default #attributes #ident: #ty)
}

/// Whether a function of the user's makes the value, which then is what the parameter travels as, and not a `Cow`.
fn names_owned_type(argument: &Argument) -> bool {
    let default = argument.serde.any_of(&["default"]);
    argument.serde.has_codec() || matches!(default, Some(Meta::NameValue(_)))
}

fn attributes(argument: &Argument, options: &[Meta]) -> TokenStream {
    let written = (!options.is_empty()).then(|| quote!(#[serde(#(#options),*)]));
    let codec = (argument.encoding != Encoding::Serde).then(|| {
        let codec = in_runtime("as_bytes", argument.ty.span());
        quote!(#[serde(with = #codec)])
    });
    quote!(#codec #written)
}

/// A path into the runtime in the form that serde's attributes take: a string, which cannot hold `$crate`, and so
/// starts from the alias.
fn in_runtime(name: &str, span: Span) -> LitStr {
    LitStr::new(&format!("{}::{name}", support::private_ident(span)), generated_at(span))
}

/// The lifetime of everything that is borrowed.
fn lifetime() -> Lifetime {
    Lifetime::new("'a", Span::mixed_site())
}
