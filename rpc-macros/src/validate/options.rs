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
    answers_somebody_if_streaming(method, errors);
    has_one_instance_if_streaming(method, errors);
    is_no_job_if_streaming(method, errors);
    is_not_coalesced_if_streaming(method, errors);
    ends_with_its_reader_if_streaming(method, errors);
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

fn answers_somebody_if_streaming(method: &Method, errors: &mut Errors) {
    if let (Some(oneway), Some(_)) = (method.options.oneway, &method.incoming) {
        errors.report_at(
            oneway,
            "a caller streams to the instance that answers, and nobody answers a oneway call: remove `oneway`",
        );
    }
}

fn has_one_instance_if_streaming(method: &Method, errors: &mut Errors) {
    if let (Some(broadcast), true) = (method.options.broadcast, is_streaming(method)) {
        errors.report_at(broadcast, "a stream is between its caller and one instance: remove `broadcast`");
    }
}

fn is_no_job_if_streaming(method: &Method, errors: &mut Errors) {
    if let (Some(durable), true) = (method.options.durable, is_streaming(method)) {
        errors.report_at(
            durable,
            "a job and its result are kept as one message each: remove `durable`, or take and return lists",
        );
    }
}

fn is_not_coalesced_if_streaming(method: &Method, errors: &mut Errors) {
    if let (Some((_, span)), true) = (method.options.coalesce, is_streaming(method)) {
        errors.report_at(span, "calls with streams are always messages of their own: remove `coalesce`");
    }
}

fn ends_with_its_reader_if_streaming(method: &Method, errors: &mut Errors) {
    if let (Some(no_cancel), Some(_)) = (method.options.no_cancel, &method.output.stream) {
        errors
            .report_at(no_cancel, "a stream that nobody reads any more would never end: remove `no_cancel`");
    }
}

fn is_streaming(method: &Method) -> bool {
    method.incoming.is_some() || method.output.stream.is_some()
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
