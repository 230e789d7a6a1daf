//! Oneway calls.

use std::time::Duration;

use nats_rpc::{ErrorKind, Execution};

use crate::bed::{Bed, LabClient, assert_failed};
use crate::wires::on_every_wire;

on_every_wire! {
    nobody_waits_for_the_handler,
    handing_over_says_nothing_about_a_subscriber,
    tagged a_receipt_comes_from_the_instance,
    tagged without_a_subscriber_there_is_no_receipt,
    what_cannot_be_sent_is_an_error,
    the_methods_timeout_bounds_the_handler,
    what_was_flushed_arrives,
}

async fn nobody_waits_for_the_handler(bed: Bed) {
    let _server = bed.serve().await;
    // Kept until the message has arrived: a connection that is dropped drops what it has queued.
    let lab = bed.client().await;
    lab.note("a line").await.unwrap();
    bed.ledger.begun.notified().await;
    assert_eq!(bed.ledger.started(), 1);
}

async fn handing_over_says_nothing_about_a_subscriber(bed: Bed) {
    bed.client().await.note("into the void").await.unwrap();
}

async fn a_receipt_comes_from_the_instance(bed: Bed) {
    let _server = bed.serve().await;
    bed.client().await.note("a line").acked().await.unwrap();
    bed.ledger.begun.notified().await;
}

async fn without_a_subscriber_there_is_no_receipt(bed: Bed) {
    let result = bed.client().await.note("").acked().timeout(Duration::from_secs(3)).await;
    assert_failed(result, ErrorKind::NoResponders, Execution::NotExecuted);
}

async fn what_cannot_be_sent_is_an_error(bed: Bed) {
    let _server = bed.serve().await;
    let lab = bed.client().await;
    let result = lab.note(&"x".repeat(2_000_000)).await;
    assert_failed(result, ErrorKind::PayloadTooLarge, Execution::NotExecuted);
    let result = lab.note("").header("a\nb", "c").await;
    assert_failed(result, ErrorKind::InvalidArgument, Execution::NotExecuted);
}

async fn the_methods_timeout_bounds_the_handler(bed: Bed) {
    let server = bed.serve().await;
    bed.client().await.brief().acked().await.unwrap();
    while server.counters().timed_out == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bed.ledger.finished(), 0);
}

async fn what_was_flushed_arrives(bed: Bed) {
    let _server = bed.serve().await;
    let connection = bed.connect().await;
    LabClient::new(&connection).note("the last words").await.unwrap();
    connection.flush().await.unwrap();
    drop(connection);
    bed.ledger.begun.notified().await;
}
