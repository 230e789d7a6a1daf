//! The rules for subjects and the values in them, one function each.

use syn::Type;

use super::{is_context, may_exclude};
use crate::errors::Errors;
use crate::model::{Argument, Encoding, Method, Service};
use crate::subject::{self, Subject, Token};
use crate::{names, types};

/// Checks the subject of a service.
pub(super) fn service(service: &Service, errors: &mut Errors) {
    if service.options.subject.is_some() {
        is_made_of_tokens(&service.subject, errors);
        names_arguments_of_new(&service.subject, errors);
    }
}

/// Checks the subject of a method, given those before it in `service`, and the arguments that are in it.
pub(super) fn method(service: &Service, method: &Method, errors: &mut Errors) {
    let legal = errors.if_none_from(|errors| {
        if method.options.subject.is_some() {
            is_made_of_tokens(&method.subject, errors);
            begins_with_a_literal(method, errors);
            names_own_arguments(service, method, errors);
        }
    });
    if legal.is_some() {
        shares_no_subject(service, method, errors);
    }
    takes_nothing_of_the_services_subject(service, method, errors);
    for argument in method.subject_arguments().filter(|argument| !is_context(argument)) {
        fits_a_token(argument, errors);
        is_not_written_by_serde(argument, errors);
    }
}

fn is_made_of_tokens(subject: &Subject, errors: &mut Errors) {
    let mut taken: Vec<&str> = Vec::new();
    for token in &subject.tokens {
        let (noun, text) = match token {
            Token::Literal(text) => ("token of a subject", text),
            Token::Parameter(name) => ("parameter", name),
        };
        if text.contains(['{', '}']) {
            errors.report_at(
                subject.span,
                "a parameter is a whole token of a subject: write its name in braces between two dots, as in \
                 `orders.{region}.new`",
            );
        } else if let Some(fault) = names::fault(noun, text) {
            errors.report_at(subject.span, fault);
        } else if matches!(token, Token::Parameter(_)) {
            if taken.contains(&text.as_str()) {
                let message =
                    format!("`{{{text}}}` is in the subject twice: give each parameter a name of its own");
                errors.report_at(subject.span, message);
            }
            taken.push(text);
        }
    }
}

fn names_arguments_of_new(subject: &Subject, errors: &mut Errors) {
    for name in legal_parameters(subject).filter(|name| subject::ident(name).is_none()) {
        let message = format!(
            "`{{{name}}}` becomes an argument of the client's `new`: write a name that is an identifier and no \
             keyword, such as `{{region}}`"
        );
        errors.report_at(subject.span, message);
    }
}

fn begins_with_a_literal(method: &Method, errors: &mut Errors) {
    if let Some(Token::Parameter(_)) = method.subject.tokens.first() {
        let message = format!(
            "a value could make this the subject of another method: begin with a token of its own, as in `{}.{}`",
            method.name.text, method.subject.text
        );
        errors.report_at(method.subject.span, message);
    }
}

fn names_own_arguments(service: &Service, method: &Method, errors: &mut Errors) {
    for name in legal_parameters(&method.subject) {
        if service.subject.has_parameter(name) {
            let message = format!(
                "`{{{name}}}` is in the subject of the service already: remove it here, and read the value with \
                 `cx.subject_value(\"{name}\")`"
            );
            errors.report_at(method.subject.span, message);
        } else if method.incoming.as_ref().is_some_and(|incoming| names::of(&incoming.ident) == name) {
            let message =
                format!("`{name}` is a stream, which cannot be a token of a subject: remove `{{{name}}}`");
            errors.report_at(method.subject.span, message);
        } else if method.argument(name).is_none() {
            let message = format!(
                "`{{{name}}}` stands for the argument `{name}`, which the method does not have: add it, or write the \
                 name of another one"
            );
            errors.report_at(method.subject.span, message);
        }
    }
}

fn takes_nothing_of_the_services_subject(service: &Service, method: &Method, errors: &mut Errors) {
    for argument in &method.arguments {
        let name = names::of(&argument.ident);
        if service.subject.has_parameter(&name) {
            let message = format!(
                "`{name}` is in the subject of the service, and chosen with the client: remove the argument, and read \
                 the value with `cx.subject_value(\"{name}\")`"
            );
            errors.report(&argument.ident, message);
        }
    }
}

fn shares_no_subject(service: &Service, method: &Method, errors: &mut Errors) {
    let shared = service.methods.iter().find(|earlier| {
        // If both are named only, the rule about names speaks of it.
        let is_written = earlier.options.subject.is_some() || method.options.subject.is_some();
        is_written && earlier.subject.overlaps(&method.subject) && !may_exclude(earlier, method)
    });
    if let Some(earlier) = shared {
        let message = format!(
            "the method `{}` has the subject `{}`, and a call could be to both: begin with another token",
            names::of(&earlier.ident),
            earlier.subject.text
        );
        errors.report_at(method.subject.span, message);
    }
}

fn fits_a_token(argument: &Argument, errors: &mut Errors) {
    let is_single = |target: &Type| match types::ungrouped(target) {
        Type::Slice(_) | Type::Array(_) | Type::Tuple(_) => false,
        path => !["Option", "Vec"].iter().any(|name| types::ends_in(path, name)),
    };
    if argument.encoding != Encoding::Serde || !argument.target().is_some_and(is_single) {
        let message = format!(
            "`{}` cannot be a token of a subject: write `&str`, or a type that implements `Display` and `FromStr`, \
             such as `u64`, or leave the argument out of the subject",
            types::written(&argument.ty)
        );
        errors.report(&argument.ty, message);
    }
}

fn is_not_written_by_serde(argument: &Argument, errors: &mut Errors) {
    for option in argument.serde.iter() {
        errors.report(
            option.path(),
            "a value in a subject is written with `Display` and read with `FromStr`, and not by serde: remove this",
        );
    }
}

/// The parameters whose names can be tokens: about others, enough is said.
fn legal_parameters(subject: &Subject) -> impl Iterator<Item = &str> {
    subject.parameters().filter(|name| names::fault("parameter", name).is_none())
}
