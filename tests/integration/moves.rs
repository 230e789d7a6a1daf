//! A NATS server that shuts down as it should: connections move on, and nothing is lost.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use nats_rpc::async_nats::ConnectOptions;
use nats_rpc::{Client, Connection, ConnectionEvent, Retry, Server, connect, connect_with};
use tests::{Cluster, NatsServer};

use crate::bed::{Bench, LabClient, LabServer, eventually, outbound};
use crate::events::Events;

/// A connection to this node of the cluster, and what happens to it.
async fn connect_to(cluster: &Cluster, node: usize) -> (Connection, Events) {
    let options = ConnectOptions::new().retain_servers_order();
    let connection = connect_with(options, cluster.urls(node)).await.unwrap();
    let events = Events::of(&connection);
    (connection, events)
}

async fn moved(events: &mut Events) {
    events.wait_for(ConnectionEvent::Moved).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_moves_before_its_server_shuts_down_and_loses_no_call() {
    let mut cluster = Cluster::start();
    let (serving, mut serving_events) = connect_to(&cluster, 0).await;
    let (calling, mut calling_events) = connect_to(&cluster, 0).await;
    let bench = Bench::default();
    let ledger = Arc::clone(&bench.ledger);
    let server = Server::builder(&serving).add(LabServer::new(bench)).start().await.unwrap();
    // What is lost is not made good for.
    let client = Client::builder(&calling).retry(Retry::off()).build().unwrap();
    let lab = LabClient::new(&client);
    let stop = Arc::new(AtomicBool::new(false));
    let callers = (0..16).map(|caller| {
        let (lab, stop) = (lab.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut calls = 0;
            while !stop.load(Ordering::Relaxed) {
                if caller % 2 == 0 {
                    lab.echo("quick").await.unwrap();
                } else {
                    lab.sleep(20).await.unwrap();
                }
                calls += 1;
            }
            calls
        })
    });
    let callers: Vec<_> = callers.collect();
    let long = tokio::spawn(lab.sleep(4000).timeout(Duration::from_secs(20)));
    tokio::time::sleep(Duration::from_millis(300)).await;

    cluster.node(0).lame_duck();
    futures::join!(moved(&mut serving_events), moved(&mut calling_events));
    long.await.unwrap().unwrap();
    // The server has gone by then, or sends its last clients away.
    cluster.node_mut(0).kill();
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);
    let mut calls = 1;
    for caller in callers {
        calls += caller.await.unwrap();
    }
    server.shutdown().await;
    assert_eq!((ledger.started(), ledger.finished()), (calls, calls), "each is executed once");
    let seen = serving_events.seen();
    assert!(seen.is_none(), "the connection was not lost as well: {seen:?}");
}

/// A service that counts how often it does what.
#[nats_rpc::service]
trait Count {
    async fn count(&self, what: u64);
}

#[derive(Clone, Default)]
struct Counting(Arc<Mutex<HashMap<u64, usize>>>);

impl Count for Counting {
    async fn count(&self, what: u64) {
        *self.0.lock().unwrap().entry(what).or_default() += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcast_is_executed_no_more_than_once_by_an_instance_that_moves() {
    let cluster = Cluster::start();
    let (serving, mut events) = connect_to(&cluster, 0).await;
    let (calling, _calling) = connect_to(&cluster, 1).await;
    let counting = Counting::default();
    let server = Server::builder(&serving).broadcast().add(CountServer::new(counting.clone()));
    let server = server.start().await.unwrap();
    let counter = CountClient::new(&calling);
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    // Without waiting for those before, so that each moment of the move sees some.
    let calls = tokio::spawn(async move {
        let mut calls = Vec::new();
        while !stopped.load(Ordering::Relaxed) {
            let what = u64::try_from(calls.len()).unwrap();
            calls.push(tokio::spawn(counter.count(what).timeout(Duration::from_secs(2))));
            tokio::task::yield_now().await;
        }
        futures::future::join_all(calls).await
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    cluster.node(0).lame_duck();
    moved(&mut events).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.store(true, Ordering::Relaxed);
    let answered = calls.await.unwrap().into_iter().filter(|call| matches!(call, Ok(Ok(())))).count();
    server.shutdown().await;
    let counted = counting.0.lock().unwrap();
    assert!(counted.values().all(|times| *times == 1), "each is executed once, or not at all");
    assert!(answered > 100 && counted.len() >= answered, "{answered} answered, {} executed", counted.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_moves_on_from_a_server_that_shuts_down_as_well() {
    let cluster = Cluster::start();
    let (connection, mut events) = connect_to(&cluster, 0).await;
    // Its messages are not taken at the moment, for which a move does not wait.
    let _idle = connection.subscribe("idle", Some("q")).await.unwrap();
    let node = || connection.nats().unwrap().server_info().server_name;
    cluster.node(0).lame_duck();
    eventually("it is at another", || node() != "node-0").await;
    let second: usize = node().strip_prefix("node-").unwrap().parse().unwrap();
    cluster.node(second).lame_duck();
    let mut seen = Vec::new();
    while node() != format!("node-{}", 3 - second) || seen.last() != Some(&ConnectionEvent::Moved) {
        seen.push(events.next().await);
    }
    assert!(!seen.contains(&ConnectionEvent::Disconnected), "{seen:?}");
}

/// One that may be made later, as its options say, is not a connection yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_moves_to_a_server_that_is_there() {
    let cluster = Cluster::start();
    let options = ConnectOptions::new().retain_servers_order().retry_on_initial_connect();
    let connection = connect_with(options, cluster.urls(0)).await.unwrap();
    let mut events = Events::of(&connection);
    cluster.node(0).lame_duck();
    moved(&mut events).await;
    assert_ne!(connection.nats().unwrap().server_info().server_name, "node-0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_has_moved_still_knows_all_addresses() {
    let lame = "lame_duck_duration: 30s\nlame_duck_grace_period: 1s";
    let start = || NatsServer::builder().config(lame).start();
    let (mut first, mut second) = (start(), start());
    let options = ConnectOptions::new().retain_servers_order();
    let connection = connect_with(options, vec![first.url(), second.url()]).await.unwrap();
    let mut events = Events::of(&connection);
    first.lame_duck();
    moved(&mut events).await;
    first.kill();
    first.restart();
    second.kill();
    // The first one is there again.
    events.wait_for(ConnectionEvent::Connected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_that_are_made_during_a_move_are_moved_too() {
    let mut cluster = Cluster::start();
    let (connection, mut events) = connect_to(&cluster, 0).await;
    let (other, _events) = connect_to(&cluster, 1).await;
    cluster.node(0).lame_duck();
    let mut is_moved = std::pin::pin!(moved(&mut events));
    let mut subscriptions = Vec::new();
    while futures::poll!(&mut is_moved).is_pending() {
        let subject = format!("during.{}", subscriptions.len());
        subscriptions.push(connection.subscribe(subject, Some("q")).await.unwrap());
        tokio::time::sleep(Duration::from_micros(300)).await;
    }
    connection.flush().await.unwrap();
    // It holds what is sent to it, unless it has ended already, since nobody is left there.
    let has_ended = cluster.node_mut(0).wait(Duration::ZERO).is_some();
    if !has_ended {
        cluster.node(0).pause();
    }
    for (number, subscription) in subscriptions.iter_mut().enumerate() {
        // A first message may still go to the server that was left, since a subscription moves as it is read.
        let mut tries = 0..20;
        let came = loop {
            if tries.next().is_none() {
                break false;
            }
            other.publish(outbound(&format!("during.{number}"), None, "")).await.unwrap();
            if tokio::time::timeout(Duration::from_millis(250), subscription.next()).await.is_ok() {
                break true;
            }
        };
        assert!(came, "subscription {number} is still at the server that was left");
    }
    if !has_ended {
        cluster.node(0).resume();
    }
}

#[tokio::test]
async fn a_connection_stays_where_it_is_if_no_other_server_is_known() {
    let nats = NatsServer::builder().config("lame_duck_duration: 30s\nlame_duck_grace_period: 1s").start();
    let connection = connect(nats.url()).await.unwrap();
    let mut events = Events::of(&connection);
    let _server = Server::builder(&connection).add(LabServer::new(Bench::default())).start().await.unwrap();
    let lab = LabClient::new(&connection);
    nats.lame_duck();
    assert_eq!(events.next().await, ConnectionEvent::LameDuck);
    assert_eq!(lab.echo("still here").await.unwrap(), "still here");
}
