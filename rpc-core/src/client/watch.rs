//! Those who observe a call: its span, and its metrics.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::span::Entered;

use super::stub::Target;
use crate::error::CallError;
use crate::telemetry::{CallMetrics, CallSpan, Outcome};

/// An observed call, from the time that it is made. Dropped before it has ended, it counts as dropped.
pub(super) struct Watch {
    span: Option<CallSpan>,
    metrics: Option<Arc<CallMetrics>>,
    /// When it was first polled, until it has ended.
    begun: Option<Instant>,
}

impl Watch {
    /// `None` for a call that nobody observes.
    #[inline]
    pub(super) fn of(target: &Target, method: usize) -> Option<Box<Self>> {
        if !CallMetrics::ON && !CallSpan::is_wanted() {
            return None;
        }
        let metrics = target.metrics(method).cloned();
        let name = target.method(method).map_or("", |method| method.name());
        let span = CallSpan::of_client(target.descriptor.name(), name);
        let is_observed = span.is_some() || metrics.is_some();
        is_observed.then(|| Box::new(Watch { span, metrics, begun: None }))
    }

    pub(super) fn span(&self) -> Option<&CallSpan> {
        self.span.as_ref()
    }

    /// The call is polled: what happens until the guard is dropped belongs to it.
    pub(super) fn enter(&mut self) -> Option<Entered<'_>> {
        if self.begun.is_none() {
            self.begun = Some(Instant::now());
            self.metrics.iter().for_each(|metrics| metrics.start());
        }
        self.span.as_ref().map(CallSpan::enter)
    }

    /// Notes which instance has answered.
    pub(super) fn instance(&self, instance: Option<&str>) {
        if let (Some(span), Some(instance)) = (&self.span, instance) {
            span.instance(instance);
        }
    }

    /// Notes how the call has ended.
    pub(super) fn conclude<T, E>(&mut self, result: &Result<T, CallError<E>>) {
        self.end(match result {
            Ok(_) => Outcome::Ok,
            Err(CallError::Service(_)) => Outcome::ServiceError,
            Err(CallError::Rpc(error)) => Outcome::Failed(error.kind()),
        });
    }

    fn end(&mut self, outcome: Outcome) {
        let Some(begun) = self.begun.take() else { return };
        self.metrics.iter().for_each(|metrics| metrics.conclude(outcome, begun.elapsed()));
        self.span.iter().for_each(|span| span.conclude(outcome));
        self.metrics = None;
        self.span = None;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end(Outcome::Dropped);
    }
}
