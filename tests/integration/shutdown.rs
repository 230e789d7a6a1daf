//! How a server ends, and what its callers learn.

use std::time::Duration;

use nats_rpc::{CallError, ErrorKind, Execution, Retry, Server};

use crate::bed::{Bed, LabClient, assert_failed, outbound};
use crate::wires::on_every_wire;

on_every_wire! {
    a_shutdown_waits_for_handlers,
    what_is_aborted_after_the_grace_time_is_answered,
    dropping_the_server_answers_its_calls,
    tagged a_rolling_restart_loses_no_call,
    a_server_runs_until_its_future_is_ready,
    tagged a_stopped_server_has_no_responders,
    no_finished_reply_is_lost,
    any_grace_time_is_allowed,
}

async fn a_shutdown_waits_for_handlers(bed: Bed) {
    let server = bed.serve().await;
    let call = tokio::spawn(bed.client().await.wait());
    bed.ledger.begun.notified().await;
    let mut shutdown = tokio::spawn(server.shutdown());
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut shutdown).await.is_err());
    bed.ledger.release.notify_one();
    call.await.unwrap().unwrap();
    shutdown.await.unwrap();
    assert_eq!(bed.ledger.finished(), 1);
}

async fn what_is_aborted_after_the_grace_time_is_answered(bed: Bed) {
    let server =
        bed.server_builder().await.grace(Duration::from_millis(50)).max_in_flight(1).add(bed.service());
    let server = server.start().await.unwrap();
    let lab = bed.client().await;
    let running = tokio::spawn(lab.wait());
    bed.ledger.begun.notified().await;
    // It arrives before the end: the shutdown begins with a round trip behind it on the same connection.
    let queued = tokio::spawn(lab.wait().retry(Retry::off()));
    lab.note("").acked().await.unwrap();
    server.shutdown().await;
    assert_failed(running.await.unwrap(), ErrorKind::Unavailable, Execution::MaybeExecuted);
    let error = assert_failed(queued.await.unwrap(), ErrorKind::Unavailable, Execution::NotExecuted);
    assert!(error.is_retryable(), "another instance can take it");
    assert_eq!(bed.ledger.finished(), 0);
}

async fn dropping_the_server_answers_its_calls(bed: Bed) {
    let server = bed.serve().await;
    let call = tokio::spawn(bed.client().await.wait());
    bed.ledger.begun.notified().await;
    drop(server);
    assert_failed(call.await.unwrap(), ErrorKind::Unavailable, Execution::MaybeExecuted);
}

/// Callers keep calling while instances come and go; an instance that stays makes sure that somebody is there.
async fn a_rolling_restart_loses_no_call(bed: Bed) {
    let mut old = bed.serve().await;
    let lab = bed.client().await;
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let callers: Vec<_> = (0..8).map(|_| tokio::spawn(keep_calling(lab.clone(), stop.clone()))).collect();
    for _ in 0..5 {
        let new = bed.serve().await;
        std::mem::replace(&mut old, new).shutdown().await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut calls = 0;
    for caller in callers {
        calls += caller.await.unwrap();
    }
    assert_eq!(bed.ledger.finished(), calls, "each was executed once");
}

async fn keep_calling(lab: LabClient, stop: std::sync::Arc<std::sync::atomic::AtomicBool>) -> usize {
    let mut calls = 0;
    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
        lab.echo("on and on").await.unwrap();
        calls += 1;
    }
    calls
}

async fn a_server_runs_until_its_future_is_ready(bed: Bed) {
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let server = bed.server_builder().await.add(bed.service());
    let running = tokio::spawn(server.run_until(async { ended.await.unwrap() }));
    let lab = bed.client().await;
    // It is not known when it has started.
    while let Err(error) = lab.echo("there?").await {
        assert!(matches!(error, CallError::Rpc(error) if error.kind() == ErrorKind::NoResponders));
    }
    end.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert_failed(lab.echo("gone?").await, ErrorKind::NoResponders, Execution::NotExecuted);
}

async fn a_stopped_server_has_no_responders(bed: Bed) {
    let server = bed.serve().await;
    let lab = bed.client().await;
    lab.echo("there").await.unwrap();
    server.shutdown().await;
    assert_failed(lab.echo("gone").await, ErrorKind::NoResponders, Execution::NotExecuted);
}

/// More replies at once than the connection's queue has room for.
async fn no_finished_reply_is_lost(bed: Bed) {
    const CALLS: usize = 5000;
    // Those of another account are not given all of a server unless it says so.
    let server = bed.server_builder().await.max_in_flight(CALLS).max_in_flight_per_caller(CALLS);
    let server = server.add(bed.service()).start().await.unwrap();
    let lab = bed.client().await;
    let calls: Vec<_> =
        (0..CALLS).map(|_| tokio::spawn(lab.wait().timeout(Duration::from_secs(60)))).collect();
    while bed.ledger.started() < CALLS {
        tokio::task::yield_now().await;
    }
    bed.ledger.release.notify_waiters();
    server.shutdown().await;
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

async fn any_grace_time_is_allowed(bed: Bed) {
    let server = bed.server_builder().await.grace(Duration::MAX).add(bed.service());
    server.start().await.unwrap().shutdown().await;
}

/// The NATS server is gone and will not come back; the queue of the connection is full.
#[tokio::test]
async fn a_shutdown_ends_whatever_the_network_does() {
    let server = tests::NatsServer::start();
    let connection = nats_rpc::connect(server.url()).await.unwrap();
    let lab = crate::bed::LabServer::new(crate::bed::Bench::default());
    let running =
        Server::builder(&connection).grace(Duration::from_millis(200)).add(lab).start().await.unwrap();
    drop(server);
    let message = || outbound("metrics", None, "x");
    while tokio::time::timeout(Duration::from_millis(200), connection.publish(message())).await.is_ok() {}
    tokio::time::timeout(Duration::from_secs(20), running.shutdown())
        .await
        .expect("the grace time bounds it");
}

#[tokio::test]
async fn a_server_notices_that_its_connection_is_closed() {
    let bed = Bed::nats();
    let connection = bed.connect().await;
    let running =
        tokio::spawn(Server::builder(&connection).add(bed.service()).run_until(std::future::pending()));
    let lab = bed.client().await;
    while lab.echo("there?").await.is_err() {}
    connection.nats().unwrap().drain().await.unwrap();
    let result = tokio::time::timeout(Duration::from_secs(20), running).await.expect("it ends").unwrap();
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Unavailable);
}
