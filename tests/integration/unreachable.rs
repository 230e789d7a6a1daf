//! Calls that reach no handler.

use std::time::{Duration, Instant};

use nats_rpc::{Connection, ErrorKind, Execution};

use crate::bed::{Bed, LabClient, assert_failed, outbound};
use crate::on_every_broker;
use crate::peer::Peer;

on_every_broker! {
    a_missing_service_has_no_responders,
    a_missing_method_is_unimplemented,
    a_probe_that_nobody_answers_is_not_waited_for,
    a_reply_subject_that_is_no_inbox_gets_nothing,
    a_call_without_a_reply_subject_is_not_run,
}

async fn a_missing_service_has_no_responders(bed: Bed) {
    let begin = Instant::now();
    let error =
        assert_failed(bed.client().await.echo("").await, ErrorKind::NoResponders, Execution::NotExecuted);
    assert!(error.is_retryable());
    assert!(error.message().contains("lab.echo"), "it names the subject: {error}");
    assert!(begin.elapsed() < Duration::from_secs(5), "at once, not at the deadline");
}

async fn a_probe_that_nobody_answers_is_not_waited_for(bed: Bed) {
    let _silent = Peer::new(&bed, "lab._ctl.any").await;
    let begin = Instant::now();
    let result = bed.client().await.echo("").timeout(Duration::from_secs(20)).await;
    assert_failed(result, ErrorKind::NoResponders, Execution::NotExecuted);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

/// An earlier version of the service: it has no other method.
mod earlier {
    #[nats_rpc::service]
    pub(crate) trait Lab {
        async fn hello(&self) -> String;
    }

    pub(crate) struct Old;

    impl Lab for Old {
        async fn hello(&self) -> String {
            "from before".to_owned()
        }
    }
}

async fn a_missing_method_is_unimplemented(bed: Bed) {
    let old = bed.server_builder().await.add(earlier::LabServer::new(earlier::Old));
    let _server = old.start().await.unwrap();
    let error =
        assert_failed(bed.client().await.echo("").await, ErrorKind::Unimplemented, Execution::NotExecuted);
    assert!(error.message().contains("\"echo\""), "{error}");
    let connection = bed.connect().await;
    assert_eq!(earlier::LabClient::new(&connection).hello().await.unwrap(), "from before");
    // In a deployment of both, calls of the new method go to those that have it.
    let _new = bed.serve().await;
    for _ in 0..20 {
        assert_eq!(LabClient::new(&connection).echo("new").await.unwrap(), "new");
    }
}

async fn publish(connection: &Connection, subject: &str, reply: Option<&str>, payload: &'static str) {
    connection.publish(outbound(subject, reply, payload)).await.unwrap();
}

async fn a_reply_subject_that_is_no_inbox_gets_nothing(bed: Bed) {
    let server = bed.serve().await;
    let connection = bed.connect().await;
    let mut orders = connection.subscribe("orders.>", None).await.unwrap();
    publish(&connection, "lab.echo", Some("orders.delete"), r#"{"text":"all"}"#).await;
    while server.counters().reply_refused == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bed.ledger.started(), 0);
    publish(&connection, "orders.end", None, "").await;
    let first = futures::StreamExt::next(&mut orders).await.unwrap();
    assert_eq!(first.subject.as_str(), "orders.end", "nothing was reflected");

    let own = bed.server_builder().await.prefix("own").reply_prefixes(["orders."]).add(bed.service());
    let _own = own.start().await.unwrap();
    publish(&connection, "own.lab.echo", Some("orders.reply"), r#"{"text":"allowed here"}"#).await;
    let reply = futures::StreamExt::next(&mut orders).await.unwrap();
    assert_eq!((reply.subject.as_str(), &reply.payload[..]), ("orders.reply", &b"\"allowed here\""[..]));
}

async fn a_call_without_a_reply_subject_is_not_run(bed: Bed) {
    let server = bed.serve().await;
    let connection = bed.connect().await;
    publish(&connection, "lab.echo", None, r#"{"text":"to nobody"}"#).await;
    while server.counters().reply_missing == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bed.ledger.started(), 0);
    // A oneway call needs none.
    publish(&connection, "lab.note", None, r#"{"line":"runs"}"#).await;
    bed.ledger.begun.notified().await;
}

#[tokio::test]
async fn a_closed_connection_is_not_worth_a_retry() {
    let bed = Bed::nats();
    let _server = bed.serve().await;
    let connection = bed.connect().await;
    let lab = LabClient::new(&connection);
    lab.echo("open").await.unwrap();
    connection.nats().unwrap().drain().await.unwrap();
    let mut error = None;
    while error.is_none() {
        error = lab.echo("closed?").await.err().and_then(|error| error.rpc().cloned());
    }
    let error = error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(!error.is_retryable(), "{error:?}");
}
