//! What becomes of jobs when the NATS server crashes that has them.

use std::time::Duration;

use ::tests::{ACK_WAIT, Start};
use tokio::time::{Instant, sleep};

use super::bed::{Bed, eventually, ms};
use super::check::{assert_holds, never, summary};
use super::record::Run;
use super::submitters::Chore;
use crate::bed::report;
use crate::scale::{Scale, together};

/// Whether a job was begun again, and for the first time so shortly before a crash, or so shortly after it, that its worker could not
/// say in time that it is there, or what came of it.
pub(super) fn around(crashes: &[(u64, u64)]) -> impl Fn(&[&Start]) -> bool {
    let margin = ms(2 * ACK_WAIT);
    let crashes = crashes.to_vec();
    move |starts| {
        let first = starts.iter().map(|start| start.unix_ms).min().unwrap_or_default();
        starts.len() <= 2 && crashes.iter().any(|(from, to)| (from - margin..to + margin).contains(&first))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_crashes_of_nats_lose_no_job_that_is_synced_at_once() {
    let config = "jetstream { sync_interval: always }";
    three_crashes("nats-server killed three times, sync_interval: always", config, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_crashes_of_nats_lose_no_job_with_the_default_interval() {
    three_crashes("nats-server killed three times, default sync_interval", "", 2).await;
}

async fn three_crashes(what: &str, config: &str, seed: u64) {
    let _turn = together().await;
    let mut bed = Bed::with_config(config);
    let _servers = [bed.serve("one").await, bed.serve("two").await];
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(bed.client().await);
    }
    let jobs = Scale::get().pick(1500, 10_000);
    let begun = Instant::now();
    let submitting = tokio::spawn({
        let (submitters, clients) = (bed.submitters.clone(), clients.clone());
        async move { submitters.run(&clients, jobs, 64, seed).await }
    });
    let mut crashes = Vec::new();
    for quarter in 1..=3 {
        let submitters = bed.submitters.clone();
        let due = usize::try_from(jobs).unwrap() * quarter / 4;
        eventually("the next crash is due", move || submitters.ended() >= due).await;
        let from = bed.clock.unix_ms();
        bed.nats.kill();
        sleep(Duration::from_millis(100)).await;
        tokio::task::block_in_place(|| bed.nats.restart());
        crashes.push((from, bed.clock.unix_ms()));
    }
    submitting.await.unwrap();
    let took = begun.elapsed();
    let run = bed.finish(Vec::new).await;
    report(what, &summary(&run));
    let again: Vec<u64> = crashes.iter().map(|(_, to)| next_start(&run, *to) - to).collect();
    report(
        what,
        &format!(
            "submitted in {:.1} s; begins jobs again {again:?} ms after the restarts",
            took.as_secs_f32()
        ),
    );
    assert_holds(what, &run, &around(&crashes));
    assert!(run.letters.is_empty(), "{:?}", run.letters);
    assert!(again.iter().all(|ms| *ms < 5000), "{again:?} ms");
}

/// When the next job was begun.
fn next_start(run: &Run, after: u64) -> u64 {
    run.executions.iter().map(|start| start.unix_ms).filter(|at| *at >= after).min().unwrap_or(u64::MAX)
}

/// JetStream has waited for its worker in vain, since it was away itself.
#[tokio::test]
async fn what_is_executed_while_nats_is_away_is_not_begun_again() {
    let _turn = together().await;
    let mut bed = Bed::start();
    let _servers = [bed.serve("one").await, bed.serve("two").await];
    let client = bed.client().await;
    let jobs = (0..20).map(|_| bed.submitters.stored(&client, Chore::Long(ms(2 * ACK_WAIT))));
    for (id, _) in futures::future::join_all(jobs).await {
        bed.until_begun(id, 1).await;
    }
    sleep(ACK_WAIT / 2).await;
    bed.nats.kill();
    sleep(ACK_WAIT).await;
    bed.nats.restart();
    bed.assert_holds("nats-server away while jobs are executed", Vec::new, &never).await;
}
