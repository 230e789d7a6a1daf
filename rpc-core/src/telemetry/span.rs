//! The span of a call, on either side.

use tracing::field::Empty;
use tracing::span::Entered;
use tracing::{Level, Span, info_span, span_enabled};

use super::Outcome;
use super::propagation;
use crate::wire::headers::Headers;

/// The span of a call that somebody observes. Most calls are not observed, and have none.
///
/// The names of its fields are those of OpenTelemetry's conventions for RPC, where these have one.
#[derive(Debug, Clone)]
pub(crate) struct CallSpan(Box<Span>);

macro_rules! call_span {
    ($name:literal, $kind:literal, $service:expr, $method:expr, $instance:expr) => {
        info_span!(
            target: "nats_rpc",
            $name,
            otel.name = %format_args!("{}/{}", $service, $method),
            otel.kind = $kind,
            otel.status_code = Empty,
            rpc.system = "nats-rpc",
            rpc.service = $service,
            rpc.method = $method,
            rpc.instance = $instance,
            rpc.outcome = Empty,
        )
    };
}

impl CallSpan {
    /// The span of a call that is made, below the span that is entered.
    pub(crate) fn of_client(service: &str, method: &str) -> Option<Self> {
        if !CallSpan::is_wanted() {
            return None;
        }
        CallSpan::observed(call_span!("client_call", "client", service, method, Empty))
    }

    /// The span of a call that has come, which continues the trace that its headers name.
    pub(crate) fn of_server(service: &str, method: &str, instance: &str, headers: &Headers) -> Option<Self> {
        if !CallSpan::is_wanted() {
            return None;
        }
        let span = CallSpan::observed(call_span!("server_call", "server", service, method, instance))?;
        propagation::continue_trace(&span.0, headers);
        Some(span)
    }

    /// Whether a subscriber may want spans of calls. To ask is cheap; to make one that nobody wants is less so, since it may
    /// become a record of the crate `log`.
    #[inline]
    pub(crate) fn is_wanted() -> bool {
        span_enabled!(target: "nats_rpc", Level::INFO)
    }

    fn observed(span: Span) -> Option<Self> {
        (!span.is_disabled()).then(|| CallSpan(Box::new(span)))
    }

    /// Whatever happens until this is dropped belongs to the span.
    pub(crate) fn enter(&self) -> Entered<'_> {
        self.0.enter()
    }

    /// Notes which instance has answered.
    pub(crate) fn instance(&self, instance: &str) {
        self.0.record("rpc.instance", instance);
    }

    /// Notes how the call has ended.
    pub(crate) fn conclude(&self, outcome: Outcome) {
        self.0.record("rpc.outcome", outcome.name());
        if matches!(outcome, Outcome::Failed(_)) {
            self.0.record("otel.status_code", "ERROR");
        }
    }
}

/// Puts the trace of a call that is made into its headers: that of its span, or else the one that surrounds it.
pub(crate) fn inject(span: Option<&CallSpan>, headers: &mut Headers) {
    propagation::inject(span.map(|span| &*span.0), headers);
}
