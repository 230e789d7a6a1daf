//! Bounded work: more than the limits is refused at once.

use std::time::{Duration, Instant};

use nats_rpc::{ErrorKind, Execution, Retry};

use crate::bed::{Bed, assert_failed};
use crate::on_every_broker;

on_every_broker! {
    calls_above_the_limits_are_refused_at_once,
    queued_calls_run_in_turn,
    a_call_that_expires_in_the_queue_is_not_executed,
    requests_are_bounded_in_bytes,
    slow_handlers_run_side_by_side,
}

async fn calls_above_the_limits_are_refused_at_once(bed: Bed) {
    let server = bed.server_builder().await.max_in_flight(1).max_queued(1).add(bed.service());
    let server = server.start().await.unwrap();
    let lab = bed.client().await;
    let running = tokio::spawn(lab.wait());
    bed.ledger.begun.notified().await;
    // Calls of one method are taken in the order in which one connection sent them.
    let mut queued = Box::pin(lab.wait());
    assert!(futures::poll!(&mut queued).is_pending());
    let refused = lab.wait().retry(Retry::off()).await;
    let refused = assert_failed(refused, ErrorKind::Overloaded, Execution::NotExecuted);
    assert!(refused.retry_after().is_some() && refused.is_retryable());
    assert_eq!(server.counters().overloaded, 1);
    bed.ledger.release.notify_one();
    running.await.unwrap().unwrap();
    bed.ledger.release.notify_one();
    queued.await.unwrap();
}

async fn queued_calls_run_in_turn(bed: Bed) {
    let server = bed.server_builder().await.max_in_flight(2).add(bed.service());
    let _server = server.start().await.unwrap();
    let lab = bed.client().await;
    let calls = futures::future::join_all((0..20).map(|_| lab.sleep(5))).await;
    assert!(calls.iter().all(Result::is_ok), "{calls:?}");
    assert_eq!(bed.ledger.finished(), 20);
}

async fn a_call_that_expires_in_the_queue_is_not_executed(bed: Bed) {
    let server = bed.server_builder().await.max_in_flight(1).add(bed.service());
    let server = server.start().await.unwrap();
    let lab = bed.client().await;
    let running = tokio::spawn(lab.wait());
    bed.ledger.begun.notified().await;
    // The answers of both sides race at the deadline; that nothing ran is certain either way.
    lab.echo("waits for its turn").timeout(Duration::from_millis(100)).await.unwrap_err();
    while server.counters().expired == 0 {
        tokio::task::yield_now().await;
    }
    bed.ledger.release.notify_one();
    running.await.unwrap().unwrap();
    assert_eq!(bed.ledger.started(), 1);
}

async fn requests_are_bounded_in_bytes(bed: Bed) {
    let server = bed.server_builder().await.max_bytes(1000).add(bed.service());
    let _server = server.start().await.unwrap();
    let lab = bed.client().await;
    let result = lab.echo(&"x".repeat(2000)).await;
    assert_failed(result, ErrorKind::Overloaded, Execution::NotExecuted);
    lab.echo(&"x".repeat(900)).await.unwrap();
    lab.echo(&"x".repeat(900)).await.unwrap();
}

async fn slow_handlers_run_side_by_side(bed: Bed) {
    let _server = bed.serve().await;
    let lab = bed.client().await;
    let begin = Instant::now();
    let calls = futures::future::join_all((0..200).map(|_| lab.sleep(300))).await;
    assert!(calls.iter().all(Result::is_ok));
    assert!(begin.elapsed() < Duration::from_secs(30), "one after the other they take a minute");
}
