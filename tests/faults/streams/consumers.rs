//! What becomes of handlers when the caller dies, freezes or is cut off that has streams of theirs open.

use std::time::Duration;

use ::tests::{FeedsClient, Proxy};
use futures::StreamExt;
use nats_rpc::{ErrorKind, ServiceClient};
use tokio::time::Instant;

use super::bed::{Bed, LIMIT, SILENT, TOLD, endless, kind, rest};
use crate::bed::report;
use crate::fleet::Fleet;
use crate::scale::together;

/// How many streams a caller has: ticks, a quiet one, an upload, and one in both directions.
const STREAMS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_of_a_caller_that_is_killed_are_dropped() {
    let _turn = together().await;
    let bed = Bed::start();
    let _server = bed.serve().await;
    let mut fleet = Fleet::of_feed_readers(bed.nats.url(), 2);
    bed.until_running(2 * STREAMS, LIMIT).await;
    fleet.instances[0].kill();
    let took = bed.until_running(STREAMS, TOLD).await;
    report(
        "a caller killed with kill -9",
        &format!("the handlers of its streams were dropped within {took:?}"),
    );
    fleet.instances[1].kill();
    bed.until_running(0, TOLD).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_of_a_caller_that_is_frozen_are_dropped() {
    let _turn = together().await;
    let bed = Bed::start();
    let _server = bed.serve().await;
    let fleet = Fleet::of_feed_readers(bed.nats.url(), 1);
    bed.until_running(STREAMS, LIMIT).await;
    fleet.instances[0].pause();
    let took = bed.until_running(0, SILENT).await;
    report(
        "a caller frozen with SIGSTOP",
        &format!("the handlers of its streams were dropped within {took:?}"),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_of_a_caller_that_is_cut_off_are_dropped() {
    let _turn = together().await;
    let bed = Bed::start();
    let _server = bed.serve().await;
    let proxy = Proxy::start(bed.nats.client_port());
    let _fleet = Fleet::of_feed_readers(&proxy.url(), 1);
    bed.until_running(STREAMS, LIMIT).await;
    proxy.black_hole();
    let took = bed.until_running(0, SILENT).await;
    report("a caller black-holed", &format!("the handlers of its streams were dropped within {took:?}"));
}

/// A caller that reconnects has the same inbox as before, and says that it is there.
#[tokio::test]
async fn handlers_of_a_caller_whose_connection_was_lost_are_dropped_though_it_opens_new_streams_at_once() {
    let _turn = together().await;
    let bed = Bed::start();
    let _server = bed.serve().await;
    let proxy = Proxy::start(bed.nats.client_port());
    let client = FeedsClient::new(nats_rpc::connect(proxy.url()).await.unwrap());
    let mut ticks = client.ticks(0, 5).await.unwrap();
    let quiet = client.ticks(0, 0).await.unwrap();
    let echo = client.echo(endless()).await.unwrap();
    let upload = tokio::spawn(client.count(0, endless()));
    ticks.next().await.unwrap().unwrap();
    bed.until_running(STREAMS, LIMIT).await;
    let lost = Instant::now();
    proxy.reset();
    for stream in [ticks, quiet, echo] {
        assert_eq!(rest(stream, TOLD).await.failure, Some(ErrorKind::Unavailable));
    }
    assert_eq!(kind(&upload.await.unwrap().unwrap_err()), ErrorKind::Unavailable);
    let told = lost.elapsed();
    let mut again = client.ticks(0, 0).await.unwrap();
    assert!(lost.elapsed() < Duration::from_secs(2), "the caller is back before it was missed");
    let took = bed.until_running(1, SILENT).await;
    report(
        "the connection of a caller reset",
        &format!(
            "it knew within {told:?}, and the handlers of its old streams were dropped {took:?} after that"
        ),
    );
    let still_open = tokio::time::timeout(Duration::from_millis(100), again.next()).await;
    assert!(still_open.is_err(), "the new stream goes on");
    assert_eq!(client.client().in_flight(), 0);
}
