//! How a trace crosses services: W3C Trace Context, in the headers of a call.
//!
//! Without the feature `opentelemetry`, calls that a handler makes have the headers of its own trace.

#[cfg(feature = "opentelemetry")]
pub(super) use self::with_opentelemetry::{continue_trace, inject};
#[cfg(not(feature = "opentelemetry"))]
pub(super) use self::without::{continue_trace, inject};

#[cfg(feature = "opentelemetry")]
mod with_opentelemetry {
    use opentelemetry::Context;
    use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
    use opentelemetry::trace::TraceContextExt;
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use tracing::Span;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    use crate::wire::headers::Headers;

    /// Makes a span part of the trace that a call names.
    pub(in super::super) fn continue_trace(span: &Span, headers: &Headers) {
        let parent = TraceContextPropagator::new().extract(&Incoming(headers));
        if parent.span().span_context().is_valid()
            && let Err(error) = span.set_parent(parent)
        {
            tracing::debug!(%error, "a call's trace is not continued");
        }
    }

    /// Writes the trace of a span, or else of what surrounds it, into the headers of a call.
    pub(in super::super) fn inject(span: Option<&Span>, headers: &mut Headers) {
        let is_valid = |context: &Context| context.span().span_context().is_valid();
        let own = span.map(OpenTelemetrySpanExt::context).filter(is_valid);
        let around = || Some(Span::current().context()).filter(is_valid);
        let current = || Some(Context::current()).filter(is_valid);
        if let Some(context) = own.or_else(around).or_else(current) {
            TraceContextPropagator::new().inject_context(&context, &mut Outgoing(headers));
        }
    }

    struct Incoming<'a>(&'a Headers);

    impl Extractor for Incoming<'_> {
        fn get(&self, name: &str) -> Option<&str> {
            self.0.get_in_any_case(name)
        }

        fn keys(&self) -> Vec<&str> {
            self.0.iter().map(|(name, _)| name).collect()
        }
    }

    struct Outgoing<'a>(&'a mut Headers);

    impl Injector for Outgoing<'_> {
        fn set(&mut self, name: &str, value: String) {
            if value.is_empty() {
                self.0.remove(name);
            } else {
                self.0.insert(name, value);
            }
        }
    }
}

#[cfg(not(feature = "opentelemetry"))]
mod without {
    use tracing::Span;

    use crate::wire::headers::Headers;

    pub(in super::super) fn continue_trace(_: &Span, _: &Headers) {}

    pub(in super::super) fn inject(_: Option<&Span>, _: &mut Headers) {}
}
