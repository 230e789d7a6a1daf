//! The rules for types that are to travel, one function each.

use syn::visit::{self, Visit};
use syn::{Lifetime, Path, Type, TypeImplTrait, TypeInfer, TypeReference, TypeTraitObject};

use crate::errors::Errors;
use crate::model::{Argument, Method, Passing};
use crate::types;

/// Checks the type of an argument.
pub(super) fn argument(argument: &Argument, errors: &mut Errors) {
    let ty = types::ungrouped(&argument.ty);
    // One reference is the parameter's own: what it points to travels.
    let (target, suggestion) = match ty {
        Type::Reference(reference) => {
            is_shared(reference, errors);
            has_no_lifetime(reference, errors);
            let target = types::owned(&reference.elem);
            (&*reference.elem, format!("&{}", types::written(&target)))
        }
        owned => (owned, types::written(&types::owned(owned))),
    };
    if matches!(argument.passing, Passing::Owned)
        && let Some((noun, lent, owned)) = any_length(ty)
    {
        errors.report(ty, format!("{noun} of any length is `{lent}` or `{owned}`"));
    }
    let owned = format!("only an argument itself can be a reference: write `{suggestion}`");
    let streams = "what a caller streams is the last parameter, of type `Incoming<T>`";
    Inside { owned: Some(owned), streams, errors }.visit_type(target);
}

/// Checks the type of a result that is no stream, and that it comes from a future.
pub(super) fn result(method: &Method, errors: &mut Errors) {
    let ty = &method.output.ty;
    if method.signature.asyncness.is_none() {
        let implied = types::first_impl(ty);
        let is_future = implied.is_some_and(|implied| types::bound(&implied.bounds, "Future").is_some());
        // What is wrong with a stream that is written in another way says whether it needs one.
        if is_future || !types::has_stream(ty) {
            errors.report(method.signature.fn_token, "a call waits for the network: write `async fn`");
        }
        if is_future {
            return;
        }
    }
    by_value("a result", ty, ty, errors);
}

/// Checks the type of what travels in a stream.
pub(super) fn item(item: &Type, errors: &mut Errors) {
    by_value("an item", item, item, errors);
}

/// Checks the `Result` around a stream without the stream, which is `written` with it.
pub(super) fn opening(opening: &Type, written: &Type, errors: &mut Errors) {
    by_value("an error", opening, written, errors);
}

fn by_value(noun: &str, ty: &Type, written: &Type, errors: &mut Errors) {
    if let Some((of, _, owned)) = any_length(ty) {
        errors.report(ty, format!("{of} of any length is `{owned}`"));
    }
    let owned = format!("{noun} travels by value: write `{}`", types::written(&types::owned(written)));
    let streams = "a stream is the whole result, or the value of its `Result`: write `impl Stream<Item = T>`, or \
                   `Result<impl Stream<Item = T>, E>`";
    Inside { owned: Some(owned), streams, errors }.visit_type(ty);
}

fn is_shared(reference: &TypeReference, errors: &mut Errors) {
    if let Some(keyword) = reference.mutability {
        errors.report(
            keyword,
            "changes to an argument do not travel back: take `&`, and return what has changed",
        );
    }
}

fn has_no_lifetime(reference: &TypeReference, errors: &mut Errors) {
    if let Some(lifetime) = &reference.lifetime {
        errors.report(lifetime, "an argument is lent for the time of the call: remove the lifetime");
    }
}

/// Of a type without a size: what it is, and what to write instead, lent and owned.
fn any_length(ty: &Type) -> Option<(&'static str, String, String)> {
    match types::ungrouped(ty) {
        text if types::is_plain(text, "str") => Some(("text", "&str".to_owned(), "String".to_owned())),
        Type::Slice(slice) => {
            let item = types::written(&slice.elem);
            Some(("a list", format!("&[{item}]"), format!("Vec<{item}>")))
        }
        _ => None,
    }
}

/// The rules for all that a type consists of.
struct Inside<'a> {
    /// What to say about references, which is said once.
    owned: Option<String>,
    /// What to say about streams.
    streams: &'static str,
    errors: &'a mut Errors,
}

impl<'ast> Visit<'ast> for Inside<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        if let Some(owned) = self.owned.take() {
            self.errors.report(reference, owned);
        }
    }

    fn visit_type_impl_trait(&mut self, implied: &'ast TypeImplTrait) {
        let message = match types::bound(&implied.bounds, "Stream") {
            Some(_) => self.streams,
            None => "client and server must agree on one type: write it in place of `impl`",
        };
        self.errors.report(implied, message);
    }

    fn visit_type_trait_object(&mut self, object: &'ast TypeTraitObject) {
        let message = match types::bound(&object.bounds, "Stream") {
            Some(_) => self.streams,
            None => "the other side cannot know the type behind a `dyn`: write a type, such as an enum",
        };
        self.errors.report(object, message);
    }

    fn visit_type_infer(&mut self, placeholder: &'ast TypeInfer) {
        self.errors.report(placeholder, "client and server must agree on one type: write it in place of `_`");
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.errors.report(lifetime, "what is borrowed cannot travel: write a type that owns its data");
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if let Some(first) = path.segments.first().filter(|first| first.ident == "Self") {
            self.errors.report(
                &first.ident,
                "`Self` is the implementation, which stays on the server: write a type",
            );
        }
        if let Some(last) = path.segments.last().filter(|last| types::is_named_stream(last)) {
            self.errors.report(&last.ident, self.streams);
        }
        visit::visit_path(self, path);
    }
}
