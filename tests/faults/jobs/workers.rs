//! What becomes of jobs when the worker dies or freezes that executes them.

use std::time::Duration;

use ::tests::{ACK_WAIT, Start};
use tokio::time::sleep;

use super::bed::{Bed, eventually, ms};
use super::check::never;
use super::record::{End, Run};
use super::submitters::Chore;
use crate::bed::report;
use crate::fleet::Fleet;
use crate::scale::{Scale, together};

/// How long after the time of acknowledgement a job is begun again, at most: JetStream looks in steps, and machines are busy.
const AND_A_BIT: Duration = Duration::from_secs(2);

/// Who is lost.
const VICTIM: &str = "one-0";

/// Whether a job was begun once by the victim and once by another.
fn taken_over(starts: &[&Start]) -> bool {
    starts.len() == 2 && starts.iter().filter(|start| &*start.instance == VICTIM).count() == 1
}

/// How long it took, at most, until what the victim had was begun elsewhere; asserts that this was soon.
fn assert_taken_over(what: &str, run: &Run, lost: u64) {
    let twice: Vec<_> = run.submissions.iter().map(|submission| run.executions_of(submission.id)).collect();
    let twice: Vec<_> = twice.iter().filter(|starts| starts.len() == 2).collect();
    let slowest = twice.iter().map(|starts| starts[1].unix_ms.saturating_sub(lost)).max().unwrap_or_default();
    report(what, &format!("{} jobs were begun again, {slowest} ms after the loss at most", twice.len()));
    assert!(slowest <= ms(ACK_WAIT + AND_A_BIT), "{slowest} ms");
}

#[tokio::test]
async fn what_a_killed_worker_had_is_finished_by_the_others() {
    let _turn = together().await;
    let bed = Bed::start();
    let mut fleet = Fleet::of_job_workers(bed.nats.url(), 3);
    let client = bed.client().await;
    for number in 0..Scale::get().pick(36, 96) {
        let chore = if number % 3 == 0 { Chore::Quick } else { Chore::Long(500 + 50 * number) };
        bed.submitters.stored(&client, chore).await;
    }
    let has = |starts: Vec<Start>| starts.iter().filter(|start| &*start.instance == VICTIM).count();
    eventually("the victim has some", || has(fleet.starts()) >= 4).await;
    let lost = bed.clock.unix_ms();
    fleet.instances[0].kill();
    let what = "one of three workers killed with kill -9";
    let run = bed.assert_holds(what, || fleet.starts(), &taken_over).await;
    assert_taken_over(what, &run, lost);
    for submission in &run.submissions {
        let (begun, ended) = (run.executions_of(submission.id), run.ended(submission.id));
        assert_eq!(ended.end, End::Result(submission.id));
        // One that the victim was about to begin has cost an attempt, too.
        let most = if begun.len() == 1 && begun[0].unix_ms > lost { 2 } else { begun.len() };
        assert!((begun.len()..=most).contains(&(ended.attempts as usize)), "{begun:?}: {ended:?}");
    }
}

#[tokio::test]
async fn a_job_that_takes_four_times_the_acknowledgement_time_is_executed_once() {
    let _turn = together().await;
    let bed = Bed::start();
    let fleet = Fleet::of_job_workers(bed.nats.url(), 2);
    let client = bed.client().await;
    for _ in 0..4 {
        bed.submitters.stored(&client, Chore::Long(ms(4 * ACK_WAIT))).await;
    }
    bed.assert_holds("jobs of four times the acknowledgement time", || fleet.starts(), &never).await;
}

#[tokio::test]
async fn what_a_frozen_worker_had_has_one_result() {
    let _turn = together().await;
    let bed = Bed::start();
    let fleet = Fleet::of_job_workers(bed.nats.url(), 2);
    let client = bed.client().await;
    let mut jobs = Vec::new();
    for _ in 0..16 {
        jobs.push(bed.submitters.stored(&client, Chore::Long(ms(2 * ACK_WAIT))).await);
    }
    eventually("all are begun", || fleet.starts().len() == 16).await;
    let lost = bed.clock.unix_ms();
    fleet.instances[0].pause();
    let had = fleet.starts().iter().filter(|start| &*start.instance == VICTIM).count();
    assert!(had > 0);
    eventually("its jobs are begun elsewhere", || fleet.starts().len() == 16 + had).await;
    // It comes back while the other one executes what it had, and ends first.
    fleet.instances[0].resume();
    let what = "one of two workers frozen with SIGSTOP";
    let run = bed.assert_holds(what, || fleet.starts(), &taken_over).await;
    assert_taken_over(what, &run, lost);
    // Those who are late change nothing.
    sleep(2 * ACK_WAIT).await;
    let later = bed.assert_holds(what, || fleet.starts(), &taken_over).await;
    assert_eq!(later.executions.len(), run.executions.len());
    for (id, job) in jobs {
        assert_eq!(job.result().await, Ok(id));
    }
}

/// NATS takes it for alive, and it has asked for jobs.
#[tokio::test]
async fn a_frozen_worker_that_had_nothing_to_do_holds_up_a_job_no_longer_than_another() {
    let _turn = together().await;
    let bed = Bed::start();
    let mut fleet = Fleet::of_job_workers(bed.nats.url(), 1);
    fleet.instances[0].pause();
    fleet.instances.push(fleet.instance("one-1"));
    let client = bed.client().await;
    let stored = bed.clock.unix_ms();
    bed.submitters.stored(&client, Chore::Quick).await;
    eventually("it is begun", || fleet.starts().len() == 1).await;
    fleet.instances[0].resume();
    let what = "an idle worker frozen with SIGSTOP";
    let run = bed.assert_holds(what, || fleet.starts(), &never).await;
    let waited = run.executions[0].unix_ms - stored;
    report(what, &format!("a job was begun elsewhere after {waited} ms"));
    assert!(waited <= ms(2 * ACK_WAIT + AND_A_BIT), "{waited} ms");
}
