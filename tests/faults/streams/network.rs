//! What becomes of streams when the connection of their instance breaks, and nothing else.

use std::time::Duration;

use ::tests::{FeedsClient, Proxy};
use futures::{StreamExt, stream};
use nats_rpc::{ErrorKind, ServiceClient};
use tokio::time::{Instant, sleep};

use super::bed::{Bed, LIMIT, SILENT, assert_in_order, endless, kind, rest};
use crate::bed::report;
use crate::scale::together;

/// What was on its way is lost, and the instance is there again before it is missed.
#[tokio::test]
async fn no_stream_hangs_whose_instance_has_lost_its_connection_for_a_moment() {
    let _turn = together().await;
    let bed = Bed::start();
    let proxy = Proxy::start(bed.nats.client_port());
    let _server = bed.serve_on(nats_rpc::connect(proxy.url()).await.unwrap(), |builder| builder).await;
    let client = bed.client().await;
    let mut reading = Vec::new();
    for number in 0..12 {
        let stream = match number % 4 {
            0 => client.ticks(0, 1).await.unwrap(),
            1 => client.ticks(0, 0).await.unwrap(),
            2 => client.echo(endless()).await.unwrap(),
            _ => client.numbers(0, 500_000).await.unwrap(),
        };
        reading.push(tokio::spawn(rest(stream, LIMIT)));
    }
    let mut uploads = Vec::new();
    for _ in 0..3 {
        uploads.push(tokio::spawn(client.count(0, stream::iter(0..).take(500_000))));
    }
    bed.until_running(15, LIMIT).await;
    sleep(Duration::from_millis(50)).await;
    let lost = Instant::now();
    proxy.reset();
    let (mut complete, mut ended) = (0, Duration::ZERO);
    for reading in reading {
        let rest = reading.await.unwrap();
        assert_in_order(&rest.items, 0);
        match rest.failure {
            None => complete += 1,
            Some(kind) => assert!(matches!(kind, ErrorKind::Unavailable | ErrorKind::DataLoss), "{kind:?}"),
        }
        ended = ended.max(lost.elapsed());
    }
    for upload in uploads {
        match upload.await.unwrap() {
            Ok(count) => assert!(count == 500_000 || !bed.feeder.failures().is_empty(), "{count}"),
            Err(error) => assert_eq!(kind(&error), ErrorKind::Unavailable),
        }
        ended = ended.max(lost.elapsed());
    }
    report(
        "the connection of an instance reset",
        &format!("{complete} of 12 streams were complete before, the others ended within {ended:?}"),
    );
    assert!(ended <= SILENT, "{ended:?}");
    bed.until_running(0, SILENT).await;
    let client = FeedsClient::new(client.client());
    let numbers = rest(client.numbers(0, 1000).await.unwrap(), LIMIT).await;
    assert_eq!((numbers.items.len(), numbers.failure), (1000, None));
    assert_eq!(client.client().in_flight(), 0);
}

/// The window is on its way all the time.
#[tokio::test]
async fn streams_through_a_slow_link_are_complete_and_in_order() {
    let _turn = together().await;
    let bed = Bed::start();
    let _server = bed.serve().await;
    let proxy = Proxy::start(bed.nats.client_port());
    proxy.throttle(2_000_000);
    let client = FeedsClient::new(nats_rpc::connect(proxy.url()).await.unwrap());
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(tokio::spawn(rest(client.numbers(0, 10_000).await.unwrap(), LIMIT)));
    }
    for stream in streams {
        let numbers = stream.await.unwrap();
        assert_in_order(&numbers.items, 0);
        assert_eq!((numbers.items.len(), numbers.failure), (10_000, None));
    }
    assert_eq!(client.count(0, stream::iter(0..10_000)).await.unwrap(), 10_000);
    let echo = client.echo(stream::iter(0..10_000)).await.unwrap();
    assert_eq!(echo.filter(|item| std::future::ready(item.is_ok())).count().await, 10_000);
}
