//! What must be true of every run, whatever broke in it.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;

use ::tests::Start;
use nats_rpc::Execution;

use crate::record::{Call, Outcome, Run};

/// How far the checks go, where that depends on what was done to the run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// How long after its deadline a call may be resolved, in milliseconds.
    pub(crate) lateness: u64,
    /// How long after its expiry a handler may start: what clocks may differ, in milliseconds. From the look at the clock
    /// to the first line of the handler, it may take the time that is allowed for lateness.
    pub(crate) tolerance: u64,
    /// When the last fault ended, if all must be well again 2 s later.
    pub(crate) healed: Option<u64>,
    /// Whether calls may fail at all.
    pub(crate) spotless: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Rules { lateness: 50, tolerance: 500, healed: None, spotless: false }
    }
}

/// How long recovery may take, in milliseconds.
const RECOVERY: u64 = 2000;

/// How many of a thousand calls must succeed after that.
const RECOVERED: usize = 999;

/// A promise that was broken, by these calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) invariant: &'static str,
    pub(crate) calls: Vec<u64>,
    text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.text)
    }
}

/// Asserts that a run keeps all promises.
///
/// # Panics
/// If not, with the calls that show it.
#[track_caller]
pub(crate) fn assert_holds(what: &str, run: &Run, rules: &Rules) {
    let violations = check(run, rules);
    let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(violations.is_empty(), "{what}: {}\n{}", summary(run), texts.join("\n"));
}

/// How many calls ended how.
pub(crate) fn summary(run: &Run) -> String {
    let mut outcomes: Vec<(String, usize)> = Vec::new();
    for call in &run.calls {
        let outcome = match &call.outcome {
            Outcome::Failed { kind, execution, .. } => format!("{kind} ({execution:?})"),
            Outcome::Foreign(_) => "Foreign".to_owned(),
            other => format!("{other:?}"),
        };
        match outcomes.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, count)) => *count += 1,
            None => outcomes.push((outcome, 1)),
        }
    }
    outcomes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let counts: Vec<String> = outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    format!("{} calls: {}; {} executions", run.calls.len(), counts.join(", "), run.executions.len())
}

/// All promises that a run breaks.
pub(crate) fn check(run: &Run, rules: &Rules) -> Vec<Violation> {
    let mut executions: HashMap<u64, Vec<&Start>> = HashMap::new();
    for execution in &run.executions {
        executions.entry(execution.id).or_default().push(execution);
    }
    let count = |call: &Call| executions.get(&call.id).map_or(0, Vec::len);
    let mut found = Vec::new();
    let mut each = |invariant, what: &str, is_broken: &dyn Fn(&Call) -> bool| {
        let broken: Vec<&Call> = run.calls.iter().filter(|call| is_broken(call)).collect();
        found.extend(violation(invariant, what, &broken, &executions));
    };

    each("I1", "not resolved by the deadline and its margin", &|call| {
        call.outcome == Outcome::Hung || in_time(call, run) > call.deadline + rules.lateness
    });
    each("I2", "ok, and not executed", &|call| call.is_ok() && count(call) == 0);
    each("I2", "ok, executed twice and not idempotent", &|call| {
        call.is_ok() && !call.idempotent && count(call) > 1
    });
    each("I2", "answered with what another call returned", &|call| {
        matches!(call.outcome, Outcome::Foreign(_))
    });
    each("I3", "said to be not executed, and executed", &|call| {
        call.execution() == Some(Execution::NotExecuted) && count(call) > 0
    });
    each("I3", "said to be executed, and not executed", &|call| {
        !call.is_ok() && call.execution() == Some(Execution::Executed) && count(call) == 0
    });
    each("I4", "executed twice and not idempotent", &|call| !call.idempotent && count(call) > 1);
    each("I5", "started after its expiry", &|call| {
        let starts = executions.get(&call.id).into_iter().flatten();
        starts
            .map(|start| start.unix_ms)
            .any(|start| start > call.deadline + rules.tolerance + rules.lateness)
    });
    if rules.spotless {
        each("I0", "failed, where none may", &|call| call.has_time && !call.is_ok());
    }
    found.extend(rules.healed.and_then(|healed| recovery(run, healed, &executions)));
    found.extend(idleness(run));
    found.extend(strangers(run));
    found
}

/// When a call was resolved, without the time in which nothing ran.
fn in_time(call: &Call, run: &Run) -> u64 {
    let overlaps = run.stalls.iter().map(|stall| {
        let (from, to) = (stall.from.max(call.deadline), stall.to.min(call.end));
        to.saturating_sub(from)
    });
    call.end.saturating_sub(overlaps.sum())
}

fn recovery(run: &Run, healed: u64, executions: &HashMap<u64, Vec<&Start>>) -> Option<Violation> {
    let is_meant = |call: &&Call| call.has_time && call.start >= healed + RECOVERY;
    let after: Vec<&Call> = run.calls.iter().filter(is_meant).collect();
    let failed: Vec<&Call> = after.iter().copied().filter(|call| !call.is_ok()).collect();
    if after.is_empty() {
        let text = "no call was made after the time of recovery: the run shows nothing".to_owned();
        return Some(Violation { invariant: "I6", calls: Vec::new(), text });
    }
    let what = format!("of {} failed 2 s after the last fault's end", after.len());
    let enough = (after.len() - failed.len()) * 1000 >= after.len() * RECOVERED;
    (!enough).then(|| violation("I6", &what, &failed, executions)).flatten()
}

fn idleness(run: &Run) -> Option<Violation> {
    let busy: Vec<String> = run
        .gauges
        .iter()
        .filter(|gauge| gauge.value > gauge.allowed)
        .map(|gauge| format!("{} is {}, and may be {}", gauge.name, gauge.value, gauge.allowed))
        .collect();
    (!busy.is_empty()).then(|| Violation { invariant: "I7", calls: Vec::new(), text: busy.join("; ") })
}

/// The ledger and the callers' log must be of one run, or the checks say nothing.
fn strangers(run: &Run) -> Option<Violation> {
    let known: std::collections::HashSet<u64> = run.calls.iter().map(|call| call.id).collect();
    let mut strange: Vec<u64> =
        run.executions.iter().map(|execution| execution.id).filter(|id| !known.contains(id)).collect();
    strange.dedup();
    let text = format!("{} executions of calls that nobody made: {:?}", strange.len(), head(&strange));
    (!strange.is_empty()).then_some(Violation { invariant: "I0", calls: strange, text })
}

/// How many calls a message names.
const NAMED: usize = 8;

fn head<T>(of: &[T]) -> &[T] {
    of.get(..NAMED).unwrap_or(of)
}

fn violation(
    invariant: &'static str,
    what: &str,
    broken: &[&Call],
    executions: &HashMap<u64, Vec<&Start>>,
) -> Option<Violation> {
    if broken.is_empty() {
        return None;
    }
    let describe = |call: &&Call| {
        let starts = executions.get(&call.id).into_iter().flatten();
        let starts: Vec<String> =
            starts.map(|start| format!("at {} by {}", start.unix_ms, start.instance)).collect();
        format!("\n    {call}; executed: [{}]", starts.join(", "))
    };
    let named: String = head(broken).iter().map(describe).collect();
    let text = format!("{} calls {what}:{named}", broken.len());
    Some(Violation { invariant, calls: broken.iter().map(|call| call.id).collect(), text })
}
