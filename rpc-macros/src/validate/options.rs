//! The rules for options of a method that do not go together with what else is written, one function each.

use syn::Type;

use crate::errors::Errors;
use crate::model::Method;
use crate::types::ungrouped;

/// Checks the options of a method.
pub(super) fn method(method: &Method, errors: &mut Errors) {
    answers_nothing_if_oneway(method, errors);
    is_not_coalesced_if_oneway(method, errors);
    is_no_job_if_oneway(method, errors);
    is_no_job_if_broadcast(method, errors);
    has_one_argument_if_bare(method, errors);
}

fn answers_nothing_if_oneway(method: &Method, errors: &mut Errors) {
    let is_unit = matches!(ungrouped(&method.output.ty), Type::Tuple(tuple) if tuple.elems.is_empty());
    if method.options.oneway.is_some() && !is_unit {
        errors.report(&method.output.ty, "nobody waits for a oneway method: remove the result, or `oneway`");
    }
}

fn is_not_coalesced_if_oneway(method: &Method, errors: &mut Errors) {
    if let Some((_, span)) = method.options.coalesce
        && method.options.oneway.is_some()
    {
        errors
            .report_at(span, "oneway calls are always messages of their own: remove `coalesce`, or `oneway`");
    }
}

fn is_no_job_if_oneway(method: &Method, errors: &mut Errors) {
    if let Some(durable) = method.options.durable
        && method.options.oneway.is_some()
    {
        errors.report_at(
            durable,
            "a job has a result: remove `oneway`, submit the job, and do not wait for it",
        );
    }
}

fn is_no_job_if_broadcast(method: &Method, errors: &mut Errors) {
    if let Some(durable) = method.options.durable
        && method.options.broadcast.is_some()
    {
        errors.report_at(durable, "a job is executed by one instance: remove `durable`, or `broadcast`");
    }
}

fn has_one_argument_if_bare(method: &Method, errors: &mut Errors) {
    let Some(bare) = method.options.bare else { return };
    let mut body = method.body();
    let (Some(argument), None) = (body.next(), body.next()) else {
        errors.report_at(
            bare,
            "`bare` makes one argument the whole message: the method must have exactly one that is not in its subject",
        );
        return;
    };
    if let Some(option) = argument.serde.any_of(&["default", "rename", "alias"]) {
        errors.report(
            option.path(),
            "a bare argument is the whole message: it has no name, and cannot be missing",
        );
    }
}
