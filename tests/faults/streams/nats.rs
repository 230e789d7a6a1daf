//! What becomes of streams when the NATS server crashes that they go through.

use std::time::Duration;

use ::tests::FeedsClient;
use futures::StreamExt;
use nats_rpc::{ErrorKind, Retry, ServerBuilder, ServiceClient};
use tokio::time::{Instant, sleep};

use super::bed::{Bed, LIMIT, SILENT, endless, kind, rest};
use crate::bed::report;
use crate::scale::together;

/// How many streams the instance may have open.
const STREAMS: usize = 8;

/// Opens streams of all kinds, as many as may be open, and returns what they end with and when.
async fn open(client: &FeedsClient) -> impl Future<Output = Vec<(Option<ErrorKind>, Instant)>> + use<> {
    let mut reading = Vec::new();
    for number in 0..STREAMS - 1 {
        let stream = match number % 3 {
            0 => client.ticks(0, 5).await.unwrap(),
            1 => client.ticks(0, 0).await.unwrap(),
            _ => client.echo(endless()).await.unwrap(),
        };
        reading.push(tokio::spawn(async move { (rest(stream, LIMIT).await.failure, Instant::now()) }));
    }
    let upload = client.count(0, endless());
    reading.push(tokio::spawn(async move {
        let failure = upload.await.err().map(|error| kind(&error));
        (failure, Instant::now())
    }));
    async move {
        let mut ends = Vec::new();
        for reading in reading {
            ends.push(reading.await.unwrap());
        }
        ends
    }
}

/// Asserts that the instance has as many streams to give as it ever had.
async fn assert_all_can_be_had(bed: &Bed, client: &FeedsClient) {
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(client.ticks(0, 0).await.unwrap());
    }
    let refused = client.ticks(0, 0).retry(Retry::off()).await.unwrap_err();
    assert_eq!(kind(&refused), ErrorKind::Overloaded);
    bed.until_running(STREAMS, LIMIT).await;
    drop(streams);
    bed.until_running(0, LIMIT).await;
    assert_eq!(client.client().in_flight(), 0);
}

/// A stream, as soon as the broker is back.
async fn first_stream(client: &FeedsClient) {
    let begun = Instant::now();
    loop {
        if let Ok(mut stream) = client.ticks(0, 1).await {
            stream.next().await.unwrap().unwrap();
            return;
        }
        assert!(begun.elapsed() < LIMIT);
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_end_when_nats_is_killed_and_new_ones_work_after_its_restart() {
    let _turn = together().await;
    let mut bed = Bed::start();
    let limits = |builder: ServerBuilder| builder.max_streams(STREAMS);
    let server = bed.serve_on(bed.connect().await, limits).await;
    let client = bed.client().await;
    let ends = open(&client).await;
    bed.until_running(STREAMS, LIMIT).await;
    let lost = Instant::now();
    bed.nats.kill();
    let mut slowest = Duration::ZERO;
    for (failure, at) in ends.await {
        assert_eq!(failure, Some(ErrorKind::Unavailable));
        slowest = slowest.max(at.duration_since(lost));
    }
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    let dropped = bed.until_running(0, SILENT).await + lost.elapsed().min(slowest);
    tokio::task::block_in_place(|| bed.nats.restart());
    let back = Instant::now();
    first_stream(&client).await;
    report(
        "nats-server killed with kill -9",
        &format!(
            "callers knew within {slowest:?}, handlers were dropped within {dropped:?}, and a new stream had its first item {:?} after the restart",
            back.elapsed()
        ),
    );
    bed.until_running(0, LIMIT).await;
    assert_all_can_be_had(&bed, &client).await;
    assert_eq!(server.counters().panicked, 0);
}

/// Both sides are back before either was missed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_nats_that_takes_no_time_leaves_no_handler() {
    let _turn = together().await;
    let mut bed = Bed::start();
    let limits = |builder: ServerBuilder| builder.max_streams(2 * STREAMS);
    let _server = bed.serve_on(bed.connect().await, limits).await;
    let client = bed.client().await;
    let ends = open(&client).await;
    bed.until_running(STREAMS, LIMIT).await;
    let lost = Instant::now();
    tokio::task::block_in_place(|| bed.nats.restart());
    for (failure, _) in ends.await {
        assert_eq!(failure, Some(ErrorKind::Unavailable));
    }
    first_stream(&client).await;
    let quiet = client.ticks(0, 0).await.unwrap();
    let back = lost.elapsed();
    let dropped = bed.until_running(1, SILENT).await;
    report(
        "nats-server restarted at once",
        &format!("streams were there again after {back:?}, and old handlers dropped {dropped:?} after that"),
    );
    drop(quiet);
    bed.until_running(0, LIMIT).await;
}
