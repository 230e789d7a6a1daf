//! Whether workers have all their places for jobs, and no more, after they have lost their connection.

use std::convert::Infallible;
use std::time::Duration;

use ::tests::{ACK_WAIT, ChoresClient, Proxy, job_settings};
use nats_rpc::jobs::{Job, JobStatus};
use tokio::time::{Instant, sleep};

use super::bed::{Bed, eventually};
use super::check::never;
use super::submitters::Chore;
use crate::bed::report;
use crate::scale::{Scale, together};

/// How many jobs two workers execute at once.
const PLACES: usize = 32;

async fn many(bed: &Bed, client: &ChoresClient, chore: Chore) -> Vec<Job<u64, Infallible>> {
    let jobs = (0..PLACES).map(|_| bed.submitters.stored(client, chore));
    futures::future::join_all(jobs).await.into_iter().map(|(_, job)| job).collect()
}

/// How long it takes until there is a job at each place.
async fn until_all_are_taken(bed: &Bed, client: &ChoresClient) -> Duration {
    // One for each place, which then has to ask for another one.
    for job in many(bed, client, Chore::Long(1)).await {
        assert!(job.result().await.is_ok());
    }
    let stored = Instant::now();
    for job in many(bed, client, Chore::Long(1500)).await {
        while matches!(job.status().await.unwrap(), JobStatus::Queued { .. }) {
            sleep(Duration::from_millis(10)).await;
        }
    }
    stored.elapsed()
}

#[tokio::test]
async fn workers_that_wait_for_jobs_are_all_there_after_a_restart_of_nats() {
    let _turn = together().await;
    let mut bed = Bed::start();
    let _servers = [bed.serve("one").await, bed.serve("two").await];
    let client = bed.client().await;
    let what = "nats-server restarted while workers wait for jobs";
    let (mut next, mut all) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..Scale::get().pick(2, 10) {
        bed.nats.kill();
        bed.nats.restart();
        let restarted = Instant::now();
        let (_, job) = bed.submitters.stored(&client, Chore::Quick).await;
        assert!(job.result().await.is_ok());
        next = next.max(restarted.elapsed());
        all = all.max(until_all_are_taken(&bed, &client).await);
    }
    report(what, &format!("the next job is done after {next:?} at most, {PLACES} are begun within {all:?}"));
    bed.assert_holds(what, Vec::new, &never).await;
    assert!(next < Duration::from_secs(3) && all < Duration::from_millis(1400), "{next:?}, {all:?}");
}

#[tokio::test]
async fn a_worker_that_was_cut_off_while_it_waits_for_jobs_has_all_its_places() {
    let _turn = together().await;
    let bed = Bed::start();
    let proxy = Proxy::start(bed.nats.client_port());
    let cut_off = nats_rpc::connect(proxy.url()).await.unwrap();
    let _servers = [bed.serve("one").await, bed.serve_with(cut_off, "two", |server| server).await];
    let client = bed.client().await;
    until_all_are_taken(&bed, &client).await;
    proxy.reset();
    eventually("it is back", || proxy.accepted() > 1 && proxy.open() == 1).await;
    let what = "the connection of a worker reset while it waits for jobs";
    let all = until_all_are_taken(&bed, &client).await;
    report(what, &format!("{PLACES} jobs are begun within {all:?}"));
    bed.assert_holds(what, Vec::new, &|_| true).await;
    assert!(all < Duration::from_millis(1400), "{all:?}");
}

/// A worker that executes a job must not take another one that it cannot begin.
#[tokio::test]
async fn workers_that_are_busy_take_no_job_because_of_a_restart_of_nats() {
    let _turn = together().await;
    let mut bed = Bed::start();
    let one_at_a_time = job_settings().concurrency(1);
    let _busy = bed.serve_with(bed.connect().await, "busy", |server| server.jobs(one_at_a_time)).await;
    let client = bed.client().await;
    let (long, _) = bed.submitters.stored(&client, Chore::Long(3000)).await;
    bed.until_begun(long, 1).await;
    bed.nats.kill();
    bed.nats.restart();
    let _idle = bed.serve("idle").await;
    // Time for whoever would ask for a job to ask.
    sleep(Duration::from_millis(1000)).await;
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        let (id, _) = bed.submitters.stored(&client, Chore::Long(1)).await;
        let stored = Instant::now();
        bed.until_begun(id, 1).await;
        slowest = slowest.max(stored.elapsed());
    }
    let what = "nats-server restarted while a worker is busy";
    report(what, &format!("a job was begun elsewhere {slowest:?} after it was stored at most"));
    bed.assert_holds(what, Vec::new, &never).await;
    assert!(slowest < ACK_WAIT, "{slowest:?}");
}
