//! The rules for streams in either direction, one function each.

use syn::{FnArg, PatType, PathSegment, Type, TypeParamBound};

use super::travel;
use crate::errors::Errors;
use crate::model::{Method, OutputStream};
use crate::types;

/// A parameter that is called `Incoming`, well written or not.
struct Taken<'a> {
    parameter: &'a PatType,
    /// `Incoming<T>` of its type.
    segment: &'a PathSegment,
}

/// Checks what a caller streams.
pub(super) fn taken(method: &Method, errors: &mut Errors) {
    let parameters: Vec<&PatType> = method.signature.inputs.iter().filter_map(typed).collect();
    let behind = |position| parameters.iter().skip(position + 1).copied();
    let found = parameters.iter().enumerate();
    let found = found.filter_map(|(position, parameter)| Some((Taken::of(parameter)?, behind(position))));
    for (earlier, (taken, behind)) in found.enumerate() {
        if earlier == 0 {
            is_the_last(&taken, behind, errors);
        } else {
            is_the_only_one(&taken, errors);
        }
        is_taken_by_value(&taken, errors);
        says_what_it_consists_of(&taken, errors);
        has_no_options(&taken, errors);
    }
    if let Some(incoming) = &method.incoming {
        travel::item(&incoming.item, errors);
    }
}

/// Checks what a method streams to its caller.
pub(super) fn returned(method: &Method, stream: &OutputStream, errors: &mut Errors) {
    is_no_future(method, stream, errors);
    is_opened_by_a_future_if_that_can_fail(method, stream, errors);
    has_no_lifetime(stream, errors);
    travel::item(&method.output.answer.ty, errors);
    if let Some(opening) = &stream.opening {
        travel::opening(opening, &method.output.ty, errors);
    }
}

impl<'a> Taken<'a> {
    fn of(parameter: &'a PatType) -> Option<Self> {
        let segment = types::last_segment(types::unreferenced(&parameter.ty))?;
        (segment.ident == "Incoming").then_some(Self { parameter, segment })
    }
}

fn typed(input: &FnArg) -> Option<&PatType> {
    match input {
        FnArg::Typed(parameter) => Some(parameter),
        FnArg::Receiver(_) => None,
    }
}

fn is_the_last<'a>(taken: &Taken<'_>, mut behind: impl Iterator<Item = &'a PatType>, errors: &mut Errors) {
    // Of those that have no place behind it, other rules speak.
    let is_misplaced = |other: &PatType| {
        types::is_plain(types::unreferenced(&other.ty), "Context") || Taken::of(other).is_some()
    };
    if !behind.all(is_misplaced) {
        errors.report(
            &taken.segment.ident,
            "a stream comes behind the arguments of its call: make this the last parameter",
        );
    }
}

fn is_the_only_one(taken: &Taken<'_>, errors: &mut Errors) {
    errors.report(
        &taken.segment.ident,
        "a caller has one stream for a call: remove this one, and let the other carry the items of both, as an enum",
    );
}

fn is_taken_by_value(taken: &Taken<'_>, errors: &mut Errors) {
    if let Type::Reference(reference) = types::ungrouped(&taken.parameter.ty) {
        let owned = types::written(&reference.elem);
        errors.report(
            reference.and_token,
            format!("who reads a stream uses it up, and has to own it: write `{owned}`"),
        );
    }
}

fn says_what_it_consists_of(taken: &Taken<'_>, errors: &mut Errors) {
    if types::only_argument(taken.segment).is_none() {
        errors.report(
            taken.segment,
            "a stream has items of one type: write `Incoming<T>`, with what the caller streams",
        );
    }
}

fn has_no_options(taken: &Taken<'_>, errors: &mut Errors) {
    if let Some(attribute) = taken.parameter.attrs.iter().find(|attribute| attribute.path().is_ident("serde"))
    {
        errors.report(
            attribute,
            "a stream is not among the arguments, and its items travel as their type says: remove this",
        );
    }
}

fn is_no_future(method: &Method, stream: &OutputStream, errors: &mut Errors) {
    if let (Some(keyword), None) = (method.signature.asyncness, &stream.opening) {
        let written = types::written(&method.output.ty);
        errors.report(
            keyword,
            format!(
                "a stream can wait by itself: write `fn`; or, if opening it can fail, `async fn` and \
                 `Result<{written}, E>`"
            ),
        );
    }
}

fn is_opened_by_a_future_if_that_can_fail(method: &Method, stream: &OutputStream, errors: &mut Errors) {
    if let (None, Some(_)) = (method.signature.asyncness, &stream.opening) {
        errors.report(
            method.signature.fn_token,
            "opening a stream that can fail is a call that waits: write `async fn`; or, if only its items can fail, \
             `impl Stream<Item = Result<T, E>>`",
        );
    }
}

fn has_no_lifetime(stream: &OutputStream, errors: &mut Errors) {
    for bound in &stream.ty.bounds {
        if let TypeParamBound::Lifetime(lifetime) = bound
            && lifetime.ident != "static"
        {
            errors.report(
                lifetime,
                "a stream may borrow from `self` and from the arguments in any case: remove the lifetime",
            );
        }
    }
}
