//! What becomes of streams when the instance dies, freezes or is cut off that has them.

use std::time::Duration;

use ::tests::{FeedsClient, NatsServer, Proxy};
use futures::{StreamExt, stream};
use nats_rpc::{ErrorKind, ServiceClient};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::bed::{Rest, SILENT, TOLD, assert_in_order, endless, kind, rest};
use crate::bed::report;
use crate::fleet::Fleet;
use crate::scale::together;

/// Who is lost.
const VICTIM: &str = "one-0";

/// Streams of all kinds at one instance.
struct Open {
    reading: Vec<JoinHandle<Rest<u64>>>,
    uploading: JoinHandle<(Option<ErrorKind>, Instant)>,
}

impl Open {
    /// Returns when something has come on each that is not quiet.
    async fn at(client: &FeedsClient, instance: &str) -> Self {
        let mut ticks = client.ticks(0, 5).at(instance).await.unwrap();
        let quiet = client.ticks(0, 0).at(instance).await.unwrap();
        let mut echo = client.echo(endless()).at(instance).await.unwrap();
        let mut numbers = client.numbers(0, u64::MAX / 2).at(instance).await.unwrap();
        for stream in [&mut ticks, &mut echo, &mut numbers] {
            assert_eq!(stream.next().await.unwrap().unwrap(), 0);
        }
        let (asked, mut wanted) = futures::channel::mpsc::unbounded();
        let items = endless().inspect(move |_| _ = asked.unbounded_send(()));
        let upload = client.count(0, items).at(instance);
        let uploading =
            tokio::spawn(async move { (upload.await.err().map(|error| kind(&error)), Instant::now()) });
        wanted.next().await.unwrap();
        let reading = [ticks, quiet, echo].map(|stream| tokio::spawn(rest(stream, 2 * SILENT)));
        Open { reading: reading.into_iter().chain([tokio::spawn(slowly(numbers))]).collect(), uploading }
    }

    /// Asserts that all end because the instance is gone; returns how long the slowest took.
    async fn assert_lost(self, lost: Instant, limit: Duration) -> Duration {
        let mut slowest = Duration::ZERO;
        for reading in self.reading {
            let rest = reading.await.unwrap();
            assert_eq!(rest.failure, Some(ErrorKind::Unavailable));
            assert_in_order(&rest.items, rest.items.first().copied().unwrap_or_default());
            slowest = slowest.max(lost.elapsed());
        }
        let (failure, at) = self.uploading.await.unwrap();
        assert_eq!(failure, Some(ErrorKind::Unavailable));
        slowest = slowest.max(at.duration_since(lost));
        assert!(slowest <= limit, "{slowest:?}");
        slowest
    }
}

/// Takes a stream that is always ready to its end, a little at a time.
async fn slowly<E: std::fmt::Debug>(mut stream: nats_rpc::Streaming<u64, E>) -> Rest<u64> {
    let (mut items, mut failure) = (Vec::new(), None);
    while let Some(item) = stream.next().await {
        match item {
            Ok(item) => items.push(item),
            Err(error) => failure = Some(kind(&error)),
        }
        if items.len() % 256 == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    Rest { items, failure }
}

/// Asserts that nothing is left at the client, and that streams can be had.
async fn assert_well(client: &FeedsClient) {
    assert_eq!(client.client().in_flight(), 0);
    let numbers = client.numbers(7, 1000).await.unwrap();
    let rest = rest(numbers, SILENT).await;
    assert_eq!((rest.items.len(), rest.failure), (1000, None));
    assert_eq!(client.count(0, stream::iter(0..1000)).await.unwrap(), 1000);
    assert_eq!(client.client().in_flight(), 0);
}

#[tokio::test]
async fn streams_of_an_instance_that_is_killed_end_and_those_of_others_go_on() {
    let _turn = together().await;
    let nats = NatsServer::start();
    let mut fleet = Fleet::of_feeders(nats.url(), 2);
    let client = FeedsClient::new(nats_rpc::connect(nats.url()).await.unwrap());
    let mut other = client.ticks(0, 5).at("one-1").await.unwrap();
    let open = Open::at(&client, VICTIM).await;
    let lost = Instant::now();
    fleet.instances[0].kill();
    let slowest = open.assert_lost(lost, TOLD).await;
    report("an instance killed with kill -9", &format!("its streams ended within {slowest:?}"));
    for number in 0..200 {
        assert_eq!(other.next().await.unwrap().unwrap(), number);
    }
    drop(other);
    assert_well(&client).await;
}

#[tokio::test]
async fn streams_of_an_instance_that_is_frozen_end() {
    let _turn = together().await;
    let nats = NatsServer::start();
    let fleet = Fleet::of_feeders(nats.url(), 1);
    let client = FeedsClient::new(nats_rpc::connect(nats.url()).await.unwrap());
    let open = Open::at(&client, VICTIM).await;
    let lost = Instant::now();
    fleet.instances[0].pause();
    let slowest = open.assert_lost(lost, SILENT).await;
    report("an instance frozen with SIGSTOP", &format!("its streams ended within {slowest:?}"));
    fleet.instances[0].resume();
    assert_well(&client).await;
}

#[tokio::test]
async fn streams_of_an_instance_that_is_cut_off_end() {
    let _turn = together().await;
    let nats = NatsServer::start();
    let proxy = Proxy::start(nats.client_port());
    let fleet = Fleet::of_feeders(&proxy.url(), 1);
    let client = FeedsClient::new(nats_rpc::connect(nats.url()).await.unwrap());
    let open = Open::at(&client, fleet.instances[0].id()).await;
    let lost = Instant::now();
    proxy.black_hole();
    let slowest = open.assert_lost(lost, SILENT).await;
    report("an instance black-holed", &format!("its streams ended within {slowest:?}"));
    proxy.pass();
    while client.numbers(0, 1).await.is_err() {
        assert!(lost.elapsed() < Duration::from_secs(20));
        sleep(Duration::from_millis(50)).await;
    }
    assert_well(&client).await;
}
