//! The attributes that users write on a trait and its methods: which are ours, which are copied, and to where.

use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Token};

/// Whether the attribute is `#[rpc(…)]`, also under a condition, which nobody but this macro knows.
pub(crate) fn is_rpc(attribute: &Attribute) -> bool {
    effects(&attribute.meta).iter().any(|effect| effect.path().is_ident("rpc"))
}

/// Those that decide whether there is such an item at all.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<Attribute> {
    let decides =
        |attribute: &&Attribute| effects(&attribute.meta).iter().any(|effect| effect.path().is_ident("cfg"));
    attributes.iter().filter(decides).cloned().collect()
}

/// Those that a client's method shares with the trait's. Other attributes mean the trait alone.
pub(crate) fn for_client(attributes: &[Attribute]) -> Vec<Attribute> {
    let is_shared =
        |effect: &Meta| ["doc", "deprecated", "allow"].iter().any(|name| effect.path().is_ident(name));
    attributes.iter().filter(|attribute| effects(&attribute.meta).iter().all(is_shared)).cloned().collect()
}

/// Those with which the user silences the compiler, for generated code as well.
pub(crate) fn lints(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("allow")).cloned().collect()
}

/// `#[deprecated]`, which the types that are born of the trait share with it.
pub(crate) fn deprecation(attributes: &[Attribute]) -> Option<Attribute> {
    attributes.iter().find(|attribute| attribute.path().is_ident("deprecated")).cloned()
}

/// The first paragraph of the documentation, as one line.
pub(crate) fn description(attributes: &[Attribute]) -> Option<String> {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) => Some(line.value()),
            _ => None,
        },
        _ => None,
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let paragraph = text.trim().lines().map(str::trim).take_while(|line| !line.is_empty());
    Some(paragraph.collect::<Vec<_>>().join(" ")).filter(|paragraph| !paragraph.is_empty())
}

/// What an attribute comes to if its condition holds: `a` and `b` of `cfg_attr(condition, a, b)`, else itself.
fn effects(attribute: &Meta) -> Vec<Meta> {
    match attribute {
        Meta::List(list) if list.path.is_ident("cfg_attr") => {
            let parts = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(list.tokens.clone());
            parts.into_iter().flatten().skip(1).flat_map(|effect| effects(&effect)).collect()
        }
        other => vec![other.clone()],
    }
}
