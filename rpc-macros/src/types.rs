//! What a type looks like as it is written, which is all that a macro can know of it.

use quote::ToTokens as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    GenericArgument, PathArguments, PathSegment, Token, TraitBound, Type, TypeImplTrait, TypeParamBound,
    TypePath, parse_quote, parse_quote_spanned,
};

use crate::model::Encoding;

/// What an `impl` or a `dyn` promises.
type Bounds = Punctuated<TypeParamBound, Token![+]>;

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

/// What a reference points to; any other type itself.
pub(crate) fn unreferenced(ty: &Type) -> &Type {
    match ungrouped(ty) {
        Type::Reference(reference) => ungrouped(&reference.elem),
        other => other,
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

/// The only generic argument of a segment, if it is a type: `T` of `Incoming<T>`.
pub(crate) fn only_argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    let mut arguments = arguments.args.iter();
    match (arguments.next(), arguments.next()) {
        (Some(GenericArgument::Type(ty)), None) => Some(ty),
        _ => None,
    }
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

/// The same type with `()` for its first generic argument: `Result<(), E>` of `Result<T, E>`.
pub(crate) fn without_first_argument(ty: &Type) -> Type {
    let mut ty = ungrouped(ty).clone();
    if let Type::Path(path) = &mut ty
        && let Some(segment) = path.path.segments.last_mut()
        && let PathArguments::AngleBracketed(arguments) = &mut segment.arguments
        && let Some(first) = arguments.args.iter_mut().find_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        })
    {
        *first = parse_quote_spanned!(first.span()=> ());
    }
    ty
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

/// The first of these bounds that is a trait of this name: `Stream<Item = u8>` of `Unpin + futures::Stream<Item = u8>`.
pub(crate) fn bound<'a>(bounds: &'a Bounds, name: &str) -> Option<&'a PathSegment> {
    bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().filter(|last| last.ident == name),
        _ => None,
    })
}

/// The type itself, if it is an `impl Stream`.
pub(crate) fn stream(ty: &Type) -> Option<&TypeImplTrait> {
    match ungrouped(ty) {
        Type::ImplTrait(implied) if bound(&implied.bounds, "Stream").is_some() => Some(implied),
        _ => None,
    }
}

/// Whether a type is a stream by its name: `BoxStream<'static, u8>`, or `Incoming<u8>`.
pub(crate) fn is_named_stream(segment: &PathSegment) -> bool {
    let is_one_of = |names: &[&str]| names.iter().any(|name| segment.ident == name);
    let is_given_types = matches!(segment.arguments, PathArguments::AngleBracketed(_));
    is_given_types && is_one_of(&["Incoming", "BoxStream", "LocalBoxStream"])
}

/// Whether there is a stream anywhere in a type, in whatever form.
pub(crate) fn has_stream(ty: &Type) -> bool {
    struct Found(bool);
    impl<'ast> Visit<'ast> for Found {
        fn visit_trait_bound(&mut self, bound: &'ast TraitBound) {
            self.0 |= bound.path.segments.last().is_some_and(|last| last.ident == "Stream");
            visit::visit_trait_bound(self, bound);
        }

        fn visit_type_path(&mut self, path: &'ast TypePath) {
            self.0 |= path.path.segments.last().is_some_and(is_named_stream);
            visit::visit_type_path(self, path);
        }
    }
    let mut found = Found(false);
    found.visit_type(ty);
    found.0
}

/// The type that an associated type of a bound is set to: `u8` of `Stream<Item = u8>`.
pub(crate) fn assigned<'a>(bound: &'a PathSegment, name: &str) -> Option<&'a Type> {
    let PathArguments::AngleBracketed(arguments) = &bound.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(assigned) if assigned.ident == name => Some(&assigned.ty),
        _ => None,
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
