//! What streams leave behind that are dropped.

use std::time::Duration;

use ::tests::FeedsClient;
use futures::{FutureExt, StreamExt, stream};
use nats_rpc::{ErrorKind, Retry, ServerBuilder, ServiceClient};
use tokio::time::{Instant, timeout};

use super::bed::{Bed, LIMIT, endless, kind};
use crate::bed::report;
use crate::leftovers::resident_kib;
use crate::scale::{Scale, alone, together};

/// How long nothing is said any more, after which nothing will be: heartbeats come each second.
const SILENCE: Duration = Duration::from_secs(3);

/// Asserts that nobody says anything about streams any more, to instances or to callers.
async fn assert_silent(bed: &Bed) {
    let nats = async_nats::connect(bed.nats.url()).await.unwrap();
    let control = nats.subscribe("feeds._ctl.>").await.unwrap();
    let inboxes = nats.subscribe("_INBOX.>").await.unwrap();
    nats.flush().await.unwrap();
    let mut heard = stream::select(control, inboxes);
    // What was on its way may still come, but no heartbeat after that.
    let _ = timeout(Duration::from_millis(100), heard.by_ref().for_each(|_| async {})).await;
    let heard = timeout(SILENCE, heard.next()).await;
    assert!(heard.is_err(), "{heard:?}");
}

/// Opens a stream of one of all kinds and drops it when it has begun.
async fn open_and_drop(client: &FeedsClient, number: usize) {
    match number % 4 {
        0 => {
            let mut stream = client.numbers(0, u64::MAX / 2).await.unwrap();
            assert_eq!(stream.next().await.unwrap().unwrap(), 0);
        }
        1 => drop(client.ticks(0, 0).await.unwrap()),
        2 => {
            let mut stream = client.echo(stream::iter(0..)).await.unwrap();
            assert_eq!(stream.next().await.unwrap().unwrap(), 0);
        }
        _ => {
            let (asked, mut wanted) = futures::channel::mpsc::unbounded();
            let items = stream::iter(0..).inspect(move |_| _ = asked.unbounded_send(())).take(1000);
            let mut upload = client.ignore(items);
            tokio::select! {
                counted = &mut upload => panic!("{counted:?}"),
                _ = wanted.next() => {}
            }
        }
    }
}

/// The same so often, in four tasks.
async fn open_and_drop_many(client: &FeedsClient, streams: usize) {
    let tasks = (0..4).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            for number in 0..streams / 4 {
                open_and_drop(&client, number).await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_streams_one_after_the_other_leave_nothing() {
    let _turn = alone().await;
    let bed = Bed::start();
    let server = bed.serve_on(bed.connect().await, |builder| builder.max_streams(32)).await;
    let client = bed.client().await;
    open_and_drop_many(&client, 500).await;
    bed.until_running(0, LIMIT).await;
    let (before, begun) = (resident_kib(), Instant::now());
    let streams = Scale::get().pick(3000, 10_000);
    open_and_drop_many(&client, streams).await;
    bed.until_running(0, LIMIT).await;
    let (grown, took) = (resident_kib().saturating_sub(before), begun.elapsed());
    report(
        "streams opened and dropped one after the other",
        &format!("{streams} in {:.1} s, and {grown} KiB more memory than before", took.as_secs_f32()),
    );
    // 256 bytes for each would be 2.4 MiB, and what the allocator keeps for itself.
    assert!(grown < 8 * 1024, "{grown} KiB");
    assert_eq!(client.client().in_flight(), 0);
    assert_eq!(client.client().connection().pending_calls(), 0);
    assert_eq!(server.counters().panicked, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_streams_at_once_leave_nothing_and_can_be_had_again() {
    const CLIENTS: usize = 50;
    const EACH: usize = 20;
    let _turn = together().await;
    let bed = Bed::start();
    let limits = |builder: ServerBuilder| builder.max_streams(CLIENTS * EACH);
    let server = bed.serve_on(bed.connect().await, limits).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(bed.client().await);
    }
    for round in 0..Scale::get().pick(1, 10) {
        let begun = Instant::now();
        let opening = clients.iter().map(async |client| {
            let mut streams = Vec::new();
            for number in 0..EACH {
                streams.push(match number % 3 {
                    0 => client.numbers(0, u64::MAX / 2).await.unwrap(),
                    1 => client.ticks(0, 100).await.unwrap(),
                    _ => client.echo(endless()).await.unwrap(),
                });
                let first = streams.last_mut().unwrap().next().await.unwrap();
                assert_eq!(first.unwrap(), 0);
            }
            streams
        });
        let mut streams = futures::future::join_all(opening).await;
        for stream in streams.iter_mut().flatten() {
            // One that is always ready, and one that waits.
            let next = stream.next().now_or_never().flatten();
            assert!(next.as_ref().is_none_or(Result::is_ok), "{next:?}");
        }
        bed.until_running(CLIENTS * EACH, LIMIT).await;
        let refused = clients[0].ticks(0, 0).retry(Retry::off()).await.unwrap_err();
        assert_eq!(kind(&refused), ErrorKind::Overloaded, "all are taken");
        let opened = begun.elapsed();
        drop(streams);
        let dropped = bed.until_running(0, LIMIT).await;
        report(
            "1000 streams of 50 clients at once",
            &format!("round {round}: opened within {opened:?}, handlers dropped within {dropped:?}"),
        );
    }
    for client in &clients {
        assert_eq!(client.client().in_flight(), 0);
        assert_eq!(client.client().connection().pending_calls(), 0);
    }
    assert_eq!(server.counters().panicked, 0);
    assert_silent(&bed).await;
}
