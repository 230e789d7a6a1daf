//! Whether a key stands for one job, whatever becomes of those who submit it.

use std::time::Duration;

use ::tests::{Direction, Fate, Proxy};
use tokio::time::{Instant, sleep, timeout};

use super::bed::{Bed, eventually};
use super::check::never;
use super::nats::around;
use super::record::Run;
use super::submitters::{Chore, Plan};
use crate::bed::report;
use crate::numbers::Numbers;
use crate::scale::{Scale, together};

/// How many jobs have become of how many keys.
fn figures(run: &Run) -> String {
    let keys: std::collections::BTreeSet<u64> =
        run.submissions.iter().map(|submission| submission.id).collect();
    format!("{} submissions with {} keys are {} jobs", run.submissions.len(), keys.len(), run.jobs.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_submit_the_same_while_nats_crashes_have_one_job() {
    let _turn = together().await;
    let mut bed = Bed::start();
    let _servers = [bed.serve("one").await, bed.serve("two").await];
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(bed.client().await);
    }
    let keys = Scale::get().pick(200, 2000);
    let submitting = tokio::spawn({
        let (submitters, clients) = (bed.submitters.clone(), clients.clone());
        async move {
            let mut numbers = Numbers::new(3);
            for _ in 0..keys {
                let id = submitters.next_id();
                // Four at once, of whom some end before they have an answer; then one who comes late.
                let all = clients.iter().map(|client| {
                    let gone = numbers.once_in(3).then(|| Duration::from_micros(numbers.below(5000)));
                    let plan = Plan { gone_after: gone, ..Plan::patient(id, Chore::Quick).with_key() };
                    submitters.submit(client, plan)
                });
                let all: Vec<_> = all.collect();
                futures::future::join_all(all).await;
                submitters.submit(&clients[0], Plan::patient(id, Chore::Quick).with_key()).await.unwrap();
            }
        }
    });
    let mut crashes = Vec::new();
    for quarter in 1..=3 {
        let submitters = bed.submitters.clone();
        let due = usize::try_from(keys * 5).unwrap() * quarter / 4;
        eventually("the next crash is due", move || submitters.ended() >= due).await;
        let from = bed.clock.unix_ms();
        bed.nats.kill();
        tokio::task::block_in_place(|| bed.nats.restart());
        crashes.push((from, bed.clock.unix_ms()));
    }
    submitting.await.unwrap();
    let what = "nats-server killed three times while several submit with the same keys";
    let run = bed.assert_holds(what, Vec::new, &around(&crashes)).await;
    report(what, &figures(&run));
    assert_eq!(u64::try_from(run.jobs.len()).unwrap(), keys);
}

/// The status of the job is stored, and its submitter dies before the job is.
#[tokio::test]
async fn a_job_that_was_half_submitted_is_completed_by_the_next_submitter() {
    let _turn = together().await;
    let bed = Bed::start();
    let _server = bed.serve("one").await;
    let proxy = Proxy::start(bed.nats.client_port());
    let (cut_off, other) = (bed.client_on(nats_rpc::connect(proxy.url()).await.unwrap()), bed.client().await);
    // It has found the bucket.
    bed.submitters.stored(&cut_off, Chore::Quick).await;
    let id = bed.submitters.next_id();
    let plan = Plan::patient(id, Chore::Quick).with_key();
    proxy.fate(Direction::ToClient, Fate::Lose);
    let gone = Plan { gone_after: Some(Duration::from_millis(300)), ..plan };
    assert!(bed.submitters.submit(&cut_off, gone).await.is_none());
    assert_eq!(bed.ledger.starts().len(), 1, "it was not submitted to its end");
    let job = bed.submitters.submit(&other, plan).await.unwrap();
    assert_eq!(timeout(Duration::from_secs(5), job.result()).await.unwrap(), Ok(id));
    proxy.pass();
    assert!(bed.submitters.submit(&cut_off, plan).await.is_some());
    bed.assert_holds("a submitter that died in the middle", Vec::new, &never).await;
}

/// The job is stored, and the answer to its submitter is lost.
#[tokio::test]
async fn a_submission_whose_answer_was_lost_is_repeated_and_one_job() {
    let _turn = together().await;
    let bed = Bed::start();
    let _server = bed.serve("one").await;
    let proxy = Proxy::start(bed.nats.client_port());
    let client = bed.client_on(nats_rpc::connect(proxy.url()).await.unwrap());
    bed.submitters.stored(&client, Chore::Quick).await;
    // Slow enough to see when the second answer is due.
    proxy.delay(Direction::ToClient, Duration::from_millis(100));
    for has_key in [true, false] {
        let id = bed.submitters.next_id();
        let plan = Plan { has_key, ..Plan::patient(id, Chore::Quick) };
        let submitting = tokio::spawn({
            let (submitters, client) = (bed.submitters.clone(), client.clone());
            async move { submitters.submit(&client, plan).await }
        });
        // It is executed, and its submitter does not know that it is stored.
        bed.until_begun(id, 1).await;
        assert!(!submitting.is_finished());
        proxy.reset();
        let begun = Instant::now();
        let job = submitting.await.unwrap().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_eq!(job.result().await, Ok(id));
    }
    sleep(Duration::from_millis(200)).await;
    bed.assert_holds("a submission whose answer was lost", Vec::new, &never).await;
}
