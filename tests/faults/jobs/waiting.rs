//! What those see who wait for a result, and what becomes of jobs that wait for longer than their status is kept.

use std::convert::Infallible;
use std::time::Duration;

use ::tests::job_settings;
use nats_rpc::jobs::Job;
use nats_rpc::{CallError, ErrorKind, ServiceClient};
use tokio::time::{Instant, sleep};

use super::bed::Bed;
use super::check::never;
use super::nats::around;
use super::submitters::Chore;
use crate::bed::report;
use crate::scale::{Scale, together};

#[tokio::test]
async fn who_waits_for_a_result_has_it_soon_after_nats_is_back() {
    let _turn = together().await;
    let mut bed = Bed::start();
    let _servers = [bed.serve("one").await, bed.serve("two").await];
    let (client, waiting) = (bed.client().await, bed.client().await);
    let (mut slowest, mut outages) = (0, Vec::new());
    for _ in 0..Scale::get().pick(2, 10) {
        let mut results = Vec::new();
        for number in 0..16 {
            let (id, job) = bed.submitters.stored(&client, Chore::Long(100 * number)).await;
            let job = Job::<u64, Infallible>::open(waiting.client(), job.id().to_string()).unwrap();
            let clock = bed.clock;
            results.push(tokio::spawn(async move {
                assert_eq!(job.result().await, Ok(id));
                (id, 100 * number, clock.unix_ms())
            }));
            bed.until_begun(id, 1).await;
        }
        let from = bed.clock.unix_ms();
        bed.nats.kill();
        sleep(Duration::from_millis(300)).await;
        bed.nats.restart();
        let back = bed.clock.unix_ms();
        outages.push((from, back));
        for result in results {
            let (id, took, heard) = result.await.unwrap();
            let begun = bed.ledger.starts().into_iter().filter(|start| start.id == id);
            let ended = begun.map(|start| start.unix_ms + took).min().unwrap_or_default();
            slowest = slowest.max(heard.saturating_sub(ended.max(back)));
        }
    }
    let what = "results that are waited for while nats-server restarts";
    report(what, &format!("they are there {slowest} ms after they could be at most"));
    bed.assert_holds(what, Vec::new, &around(&outages)).await;
    assert!(slowest < 3000, "{slowest} ms");
}

/// Nothing is known of it meanwhile, and it is executed all the same.
#[tokio::test]
async fn a_job_outlives_its_status() {
    let _turn = together().await;
    let bed = Bed::start();
    let short = job_settings().keep(Duration::from_secs(2));
    bed.serve_with(bed.connect().await, "one", |server| server.jobs(short)).await.shutdown().await;
    let client = bed.client().await;
    let (id, job) = bed.submitters.stored(&client, Chore::Quick).await;
    let stored = Instant::now();
    while job.status().await.is_ok() {
        assert!(stored.elapsed() < Duration::from_secs(30), "it is kept");
        sleep(Duration::from_millis(50)).await;
    }
    let Err(CallError::Rpc(error)) = job.result().await else { panic!("it has a result") };
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    let _server = bed.serve("two").await;
    bed.until_begun(id, 1).await;
    bed.assert_holds("a job that waits for longer than its status is kept", Vec::new, &never).await;
}
