//! The types of what a method answers, as its caller gets to see them.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};
use syn::Type;
use syn::spanned::Spanned as _;

use super::{generated_at, support};
use crate::model::{Encoding, Method, Outcome};

/// What a call comes to, or each item of its stream.
pub(super) struct Answered {
    /// What it succeeds with.
    pub(super) value: TokenStream,
    /// What it fails with, if it can.
    pub(super) error: Option<TokenStream>,
}

impl Answered {
    pub(super) fn by(method: &Method) -> Self {
        let answer = &method.output.answer;
        let opening = method.output.stream.as_ref().and_then(|stream| stream.opening.as_ref());
        let failing = opening.or((answer.outcome == Outcome::Result).then_some(&answer.ty));
        let value = match (answer.outcome, opening) {
            (Outcome::Value, _) => answer.ty.to_token_stream(),
            (Outcome::Result, None) => projected(&answer.ty, "Ok"),
            (Outcome::Result, Some(opening)) => value_of_item(&answer.ty, &projected(opening, "Err")),
        };
        Self { value, error: failing.map(|result| projected(result, "Err")) }
    }
}

/// How the reply of a method is read.
pub(super) fn returns(method: &Method) -> TokenStream {
    let answer = &method.output.answer;
    let constructor = match (Answered::by(method).error, answer.encoding) {
        (None, Encoding::Serde) => "infallible",
        (None, _) => "infallible_bytes",
        (Some(_), Encoding::Serde) => "fallible",
        (Some(_), _) => "fallible_bytes",
    };
    // Where both opening and items can be at fault, the whole of it.
    let opening = method.output.stream.as_ref().and_then(|stream| stream.opening.as_ref());
    let span = opening.unwrap_or(&answer.ty).span();
    let private = support::private_ident(span);
    let constructor = Ident::new(constructor, generated_at(span));
    quote_spanned!(generated_at(span)=> #private::Returns::#constructor())
}

/// One side of a `Result`, which may be written with an alias.
fn projected(result: &Type, side: &str) -> TokenStream {
    let (site, private) = places(result);
    let side = Ident::new(side, site);
    quote_spanned!(site=> <#result as #private::MethodResult>::#side)
}

/// What an item of a stream succeeds with, whose error has to be that of the stream.
fn value_of_item(item: &Type, error: &TokenStream) -> TokenStream {
    let (site, private) = places(item);
    quote_spanned!(site=> <#item as #private::ItemResult<#error>>::Ok)
}

fn places(ty: &Type) -> (Span, Ident) {
    (generated_at(ty.span()), support::private_ident(ty.span()))
}
