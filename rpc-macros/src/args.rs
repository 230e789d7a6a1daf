//! The options that users write in `#[service(…)]` and `#[rpc(…)]`.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens as _;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprLit, Lit, LitInt, LitStr, Meta, Path, Token};

use crate::attributes;
use crate::errors::Errors;

const SERVICE_OPTIONS: &str = "`name`, `version`, `subject`, `schema` and `crate`";
const METHOD_OPTIONS: &str = "`name`, `subject`, `idempotent`, `oneway`, `broadcast`, `durable`, `spawn`, `no_cancel`, \
                              `bare`, `coalesce` and `timeout`";

/// The longest timeout that the protocol carries: one hour.
const LONGEST_TIMEOUT: u64 = 60 * 60 * 1000;

/// How many calls a message may carry at most by the protocol.
const MOST_COALESCED: usize = 512;

/// `#[service(…)]`; a flag that is set remembers where.
#[derive(Default)]
pub(crate) struct ServiceOptions {
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Option<LitStr>,
    pub(crate) subject: Option<LitStr>,
    pub(crate) schema: Option<Span>,
    pub(crate) runtime: Option<Path>,
}

/// `#[rpc(…)]`; a flag that is set remembers where.
#[derive(Default)]
pub(crate) struct MethodOptions {
    pub(crate) name: Option<LitStr>,
    pub(crate) subject: Option<LitStr>,
    pub(crate) idempotent: Option<Span>,
    pub(crate) oneway: Option<Span>,
    pub(crate) broadcast: Option<Span>,
    pub(crate) durable: Option<Span>,
    pub(crate) spawn: Option<Span>,
    pub(crate) no_cancel: Option<Span>,
    pub(crate) bare: Option<Span>,
    /// How many calls share a message at most, and where that is written.
    pub(crate) coalesce: Option<(usize, Span)>,
    /// In milliseconds.
    pub(crate) timeout: Option<u64>,
}

impl ServiceOptions {
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for option in without_duplicates(list(tokens, errors), errors) {
            match key(&option).as_str() {
                "name" => options.name = text(&option, "greeter", errors),
                "version" => options.version = text(&option, "1.0.0", errors),
                "subject" => options.subject = text(&option, "greeter", errors),
                "crate" => options.runtime = path(&option, errors),
                "schema" => options.schema = flag(&option, errors),
                unknown => errors.report(option.path(), unknown_option(unknown, SERVICE_OPTIONS)),
            }
        }
        options
    }
}

impl MethodOptions {
    /// Reads all `#[rpc(…)]` among the attributes of a method.
    pub(crate) fn parse(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut written = Vec::new();
        for attribute in attributes.iter().filter(|attribute| attributes::is_rpc(attribute)) {
            match &attribute.meta {
                meta if meta.path().is_ident("cfg_attr") => errors.report(
                    meta.path(),
                    "`#[rpc]` cannot be conditional: write the method twice, each under its own `#[cfg]`",
                ),
                Meta::List(meta) if !meta.tokens.is_empty() => {
                    written.extend(list(meta.tokens.clone(), errors));
                }
                meta => errors.report(meta, format!("`#[rpc]` needs options: {METHOD_OPTIONS}")),
            }
        }
        let mut options = Self::default();
        for option in without_duplicates(written, errors) {
            match key(&option).as_str() {
                "name" => options.name = text(&option, "say_hello", errors),
                "subject" => options.subject = text(&option, "say_hello.{name}", errors),
                "timeout" => options.timeout = timeout(&option, errors),
                "idempotent" => options.idempotent = flag(&option, errors),
                "oneway" => options.oneway = flag(&option, errors),
                "broadcast" => options.broadcast = flag(&option, errors),
                "durable" => options.durable = flag(&option, errors),
                "spawn" => options.spawn = flag(&option, errors),
                "no_cancel" => options.no_cancel = flag(&option, errors),
                "bare" => options.bare = flag(&option, errors),
                "coalesce" => options.coalesce = coalesce(&option, errors),
                unknown => errors.report(option.path(), unknown_option(unknown, METHOD_OPTIONS)),
            }
        }
        options
    }
}

/// The comma-separated options of an attribute.
pub(crate) fn list(tokens: TokenStream, errors: &mut Errors) -> Vec<Meta> {
    match Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens) {
        Ok(options) => options.into_iter().collect(),
        Err(error) => {
            errors.push(error);
            Vec::new()
        }
    }
}

/// The name of an option.
pub(crate) fn key(option: &Meta) -> String {
    option.path().to_token_stream().to_string()
}

/// The string that an option is set to.
pub(crate) fn text(option: &Meta, example: &str, errors: &mut Errors) -> Option<LitStr> {
    let text = text_of(option);
    if text.is_none() {
        errors.report(option, format!("expected a string: `{} = \"{example}\"`", key(option)));
    }
    text.cloned()
}

/// The string that an option is set to, if it is one.
pub(crate) fn text_of(option: &Meta) -> Option<&LitStr> {
    let Meta::NameValue(option) = option else { return None };
    match ungrouped(&option.value) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
        _ => None,
    }
}

fn without_duplicates(options: Vec<Meta>, errors: &mut Errors) -> Vec<Meta> {
    let mut unique: Vec<Meta> = Vec::new();
    for option in options {
        if unique.iter().any(|earlier| earlier.path() == option.path()) {
            errors.report(option.path(), format!("`{}` is given twice", key(&option)));
        } else {
            unique.push(option);
        }
    }
    unique
}

pub(crate) fn unknown_option(key: &str, known: &str) -> String {
    format!("unknown option `{key}`: the options here are {known}")
}

fn flag(option: &Meta, errors: &mut Errors) -> Option<Span> {
    if !matches!(option, Meta::Path(_)) {
        errors.report(option, format!("`{0}` takes no value: write only `{0}`", key(option)));
    }
    Some(option.span())
}

fn path(option: &Meta, errors: &mut Errors) -> Option<Path> {
    if let Meta::NameValue(option) = option
        && let Expr::Path(value) = ungrouped(&option.value)
        && value.qself.is_none()
    {
        return Some(value.path.clone());
    }
    errors.report(option, "expected a path: `crate = ::nats_rpc`");
    None
}

fn coalesce(option: &Meta, errors: &mut Errors) -> Option<(usize, Span)> {
    let Some(written) = integer_of(option) else {
        errors.report(option, "expected a whole number of calls: `coalesce = 1`");
        return None;
    };
    // A number that is too large to be read is above the limit as well.
    match written.base10_parse().unwrap_or(MOST_COALESCED).min(MOST_COALESCED) {
        0 => {
            errors.report(
                written,
                "a message carries at least one call: with `coalesce = 1` each is a message of its own",
            );
            None
        }
        calls => Some((calls, option.span())),
    }
}

/// The natural number that an option is set to, if it is one.
fn integer_of(option: &Meta) -> Option<&LitInt> {
    let Meta::NameValue(option) = option else { return None };
    match ungrouped(&option.value) {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => {
            let is_natural = number.suffix().is_empty() && !number.base10_digits().starts_with('-');
            is_natural.then_some(number)
        }
        _ => None,
    }
}

fn timeout(option: &Meta, errors: &mut Errors) -> Option<u64> {
    let written = text(option, "2s", errors)?;
    match parse_millis(&written.value()) {
        Ok(millis) => Some(millis),
        Err(fault) => {
            errors.report(written, fault);
            None
        }
    }
}

fn parse_millis(text: &str) -> Result<u64, &'static str> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        _ => return Err("expected a whole number with a unit, `ms`, `s`, `m` or `h`: `timeout = \"2s\"`"),
    };
    match number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)) {
        Some(0) => Err("a call with no time always fails: a timeout is at least `1ms`"),
        Some(millis) if millis <= LONGEST_TIMEOUT => Ok(millis),
        None if number.is_empty() => Err("the number is missing: `timeout = \"2s\"`"),
        _ => Err("a timeout is at most `1h`"),
    }
}

/// The expression inside the invisible group that a `macro_rules` variable leaves.
fn ungrouped(mut value: &Expr) -> &Expr {
    while let Expr::Group(group) = value {
        value = &group.expr;
    }
    value
}
