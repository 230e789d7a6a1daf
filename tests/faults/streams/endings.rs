//! What becomes of streams when instances are shut down or replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::tests::FeedsClient;
use futures::{StreamExt, stream};
use nats_rpc::{ErrorKind, ServiceClient};
use tokio::time::{Instant, sleep};

use super::bed::{Bed, LIMIT, assert_in_order, endless, kind, rest};
use crate::bed::report;
use crate::scale::{Scale, together};

/// How long a shutdown waits for uploads.
const GRACE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_shutdown_ends_streams_of_results_at_once_and_waits_for_uploads() {
    let _turn = together().await;
    let bed = Bed::start();
    let server = bed.serve_on(bed.connect().await, |builder| builder.grace(GRACE)).await;
    let client = bed.client().await;
    let streams = [
        client.ticks(0, 5).await.unwrap(),
        client.ticks(0, 0).await.unwrap(),
        client.echo(endless()).await.unwrap(),
        client.numbers(0, u64::MAX / 2).await.unwrap(),
    ];
    let upload = tokio::spawn(client.count(0, endless().take(100)));
    bed.until_running(5, LIMIT).await;
    let begun = Instant::now();
    let reading =
        streams.map(|stream| tokio::spawn(async move { (rest(stream, LIMIT).await, Instant::now()) }));
    let shutdown = tokio::spawn(server.shutdown());
    let mut slowest = Duration::ZERO;
    for reading in reading {
        let (rest, at) = reading.await.unwrap();
        assert_in_order(&rest.items, 0);
        assert_eq!(rest.failure, Some(ErrorKind::Unavailable));
        slowest = slowest.max(at.duration_since(begun));
    }
    assert_eq!(upload.await.unwrap().unwrap(), 100);
    shutdown.await.unwrap();
    let took = begun.elapsed();
    report(
        "an instance shut down",
        &format!(
            "streams of results ended within {slowest:?}, the shutdown took {took:?} and finished the upload"
        ),
    );
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    assert!(took < GRACE, "{took:?}");
    assert_eq!((bed.feeder.running(), client.client().in_flight()), (0, 0));
}

#[tokio::test]
async fn an_upload_without_an_end_ends_with_the_grace_time() {
    let _turn = together().await;
    let bed = Bed::start();
    let server = bed.serve_on(bed.connect().await, |builder| builder.grace(GRACE)).await;
    let client = bed.client().await;
    let upload = tokio::spawn(client.count(0, endless()));
    bed.until_running(1, LIMIT).await;
    let begun = Instant::now();
    server.shutdown().await;
    let took = begun.elapsed();
    assert_eq!(kind(&upload.await.unwrap().unwrap_err()), ErrorKind::Unavailable);
    assert!((GRACE..GRACE + Duration::from_secs(1)).contains(&took), "{took:?}");
    assert_eq!((bed.feeder.running(), client.client().in_flight()), (0, 0));
}

/// Reads on where it was interrupted until it is told to end; returns what came, and how often that was.
async fn resuming(client: FeedsClient, is_over: Arc<AtomicBool>) -> (Vec<u64>, usize) {
    let (mut items, mut interruptions) = (Vec::new(), 0);
    loop {
        let next = u64::try_from(items.len()).unwrap();
        let mut ticks = client.ticks(next, 1).await.unwrap();
        let failure = loop {
            if is_over.load(Ordering::SeqCst) {
                return (items, interruptions);
            }
            match ticks.next().await.expect("they have no end") {
                Ok(item) => items.push(item),
                Err(error) => break kind(&error),
            }
        };
        assert_eq!(failure, ErrorKind::Unavailable);
        interruptions += 1;
    }
}

/// Uploads over and over until it is told to end; returns how often.
async fn uploading(client: FeedsClient, is_over: Arc<AtomicBool>) -> usize {
    let mut uploads = 0;
    while !is_over.load(Ordering::SeqCst) {
        assert_eq!(client.count(0, stream::iter(0..500)).await.unwrap(), 500);
        assert_eq!(client.count(0, endless().take(5)).await.unwrap(), 5);
        uploads += 2;
    }
    uploads
}

#[tokio::test]
async fn readers_that_resume_and_callers_that_upload_lose_nothing_while_instances_are_replaced() {
    let _turn = together().await;
    let bed = Bed::start();
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(bed.serve().await);
    }
    let client = bed.client().await;
    let is_over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> =
        (0..8).map(|_| tokio::spawn(resuming(client.clone(), Arc::clone(&is_over)))).collect();
    let uploads: Vec<_> =
        (0..4).map(|_| tokio::spawn(uploading(client.clone(), Arc::clone(&is_over)))).collect();
    let replaced = Scale::get().pick(6, 30);
    for number in 0..replaced {
        sleep(Duration::from_millis(200)).await;
        let next = bed.serve().await;
        std::mem::replace(&mut servers[number % 3], next).shutdown().await;
    }
    is_over.store(true, Ordering::SeqCst);
    let (mut came, mut interruptions) = (0, 0);
    for reader in readers {
        let (items, interrupted) = reader.await.unwrap();
        assert_in_order(&items, 0);
        came += items.len();
        interruptions += interrupted;
    }
    let mut uploaded = 0;
    for upload in uploads {
        uploaded += upload.await.unwrap();
    }
    report(
        "instances replaced one by one",
        &format!(
            "{replaced} replaced: 8 readers resumed {interruptions} times, {came} items came, each once; {uploaded} of {uploaded} uploads were complete"
        ),
    );
    assert!(interruptions >= 8, "{interruptions}");
    assert_eq!(bed.feeder.failures(), []);
    bed.until_running(0, LIMIT).await;
    assert_eq!(client.client().in_flight(), 0);
}
