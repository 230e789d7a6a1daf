//! What a type looks like as it is written, which is all that a macro can know of it.

use quote::ToTokens as _;
use syn::visit::Visit;
use syn::visit_mut::{self, VisitMut};
use syn::{GenericArgument, PathArguments, PathSegment, Type, TypeImplTrait, TypeParamBound, parse_quote};

use crate::model::Encoding;

/// The type without parentheses, and without the invisible groups that `macro_rules` variables leave.
pub(crate) fn ungrouped(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            other => return other,
        };
    }
}

/// The last segment of a path type: `Bytes` of `bytes::Bytes`.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ungrouped(ty) {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        _ => None,
    }
}

/// Whether the last segment of a path type has this name, with any generic arguments.
pub(crate) fn ends_in(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name)
}

/// The last segment of a path type, if it is this name without generic arguments.
pub(crate) fn is_plain(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name && segment.arguments.is_none())
}

/// The first generic argument of a path type that ends in this name: `T` of `Option<T>`.
pub(crate) fn first_argument<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let segment = last_segment(ty).filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// The first `impl Trait` in a type.
pub(crate) fn first_impl(ty: &Type) -> Option<TypeImplTrait> {
    struct First(Option<TypeImplTrait>);
    impl<'ast> Visit<'ast> for First {
        fn visit_type_impl_trait(&mut self, implied: &'ast TypeImplTrait) {
            self.0.get_or_insert_with(|| implied.clone());
        }
    }
    let mut first = First(None);
    first.visit_type(ty);
    first.0
}

/// Whether one of the bounds of an `impl Trait` is a trait of this name.
pub(crate) fn implies(implied: &TypeImplTrait, name: &str) -> bool {
    implied.bounds.iter().any(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().is_some_and(|last| last.ident == name),
        _ => false,
    })
}

/// How a value of this type travels, references aside.
pub(crate) fn encoding(ty: &Type) -> Encoding {
    if is_owned_bytes(ty) {
        Encoding::Bytes
    } else if first_argument(ty, "Option").is_some_and(is_owned_bytes) {
        Encoding::OptionalBytes
    } else {
        Encoding::Serde
    }
}

fn is_owned_bytes(ty: &Type) -> bool {
    is_plain(ty, "Bytes") || first_argument(ty, "Vec").is_some_and(|item| is_plain(item, "u8"))
}

/// The same type with every reference replaced by what it would travel as.
pub(crate) fn owned(ty: &Type) -> Type {
    struct Owned;
    impl VisitMut for Owned {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            visit_mut::visit_type_mut(self, ty);
            if let Type::Reference(reference) = ty {
                *ty = match ungrouped(&reference.elem) {
                    Type::Slice(slice) => {
                        let item = &slice.elem;
                        parse_quote!(Vec<#item>)
                    }
                    text if is_plain(text, "str") => parse_quote!(String),
                    target => target.clone(),
                };
            }
        }
    }
    let mut ty = ty.clone();
    Owned.visit_type_mut(&mut ty);
    ty
}

/// The type as a person would write it, for messages.
pub(crate) fn written(ty: &Type) -> String {
    let mut text = ty.to_token_stream().to_string();
    for (spaced, tight) in
        [(" < ", "<"), (" >", ">"), (" ,", ","), (" :: ", "::"), (":: ", "::"), ("& ", "&"), (" ;", ";")]
    {
        text = text.replace(spaced, tight);
    }
    text
}
