//! What becomes of jobs when the network between a worker and NATS is silent.

use std::time::Duration;

use ::tests::{ACK_WAIT, Direction, Proxy, Start, job_settings};
use tokio::time::sleep;

use super::bed::{Bed, eventually, ms};
use super::check::never;
use super::submitters::Chore;
use crate::bed::report;
use crate::fleet::Fleet;
use crate::scale::together;

/// Longer than the time of acknowledgement, and than it takes to notice the loss.
const SILENCE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn what_a_worker_had_that_was_cut_off_has_one_result() {
    let _turn = together().await;
    let bed = Bed::start();
    let proxy = Proxy::start(bed.nats.client_port());
    let mut fleet = Fleet::of_job_workers(bed.nats.url(), 0);
    fleet.instances.push(fleet.instance_at(&proxy.url(), "cut-off"));
    let client = bed.client().await;
    let mut jobs = Vec::new();
    // Some end while it is cut off, and some after that.
    for number in 0..16 {
        jobs.push(bed.submitters.stored(&client, Chore::Long(ms(ACK_WAIT) + 250 * number)).await);
    }
    eventually("all are begun", || fleet.starts().len() == 16).await;
    fleet.instances.push(fleet.instance("other"));
    proxy.black_hole();
    sleep(SILENCE).await;
    proxy.pass();
    let what = "the network between a worker and NATS black-holed";
    let taken_over = |starts: &[&Start]| starts.len() == 2 && starts[0].instance != starts[1].instance;
    let run = bed.assert_holds(what, || fleet.starts(), &taken_over).await;
    for (id, job) in jobs {
        assert_eq!(job.result().await, Ok(id));
    }
    let again = run.executions.iter().filter(|start| &*start.instance == "other").count();
    report(what, &format!("{again} of 16 jobs were begun by another one as well"));
    assert!(again > 0);
}

/// Nobody else is there, and it goes on with what it has: it must not begin the same once more beside that.
#[tokio::test]
async fn the_only_worker_begins_nothing_twice_because_it_was_cut_off() {
    let _turn = together().await;
    let bed = Bed::start();
    let proxy = Proxy::start(bed.nats.client_port());
    let mut fleet = Fleet::of_job_workers(bed.nats.url(), 0);
    fleet.instances.push(fleet.instance_at(&proxy.url(), "cut-off"));
    let client = bed.client().await;
    for number in 0..8 {
        bed.submitters.stored(&client, Chore::Long(ms(ACK_WAIT) + 500 * number)).await;
    }
    eventually("all are begun", || fleet.starts().len() == 8).await;
    proxy.black_hole();
    sleep(SILENCE).await;
    proxy.pass();
    bed.assert_holds("the network of the only worker black-holed", || fleet.starts(), &never).await;
}

/// To begin a job takes two round trips, which are longer here than the time of acknowledgement.
#[tokio::test]
async fn a_worker_on_a_slow_link_has_its_jobs_for_itself() {
    let _turn = together().await;
    let bed = Bed::start();
    let proxy = Proxy::start(bed.nats.client_port());
    let slow = nats_rpc::connect(proxy.url()).await.unwrap();
    let _slow = bed.serve_with(slow, "slow", |server| server).await;
    let client = bed.client().await;
    let (_, first) = bed.submitters.stored(&client, Chore::Quick).await;
    assert!(first.result().await.is_ok(), "it has asked for jobs");
    for direction in [Direction::ToServer, Direction::ToClient] {
        proxy.delay(direction, ACK_WAIT / 4);
    }
    let jobs = (0..8).map(|_| bed.submitters.stored(&client, Chore::Quick));
    futures::future::join_all(jobs).await;
    let _other = bed.serve("other").await;
    let run = bed.assert_holds("a worker on a slow link", Vec::new, &never).await;
    assert!(run.executions.iter().all(|start| &*start.instance == "slow"), "{:?}", run.executions);
}

/// An attempt that fails is tried again, unless another worker does that already.
#[tokio::test]
async fn attempts_of_several_workers_do_not_add_up() {
    const TIME: u64 = 3500;
    let _turn = together().await;
    let bed = Bed::start();
    let proxy = Proxy::start(bed.nats.client_port());
    let serve =
        async |nats, id| bed.serve_with(nats, id, |server| server.jobs(job_settings().concurrency(1))).await;
    let _cut_off = serve(nats_rpc::connect(proxy.url()).await.unwrap(), "cut-off").await;
    let client = bed.client().await;
    let (id, job) = bed.submitters.stored(&client, Chore::Panic(TIME)).await;
    bed.until_begun(id, 1).await;
    let _other = serve(bed.connect().await, "other").await;
    proxy.black_hole();
    bed.until_begun(id, 2).await;
    // Somebody has to be there who could begin it.
    let _third = serve(bed.connect().await, "third").await;
    proxy.pass();
    assert!(job.result().await.is_err());
    let what = "a job that fails, of a worker that was cut off";
    let run = bed.assert_holds(what, Vec::new, &|starts| starts.len() == 3).await;
    let starts = run.executions_of(id);
    let (second, third) = (starts[1].unix_ms, starts[2].unix_ms);
    assert!(third >= second + TIME, "the third attempt begins {} ms after the second", third - second);
    assert_eq!(run.ended(id).attempts, 3);
}
