//! What becomes of dead letters that are replayed while NATS crashes, and several times.

use std::time::Duration;

use ::tests::ATTEMPTS;
use futures::TryStreamExt;
use nats_rpc::jobs::DeadLetter;
use tokio::time::sleep;

use super::bed::Bed;
use super::check::{assert_holds, summary};
use super::record::Run;
use super::submitters::Chore;
use crate::bed::report;
use crate::scale::{Scale, together};

/// Each round of replays has them fail again, and there is one letter for each job in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_that_are_replayed_twice_while_nats_crashes_stay_one_for_each_job() {
    let _turn = together().await;
    let mut bed = Bed::start();
    let _server = bed.serve("one").await;
    let client = bed.client().await;
    for _ in 0..Scale::get().pick(20, 100) {
        let (_, job) = bed.submitters.stored(&client, Chore::Panic(0)).await;
        assert!(job.result().await.is_err());
    }
    let dead = [bed.dead_letters().await, bed.dead_letters().await];
    let all: Vec<DeadLetter> = dead[0].list().try_collect().await.unwrap();
    let replaying = dead.map(|dead| {
        let all = all.clone();
        tokio::spawn(async move {
            for letter in &all {
                // Until it is known to be done.
                while dead.replay(letter).await.is_err() {
                    sleep(Duration::from_millis(50)).await;
                }
            }
        })
    });
    bed.nats.kill();
    tokio::task::block_in_place(|| bed.nats.restart());
    for replaying in replaying {
        replaying.await.unwrap();
    }
    let what = "dead letters replayed twice while nats-server crashes";
    let run = Run { has_replays: true, ..bed.finish(Vec::new).await };
    report(what, &summary(&run));
    assert_holds(what, &run, &|starts| starts.len() <= 2 * ATTEMPTS as usize);
    assert_eq!(run.letters.len(), all.len());
}
