//! Made-up runs, one for each way to break a promise: a checker that cannot fail proves nothing.

use nats_rpc::ErrorKind;

use super::*;
use crate::record::Stall;

/// A call that went well: begun at 1000, for 100 ms, done after 10.
fn call(id: u64) -> Call {
    Call {
        id,
        method: "quick",
        idempotent: false,
        has_time: true,
        start: 1000,
        deadline: 1100,
        end: 1010,
        outcome: Outcome::Ok,
    }
}

fn failed(id: u64, execution: Execution) -> Call {
    let outcome = Outcome::Failed { kind: ErrorKind::Unavailable, execution, text: "gone".to_owned() };
    Call { outcome, ..call(id) }
}

fn execution(id: u64, unix_ms: u64) -> Start {
    Start { id, instance: "one".into(), unix_ms }
}

fn run(calls: Vec<Call>, executions: &[(u64, u64)]) -> Run {
    let executions = executions.iter().map(|(id, at)| execution(*id, *at)).collect();
    Run { calls, executions, ..Run::default() }
}

/// The invariants that a run breaks, and by which calls.
fn broken(run: &Run, rules: &Rules) -> Vec<(&'static str, Vec<u64>)> {
    check(run, rules).into_iter().map(|violation| (violation.invariant, violation.calls)).collect()
}

#[track_caller]
fn assert_broken(run: &Run, expected: &[(&'static str, &[u64])]) {
    let expected: Vec<_> = expected.iter().map(|(name, calls)| (*name, calls.to_vec())).collect();
    assert_eq!(broken(run, &Rules::default()), expected);
}

#[test]
fn a_run_in_which_all_is_well_breaks_nothing() {
    let calls = vec![
        call(1),
        failed(2, Execution::NotExecuted),
        failed(3, Execution::MaybeExecuted),
        failed(4, Execution::MaybeExecuted),
        failed(5, Execution::Executed),
        Call { idempotent: true, ..call(6) },
        Call { outcome: Outcome::Dropped, ..call(7) },
    ];
    let executions = [(1, 1001), (4, 1600), (5, 1001), (6, 1001), (6, 1002)];
    assert_broken(&run(calls, &executions), &[]);
}

#[test]
fn a_late_call_is_found() {
    let late = |end| run(vec![Call { end, ..call(7) }], &[(7, 1001)]);
    assert_broken(&late(1150), &[]);
    assert_broken(&late(1151), &[("I1", &[7])]);
}

#[test]
fn time_in_which_nothing_ran_does_not_count() {
    let late = |stall| Run { stalls: vec![stall], ..run(vec![Call { end: 1300, ..call(7) }], &[(7, 1001)]) };
    assert_broken(&late(Stall { from: 1100, to: 1250 }), &[]);
    assert_broken(&late(Stall { from: 1000, to: 1200 }), &[("I1", &[7])]);
    assert_broken(&late(Stall { from: 1400, to: 1600 }), &[("I1", &[7])]);
}

#[test]
fn a_call_that_hangs_is_found() {
    assert_broken(&run(vec![Call { outcome: Outcome::Hung, ..call(7) }], &[]), &[("I1", &[7])]);
}

#[test]
fn an_answer_without_an_execution_is_found() {
    assert_broken(&run(vec![call(7)], &[]), &[("I2", &[7])]);
    let foreign = Call { outcome: Outcome::Foreign(8), ..call(7) };
    assert_broken(&run(vec![foreign], &[(7, 1001)]), &[("I2", &[7])]);
}

#[test]
fn a_second_execution_is_found() {
    let twice = [(7, 1001), (7, 1002)];
    assert_broken(&run(vec![call(7)], &twice), &[("I2", &[7]), ("I4", &[7])]);
    let lost = failed(7, Execution::MaybeExecuted);
    assert_broken(&run(vec![lost], &twice), &[("I4", &[7])]);
    let dropped = Call { outcome: Outcome::Dropped, ..call(7) };
    assert_broken(&run(vec![dropped], &twice), &[("I4", &[7])]);
}

#[test]
fn a_false_claim_about_the_execution_is_found() {
    let not = Call { idempotent: true, ..failed(7, Execution::NotExecuted) };
    assert_broken(&run(vec![not], &[(7, 1001)]), &[("I3", &[7])]);
    assert_broken(&run(vec![failed(7, Execution::Executed)], &[]), &[("I3", &[7])]);
}

#[test]
fn a_start_after_the_expiry_is_found() {
    let started = |at| run(vec![failed(7, Execution::MaybeExecuted)], &[(7, at)]);
    assert_broken(&started(1650), &[]);
    assert_broken(&started(1651), &[("I5", &[7])]);
}

#[test]
fn a_slow_recovery_is_found() {
    let healed = |failures: u64| {
        let calls = (0..1000).map(|id| {
            let call = if id < failures { failed(id, Execution::MaybeExecuted) } else { call(id) };
            Call { start: 4000, deadline: 4100, end: 4010, ..call }
        });
        let executions: Vec<_> = (0..1000).map(|id| (id, 4001)).collect();
        run(calls.collect(), &executions)
    };
    let rules = Rules { healed: Some(2000), ..Rules::default() };
    assert_eq!(broken(&healed(1), &rules), []);
    assert_eq!(broken(&healed(2), &rules), [("I6", vec![0, 1])]);
    let mut hopeless = healed(2);
    hopeless.calls.iter_mut().take(2).for_each(|call| call.has_time = false);
    assert_eq!(broken(&hopeless, &rules), [], "a call that has too little time shows nothing");
    let early = Rules { healed: Some(2001), ..rules };
    assert_eq!(broken(&healed(0), &early), [("I6", vec![])], "a run without calls after it shows nothing");
}

#[test]
fn what_is_left_behind_is_found() {
    let left = |value| {
        let mut run = run(vec![call(7)], &[(7, 1001)]);
        run.gauge("calls in flight", value, 2);
        run
    };
    assert_broken(&left(2), &[]);
    assert_broken(&left(3), &[("I7", &[])]);
}

#[test]
fn any_failure_is_found_where_none_may_be() {
    let run = run(vec![failed(7, Execution::NotExecuted)], &[]);
    assert_eq!(broken(&run, &Rules { spotless: true, ..Rules::default() }), [("I0", vec![7])]);
}

#[test]
fn a_ledger_of_another_run_is_found() {
    assert_broken(&run(vec![call(7)], &[(7, 1001), (8, 1001)]), &[("I0", &[8])]);
}

#[test]
fn a_message_names_the_calls() {
    let run = run(vec![failed(7, Execution::NotExecuted)], &[(7, 1001)]);
    let message = check(&run, &Rules::default()).remove(0).to_string();
    let expected = "I3: 1 calls said to be not executed, and executed:\n    call 7 quick, begun at 1000 for 100 ms, \
                    after 10 ms: NotExecuted, gone; executed: [at 1001 by one]";
    assert_eq!(message, expected);
}

#[test]
#[should_panic(expected = "a test: 1 calls: 1 Ok; 0 executions\nI2: 1 calls ok, and not executed")]
fn a_broken_promise_ends_the_test() {
    assert_holds("a test", &run(vec![call(7)], &[]), &Rules::default());
}
