//! What becomes of jobs when workers are shut down, with JetStream there or not.

use std::time::Duration;

use ::tests::{ACK_WAIT, Direction, Proxy};
use nats_rpc::Server;
use tokio::time::{Instant, sleep};

use super::bed::{Bed, eventually};
use super::check::never;
use super::submitters::Chore;
use crate::bed::report;
use crate::scale::{Scale, together};

const GRACE: Duration = Duration::from_secs(1);

async fn assert_ends_in_time(what: &str, server: Server) {
    let begun = Instant::now();
    server.shutdown().await;
    let took = begun.elapsed();
    report(what, &format!("the shutdown took {took:?}, with a grace time of {GRACE:?}"));
    assert!(took < GRACE + Duration::from_secs(1), "{took:?}");
}

/// What it could not store is executed once more by others.
#[tokio::test]
async fn a_shutdown_ends_in_time_while_nats_is_away() {
    let _turn = together().await;
    let mut bed = Bed::start();
    let server = bed.serve_with(bed.connect().await, "one", |server| server.grace(GRACE)).await;
    let client = bed.client().await;
    for ms in [300, 300, 5000] {
        let (id, _) = bed.submitters.stored(&client, Chore::Long(ms)).await;
        bed.until_begun(id, 1).await;
    }
    bed.nats.kill();
    // Two have ended, and their results are to be stored.
    sleep(Duration::from_millis(500)).await;
    let what = "a worker shut down while nats-server is away";
    assert_ends_in_time(what, server).await;
    bed.nats.restart();
    let _server = bed.serve("two").await;
    bed.assert_holds(what, Vec::new, &|starts| starts.len() == 2 && &*starts[1].instance == "two").await;
}

#[tokio::test]
async fn a_shutdown_ends_in_time_while_nats_is_frozen() {
    let _turn = together().await;
    let bed = Bed::start();
    let server = bed.serve_with(bed.connect().await, "one", |server| server.grace(GRACE)).await;
    let client = bed.client().await;
    for ms in [300, 300, 5000] {
        let (id, _) = bed.submitters.stored(&client, Chore::Long(ms)).await;
        bed.until_begun(id, 1).await;
    }
    bed.nats.pause();
    sleep(Duration::from_millis(500)).await;
    let what = "a worker shut down while nats-server is frozen";
    assert_ends_in_time(what, server).await;
    bed.nats.resume();
    let _server = bed.serve("two").await;
    bed.assert_holds(what, Vec::new, &|starts| starts.len() == 2 && &*starts[1].instance == "two").await;
}

/// A job that is on its way to a worker that ends goes to another one at once.
#[tokio::test]
async fn workers_that_are_replaced_hold_up_no_job() {
    let _turn = together().await;
    let bed = Bed::start();
    let proxy = Proxy::start(bed.nats.client_port());
    proxy.delay(Direction::ToServer, Duration::from_millis(20));
    proxy.delay(Direction::ToClient, Duration::from_millis(20));
    let serve = async |number: u64| {
        let connection = nats_rpc::connect(proxy.url()).await.unwrap();
        bed.serve_with(connection, &format!("one-{number}"), |server| server).await
    };
    let mut server = serve(0).await;
    let client = bed.client().await;
    let submitting = tokio::spawn({
        let (submitters, client, clock) = (bed.submitters.clone(), client.clone(), bed.clock);
        async move {
            let mut stored = Vec::new();
            loop {
                let (id, _) = submitters.stored(&client, Chore::Quick).await;
                stored.push((id, clock.unix_ms()));
                if stored.len() >= Scale::get().pick(100, 3000) {
                    return stored;
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
    });
    let mut number = 0;
    while !submitting.is_finished() {
        number += 1;
        let next = serve(number).await;
        std::mem::replace(&mut server, next).shutdown().await;
    }
    let stored = submitting.await.unwrap();
    let ids = stored.clone();
    eventually("all are begun", || bed.ledger.starts().len() >= ids.len()).await;
    let what = "workers replaced one after the other through a link of 20 ms";
    let run = bed.assert_holds(what, Vec::new, &never).await;
    let waited = stored.iter().map(|(id, at)| run.executions_of(*id)[0].unix_ms.saturating_sub(*at));
    let slowest = waited.max().unwrap_or_default();
    report(what, &format!("{number} were replaced, a job waited {slowest} ms at most"));
    assert!(u128::from(slowest) < ACK_WAIT.as_millis(), "{slowest} ms");
}
