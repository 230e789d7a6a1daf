//! What observers are told about calls: spans of `tracing`, the trace that crosses services, and metrics.

mod metrics;
mod outcome;
mod propagation;
mod span;

pub(crate) use self::metrics::{CallMetrics, HandlerMetrics};
pub(crate) use self::outcome::Outcome;
pub(crate) use self::span::{CallSpan, inject};
