//! What the callers of a run saw, and what its instances did.

use std::fmt;

use nats_rpc::{CallError, ErrorKind, Execution};
use tests::Start;

/// One call, as its caller saw it. Times are milliseconds after 1970.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) id: u64,
    pub(crate) method: &'static str,
    /// Whether it may be executed twice.
    pub(crate) idempotent: bool,
    /// Whether it succeeds if all is well.
    pub(crate) has_time: bool,
    pub(crate) start: u64,
    pub(crate) deadline: u64,
    /// When its outcome was known.
    pub(crate) end: u64,
    pub(crate) outcome: Outcome,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    Failed {
        kind: ErrorKind,
        execution: Execution,
        text: String,
    },
    /// The caller gave it up.
    Dropped,
    /// It had the answer of another call.
    Foreign(u64),
    /// It was not resolved long after its deadline.
    Hung,
}

impl Call {
    pub(crate) fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok
    }

    /// What its caller was told of its execution.
    pub(crate) fn execution(&self) -> Option<Execution> {
        match &self.outcome {
            Outcome::Ok | Outcome::Foreign(_) => Some(Execution::Executed),
            Outcome::Failed { execution, .. } => Some(*execution),
            Outcome::Dropped | Outcome::Hung => None,
        }
    }
}

impl Outcome {
    /// The outcome of a call whose value must be its id.
    pub(crate) fn of<E: fmt::Display>(id: u64, result: Result<u64, CallError<E>>) -> Self {
        match result {
            Ok(value) if value == id => Outcome::Ok,
            Ok(value) => Outcome::Foreign(value),
            Err(CallError::Rpc(error)) => {
                Outcome::Failed { kind: error.kind(), execution: error.execution(), text: error.to_string() }
            }
            Err(CallError::Service(error)) => Outcome::Failed {
                kind: ErrorKind::Internal,
                execution: Execution::Executed,
                text: error.to_string(),
            },
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { id, method, start, deadline, end, outcome, .. } = self;
        let (budget, took) = (deadline.saturating_sub(*start), end.saturating_sub(*start));
        write!(f, "call {id} {method}, begun at {start} for {budget} ms, after {took} ms: ")?;
        match outcome {
            Outcome::Ok => f.write_str("ok"),
            Outcome::Failed { execution, text, .. } => write!(f, "{execution:?}, {text}"),
            Outcome::Dropped => f.write_str("dropped"),
            Outcome::Foreign(other) => write!(f, "the answer of call {other}"),
            Outcome::Hung => f.write_str("still pending"),
        }
    }
}

/// A time in which this process did not run: nothing in it could have been in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stall {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// What must be nothing again after a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gauge {
    pub(crate) name: String,
    pub(crate) value: u64,
    pub(crate) allowed: u64,
}

/// All of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Run {
    pub(crate) calls: Vec<Call>,
    pub(crate) executions: Vec<Start>,
    pub(crate) stalls: Vec<Stall>,
    pub(crate) gauges: Vec<Gauge>,
}

impl Run {
    /// Notes what something is at the end, and what it may be.
    pub(crate) fn gauge(&mut self, name: impl Into<String>, value: u64, allowed: u64) {
        self.gauges.push(Gauge { name: name.into(), value, allowed });
    }
}
