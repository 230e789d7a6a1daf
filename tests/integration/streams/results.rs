//! What a stream of results carries.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use nats_rpc::{CallError, Client, Codec, ErrorKind};

use super::bed::{Banks, Dry, RiverClient, drained, rpc};
use crate::bed::Bed;
use crate::wires::on_every_wire;

on_every_wire! {
    tagged all_items_come_in_order_and_then_the_end,
    the_services_own_error_is_the_last_item,
    bytes_of_any_number_of_chunks_arrive_whole,
    an_item_larger_than_the_broker_takes_ends_the_stream,
    a_handler_that_panics_ends_the_stream,
    items_travel_in_json_too,
    an_empty_stream_ends_at_once,
    tagged several_streams_do_not_mix,
}

async fn all_items_come_in_order_and_then_the_end(bed: Bed) {
    let banks = Banks::of(bed).await;
    let mut numbers = banks.client.numbers(20_000).await.unwrap();
    assert_eq!(numbers.instance(), banks.server.id());
    for expected in 0..20_000 {
        assert_eq!(numbers.next().await.unwrap().unwrap(), expected);
    }
    assert!(numbers.next().await.is_none());
    assert!(numbers.next().await.is_none(), "and stays at its end");
    banks.until_none_is_open().await;
    let counters = banks.server.counters();
    assert_eq!((counters.started, counters.failed, counters.cancelled), (1, 0, 0));
    assert_eq!(banks.client.numbers(3).await.unwrap().try_collect::<Vec<_>>().await.unwrap(), [0, 1, 2]);
}

async fn the_services_own_error_is_the_last_item(bed: Bed) {
    let banks = Banks::of(bed).await;
    let (count, error) = drained(banks.client.failing(1000).await.unwrap()).await;
    assert_eq!(count, 1000);
    assert!(matches!(error, Some(CallError::Service(Dry(1000)))), "{error:?}");
    banks.until_none_is_open().await;
    assert_eq!(banks.server.counters().failed, 1);
}

async fn bytes_of_any_number_of_chunks_arrive_whole(bed: Bed) {
    let banks = Banks::of(bed).await;
    for (count, size) in [(300, 64 * 1024), (40, 700 * 1024), (3, 0), (5000, 10)] {
        let chunks: Vec<Bytes> = banks.client.chunks(count, size).await.unwrap().try_collect().await.unwrap();
        assert_eq!(chunks.len() as u64, count);
        for (n, chunk) in chunks.iter().enumerate() {
            let byte = u8::try_from(n % 256).unwrap();
            assert!(chunk.len() as u64 == size && chunk.iter().all(|b| *b == byte), "chunk {n} of {size}");
        }
    }
}

async fn an_item_larger_than_the_broker_takes_ends_the_stream(bed: Bed) {
    let banks = Banks::of(bed).await;
    let (count, error) = drained(banks.client.chunks(2, 1024 * 1024).await.unwrap()).await;
    let error = rpc(error);
    assert_eq!((count, error.kind()), (0, ErrorKind::PayloadTooLarge), "{error}");
    banks.until_none_is_open().await;
}

async fn a_handler_that_panics_ends_the_stream(bed: Bed) {
    let banks = Banks::of(bed).await;
    let (count, error) = drained(banks.client.panicking(10).await.unwrap()).await;
    let error = rpc(error);
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(count <= 10 && !error.to_string().contains("secret"), "{error}");
    banks.until_none_is_open().await;
    assert_eq!(banks.server.counters().panicked, 1);
    assert_eq!(banks.client.ordinary().await, Ok(1), "others are not concerned");
}

async fn items_travel_in_json_too(bed: Bed) {
    let banks = Banks::of(bed).await;
    let json = Client::builder(banks.bed.connect().await).codec(Codec::Json).build().unwrap();
    let client = RiverClient::new(&json);
    let numbers: Vec<u64> = client.numbers(700).await.unwrap().try_collect().await.unwrap();
    assert_eq!(numbers, (0..700).collect::<Vec<_>>());
    let chunks: Vec<Bytes> = client.chunks(2, 3).await.unwrap().try_collect().await.unwrap();
    assert_eq!(chunks, [vec![0, 0, 0], vec![1, 1, 1]]);
    let sum = client.sum(1, futures::stream::iter(1..=10)).await.unwrap();
    assert_eq!(sum, 56);
}

async fn an_empty_stream_ends_at_once(bed: Bed) {
    let banks = Banks::of(bed).await;
    let (count, error) = drained(banks.client.numbers(0).await.unwrap()).await;
    assert!(count == 0 && error.is_none());
}

async fn several_streams_do_not_mix(bed: Bed) {
    let banks = Banks::of(bed).await;
    let all = (1..=20_u64).map(|n| {
        let client = banks.client.clone();
        async move {
            let numbers: Vec<u64> = client.numbers(n * 100).await.unwrap().try_collect().await.unwrap();
            assert_eq!(numbers, (0..n * 100).collect::<Vec<_>>());
        }
    });
    futures::future::join_all(all).await;
    banks.until_none_is_open().await;
}
