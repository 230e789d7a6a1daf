//! What the NATS server does not allow fails at once, at those whom it concerns.

use std::time::{Duration, Instant};

use futures::StreamExt;
use nats_rpc::async_nats::ConnectOptions;
use nats_rpc::{Connection, ErrorKind, Execution, Server, connect, connect_with};
use tests::NatsServer;

use crate::bed::{Bed, LabClient, assert_failed};

/// Users with different permissions; all passwords are "x". `service` and `caller` have little more than what they need.
const USERS: &str = r#"
authorization {
  users = [
    { user: service, password: x, permissions: {
        subscribe: ["lab.>", "_INBOX.>"], publish: ["_INBOX.>"] } }
    { user: caller, password: x, permissions: {
        publish: ["lab.echo", "lab._ctl.any"], subscribe: ["_INBOX.>"] } }
    { user: deaf, password: x, permissions: { publish: [">"], subscribe: ["nothing"] } }
    { user: mute, password: x, permissions: { publish: ["nothing"], subscribe: [">"] } }
  ]
}
"#;

fn options(user: &str) -> ConnectOptions {
    ConnectOptions::with_user_and_password(user.to_owned(), "x".to_owned())
}

struct Guarded(Bed);

impl Guarded {
    fn new() -> Self {
        Guarded(Bed::configured(NatsServer::builder().config(USERS)))
    }

    async fn connect(&self, user: &str) -> Connection {
        connect_with(options(user), self.0.server().unwrap().url()).await.unwrap()
    }

    async fn serve(&self) -> Server {
        Server::builder(self.connect("service").await).add(self.0.service()).start().await.unwrap()
    }
}

#[tokio::test]
async fn a_publish_that_is_not_allowed_fails_at_once() {
    let bed = Guarded::new();
    let _server = bed.serve().await;
    let lab = LabClient::new(bed.connect("caller").await);
    assert_eq!(lab.echo("allowed").await.unwrap(), "allowed");
    let begin = Instant::now();
    let result = lab.sleep(0).timeout(Duration::from_secs(60)).await;
    assert_failed(result, ErrorKind::PermissionDenied, Execution::NotExecuted);
    assert!(begin.elapsed() < Duration::from_secs(30), "not at the deadline");
    assert_eq!(lab.echo("still allowed").await.unwrap(), "still allowed");
    assert_eq!(bed.0.ledger.started(), 2);
}

#[tokio::test]
async fn who_cannot_receive_replies_is_told_so_when_connecting() {
    let bed = Guarded::new();
    let begin = Instant::now();
    let error = connect_with(options("deaf"), bed.0.server().unwrap().url()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(begin.elapsed() < Duration::from_secs(4), "by a round trip, not by its timeout");
}

#[tokio::test]
async fn a_server_that_may_not_subscribe_does_not_start() {
    let bed = Guarded::new();
    let caller = Server::builder(bed.connect("caller").await).add(bed.0.service());
    assert_eq!(caller.start().await.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn a_server_that_may_not_publish_does_not_start() {
    let bed = Guarded::new();
    let mute = Server::builder(bed.connect("mute").await).add(bed.0.service());
    assert_eq!(mute.start().await.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn a_subscription_that_is_not_allowed_ends() {
    let bed = Guarded::new();
    let connection = bed.connect("caller").await;
    for group in [None, Some("q")] {
        let mut orders = connection.subscribe("orders.new", group).await.unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(5), orders.next()).await;
        assert!(ended.expect("it ends").is_none());
    }
}

#[tokio::test]
async fn a_service_that_may_not_be_served_any_more_ends() {
    let bed = Guarded::new();
    let running = Server::builder(bed.connect("service").await).add(bed.0.service());
    let running = tokio::spawn(running.run_until(std::future::pending()));
    let lab = LabClient::new(bed.connect("caller").await);
    while lab.echo("").await.is_err() {}
    // The server is told that this user may not subscribe any more, and asks its clients to leave those subjects.
    bed.0.server().unwrap().reconfigure(&USERS.replace(r#"["lab.>", "_INBOX.>"]"#, r#"["_INBOX.>"]"#));
    let ended = tokio::time::timeout(Duration::from_secs(20), running).await.expect("it ends");
    assert_eq!(ended.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_user_in_the_address_is_used() {
    let bed = Guarded::new();
    let _server = bed.serve().await;
    let port = bed.0.server().unwrap().client_port();
    let connection = connect(format!("nats://caller:x@127.0.0.1:{port}")).await.unwrap();
    assert_eq!(LabClient::new(connection).echo("hello").await.unwrap(), "hello");
}

#[tokio::test]
async fn connecting_says_what_is_wrong() {
    let bed = Guarded::new();
    let url = bed.0.server().unwrap().url();
    let options = ConnectOptions::with_user_and_password("service".to_owned(), "wrong".to_owned());
    let error = connect_with(options, url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
    // Port 9 discards everything, where there is somebody at all.
    let error = connect("nats://127.0.0.1:9").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}
