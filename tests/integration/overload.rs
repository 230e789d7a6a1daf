//! Bounded work: more than the limits is refused at once.

use std::time::{Duration, Instant};

use nats_rpc::{ErrorKind, Execution, MethodLimits, Retry};

use crate::bed::{Bed, assert_failed};
use crate::caller::Caller;
use crate::on_every_broker;
use crate::wire::all;

on_every_broker! {
    calls_above_the_limits_are_refused_at_once,
    queued_calls_run_in_turn,
    a_call_that_expires_in_the_queue_is_not_executed,
    requests_are_bounded_in_bytes,
    slow_handlers_run_side_by_side,
    a_method_at_its_limit_leaves_places_to_others,
    a_method_is_bounded_in_bytes,
    what_waits_for_its_method_expires_and_can_be_cancelled,
    the_calls_of_a_shared_message_count_for_their_method,
    limits_are_those_of_a_method_that_is_there,
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

async fn a_method_at_its_limit_leaves_places_to_others(bed: Bed) {
    let limits = MethodLimits::new().max_in_flight(1).max_queued(2);
    let builder =
        bed.server_builder().await.max_in_flight(2).max_queued(2).limit_method("lab", "wait", limits);
    let server = builder.add(bed.service()).start().await.unwrap();
    let lab = bed.client().await;
    let running = tokio::spawn(lab.wait());
    bed.ledger.begun.notified().await;
    let mut queued = [Box::pin(lab.wait()), Box::pin(lab.wait())];
    for call in &mut queued {
        assert!(futures::poll!(call).is_pending());
    }
    let refused = lab.wait().retry(Retry::off()).await;
    let refused = assert_failed(refused, ErrorKind::Overloaded, Execution::NotExecuted);
    assert!(refused.retry_after().is_some() && refused.is_retryable());
    assert_eq!(server.counters().overloaded, 1);
    // What waits for its method has none of the server's places: the second one is free.
    assert_eq!(lab.sleep(1).await.unwrap(), 1);
    assert_eq!(bed.ledger.started(), 2);
    bed.ledger.release.notify_one();
    running.await.unwrap().unwrap();
    for call in queued {
        bed.ledger.release.notify_one();
        call.await.unwrap();
    }
    assert_eq!(server.counters().started, 4);
}

async fn a_method_is_bounded_in_bytes(bed: Bed) {
    let limits = MethodLimits::new().max_bytes(1000);
    let builder = bed.server_builder().await.limit_method("lab", "echo", limits).add(bed.service());
    let _server = builder.start().await.unwrap();
    let lab = bed.client().await;
    let result = lab.echo(&"x".repeat(2000)).retry(Retry::off()).await;
    assert_failed(result, ErrorKind::Overloaded, Execution::NotExecuted);
    lab.reverse(&[1; 2000]).await.unwrap();
    lab.echo(&"x".repeat(900)).await.unwrap();
    lab.echo(&"x".repeat(900)).await.unwrap();
}

async fn what_waits_for_its_method_expires_and_can_be_cancelled(bed: Bed) {
    let limits = MethodLimits::new().max_in_flight(1).max_queued(10);
    let builder = bed.server_builder().await.limit_method("lab", "wait", limits).add(bed.service());
    let server = builder.start().await.unwrap();
    let mut caller = Caller::new(&bed).await;
    caller.call("lab.wait", 1).await;
    bed.ledger.begun.notified().await;
    caller.call_within("lab.wait", 2, 100).await;
    let expired = caller.next_frame().await;
    assert_eq!((&expired[2], &expired[3]), (&408.into(), &0.into()), "{expired}");
    assert_eq!(server.counters().expired, 1);
    let first = caller.accepted(1).await;
    caller.call("lab.wait", 3).await;
    assert_eq!(caller.accepted(3).await, first);
    caller.cancel(&first, 3).await;
    while server.counters().cancelled == 0 {
        tokio::task::yield_now().await;
    }
    bed.ledger.release.notify_one();
    assert_eq!(caller.next_frame().await[0], 2.into());
    assert_eq!(server.counters().started, 1, "neither of the two has run");
}

async fn the_calls_of_a_shared_message_count_for_their_method(bed: Bed) {
    let limits = MethodLimits::new().max_in_flight(2).max_queued(1000);
    let builder = bed.server_builder().await.limit_method("lab", "echo", limits).add(bed.service());
    let _server = builder.start().await.unwrap();
    let lab = bed.client().await;
    for _ in 0..10 {
        all((0..100).map(|_| lab.echo("together"))).await;
    }
    assert_eq!(bed.ledger.finished(), 1000, "places and memory were given back each time");
}

async fn limits_are_those_of_a_method_that_is_there(bed: Bed) {
    let one = MethodLimits::new().max_in_flight(1);
    for (service, method, limits) in
        [("lab", "wat", one), ("lob", "wait", one), ("lab", "wait", one.max_in_flight(0))]
    {
        let builder = bed.server_builder().await.limit_method(service, method, limits).add(bed.service());
        let error = builder.start().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.to_string().contains(&format!("{method:?} of the service {service:?}")), "{error}");
    }
}

/// Under a clock that stands still while anything is to be done: whatever waited for a timer would show.
#[tokio::test(start_paused = true)]
async fn a_refusal_waits_for_nothing() {
    const PLACES: usize = 10;
    let bed = Bed::memory();
    let builder = bed.server_builder().await.max_in_flight(PLACES).max_queued(PLACES).add(bed.service());
    let server = builder.start().await.unwrap();
    let lab = bed.client().await;
    let taken: Vec<_> = (0..2 * PLACES).map(|_| tokio::spawn(lab.sleep(60).timeout(Duration::MAX))).collect();
    while bed.ledger.started() < PLACES {
        tokio::task::yield_now().await;
    }
    let begin = tokio::time::Instant::now();
    for _ in 0..4 * PLACES {
        assert_failed(lab.sleep(60).retry(Retry::off()).await, ErrorKind::Overloaded, Execution::NotExecuted);
    }
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!(server.counters().overloaded, 4 * u64::try_from(PLACES).unwrap());
    for call in taken {
        call.await.unwrap().unwrap();
    }
    assert_eq!(bed.ledger.finished(), 2 * PLACES, "what was taken on is done");
}
