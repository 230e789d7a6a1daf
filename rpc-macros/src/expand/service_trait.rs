//! The trait as the user wrote it, except that its futures and streams are `Send`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};
use syn::visit_mut::VisitMut;
use syn::{
    Block, BlockModifiers, Expr, ExprAsync, FnArg, ItemTrait, Pat, PatWild, Path, ReturnType, Stmt, Token,
    TraitItem, TraitItemFn, TypeImplTrait, parse_quote_spanned,
};

use super::generated_at;
use crate::{attributes, types};

/// Emits the trait. This never fails: whatever is wrong with the trait, the code that uses it should see it.
pub(crate) fn emit(mut item: ItemTrait) -> TokenStream {
    let site = generated_at(item.ident.span());
    item.colon_token.get_or_insert_with(|| Token![:](site));
    item.supertraits.push(parse_quote_spanned!(site=> ::core::marker::Send));
    item.supertraits.push(parse_quote_spanned!(site=> ::core::marker::Sync));
    item.supertraits.push(parse_quote_spanned!(site=> 'static));
    for item in &mut item.items {
        if let TraitItem::Fn(function) = item {
            remove_options(function);
            name_nothing_without_body(function);
            return_send_streams(function);
            return_send_future(function);
        }
    }
    item.into_token_stream()
}

/// Removes the attributes that are addressed to this macro.
fn remove_options(function: &mut TraitItemFn) {
    function.attrs.retain(|attribute| !attributes::is_rpc(attribute));
    for input in &mut function.sig.inputs {
        if let FnArg::Typed(parameter) = input {
            let is_ours = |path: &Path| ["serde", "cfg", "cfg_attr"].iter().any(|name| path.is_ident(name));
            parameter.attrs.retain(|attribute| !is_ours(attribute.path()));
        }
    }
}

/// Takes the patterns out of a method without a body, where the compiler would report them a second time.
fn name_nothing_without_body(function: &mut TraitItemFn) {
    if function.default.is_some() {
        return;
    }
    for input in &mut function.sig.inputs {
        if let FnArg::Typed(parameter) = input
            && !is_plain_name(&parameter.pat)
        {
            let underscore_token = Token![_](Span::mixed_site());
            *parameter.pat = Pat::Wild(PatWild { attrs: Vec::new(), underscore_token });
        }
    }
}

fn is_plain_name(pattern: &Pat) -> bool {
    match pattern {
        Pat::Ident(name) => name.mutability.is_none() && name.by_ref.is_none() && name.subpat.is_none(),
        _ => false,
    }
}

/// Turns each `impl Stream<…>` that is returned into `impl Stream<…> + Send`.
fn return_send_streams(function: &mut TraitItemFn) {
    struct Sent;
    impl VisitMut for Sent {
        fn visit_type_impl_trait_mut(&mut self, implied: &mut TypeImplTrait) {
            if types::bound(&implied.bounds, "Stream").is_some() {
                let site = generated_at(implied.impl_token.span);
                implied.bounds.push(parse_quote_spanned!(site=> ::core::marker::Send));
            }
        }
    }
    Sent.visit_return_type_mut(&mut function.sig.output);
}

/// Turns `async fn f(…) -> T` into `fn f(…) -> impl Future<Output = T> + Send`, which an `async fn` implements.
fn return_send_future(function: &mut TraitItemFn) {
    let Some(keyword) = function.sig.asyncness.take() else { return };
    let site = generated_at(keyword.span);
    let output = match &function.sig.output {
        ReturnType::Default => quote_spanned!(site=> ()),
        ReturnType::Type(_, ty) => ty.to_token_stream(),
    };
    function.sig.output = parse_quote_spanned! {site=>
        -> impl ::core::future::Future<Output = #output> + ::core::marker::Send
    };
    if let Some(body) = &mut function.default {
        let block = Block { brace_token: body.brace_token, stmts: std::mem::take(&mut body.stmts) };
        let capture = Some(Token![move](site));
        let modifiers = BlockModifiers::default();
        let future = ExprAsync { attrs: Vec::new(), modifiers, async_token: keyword, capture, block };
        body.stmts.push(Stmt::Expr(Expr::Async(future), None));
    }
}
