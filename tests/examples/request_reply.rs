//! The request-reply pair: a server with three workers, and a client that sends three requests.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use tests::{Ended, NatsServer, Program};

use crate::program;

/// Starts the server and waits until its workers listen.
fn serve(nats: &NatsServer, arguments: &[&str]) -> Program {
    let mut server = program::start("request_reply_server", Some(nats.url()), arguments);
    server.wait_for("3 workers listen");
    server
}

fn call(nats: &NatsServer, arguments: &[&str]) -> Ended {
    program::run("request_reply_client", Some(nats.url()), arguments)
}

/// Ends the server; returns which workers received each message, by its id and text.
fn received(server: Program) -> BTreeMap<String, Vec<String>> {
    server.terminate();
    let ended = server.end();
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.lines.last().unwrap().ends_with("stopped, every request has its receipt"), "{ended:?}");
    let mut received = BTreeMap::<_, Vec<_>>::new();
    for line in &ended.lines {
        if let Some((worker, message)) = line.split_once(" received: ") {
            received.entry(message.to_owned()).or_default().push(worker.to_owned());
        }
    }
    received
}

/// Splits the client's output into what it says of each message, by its id and text, and its last line.
fn outcomes(client: &Ended) -> (BTreeMap<String, String>, &str) {
    let (summary, outcomes) = client.lines.split_last().unwrap();
    let outcomes = outcomes.iter().map(|line| line.split_once(": ").unwrap());
    (outcomes.map(|(message, outcome)| (message.to_owned(), outcome.to_owned())).collect(), summary)
}

#[test]
fn with_a_group_each_request_reaches_one_worker() {
    let nats = NatsServer::start();
    let server = serve(&nats, &["--servername", "berlin", "--group", "g"]);
    let client = call(&nats, &[]);
    assert!(client.status.success(), "{client:?}");
    let (receipts, summary) = outcomes(&client);
    assert!(summary.starts_with("3 of 3 receipts after "), "{client:?}");

    let received = received(server);
    assert_eq!(received.len(), 3);
    for (message, workers) in received {
        assert_eq!(workers.len(), 1, "{message}: {workers:?}");
        assert_eq!(receipts[&message], format!("received by {} of berlin", workers[0]));
    }
}

#[test]
fn without_a_group_all_workers_take_each_request_and_the_first_receipt_counts() {
    let nats = NatsServer::start();
    let server = serve(&nats, &["--servername", "berlin"]);
    let client = call(&nats, &[]);
    assert!(client.status.success(), "{client:?}");
    let (receipts, _) = outcomes(&client);

    let received = received(server);
    assert_eq!(received.keys().collect::<Vec<_>>(), receipts.keys().collect::<Vec<_>>());
    for (message, workers) in received {
        assert_eq!(workers.len(), 3, "{message}: {workers:?}");
        assert_eq!(workers.iter().map(String::as_str).collect::<BTreeSet<_>>(), ALL.into());
        assert!(ALL.iter().any(|worker| receipts[&message] == format!("received by {worker} of berlin")));
    }
}

const ALL: [&str; 3] = ["worker1", "worker2", "worker3"];

#[test]
fn a_subject_keeps_two_deployments_apart() {
    let nats = NatsServer::start();
    let server = serve(&nats, &["--subject", "shop.europe"]);
    let elsewhere = call(&nats, &["--subject", "shop.asia"]);
    assert!(outcomes(&elsewhere).0.values().all(|outcome| outcome.starts_with("no responders")));
    let here = call(&nats, &["--subject", "shop.europe"]);
    assert!(here.status.success(), "{here:?}");
    assert_eq!(received(server).len(), 3);
}

#[test]
fn without_a_server_there_are_no_responders_at_once() {
    let nats = NatsServer::start();
    let client = call(&nats, &[]);
    assert_eq!(client.status.code(), Some(1));
    let (outcomes, _) = outcomes(&client);
    assert_eq!(outcomes.len(), 3);
    for outcome in outcomes.values() {
        // At once: after a second it would be the deadline that is exceeded.
        assert_eq!(outcome, "no responders: nobody serves demo.receipts.submit (not executed)");
    }
}

#[test]
fn with_a_silent_subscriber_the_deadline_passes() {
    let nats = NatsServer::start();
    let _silent = subscribe(&nats, "demo.receipts.submit");
    let client = call(&nats, &[]);
    assert_eq!(client.status.code(), Some(1));
    let (outcomes, summary) = outcomes(&client);
    assert_eq!(outcomes.len(), 3);
    for outcome in outcomes.values() {
        assert!(outcome.starts_with("deadline exceeded: "), "{outcome}");
        assert!(outcome.ends_with(" (may have been executed)"), "{outcome}");
    }
    let took = took(summary);
    assert!(took >= Duration::from_secs(1), "not before the deadline: {summary}");
    assert!(took < Duration::from_secs(4), "a second for all three together: {summary}");
}

#[test]
fn without_a_broker_both_say_where_they_looked() {
    let mut nats = NatsServer::start();
    nats.kill();
    for name in ["request_reply_server", "request_reply_client"] {
        let ended = program::run(name, Some(nats.url()), &[]);
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.errors.contains(&format!("{}: unavailable", nats.url())), "{ended:?}");
    }
}

/// The time in `0 of 3 receipts after 1001 ms`.
fn took(summary: &str) -> Duration {
    let (_, time) = summary.split_once(" receipts after ").unwrap();
    Duration::from_millis(time.strip_suffix(" ms").unwrap().parse().unwrap())
}

/// Subscribes as a program that never answers. The server's `PONG` says that it has the subscription.
fn subscribe(nats: &NatsServer, subject: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", nats.client_port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "CONNECT {{\"verbose\":false}}\r\nSUB {subject} 1\r\nPING\r\n").unwrap();
    let lines = BufReader::new(&stream).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "PONG"), "the server has closed the connection");
    stream
}
