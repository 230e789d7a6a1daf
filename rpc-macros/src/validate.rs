//! The rules for a service and its methods, one function each.

mod options;
mod streams;
mod subjects;
mod travel;

use syn::{FnArg, GenericParam, ItemTrait, Receiver, ReceiverKind, Safety, Type};

use crate::errors::Errors;
use crate::model::{Argument, Method, Service, WireName};
use crate::types::{is_plain, ungrouped};
use crate::{names, semver};

/// Checks the head of the trait.
pub(crate) fn service(service: &Service, item: &ItemTrait, errors: &mut Errors) {
    is_an_ordinary_trait(item, errors);
    is_generic_over_types_only(service, errors);
    has_a_name_if_generic(service, errors);
    has_a_legal_name(service, errors);
    has_a_semantic_version(service, errors);
    subjects::service(service, errors);
}

/// Checks a method, given those before it in `service`.
pub(crate) fn method(service: &Service, method: &Method, errors: &mut Errors) {
    is_safe_and_of_rust(method, errors);
    takes_shared_self(method, errors);
    is_not_generic(method, errors);
    leaves_room_for_the_clients_own(method, errors);
    has_a_legal_wire_name(method, errors);
    is_the_only_one_with_its_name(service, method, errors);
    takes_the_context_first(method, errors);
    has_distinct_argument_names(method, errors);
    options::method(method, errors);
    subjects::method(service, method, errors);
    match &method.output.stream {
        Some(stream) => streams::returned(method, stream, errors),
        None => travel::result(method, errors),
    }
    streams::taken(method, errors);
    for argument in method.arguments.iter().filter(|argument| !is_context(argument)) {
        travel::argument(argument, errors);
    }
}

fn is_an_ordinary_trait(item: &ItemTrait, errors: &mut Errors) {
    if let Some(keyword) = item.unsafety {
        errors.report(
            keyword,
            "a service cannot be `unsafe`: nothing holds a caller on the network to a promise",
        );
    }
    if let Some(keyword) = item.modifiers.auto_token {
        errors.report(
            keyword,
            "a service cannot be an `auto` trait: it has methods, and is implemented on purpose",
        );
    }
}

fn is_generic_over_types_only(service: &Service, errors: &mut Errors) {
    for parameter in &service.generics.params {
        match parameter {
            GenericParam::Lifetime(lifetime) => errors.report(
                &lifetime.lifetime,
                "a service lives as long as its server, and has no lifetimes: take references in the methods instead",
            ),
            GenericParam::Const(constant) => errors.report(
                &constant.ident,
                "a service can be generic over types only: take the value as an argument instead",
            ),
            GenericParam::Type(_) => {}
        }
    }
}

fn has_a_name_if_generic(service: &Service, errors: &mut Errors) {
    if let Some(first) = service.generics.type_params().next()
        && service.options.name.is_none()
    {
        let message = format!(
            "two instances of a generic service must not meet under one name by accident: \
             write `#[service(name = \"{}\")]`",
            service.name.text
        );
        errors.report(first, message);
    }
}

fn has_a_legal_name(service: &Service, errors: &mut Errors) {
    if let Some(fault) = names::fault("name", &service.name.text) {
        errors.report_at(service.name.span, format!("{fault}; set it with `#[service(name = \"…\")]`"));
    }
}

fn has_a_semantic_version(service: &Service, errors: &mut Errors) {
    if let Some(version) = &service.options.version
        && !semver::is_valid(&version.value())
    {
        errors.report(version, "expected a semantic version, three numbers with dots: `version = \"1.0.0\"`");
    }
}

fn is_safe_and_of_rust(method: &Method, errors: &mut Errors) {
    if let Safety::Unsafe(keyword) = &method.signature.safety {
        errors.report(
            keyword,
            "a method cannot be `unsafe`: nothing holds a caller on the network to a promise",
        );
    }
    if let Some(abi) = &method.signature.abi {
        errors.report(abi, "a method is called over the network, and has no ABI: remove this");
    }
}

fn takes_shared_self(method: &Method, errors: &mut Errors) {
    let Some(FnArg::Receiver(Receiver { mutability, self_token, kind, .. })) =
        method.signature.inputs.first()
    else {
        errors.report(&method.ident, "a method is called on the implementation: add the parameter `&self`");
        return;
    };
    match kind {
        ReceiverKind::Reference(_, lifetime, exclusive) => {
            if let Some(lifetime) = lifetime {
                errors.report(lifetime, "a method has no lifetimes: write `&self`");
            }
            if let Some(keyword) = exclusive {
                errors.report(
                    keyword,
                    "calls run at the same time and share the implementation: write `&self`, and keep what changes in \
                     a `Mutex` or an atomic",
                );
            }
        }
        ReceiverKind::Value => {
            let message = "calls share the implementation: write `&self`";
            match mutability {
                Some(keyword) => errors.report(keyword, message),
                None => errors.report(self_token, message),
            }
        }
        _ => errors.report(self_token, "calls share the implementation: write `&self`"),
    }
}

fn is_not_generic(method: &Method, errors: &mut Errors) {
    for parameter in &method.signature.generics.params {
        match parameter {
            GenericParam::Lifetime(lifetime) => errors.report(
                &lifetime.lifetime,
                "a method has no lifetimes: a reference lives as long as the call, and a result is owned",
            ),
            GenericParam::Type(ty) => errors.report(
                &ty.ident,
                "a method cannot be generic, since its server must know the type: make the trait generic, or write \
                 the type",
            ),
            GenericParam::Const(constant) => {
                errors.report(&constant.ident, "a method cannot be generic: take the value as an argument instead");
            }
        }
    }
    if let Some(clause) = &method.signature.generics.where_clause {
        errors.report(clause.where_token, "a method has no bounds of its own: put them on the trait");
    }
}

fn leaves_room_for_the_clients_own(method: &Method, errors: &mut Errors) {
    if method.ident == "new" || method.ident == "clone" {
        let name = &method.ident;
        let message = format!(
            "the client has a function `{name}` of its own: name the method otherwise, and keep the name on the wire \
             with `#[rpc(name = \"{name}\")]`"
        );
        errors.report(name, message);
    }
}

fn has_a_legal_wire_name(method: &Method, errors: &mut Errors) {
    if let Some(fault) = names::fault("name", &method.name.text) {
        errors.report_at(method.name.span, format!("{fault}; set it with `#[rpc(name = \"…\")]`"));
    }
}

fn is_the_only_one_with_its_name(service: &Service, method: &Method, errors: &mut Errors) {
    let is_taken = |earlier: &Method| earlier.name.text == method.name.text;
    if service.methods.iter().any(|earlier| is_taken(earlier) && !may_exclude(earlier, method)) {
        let name = &method.name;
        errors
            .report_at(name.span, format!("another method has the name `{}` on the wire already", name.text));
    }
}

/// Whether two methods are under conditions that may exclude each other. If these do not, the compiler or the server finds out.
fn may_exclude(one: &Method, other: &Method) -> bool {
    !one.conditions.is_empty() && !other.conditions.is_empty()
}

fn takes_the_context_first(method: &Method, errors: &mut Errors) {
    for misplaced in method.arguments.iter().filter(|argument| is_context(argument)) {
        let message = "the context of the call is the first parameter after `&self`, of type `&Context`";
        errors.report(&misplaced.ty, message);
    }
}

fn is_context(argument: &Argument) -> bool {
    let target = match ungrouped(&argument.ty) {
        Type::Reference(reference) => &reference.elem,
        owned => owned,
    };
    is_plain(target, "Context")
}

fn has_distinct_argument_names(method: &Method, errors: &mut Errors) {
    let mut taken: Vec<&WireName> = Vec::new();
    for name in method.arguments.iter().map(|argument| &argument.name) {
        if taken.iter().any(|earlier| earlier.text == name.text) {
            errors.report_at(
                name.span,
                format!("another argument has the name `{}` on the wire already", name.text),
            );
        }
        taken.push(name);
    }
}
