//! A NATS server that is restarted while one of ours shuts down: what was stopped stays stopped.

use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use nats_rpc::{Connection, ErrorKind, Execution, Retry, Server};
use tests::NatsServer;

use crate::bed::{Bench, LabClient, LabServer, Ledger, assert_failed, outbound};

struct Restarted {
    nats: NatsServer,
    /// That of the server.
    connection: Connection,
    ledger: Arc<Ledger>,
}

/// A server with a handler that runs, and a client.
async fn serve() -> (Restarted, Server, LabClient) {
    let nats = NatsServer::start();
    let connection = nats_rpc::connect(nats.url()).await.unwrap();
    let bench = Bench::default();
    let ledger = Arc::clone(&bench.ledger);
    let builder = Server::builder(&connection).grace(Duration::from_secs(60)).add(LabServer::new(bench));
    let server = builder.start().await.unwrap();
    let caller = nats_rpc::connect(nats.url()).await.unwrap();
    let lab = LabClient::new(&caller);
    // A plain call: a framed one would be cancelled when its caller loses the connection.
    caller.publish(outbound("lab.wait", Some("_INBOX.nobody.1"), "")).await.unwrap();
    ledger.begun.notified().await;
    (Restarted { nats, connection, ledger }, server, lab)
}

/// Returns when the server's connection hears what another one publishes.
async fn reconnected(nats: &NatsServer, connection: &Connection) {
    let other = nats_rpc::connect(nats.url()).await.unwrap();
    let mut marks = connection.subscribe("mark", None).await.unwrap();
    while marks.next().now_or_never().is_none() {
        other.publish(outbound("mark", None, "")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Asserts that nobody takes calls, though a handler still runs.
async fn assert_stopped(restarted: Restarted, shutdown: tokio::task::JoinHandle<()>) {
    let Restarted { nats, connection, ledger } = restarted;
    reconnected(&nats, &connection).await;
    let started = ledger.started();
    let lab = LabClient::new(nats_rpc::connect(nats.url()).await.unwrap());
    for _ in 0..50 {
        assert_failed(lab.echo("again?").await, ErrorKind::NoResponders, Execution::NotExecuted);
    }
    assert_eq!(ledger.started(), started);
    assert!(!shutdown.is_finished(), "a handler still runs");
    ledger.release.notify_one();
    shutdown.await.unwrap();
}

#[tokio::test]
async fn nothing_is_taken_in_after_a_reconnect_in_the_grace_time() {
    let (mut restarted, server, lab) = serve().await;
    let shutdown = tokio::spawn(server.shutdown());
    while lab.echo("still there?").retry(Retry::off()).await.is_ok() {}
    restarted.nats.restart();
    assert_stopped(restarted, shutdown).await;
}

#[tokio::test]
async fn nothing_is_taken_in_after_a_reconnect_while_the_intake_ends() {
    let (mut restarted, server, _lab) = serve().await;
    restarted.nats.pause();
    let mut shutdown = tokio::spawn(server.shutdown());
    // The broker takes nothing: the intake cannot end before it is another one.
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut shutdown).await.is_err());
    restarted.nats.restart();
    assert_stopped(restarted, shutdown).await;
}

#[tokio::test]
async fn nothing_is_taken_in_after_a_reconnect_of_a_server_that_was_stopped_without_connection() {
    let (mut restarted, server, lab) = serve().await;
    restarted.nats.kill();
    while lab.echo("lost?").retry(Retry::off()).await.is_ok() {}
    let mut shutdown = tokio::spawn(server.shutdown());
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut shutdown).await.is_err());
    restarted.nats.restart();
    assert_stopped(restarted, shutdown).await;
}
