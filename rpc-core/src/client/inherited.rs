//! What a call inherits from the handler that it is made in.

use crate::context::Context;
use crate::deadline::Deadline;
use crate::wire::headers::{Headers, TRACE_HEADERS};

/// What calls that are made in a handler inherit, beside the trace.
#[derive(Clone, Copy, Default)]
pub(super) struct Inherited {
    pub(super) deadline: Option<Deadline>,
    /// Whether the handler serves a second attempt.
    pub(super) is_retried: bool,
}

impl Inherited {
    /// From the handler that is running in this task, if one is; with the headers of its trace.
    pub(super) fn from_handler() -> (Self, Headers) {
        let of = |cx: &Context| {
            // Attempts of a job are far apart: those of its calls do not multiply them.
            let is_retried = cx.attempt() > 1 && !cx.is_job();
            let inherited = Inherited { deadline: cx.inherited_deadline(), is_retried };
            (inherited, trace_of(cx))
        };
        Context::with_current(of).unwrap_or_default()
    }
}

/// The trace that a handler's calls continue.
fn trace_of(cx: &Context) -> Headers {
    TRACE_HEADERS.into_iter().filter_map(|name| Some((name, cx.headers().get_in_any_case(name)?))).collect()
}
