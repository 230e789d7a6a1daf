//! What becomes of jobs that fail each time, and of those beside them.

use std::time::Duration;

use ::tests::{ATTEMPTS, Start};
use tokio::time::sleep;

use super::bed::Bed;
use super::record::{End, Run};
use super::submitters::Chore;
use crate::fleet::Fleet;
use crate::scale::{Scale, together};

/// What has failed for good was begun so often, is where it belongs and says why.
#[track_caller]
fn assert_dead(run: &Run, id: u64, why: &str) {
    let ended = run.ended(id);
    let End::Failed(reason) = &ended.end else { panic!("{ended:?}") };
    assert!(reason.contains(why), "{reason}");
    let [letter] = &run.letters[..] else { panic!("{:?}", run.letters) };
    assert_eq!((ended.attempts, letter.attempts, &letter.reason), (ATTEMPTS, ATTEMPTS, reason));
    assert_eq!(run.executions_of(id).len(), ATTEMPTS as usize);
}

#[tokio::test]
async fn a_job_that_panics_is_dead_after_its_attempts_and_holds_up_no_others() {
    let _turn = together().await;
    let bed = Bed::start();
    let _server = bed.serve("one").await;
    let client = bed.client().await;
    let (poison, job) = bed.submitters.stored(&client, Chore::Panic(0)).await;
    for _ in 0..Scale::get().pick(20, 200) {
        let (id, other) = bed.submitters.stored(&client, Chore::Quick).await;
        assert_eq!(tokio::time::timeout(Duration::from_secs(5), other.result()).await.unwrap(), Ok(id));
    }
    assert!(job.result().await.is_err());
    let is_poison = move |starts: &[&Start]| starts[0].id == poison;
    let run = bed.assert_holds("a job that panics", Vec::new, &is_poison).await;
    assert_dead(&run, poison, "panicked");
}

#[tokio::test]
async fn a_job_that_kills_its_worker_is_dead_after_its_attempts() {
    let _turn = together().await;
    let bed = Bed::start();
    let mut fleet = Fleet::of_job_workers(bed.nats.url(), 2);
    let client = bed.client().await;
    let (poison, job) = bed.submitters.stored(&client, Chore::Abort).await;
    let result = tokio::spawn(async move { job.result().await });
    let mut deaths = 0;
    while !result.is_finished() {
        for at in 0..fleet.instances.len() {
            if fleet.instances[at].wait(Duration::ZERO).is_some() {
                deaths += 1;
                fleet.instances[at] = fleet.instance(&format!("again-{deaths}"));
                bed.submitters.stored(&client, Chore::Quick).await;
            }
        }
        sleep(Duration::from_millis(20)).await;
    }
    assert!(result.await.unwrap().is_err());
    assert_eq!(deaths, ATTEMPTS);
    let is_poison = move |starts: &[&Start]| starts[0].id == poison;
    let run = bed.assert_holds("a job that kills its worker", || fleet.starts(), &is_poison).await;
    let last = run.executions_of(poison).last().map(|start| start.instance.to_string()).unwrap();
    assert_dead(&run, poison, &format!("nothing was heard of the instance {last} any more"));
}
