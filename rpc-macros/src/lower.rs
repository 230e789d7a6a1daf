//! From syntax to the model: what the rules and the expansion need to know, found once.

use proc_macro2::Span;
use syn::{
    Attribute, FnArg, Ident, ItemTrait, LitStr, Meta, Pat, PatType, ReturnType, TraitItem, TraitItemFn, Type,
    TypeImplTrait, parse_quote, parse_quote_spanned,
};

use crate::args::{self, MethodOptions, ServiceOptions};
use crate::errors::Errors;
use crate::model::{
    Answer, Argument, ContextParameter, Encoding, Incoming, Method, Outcome, Output, OutputStream, Passing,
    SerdeOptions, Service, WireName,
};
use crate::subject::Subject;
use crate::{attributes, names, types};

const SERDE_OPTIONS: &str = "`default`, `rename`, `alias`, `with`, `serialize_with` and `deserialize_with`";

/// The service that the head of a trait describes, still without methods.
pub(crate) fn service(options: ServiceOptions, item: &ItemTrait) -> Service {
    let name = wire_name(options.name.as_ref(), &item.ident, names::snake_case);
    Service {
        runtime: options.runtime.clone().unwrap_or_else(|| parse_quote!(::nats_rpc)),
        ident: item.ident.clone(),
        visibility: item.vis.clone(),
        generics: item.generics.clone(),
        conditions: attributes::conditions(&item.attrs),
        deprecation: attributes::deprecation(&item.attrs),
        lints: attributes::lints(&item.attrs),
        subject: subject(options.subject.as_ref(), &name),
        name,
        description: attributes::description(&item.attrs),
        methods: Vec::new(),
        options,
    }
}

/// The methods among the items of a trait; all other items are mistakes.
pub(crate) fn functions<'a>(item: &'a ItemTrait, errors: &mut Errors) -> Vec<&'a TraitItemFn> {
    let mut functions = Vec::new();
    for item in &item.items {
        match item {
            TraitItem::Fn(function) => functions.push(function),
            TraitItem::Const(constant) => errors.report(
                constant.const_token,
                "a service has only methods, since constants cannot be called over the network: write an `async fn`",
            ),
            TraitItem::Type(ty) => errors.report(
                ty.type_token,
                "a service has only methods: name the types in the methods, or make the trait generic over them",
            ),
            other => errors.report(other, "a service has only methods, written out as `async fn`"),
        }
    }
    functions
}

/// A method, complete as far as its syntax allows.
pub(crate) fn method(function: &TraitItemFn, errors: &mut Errors) -> Method {
    let options = MethodOptions::parse(&function.attrs, errors);
    let name = wire_name(options.name.as_ref(), &function.sig.ident, names::of);
    let subject = subject(options.subject.as_ref(), &name);
    let Parameters { context, arguments, incoming } = parameters(function, errors);
    Method {
        ident: function.sig.ident.clone(),
        name,
        subject,
        options,
        conditions: attributes::conditions(&function.attrs),
        attributes: attributes::for_client(&function.attrs),
        description: attributes::description(&function.attrs),
        signature: function.sig.clone(),
        context,
        arguments,
        incoming,
        output: output(&function.sig.output, errors),
    }
}

fn wire_name(given: Option<&LitStr>, ident: &Ident, default: impl FnOnce(&Ident) -> String) -> WireName {
    match given {
        Some(name) => WireName { text: name.value(), span: name.span() },
        None => WireName { text: default(ident), span: ident.span() },
    }
}

fn subject(given: Option<&LitStr>, name: &WireName) -> Subject {
    match given {
        Some(subject) => Subject::new(subject.value(), subject.span()),
        None => Subject::new(name.text.clone(), name.span),
    }
}

/// What a method takes beside `self`.
struct Parameters {
    context: ContextParameter,
    arguments: Vec<Argument>,
    incoming: Option<Incoming>,
}

fn parameters(function: &TraitItemFn, errors: &mut Errors) -> Parameters {
    let mut found = Parameters { context: ContextParameter::Absent, arguments: Vec::new(), incoming: None };
    let typed = function.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(parameter) => Some(parameter),
        FnArg::Receiver(_) => None,
    });
    for (position, parameter) in typed.enumerate() {
        if position == 0 && is_context_reference(&parameter.ty) {
            found.context = ContextParameter::Lent;
            has_no_options(parameter, errors);
            continue;
        }
        let Some(ident) = parameter_name(parameter, errors) else { continue };
        if types::ends_in(types::unreferenced(&parameter.ty), "Incoming") {
            found.incoming = incoming(ident, parameter, errors).or(found.incoming);
        } else {
            found.arguments.push(argument(ident, parameter, errors));
        }
    }
    found
}

fn is_context_reference(ty: &Type) -> bool {
    match types::ungrouped(ty) {
        Type::Reference(reference) => {
            reference.mutability.is_none()
                && reference.lifetime.is_none()
                && types::is_plain(&reference.elem, "Context")
        }
        _ => false,
    }
}

fn has_no_options(context: &PatType, errors: &mut Errors) {
    if let Some(attribute) = context.attrs.iter().find(|attribute| attribute.path().is_ident("serde")) {
        errors.report(attribute, "the context is not an argument, and does not travel: remove this");
    }
}

/// The name of an argument on the wire is the name of its parameter, so there must be one.
fn parameter_name<'a>(parameter: &'a PatType, errors: &mut Errors) -> Option<&'a Ident> {
    match &*parameter.pat {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => {
            if let Some(keyword) = pattern.mutability {
                let name = &pattern.ident;
                let message =
                    format!("`mut` is no part of the protocol: write `let mut {name} = {name};` in the body");
                errors.report(keyword, message);
            }
            Some(&pattern.ident)
        }
        Pat::Wild(pattern) => {
            errors.report(pattern, "an argument needs a name, which is its name on the wire: write `_name`");
            None
        }
        pattern => {
            errors.report(
                pattern,
                "an argument needs a name, which is its name on the wire: take it apart in the body",
            );
            None
        }
    }
}

/// The stream that a parameter is; none where it is not written as one, which the rules speak of.
fn incoming(ident: &Ident, parameter: &PatType, errors: &mut Errors) -> Option<Incoming> {
    is_there_always(&parameter.attrs, errors);
    let item = types::only_argument(types::last_segment(&parameter.ty)?)?;
    Some(Incoming { ident: ident.clone(), item: item.clone(), encoding: types::encoding(item) })
}

fn argument(ident: &Ident, parameter: &PatType, errors: &mut Errors) -> Argument {
    let serde = serde_options(&parameter.attrs, errors);
    let (passing, encoding) = match types::ungrouped(&parameter.ty) {
        Type::Reference(reference) => match types::ungrouped(&reference.elem) {
            Type::Slice(slice) if types::is_plain(&slice.elem, "u8") => {
                (Passing::Bytes(Type::clone(&reference.elem)), Encoding::Bytes)
            }
            Type::Slice(slice) => (Passing::Slice(Type::clone(&slice.elem)), Encoding::Serde),
            text if types::is_plain(text, "str") => (Passing::Str(text.clone()), Encoding::Serde),
            target => (Passing::Lent(target.clone()), types::encoding(target)),
        },
        owned => (Passing::Owned, types::encoding(owned)),
    };
    let encoding = if serde.has_codec() { Encoding::Serde } else { encoding };
    let renamed = serde.any_of(&["rename"]).and_then(args::text_of);
    let name = wire_name(renamed, ident, names::of);
    Argument { ident: ident.clone(), name, ty: Type::clone(&parameter.ty), passing, encoding, serde }
}

fn serde_options(attributes: &[Attribute], errors: &mut Errors) -> SerdeOptions {
    is_there_always(attributes, errors);
    let mut options = SerdeOptions::default();
    for attribute in attributes {
        if let Meta::List(meta) = &attribute.meta
            && meta.path.is_ident("serde")
        {
            for option in args::list(meta.tokens.clone(), errors) {
                sort_serde_option(option, &mut options, errors);
            }
        }
    }
    options
}

fn is_there_always(parameter: &[Attribute], errors: &mut Errors) {
    let conditional =
        parameter.iter().map(Attribute::path).find(|path| path.is_ident("cfg") || path.is_ident("cfg_attr"));
    if let Some(path) = conditional {
        errors.report(
            path,
            "an argument is on the wire always, and always in one form: write the method twice, each under its own \
             `#[cfg]`",
        );
    }
}

fn sort_serde_option(option: Meta, options: &mut SerdeOptions, errors: &mut Errors) {
    match args::key(&option).as_str() {
        "rename" => {
            if args::text(&option, "name", errors).is_some() {
                options.both.push(option);
            }
        }
        "with" => options.both.push(option),
        "serialize_with" => options.client.push(option),
        "default" | "alias" | "deserialize_with" => options.server.push(option),
        unknown => errors.report(option.path(), args::unknown_option(unknown, SERDE_OPTIONS)),
    }
}

fn output(written: &ReturnType, errors: &mut Errors) -> Output {
    let ty: Type = match written {
        ReturnType::Default => parse_quote_spanned!(Span::call_site()=> ()),
        ReturnType::Type(_, ty) => Type::clone(ty),
    };
    let opened = types::first_argument(&ty, "Result").and_then(types::stream);
    let (stream, opening) = match (types::stream(&ty), opened) {
        (Some(stream), _) => (stream, None),
        (None, Some(stream)) => (stream, Some(types::without_first_argument(&ty))),
        (None, None) => return Output { answer: answer(&ty), ty, stream: None },
    };
    let answer = answer(&item(stream, errors));
    let stream = OutputStream { ty: stream.clone(), opening };
    Output { ty, answer, stream: Some(stream) }
}

/// What a stream consists of.
fn item(stream: &TypeImplTrait, errors: &mut Errors) -> Type {
    let bound = types::bound(&stream.bounds, "Stream");
    if let Some(item) = bound.and_then(|bound| types::assigned(bound, "Item")) {
        return item.clone();
    }
    errors.report(
        bound.map(|bound| &bound.ident),
        "client and server must agree on one type: write `Stream<Item = T>`, with what the stream consists of",
    );
    parse_quote!(())
}

fn answer(ty: &Type) -> Answer {
    let (outcome, encoding) = if types::ends_in(ty, "Result") {
        (Outcome::Result, types::first_argument(ty, "Result").map_or(Encoding::Serde, types::encoding))
    } else {
        (Outcome::Value, types::encoding(ty))
    };
    Answer { ty: ty.clone(), outcome, encoding }
}
