//! What the submitters of a run saw, and what became of its jobs.

use std::collections::BTreeMap;
use std::fmt;

use ::tests::Start;
use nats_rpc::{ErrorKind, Execution};

use crate::record::Gauge;

/// One submission, as its submitter saw it. Those with one id have one key, and are to be one job.
#[derive(Debug, Clone)]
pub(super) struct Submission {
    pub(super) id: u64,
    pub(super) receipt: Receipt,
}

/// What a submitter was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Receipt {
    /// JetStream has the job with this id.
    Stored(String),
    Refused {
        kind: ErrorKind,
        execution: Execution,
        text: String,
    },
    /// Nothing: it was gone by then.
    Gone,
}

/// What became of a job.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) end: End,
    /// How often it was begun, as its status has it.
    pub(super) attempts: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Result(u64),
    Failed(String),
    /// It did not end in time, or its status and its result do not agree.
    Open(String),
}

/// A job among the dead letters.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) job: String,
    pub(super) reason: String,
    pub(super) attempts: u32,
}

/// All of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Run {
    pub(super) submissions: Vec<Submission>,
    pub(super) executions: Vec<Start>,
    /// Those that were acknowledged, by their ids.
    pub(super) jobs: BTreeMap<String, Ended>,
    pub(super) letters: Vec<Letter>,
    /// Whether dead letters were replayed: then attempts are counted from the beginning.
    pub(super) has_replays: bool,
    /// What must be nothing at the end.
    pub(super) gauges: Vec<Gauge>,
}

impl Run {
    /// When something was begun, and by whom.
    pub(super) fn executions_of(&self, id: u64) -> Vec<&Start> {
        self.executions.iter().filter(|start| start.id == id).collect()
    }

    /// What became of the job that was submitted with an id.
    pub(super) fn ended(&self, id: u64) -> &Ended {
        let stored = self.submissions.iter().filter(|submission| submission.id == id);
        let job = stored.filter_map(Submission::job).next().unwrap_or_else(|| panic!("{id} was not stored"));
        &self.jobs[job]
    }
}

impl Submission {
    /// The job, if it was acknowledged.
    pub(super) fn job(&self) -> Option<&str> {
        match &self.receipt {
            Receipt::Stored(job) => Some(job),
            Receipt::Refused { .. } | Receipt::Gone => None,
        }
    }

    /// Whether its submitter was told that it will not be executed.
    pub(super) fn is_void(&self) -> bool {
        matches!(&self.receipt, Receipt::Refused { execution: Execution::NotExecuted, .. })
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Receipt::Stored(job) => write!(f, "stored as {job}"),
            Receipt::Refused { kind, execution, text } => write!(f, "{kind} ({execution:?}), {text}"),
            Receipt::Gone => f.write_str("its submitter was gone"),
        }
    }
}
