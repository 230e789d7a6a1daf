//! What shows when a stream is opened.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use nats_rpc::{CallError, Client, ErrorKind, Execution, Retry, Server};
use tokio::time::Instant;

use super::bed::{Bank, Banks, Dry, RiverClient, RiverServer, drained, kind};
use crate::bed::{Bed, assert_failed, raw_request};
use crate::wires::on_every_wire;

on_every_wire! {
    tagged nobody_is_known_at_once,
    the_error_of_opening_is_the_calls_own,
    headers_travel_both_ways_and_the_context_is_ambient,
    the_default_timeout_bounds_only_the_opening,
    an_opening_that_takes_long_is_waited_for_and_cancelled,
    a_timeout_of_the_call_bounds_the_whole_stream,
    tagged a_stream_is_opened_at_the_chosen_instance,
    plain_calls_and_plain_clients_are_refused,
    a_method_of_another_kind_is_refused_before_it_runs,
    layers_of_both_sides_see_the_opening,
    a_call_that_is_not_awaited_does_nothing,
}

async fn nobody_is_known_at_once(bed: Bed) {
    let client = RiverClient::new(bed.connect().await);
    assert_failed(client.numbers(1).await, ErrorKind::NoResponders, Execution::NotExecuted);
    let sum = client.sum(0, stream::iter([1])).await;
    assert_failed(sum, ErrorKind::NoResponders, Execution::NotExecuted);
}

async fn the_error_of_opening_is_the_calls_own(bed: Bed) {
    let banks = Banks::of(bed).await;
    let refused = banks.client.guarded("no").await;
    assert!(matches!(refused, Err(CallError::Service(Dry(0)))), "{refused:?}");
    let mut stream = banks.client.guarded("yes").await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), "yes!");
    assert!(matches!(stream.next().await, Some(Err(CallError::Service(Dry(1))))));
    assert!(stream.next().await.is_none());
}

async fn headers_travel_both_ways_and_the_context_is_ambient(bed: Bed) {
    let banks = Banks::of(bed).await;
    let stream = banks.client.context().header("tenant", "acme").await.unwrap();
    assert_eq!(stream.headers().get("river"), Some("deep"));
    let seen: Vec<String> = stream.try_collect().await.unwrap();
    assert_eq!(seen, ["context", "acme", "false", "context"]);
    let bounded = banks.client.context().timeout(Duration::from_secs(60)).await.unwrap();
    let seen: Vec<String> = bounded.try_collect().await.unwrap();
    assert_eq!(seen, ["context", "none", "true", "context"]);
}

async fn the_default_timeout_bounds_only_the_opening(bed: Bed) {
    let banks = Banks::of(bed).await;
    let builder = Client::builder(banks.bed.connect().await).timeout(Duration::from_millis(300));
    let client = RiverClient::new(builder.build().unwrap());
    let mut silent = client.silent().await.unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(700), silent.next()).await;
    assert!(waited.is_err(), "it is still open: {waited:?}");
    let slow = stream::unfold(0_u64, |n| async move {
        tokio::time::sleep(Duration::from_millis(150)).await;
        (n < 4).then_some((n, n + 1))
    });
    assert_eq!(client.sum(0, slow).await.unwrap(), 6);
}

async fn an_opening_that_takes_long_is_waited_for_and_cancelled(bed: Bed) {
    let banks = Banks::of(bed).await;
    let opened: Vec<u64> = banks.client.late(600).await.unwrap().try_collect().await.unwrap();
    assert_eq!(opened, [600]);
    let dropped = tokio::time::timeout(Duration::from_millis(500), banks.client.late(600_000)).await;
    assert!(dropped.is_err());
    banks.until_none_is_open().await;
    let builder = Client::builder(banks.bed.connect().await).timeout(Duration::from_millis(400));
    let hasty = RiverClient::new(builder.build().unwrap());
    assert_failed(hasty.late(600_000).await, ErrorKind::DeadlineExceeded, Execution::MaybeExecuted);
    banks.until_none_is_open().await;
}

async fn a_timeout_of_the_call_bounds_the_whole_stream(bed: Bed) {
    let banks = Banks::of(bed).await;
    let begun = Instant::now();
    let silent = banks.client.silent().timeout(Duration::from_millis(300)).await.unwrap();
    let (count, error) = drained(silent).await;
    assert_eq!((count, kind(error)), (0, ErrorKind::DeadlineExceeded));
    assert!(begun.elapsed() >= Duration::from_millis(290), "{:?}", begun.elapsed());
    banks.until_none_is_open().await;
    let endless = banks.client.sum(0, stream::pending()).timeout(Duration::from_millis(300)).await;
    assert_failed(endless, ErrorKind::DeadlineExceeded, Execution::MaybeExecuted);
    banks.until_none_is_open().await;
}

async fn a_stream_is_opened_at_the_chosen_instance(bed: Bed) {
    let banks = Banks::of(bed).await;
    let builder = banks.bed.server_builder().await.add(RiverServer::new(Bank::default()));
    let other = builder.id("other").start().await.unwrap();
    for id in [banks.server.id(), other.id()] {
        assert_eq!(banks.client.numbers(1).at(id).await.unwrap().instance(), id);
    }
    let gone = banks.client.numbers(1).at("gone").await;
    assert_failed(gone, ErrorKind::NoResponders, Execution::NotExecuted);
}

async fn plain_calls_and_plain_clients_are_refused(bed: Bed) {
    let banks = Banks::of(bed).await;
    let reply = raw_request(&banks.bed.connect().await, "river.numbers", &[], r#"{"count":1}"#).await;
    crate::bed::assert_plain_error(&reply, "404", "0");
    let plain = Client::builder(banks.bed.connect().await).plain().build().unwrap();
    let refused = RiverClient::new(&plain).numbers(1).await;
    assert_failed(refused, ErrorKind::Unimplemented, Execution::NotExecuted);
    assert_eq!(banks.server.counters().started, 0);
}

/// The same service as others may know it.
mod misunderstood {
    use futures::Stream;

    #[nats_rpc::service]
    pub(super) trait River {
        async fn numbers(&self, count: u64) -> u64;
        fn ordinary(&self) -> impl Stream<Item = u64>;
    }
}

async fn a_method_of_another_kind_is_refused_before_it_runs(bed: Bed) {
    let banks = Banks::of(bed).await;
    let other = misunderstood::RiverClient::new(banks.bed.connect().await);
    assert_failed(other.numbers(1).await, ErrorKind::Unimplemented, Execution::NotExecuted);
    assert_failed(other.ordinary().await, ErrorKind::Unimplemented, Execution::NotExecuted);
    assert_eq!(banks.server.counters().started, 0);
}

async fn layers_of_both_sides_see_the_opening(bed: Bed) {
    let seen = Arc::new(AtomicUsize::new(0));
    let (at_server, at_client) = (Arc::clone(&seen), Arc::clone(&seen));
    let server = bed.server_builder().await.layer(nats_rpc::middleware::from_fn(
        move |call: nats_rpc::RawCall, next: nats_rpc::middleware::ServerService| {
            at_server.fetch_add(1, Ordering::SeqCst);
            tower::ServiceExt::oneshot(next, call)
        },
    ));
    let server: Server = server.add(RiverServer::new(Bank::default())).start().await.unwrap();
    let client = Client::builder(bed.connect().await).layer(nats_rpc::middleware::from_fn(
        move |request: nats_rpc::middleware::ClientRequest, next: nats_rpc::middleware::ClientService| {
            at_client.fetch_add(100, Ordering::SeqCst);
            tower::ServiceExt::oneshot(next, request)
        },
    ));
    let client = RiverClient::new(client.build().unwrap());
    let numbers: Vec<u64> = client.numbers(1000).await.unwrap().try_collect().await.unwrap();
    assert_eq!((numbers.len(), seen.load(Ordering::SeqCst)), (1000, 101));
    assert_eq!(client.sum(0, stream::iter(0..1000)).await.unwrap(), 499_500);
    assert_eq!(seen.load(Ordering::SeqCst), 202);
    assert!(matches!(client.guarded("no").await, Err(CallError::Service(Dry(0)))));
    drop(server);
}

async fn a_call_that_is_not_awaited_does_nothing(bed: Bed) {
    let banks = Banks::of(bed).await;
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let items = stream::iter(0..10).inspect(move |_| _ = counted.fetch_add(1, Ordering::SeqCst));
    drop(banks.client.sum(0, items));
    drop(banks.client.numbers(1).retry(Retry::off()));
    assert_eq!(banks.client.ordinary().await, Ok(1));
    assert_eq!((banks.server.counters().started, taken.load(Ordering::SeqCst)), (1, 0));
}
