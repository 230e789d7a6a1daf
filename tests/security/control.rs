//! Control subjects are open to all callers: they open no call, and cancel none but one's own.

use futures::StreamExt;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::bed::{Estate, PATIENT, Witness, eventually, publish, soon};
use crate::on_every_template;

on_every_template! {
    a_call_on_a_control_subject_is_not_run,
    a_call_is_cancelled_by_its_caller_and_by_nobody_else,
}

async fn a_call_on_a_control_subject_is_not_run(estate: Estate) {
    let server = estate.serve().await;
    let mut witness = Witness::new(&estate, "hello").await;
    let connection = estate.connect("web").await;
    let caller = estate.caller_on(connection.clone());
    caller.hello("Ann").await.unwrap();
    let call = witness.next().await.payload;
    let reply = estate.inbox("web", ".here.x");
    for rest in
        [format!("_ctl.{}.x", server.id()), format!("_ctl.{}.any", server.id()), "_ctl.any".to_owned()]
    {
        for payload in [call.to_vec(), br#"{"name":"Ann"}"#.to_vec()] {
            publish(&connection, &estate.subject(&rest), Some(&reply), payload).await;
        }
    }
    // When the server has ended, it has taken in what was sent before.
    caller.hello("Ann").await.unwrap();
    server.shutdown().await;
    assert_eq!(estate.ledger.started(), 2);
}

async fn a_call_is_cancelled_by_its_caller_and_by_nobody_else(estate: Estate) {
    let server = estate.serve().await;
    let mut witness = Witness::new(&estate, "hello").await;
    // Another connection of the same group: what it sees, no other group does.
    let friend = estate.connect("batch").await;
    let told = estate.inbox("batch", &format!(".*.*._{}", server.id()));
    let mut told = friend.subscribe(told, None).await.unwrap();
    friend.flush().await.unwrap();
    let caller = estate.caller("batch").await;
    let call = tokio::spawn(caller.hello(PATIENT).into_future());
    let id = witness.next().await.payload[6..14].to_vec();
    let accepted = soon(told.next()).await.unwrap();
    let token = accepted.reply.unwrap().rsplit('.').next().unwrap().to_owned();

    let stranger = estate.connect("web").await;
    let cancel = [&[0xC1, 0x01, 0x92, 0x04, 0xC4, 0x08], &id[..]].concat();
    for guess in ["1", "any", "_", "AAAAAAAAAAAA", &token[..11], &token.to_lowercase()] {
        let guess = if guess == token { "aaaaaaaaaaaa" } else { guess };
        let subject = estate.subject(&format!("_ctl.{}.{guess}", server.id()));
        publish(&stranger, &subject, None, cancel.clone()).await;
        claim_that_nobody_is_there(&estate, "web", &subject).await;
    }
    estate.caller_on(stranger).hello("Ann").await.unwrap();
    estate.ledger.release.notify_one();
    assert_eq!(soon(call).await.unwrap().unwrap(), format!("Hello, {PATIENT}!"));
    assert_eq!(server.counters().cancelled, 0);

    let call = tokio::spawn(caller.hello(PATIENT).into_future());
    soon(told.next()).await.unwrap();
    call.abort();
    eventually("its caller has cancelled it", || server.counters().cancelled == 1).await;
    assert_eq!((estate.ledger.started(), estate.ledger.finished()), (3, 2));
}

/// Publishes what a NATS server says where nobody listens, which no client library would. Returns when the NATS server has
/// passed it on.
async fn claim_that_nobody_is_there(estate: &Estate, user: &str, subject: &str) {
    let stream = TcpStream::connect(("127.0.0.1", estate.server().client_port())).await.unwrap();
    let mut stream = BufReader::new(stream);
    let connect = format!(r#"CONNECT {{"user":"{user}","pass":"{user}","headers":true,"verbose":false}}"#);
    let claim = "NATS/1.0 503\r\n\r\n";
    let commands = format!("{connect}\r\nHPUB {subject} {0} {0}\r\n{claim}\r\nPING\r\n", claim.len());
    stream.write_all(commands.as_bytes()).await.unwrap();
    let mut line = String::new();
    while line != "PONG\r\n" {
        assert!(!line.starts_with("-ERR"), "{line}");
        line.clear();
        assert_ne!(soon(stream.read_line(&mut line)).await.unwrap(), 0, "the connection was closed");
    }
}
