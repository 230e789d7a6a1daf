//! What must be true of all jobs of a run, whatever broke in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use ::tests::Start;

use super::record::{End, Receipt, Run, Submission};

/// A promise that was broken, by the jobs that were submitted with these ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) invariant: &'static str,
    pub(super) ids: Vec<u64>,
    text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.text)
    }
}

/// Asserts that a run keeps all promises. `may_repeat` says whether a job may have been begun as often as this.
///
/// # Panics
/// If not, with the jobs that show it.
#[track_caller]
pub(super) fn assert_holds(what: &str, run: &Run, may_repeat: &dyn Fn(&[&Start]) -> bool) {
    let violations = check(run, may_repeat);
    let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(violations.is_empty(), "{what}: {}\n{}", summary(run), texts.join("\n"));
}

/// No job may be begun twice.
pub(super) fn never(_: &[&Start]) -> bool {
    false
}

/// How many submissions and jobs ended how.
pub(super) fn summary(run: &Run) -> String {
    let mut receipts = BTreeMap::<String, usize>::new();
    for submission in &run.submissions {
        let receipt = match &submission.receipt {
            Receipt::Stored(_) => "stored".to_owned(),
            Receipt::Refused { kind, execution, .. } => format!("{kind} ({execution:?})"),
            Receipt::Gone => "of submitters that were gone".to_owned(),
        };
        *receipts.entry(receipt).or_default() += 1;
    }
    let receipts: Vec<_> = receipts.iter().map(|(receipt, count)| format!("{count} {receipt}")).collect();
    let results = run.jobs.values().filter(|ended| matches!(ended.end, End::Result(_))).count();
    format!(
        "{} submissions: {}; {} jobs: {results} with a result, {} dead; {} executions, {} of them second ones or more",
        run.submissions.len(),
        receipts.join(", "),
        run.jobs.len(),
        run.letters.len(),
        run.executions.len(),
        repeats(run)
    )
}

/// Executions beyond one for each job.
pub(super) fn repeats(run: &Run) -> usize {
    let begun: BTreeSet<u64> = run.executions.iter().map(|start| start.id).collect();
    run.executions.len() - begun.len()
}

/// All promises that a run breaks.
pub(super) fn check(run: &Run, may_repeat: &dyn Fn(&[&Start]) -> bool) -> Vec<Violation> {
    let mut chores = BTreeMap::<u64, Chore<'_>>::new();
    for submission in &run.submissions {
        chores.entry(submission.id).or_default().submissions.push(submission);
    }
    let letters: HashMap<&str, usize> = run.letters.iter().fold(HashMap::new(), |mut letters, letter| {
        *letters.entry(&*letter.job).or_default() += 1;
        letters
    });
    for start in &run.executions {
        chores.entry(start.id).or_default().starts.push(start);
    }
    let mut found = Vec::new();
    let mut each = |invariant, what: &str, is_broken: &dyn Fn(u64, &Chore<'_>) -> bool| {
        let broken: Vec<_> = chores.iter().filter(|(id, chore)| is_broken(**id, chore)).collect();
        found.extend(violation(invariant, what, &broken, run));
    };
    let ends =
        |chore: &Chore<'_>| chore.jobs().map(|job| (&run.jobs[job], letters.get(job).copied())).collect();
    let ends = |chore: &Chore<'_>, is_broken: &dyn Fn(&End, u32, usize) -> bool| {
        let ends: Vec<_> = ends(chore);
        ends.iter().any(|(ended, letters)| is_broken(&ended.end, ended.attempts, letters.unwrap_or_default()))
    };

    each("J1", "acknowledged, and without an end", &|_, chore| {
        ends(chore, &|end, _, _| matches!(end, End::Open(_)))
    });
    each("J1", "failed, and not among the dead letters once", &|_, chore| {
        ends(chore, &|end, _, letters| matches!(end, End::Failed(_)) && letters != 1)
    });
    each("J1", "done, and among the dead letters", &|_, chore| {
        ends(chore, &|end, _, letters| matches!(end, End::Result(_)) && letters > 0)
    });
    each("J2", "done, and never executed", &|_, chore| {
        ends(chore, &|end, _, _| matches!(end, End::Result(_))) && chore.starts.is_empty()
    });
    each("J2", "done, with the result of another", &|id, chore| {
        ends(chore, &|end, _, _| matches!(end, End::Result(result) if *result != id))
    });
    each("J3", "executed, and never submitted", &|_, chore| chore.submissions.is_empty());
    each("J3", "said to be not executed, and executed", &|_, chore| {
        let all_void = chore.submissions.iter().all(|submission| submission.is_void());
        !chore.submissions.is_empty() && all_void && !chore.starts.is_empty()
    });
    each("J4", "several jobs", &|_, chore| chore.jobs().collect::<BTreeSet<_>>().len() > 1);
    each("J5", "executed again, where none is", &|_, chore| {
        chore.starts.len() > 1 && !may_repeat(&chore.starts)
    });
    each("J5", "executed more often than its status counts", &|_, chore| {
        !run.has_replays && ends(chore, &|_, attempts, _| chore.starts.len() > attempts as usize)
    });
    let left: Vec<_> = run.gauges.iter().filter(|gauge| gauge.value > gauge.allowed).collect();
    if !left.is_empty() {
        let left: Vec<_> = left.iter().map(|gauge| format!("{} is {}", gauge.name, gauge.value)).collect();
        found.push(Violation { invariant: "J6", ids: Vec::new(), text: left.join("; ") });
    }
    found
}

/// All that was seen of one id.
#[derive(Default)]
struct Chore<'a> {
    submissions: Vec<&'a Submission>,
    starts: Vec<&'a Start>,
}

impl Chore<'_> {
    fn jobs(&self) -> impl Iterator<Item = &str> {
        self.submissions.iter().filter_map(|submission| submission.job())
    }
}

/// How many a message names.
const NAMED: usize = 8;

fn violation(
    invariant: &'static str,
    what: &str,
    broken: &[(&u64, &Chore<'_>)],
    run: &Run,
) -> Option<Violation> {
    if broken.is_empty() {
        return None;
    }
    let describe = |(id, chore): &(&u64, &Chore<'_>)| {
        let submissions: Vec<_> =
            chore.submissions.iter().map(|submission| submission.receipt.to_string()).collect();
        let starts = chore.starts.iter().map(|start| format!("at {} by {}", start.unix_ms, start.instance));
        let ends = chore.jobs().filter_map(|job| run.jobs.get(job)).map(|ended| format!("{ended:?}"));
        format!(
            "\n    {id}: submitted [{}], executed [{}], ended [{}]",
            submissions.join("; "),
            starts.collect::<Vec<_>>().join(", "),
            ends.collect::<Vec<_>>().join(", ")
        )
    };
    let named: String = broken.iter().take(NAMED).map(describe).collect();
    let text = format!("{} {what}:{named}", broken.len());
    Some(Violation { invariant, ids: broken.iter().map(|(id, _)| **id).collect(), text })
}

#[cfg(test)]
mod tests {
    use nats_rpc::{ErrorKind, Execution};

    use super::super::record::{Ended, Letter};
    use super::*;

    fn stored(id: u64, job: &str) -> Submission {
        Submission { id, receipt: Receipt::Stored(job.to_owned()) }
    }

    fn refused(id: u64, execution: Execution) -> Submission {
        let receipt = Receipt::Refused { kind: ErrorKind::Unavailable, execution, text: "gone".to_owned() };
        Submission { id, receipt }
    }

    fn start(id: u64) -> Start {
        Start { id, instance: "one".into(), unix_ms: 1000 }
    }

    fn letter(job: &str) -> Letter {
        Letter { job: job.to_owned(), reason: "poison".to_owned(), attempts: 1 }
    }

    /// A job that was submitted as 7, and ended so.
    fn run(end: End) -> Run {
        let jobs = BTreeMap::from([("a".to_owned(), Ended { end, attempts: 1 })]);
        Run { submissions: vec![stored(7, "a")], executions: vec![start(7)], jobs, ..Run::default() }
    }

    #[track_caller]
    fn assert_broken(run: &Run, expected: &[&str]) {
        let broken: Vec<_> = check(run, &never).iter().map(|violation| violation.invariant).collect();
        assert_eq!(broken, expected);
    }

    #[test]
    fn a_run_in_which_all_is_well_breaks_nothing() {
        assert_broken(&run(End::Result(7)), &[]);
        let dead = Run { letters: vec![letter("a")], ..run(End::Failed("poison".to_owned())) };
        assert_broken(&dead, &[]);
        let mut more = run(End::Result(7));
        more.submissions.extend([stored(7, "a"), refused(8, Execution::NotExecuted)]);
        more.submissions
            .extend([refused(9, Execution::MaybeExecuted), Submission { id: 10, receipt: Receipt::Gone }]);
        more.executions.extend([start(9), start(10)]);
        assert_broken(&more, &[]);
    }

    #[test]
    fn a_job_without_an_end_is_found() {
        assert_broken(&run(End::Open("running".to_owned())), &["J1"]);
        assert_broken(&run(End::Failed("poison".to_owned())), &["J1"]);
        let twice = Run { letters: vec![letter("a"), letter("a")], ..run(End::Failed("poison".to_owned())) };
        assert_broken(&twice, &["J1"]);
        assert_broken(&Run { letters: vec![letter("a")], ..run(End::Result(7)) }, &["J1"]);
    }

    #[test]
    fn a_result_of_nothing_or_of_another_is_found() {
        assert_broken(&Run { executions: Vec::new(), ..run(End::Result(7)) }, &["J2"]);
        assert_broken(&run(End::Result(8)), &["J2"]);
    }

    #[test]
    fn an_execution_of_what_was_not_submitted_is_found() {
        let mut run = run(End::Result(7));
        run.executions.push(start(8));
        assert_broken(&run, &["J3"]);
        run.submissions.push(refused(8, Execution::NotExecuted));
        assert_broken(&run, &["J3"]);
        run.submissions.push(refused(8, Execution::MaybeExecuted));
        assert_broken(&run, &[]);
    }

    #[test]
    fn two_jobs_of_one_key_are_found() {
        let mut run = run(End::Result(7));
        run.submissions.push(stored(7, "b"));
        run.jobs.insert("b".to_owned(), Ended { end: End::Result(7), attempts: 1 });
        assert_broken(&run, &["J4"]);
    }

    #[test]
    fn a_second_execution_is_found() {
        let mut run = run(End::Result(7));
        run.executions.push(start(7));
        assert_broken(&run, &["J5", "J5"]);
        run.jobs.get_mut("a").unwrap().attempts = 2;
        assert_broken(&run, &["J5"]);
        assert_eq!(check(&run, &|starts| starts.len() == 2), []);
        assert_eq!(repeats(&run), 1);
    }

    #[test]
    fn what_is_left_is_found() {
        let mut run = run(End::Result(7));
        run.gauges.push(crate::record::Gauge { name: "messages".to_owned(), value: 1, allowed: 0 });
        assert_broken(&run, &["J6"]);
    }

    #[test]
    #[should_panic(
        expected = "a test: 1 submissions: 1 stored; 1 jobs: 1 with a result, 0 dead; 0 executions"
    )]
    fn a_broken_promise_ends_the_test() {
        assert_holds("a test", &Run { executions: Vec::new(), ..run(End::Result(7)) }, &never);
    }
}
