//! The sink that every stage reports mistakes to, so that one run shows all of them.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The mistakes found so far. They must leave through [`Errors::into_compile_errors`]: a sink dropped with its
/// mistakes unread would let a wrong service compile, so that is a panic in debug builds.
pub(crate) struct Errors {
    reported: Vec<syn::Error>,
    checked: bool,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self { reported: Vec::new(), checked: false }
    }

    /// Reports a mistake at the given tokens, which should be the smallest that show it.
    pub(crate) fn report(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Reports a mistake at a place that is not a token of the input any more.
    pub(crate) fn report_at(&mut self, span: Span, message: impl Display) {
        self.push(syn::Error::new(span, message));
    }

    /// Takes over a mistake that the parser found.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.reported.push(error);
    }

    /// Runs `stage`, and hands on what it made only if it reported nothing.
    pub(crate) fn if_none_from<T>(&mut self, stage: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let before = self.reported.len();
        let made = stage(self);
        (self.reported.len() == before).then_some(made)
    }

    /// Ends the run: one `compile_error!` for each mistake, nothing if there was none.
    pub(crate) fn into_compile_errors(mut self) -> TokenStream {
        self.checked = true;
        self.reported.iter().map(syn::Error::to_compile_error).collect()
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        debug_assert!(self.checked || std::thread::panicking(), "mistakes were collected and never reported");
    }
}
