//! How a stream ends that does not end by itself, and that nothing is left of it.

use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use nats_rpc::{Context, ErrorKind, Execution, Server};
use tokio::time::Instant;

use super::bed::{Bank, Banks, RiverClient, RiverServer, drained, rpc};
use crate::bed::{Bed, assert_failed, eventually};
use crate::wires::on_every_wire;

on_every_wire! {
    tagged a_dropped_stream_drops_its_handler,
    a_consumer_that_pauses_holds_the_producer_back,
    tagged a_shutdown_ends_streams_of_results_and_lets_uploads_finish,
    tagged a_dropped_server_ends_its_streams,
    a_stream_ends_with_the_handler_that_has_opened_it,
    one_of_many_instances_has_a_stream_of_a_broadcast,
}

async fn a_dropped_stream_drops_its_handler(bed: Bed) {
    let banks = Banks::of(bed).await;
    let mut numbers = banks.client.numbers(u64::MAX).await.unwrap();
    assert_eq!(numbers.next().await.unwrap().unwrap(), 0);
    let silent = banks.client.silent().await.unwrap();
    assert_eq!(banks.bank.0.open(), 2);
    drop(numbers);
    eventually("the one is dropped", || banks.bank.0.open() == 1).await;
    drop(silent);
    banks.until_none_is_open().await;
    assert_eq!(banks.server.counters().cancelled, 2);
    assert_eq!(banks.server.counters().failed, 0);
}

async fn a_consumer_that_pauses_holds_the_producer_back(bed: Bed) {
    let banks = Banks::of(bed).await;
    let mut numbers = banks.client.numbers(u64::MAX).await.unwrap();
    let yielded = || banks.bank.0.yielded.load(std::sync::atomic::Ordering::SeqCst);
    eventually("the window is used", || yielded() == 256).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(yielded(), 256, "nothing was asked for that is not wanted");
    for expected in 0..128 {
        assert_eq!(numbers.next().await.unwrap().unwrap(), expected);
    }
    eventually("as many more are asked for as were taken", || yielded() == 384).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(yielded(), 384);
}

async fn a_shutdown_ends_streams_of_results_and_lets_uploads_finish(bed: Bed) {
    let banks = Banks::of(bed).await;
    let silent = banks.client.silent().await.unwrap();
    let slow = stream::iter(0..8_u64).then(|n| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        n
    });
    let upload = tokio::spawn(banks.client.sum(0, slow));
    eventually("both run", || banks.bank.0.open() == 2).await;
    let begun = Instant::now();
    let ((count, error), ()) = tokio::join!(drained(silent), banks.server.shutdown());
    let error = rpc(error);
    assert_eq!(
        (count, error.kind(), error.execution()),
        (0, ErrorKind::Unavailable, Execution::MaybeExecuted)
    );
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(upload.await.unwrap().unwrap(), 28, "what has an end is finished");
}

async fn a_dropped_server_ends_its_streams(bed: Bed) {
    let banks = Banks::of(bed).await;
    let (silent, upload) = (
        banks.client.silent().await.unwrap(),
        tokio::spawn(banks.client.sum(0, stream::iter([1]).chain(stream::pending()))),
    );
    eventually("both run", || banks.bank.0.open() == 2).await;
    drop(banks.server);
    let error = rpc(drained(silent).await.1);
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let failed = upload.await.unwrap();
    assert_failed(failed, ErrorKind::Unavailable, Execution::MaybeExecuted);
    eventually("the handlers are dropped", || banks.bank.0.open() == 0).await;
}

/// A service that opens a stream of another one.
#[nats_rpc::service]
trait Canal {
    fn through(&self) -> impl Stream<Item = u64>;
    async fn lead(&self) -> u64;
}

struct Ditch(RiverClient);

impl Canal for Ditch {
    fn through(&self) -> impl Stream<Item = u64> {
        let river = self.0.clone();
        let opened = stream::once(async move { river.silent().await.unwrap() });
        opened.flatten().map(Result::unwrap)
    }

    async fn lead(&self) -> u64 {
        assert!(Context::current().is_some());
        let mut silent = self.0.silent().await.unwrap();
        silent.next().await.map_or(0, Result::unwrap)
    }
}

async fn a_stream_ends_with_the_handler_that_has_opened_it(bed: Bed) {
    let banks = Banks::of(bed).await;
    let ditch = CanalServer::new(Ditch(RiverClient::new(banks.bed.connect().await)));
    let canal: Server = banks.bed.server_builder().await.add(ditch).start().await.unwrap();
    let client = CanalClient::new(banks.bed.connect().await);
    let stream = client.through().await.unwrap();
    let call = tokio::spawn(client.lead().timeout(Duration::from_secs(60)));
    let mut stream = Box::pin(stream);
    let polled = tokio::time::timeout(Duration::from_millis(50), stream.next()).await;
    assert!(polled.is_err());
    eventually("both are open", || banks.bank.0.open() == 2).await;
    drop(stream);
    eventually("the one is dropped", || banks.bank.0.open() == 1).await;
    // It is cancelled once it is known where it is, a quarter of a second after it was made.
    call.abort();
    banks.until_none_is_open().await;
    let short = client.lead().timeout(Duration::from_millis(400)).await;
    assert_failed(short, ErrorKind::DeadlineExceeded, Execution::MaybeExecuted);
    banks.until_none_is_open().await;
    drop(canal);
}

async fn one_of_many_instances_has_a_stream_of_a_broadcast(bed: Bed) {
    let (one, two) = (Bank::default(), Bank::default());
    let mut servers = Vec::new();
    for bank in [&one, &two] {
        let builder = bed.server_builder().await.broadcast().add(RiverServer::new(bank.clone()));
        servers.push(builder.start().await.unwrap());
    }
    let client = RiverClient::new(bed.connect().await);
    let silent = client.silent().await.unwrap();
    eventually("the others are told", || one.0.open() + two.0.open() == 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(one.0.open() + two.0.open(), 1);
    drop(silent);
    eventually("none is left", || one.0.open() + two.0.open() == 0).await;
    let (count, error) = drained(client.numbers(3000).await.unwrap()).await;
    assert!(count == 3000 && error.is_none(), "{count} {error:?}");
    eventually("none is left", || one.0.open() + two.0.open() == 0).await;
}
