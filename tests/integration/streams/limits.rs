//! How many streams there may be.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::stream;
use nats_rpc::{Client, ErrorKind, Execution, MethodLimits, Retry, ServerBuilder};

use super::bed::{Banks, RiverClient, drained, rpc};
use crate::bed::{Bed, assert_failed, eventually};
use crate::wires::on_every_wire;

on_every_wire! {
    behind_a_mapping a_connection_has_only_so_many_streams,
    a_server_has_only_so_many_streams,
    a_caller_has_only_so_many_streams,
    a_caller_that_takes_nothing_has_only_so_much_on_its_way,
    one_stream_is_taken_to_its_end_while_others_are_not,
    a_method_has_only_so_many_streams,
    streams_take_no_places_of_other_calls,
    a_receiver_that_takes_nothing_is_given_up,
    a_caller_whose_items_nobody_takes_gives_up,
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

async fn impatient(banks: &Banks) -> RiverClient {
    RiverClient::new(Client::builder(banks.bed.connect().await).retry(Retry::off()).build().unwrap())
}

async fn a_connection_has_only_so_many_streams(bed: Bed) {
    let banks = Banks::with(bed, |server| server.max_streams_per_peer(3)).await;
    let client = impatient(&banks).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(client.silent().await.unwrap());
    }
    assert_failed(client.silent().await, ErrorKind::Overloaded, Execution::NotExecuted);
    let sum = client.sum(0, stream::iter([1])).await;
    assert_failed(sum, ErrorKind::Overloaded, Execution::NotExecuted);
    let another = impatient(&banks).await;
    assert!(another.silent().await.is_ok(), "another connection has its own");
    open.pop();
    eventually("there is room again", || banks.bank.0.open() == 2).await;
    assert!(client.silent().await.is_ok());
    assert_eq!(banks.server.counters().overloaded, 2);
}

async fn a_server_has_only_so_many_streams(bed: Bed) {
    let banks = Banks::with(bed, |server| server.max_streams(2)).await;
    let client = impatient(&banks).await;
    let open = (client.silent().await.unwrap(), client.silent().await.unwrap());
    let another = impatient(&banks).await;
    assert_failed(another.silent().await, ErrorKind::Overloaded, Execution::NotExecuted);
    drop(open);
    banks.until_none_is_open().await;
    for _ in 0..50 {
        let (count, error) = drained(another.numbers(10).await.unwrap()).await;
        assert!(count == 10 && error.is_none());
        // The server counts it until its handler is gone, which is a moment later.
        eventually("it is gone", || banks.bank.0.open() == 0).await;
        tokio::task::yield_now().await;
    }
}

async fn a_caller_has_only_so_many_streams(bed: Bed) {
    let banks = Banks::with(bed, |server| server.max_streams_per_caller(2)).await;
    let clients = [impatient(&banks).await, impatient(&banks).await, impatient(&banks).await];
    let open = (clients[0].silent().await.unwrap(), clients[1].silent().await.unwrap());
    let refused = clients[2].silent().await;
    let refused = assert_failed(refused, ErrorKind::Overloaded, Execution::NotExecuted);
    assert!(refused.message().contains("of the caller with streams"), "{refused}");
    drop(open);
    banks.until_none_is_open().await;
    eventually("it is gone", || banks.bank.0.open() == 0).await;
}

/// What a connection may have on its way in a window is more than what all of its streams may have.
async fn a_caller_that_takes_nothing_has_only_so_much_on_its_way(bed: Bed) {
    let idle = Duration::from_secs(2);
    let limits = |server: ServerBuilder| server.max_credit_per_caller(MIB).stream_idle_timeout(idle);
    let banks = Banks::with(bed, limits).await;
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(banks.client.chunks(1000, KIB as u64 * 16).await.unwrap());
    }
    let yielded = || banks.bank.0.yielded.load(Ordering::SeqCst) * KIB * 16;
    eventually("there is as much on its way as may be", || yielded() >= MIB).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(yielded() <= 2 * MIB, "{} KiB", yielded() / KIB);
    eventually("they are given up like those of one who grants nothing", || banks.bank.0.open() == 0).await;
    for stream in open {
        let (_, error) = drained(stream).await;
        assert_eq!(rpc(error).kind(), ErrorKind::DeadlineExceeded);
    }
    // All of it has come back.
    assert_eq!(drained(banks.client.chunks(1000, KIB as u64 * 16).await.unwrap()).await.0, 1000);
}

async fn one_stream_is_taken_to_its_end_while_others_are_not(bed: Bed) {
    let banks = Banks::of(bed).await;
    let mut open = Vec::new();
    for _ in 0..32 {
        open.push(banks.client.chunks(1000, KIB as u64 * 16).await.unwrap());
    }
    // All have what they may have: the last ones less than they were granted.
    tokio::time::sleep(Duration::from_millis(300)).await;
    while let Some(last) = open.pop() {
        let begun = Instant::now();
        let (count, error) = drained(last).await;
        assert!(count == 1000 && error.is_none(), "{error:?}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        if open.len() < 30 {
            break;
        }
    }
}

async fn a_method_has_only_so_many_streams(bed: Bed) {
    let limits = MethodLimits::new().max_in_flight(1).max_queued(0);
    let banks = Banks::with(bed, |server| server.limit_method("river", "silent", limits)).await;
    let client = impatient(&banks).await;
    let open = client.silent().await.unwrap();
    assert_failed(client.silent().await, ErrorKind::Overloaded, Execution::NotExecuted);
    assert_eq!(drained(client.numbers(1).await.unwrap()).await.0, 1);
    drop(open);
    banks.until_none_is_open().await;
}

async fn streams_take_no_places_of_other_calls(bed: Bed) {
    let banks = Banks::with(bed, |server| server.max_in_flight(1).max_queued(0)).await;
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(banks.client.silent().await.unwrap());
    }
    assert_eq!(banks.client.ordinary().await, Ok(1));
}

async fn a_receiver_that_takes_nothing_is_given_up(bed: Bed) {
    let idle = Duration::from_millis(300);
    let banks = Banks::with(bed, |server| server.stream_idle_timeout(idle)).await;
    let silent = banks.client.silent().await.unwrap();
    let numbers = banks.client.numbers(u64::MAX).await.unwrap();
    eventually("only the one is given up", || banks.bank.0.open() == 1).await;
    tokio::time::sleep(2 * idle).await;
    assert_eq!(banks.bank.0.open(), 1, "where nothing happens, nobody is late");
    let (count, error) = drained(numbers).await;
    assert_eq!((count, rpc(error).kind()), (256, ErrorKind::DeadlineExceeded));
    drop(silent);
    banks.until_none_is_open().await;
}

async fn a_caller_whose_items_nobody_takes_gives_up(bed: Bed) {
    let banks = Banks::of(bed).await;
    let builder = Client::builder(banks.bed.connect().await);
    let builder = builder.stream_idle_timeout(Duration::from_millis(300));
    let client = RiverClient::new(builder.build().unwrap());
    // Its results are not taken, and so its items are not either.
    let doubled = client.double(stream::iter(0..1_000_000)).await.unwrap();
    banks.until_none_is_open().await;
    let (count, error) = drained(doubled).await;
    assert!((256..=8192).contains(&count), "{count} were there");
    assert_eq!(rpc(error).kind(), ErrorKind::DeadlineExceeded);
}
