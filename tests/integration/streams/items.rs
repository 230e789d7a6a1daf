//! What a caller streams in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use nats_rpc::{CallError, ErrorKind, Execution, Server};

use super::bed::{Bank, Banks, Dry, RiverServer, drained, kind};
use crate::bed::{Bed, assert_failed, eventually};
use crate::wires::on_every_wire;

on_every_wire! {
    tagged items_arrive_in_order_and_the_result_comes_back,
    files_of_any_size_can_be_sent,
    an_answer_may_come_before_the_end_of_the_items,
    what_is_refused_was_not_taken_from_its_stream,
    an_item_that_is_too_large_fails_the_call,
    a_stream_of_items_that_panics_fails_the_call,
    tagged a_dropped_call_drops_its_items_and_its_handler,
    both_sides_can_talk_in_turn,
    a_half_close_ends_the_items_and_not_the_results,
    an_item_that_does_not_decode_is_an_error_of_the_handler,
    a_result_has_what_came_beside_it,
}

/// A stream of items that tells how many were taken, and when it is dropped.
fn watched<T>(
    items: impl stream::Stream<Item = T>,
) -> (impl stream::Stream<Item = T>, Arc<AtomicUsize>, Arc<()>) {
    let (taken, alive) = (Arc::new(AtomicUsize::new(0)), Arc::new(()));
    let (counter, guard) = (Arc::clone(&taken), Arc::clone(&alive));
    let items = items.inspect(move |_| {
        let _guard = &guard;
        counter.fetch_add(1, Ordering::SeqCst);
    });
    (items, taken, alive)
}

async fn items_arrive_in_order_and_the_result_comes_back(bed: Bed) {
    let banks = Banks::of(bed).await;
    assert_eq!(banks.client.sum(5, stream::iter(0..20_000)).await.unwrap(), 199_990_005);
    assert_eq!(banks.client.sum(5, stream::empty()).await.unwrap(), 5);
    let words: Vec<String> = (0..2000).map(|n| n.to_string()).collect();
    let all = banks.client.first(5000, stream::iter(words.clone())).await.unwrap();
    assert_eq!(all, words);
    banks.until_none_is_open().await;
}

async fn files_of_any_size_can_be_sent(bed: Bed) {
    let banks = Banks::of(bed).await;
    let chunk = Bytes::from(vec![7; 512 * 1024]);
    let chunks = stream::iter(0..60).map(move |_| chunk.clone());
    assert_eq!(banks.client.measure(chunks).await.unwrap(), 30 * 1024 * 1024);
}

async fn an_answer_may_come_before_the_end_of_the_items(bed: Bed) {
    let banks = Banks::of(bed).await;
    let (endless, taken, alive) = watched(stream::iter(0_u64..).map(|n| n.to_string()));
    assert_eq!(banks.client.first(3, endless).await.unwrap(), ["0", "1", "2"]);
    eventually("the items are dropped", || Arc::strong_count(&alive) == 1).await;
    assert!(taken.load(Ordering::SeqCst) < 10_000);
}

async fn what_is_refused_was_not_taken_from_its_stream(bed: Bed) {
    let banks = Banks::of(bed).await;
    let (items, taken, alive) = watched(stream::iter(["a".to_owned()]));
    let refused = banks.client.uninterested(items).await;
    assert!(matches!(refused, Err(CallError::Service(Dry(7)))), "{refused:?}");
    assert_eq!(taken.load(Ordering::SeqCst), 0);
    eventually("the items are dropped", || Arc::strong_count(&alive) == 1).await;
}

async fn an_item_that_is_too_large_fails_the_call(bed: Bed) {
    let banks = Banks::of(bed).await;
    let chunks = stream::iter([Bytes::from_static(b"small"), vec![0; 1024 * 1024].into()]);
    let failed = banks.client.measure(chunks).await;
    assert_failed(failed, ErrorKind::PayloadTooLarge, Execution::MaybeExecuted);
    banks.until_none_is_open().await;
}

async fn a_stream_of_items_that_panics_fails_the_call(bed: Bed) {
    let banks = Banks::of(bed).await;
    let items = stream::iter(0..10_u64).inspect(|n| assert!(*n < 5, "a stream that panics"));
    assert_failed(banks.client.sum(0, items).await, ErrorKind::Internal, Execution::MaybeExecuted);
    let items = stream::iter(0..10_u64).inspect(|n| assert!(*n < 5, "a stream that panics"));
    let (_, error) = drained(banks.client.double(items).await.unwrap()).await;
    assert_eq!(kind(error), ErrorKind::Internal);
    banks.until_none_is_open().await;
}

async fn a_dropped_call_drops_its_items_and_its_handler(bed: Bed) {
    let banks = Banks::of(bed).await;
    let (items, taken, alive) = watched(stream::iter(0..100_u64).chain(stream::pending()));
    let mut call = Box::pin(banks.client.sum(0, items));
    tokio::select! {
        sum = &mut call => panic!("it has no end: {sum:?}"),
        () = eventually("it takes items", || taken.load(Ordering::SeqCst) == 100) => {}
    }
    assert_eq!(banks.bank.0.open(), 1);
    drop(call);
    banks.until_none_is_open().await;
    eventually("the items are dropped", || Arc::strong_count(&alive) == 1).await;
    assert_eq!(banks.server.counters().cancelled, 1);
}

async fn both_sides_can_talk_in_turn(bed: Bed) {
    let banks = Banks::of(bed).await;
    let (sender, receiver) = futures::channel::mpsc::unbounded();
    let mut doubled = banks.client.double(receiver).await.unwrap();
    for n in 0..100 {
        sender.unbounded_send(n).unwrap();
        assert_eq!(doubled.next().await.unwrap().unwrap(), 2 * n);
    }
    drop(sender);
    assert!(doubled.next().await.is_none());
    banks.until_none_is_open().await;
}

async fn a_half_close_ends_the_items_and_not_the_results(bed: Bed) {
    let banks = Banks::of(bed).await;
    let doubled: Vec<u64> =
        banks.client.double(stream::iter(0..5000)).await.unwrap().try_collect().await.unwrap();
    assert_eq!(doubled, (0..5000).map(|n| 2 * n).collect::<Vec<_>>());
}

/// The same service as another client may know it.
mod misunderstood {
    use nats_rpc::Incoming;

    #[nats_rpc::service]
    pub(super) trait River {
        async fn account(&self, words: Incoming<u64>) -> (u64, Option<String>);
    }
}

async fn an_item_that_does_not_decode_is_an_error_of_the_handler(bed: Bed) {
    let banks = Banks::of(bed).await;
    let other = misunderstood::RiverClient::new(banks.bed.connect().await);
    let told = other.account(stream::iter(0..3)).await.unwrap();
    assert_eq!(told, (0, Some("invalid argument".to_owned())));
}

async fn a_result_has_what_came_beside_it(bed: Bed) {
    let banks = Banks::of(bed).await;
    let other: Server = {
        let builder = banks.bed.server_builder().await.add(RiverServer::new(Bank::default()));
        builder.id("other").start().await.unwrap()
    };
    let response = banks.client.sum(1, stream::iter([1])).at(other.id()).detailed().await.unwrap();
    assert_eq!((response.value(), response.instance()), (&2, Some("other")));
}
