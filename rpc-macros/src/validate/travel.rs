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
    if matches!(argument.passing, Passing::Owned) {
        is_sized(ty, errors);
    }
    is_not_incoming(ty, errors);
    let owned = format!("only an argument itself can be a reference: write `{suggestion}`");
    Inside { owned: Some(owned), errors }.visit_type(target);
}

/// Checks what a method returns, and that it is a future.
pub(super) fn result(method: &Method, errors: &mut Errors) {
    let ty = &method.output.ty;
    let implied = types::first_impl(ty);
    if let Some(stream) = implied.as_ref().filter(|implied| types::implies(implied, "Stream")) {
        errors.report(stream, "streaming methods are not supported yet");
        return;
    }
    if method.signature.asyncness.is_none() {
        errors.report(method.signature.fn_token, "a call waits for the network: write `async fn`");
        if implied.is_some_and(|implied| types::implies(&implied, "Future")) {
            return;
        }
    }
    is_sized(ty, errors);
    let owned = format!("a result travels by value: write `{}`", types::written(&types::owned(ty)));
    Inside { owned: Some(owned), errors }.visit_type(ty);
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

fn is_sized(ty: &Type, errors: &mut Errors) {
    match types::ungrouped(ty) {
        text if types::is_plain(text, "str") => {
            errors.report(text, "text of any length is `&str` or `String`");
        }
        Type::Slice(slice) => {
            let item = types::written(&slice.elem);
            errors.report(slice, format!("a list of any length is `&[{item}]` or `Vec<{item}>`"));
        }
        _ => {}
    }
}

fn is_not_incoming(ty: &Type, errors: &mut Errors) {
    if let Some(segment) = types::last_segment(ty).filter(|segment| segment.ident == "Incoming") {
        errors.report(segment, "client streaming is not supported yet");
    }
}

/// The rules for all that a type consists of.
struct Inside<'a> {
    /// What to say about references, which is said once.
    owned: Option<String>,
    errors: &'a mut Errors,
}

impl<'ast> Visit<'ast> for Inside<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        if let Some(owned) = self.owned.take() {
            self.errors.report(reference, owned);
        }
    }

    fn visit_type_impl_trait(&mut self, implied: &'ast TypeImplTrait) {
        self.errors.report(implied, "client and server must agree on one type: write it in place of `impl`");
    }

    fn visit_type_trait_object(&mut self, object: &'ast TypeTraitObject) {
        self.errors.report(
            object,
            "the other side cannot know the type behind a `dyn`: write a type, such as an enum",
        );
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
        visit::visit_path(self, path);
    }
}
