//! What goes wrong behind the handler, or in it.

use futures::StreamExt;
use nats_rpc::{Client, ErrorKind, Execution, Subscription};

use crate::bed::{Bed, LabClient, assert_failed, assert_plain_error, outbound, raw_request};
use crate::wires::on_every_wire;

on_every_wire! {
    tagged a_panic_is_an_internal_error_with_an_incident,
    a_reply_over_the_brokers_limit_is_answered,
    a_request_over_the_brokers_limit_is_not_sent,
    a_reply_of_another_type_is_a_protocol_error,
    something_else_than_a_reply_is_a_protocol_error,
    a_reply_to_nobody_is_ignored,
    a_reply_that_cannot_be_read_is_a_protocol_error,
    an_error_about_an_earlier_message_is_ignored,
}

async fn a_panic_is_an_internal_error_with_an_incident(bed: Bed) {
    let server = bed.serve().await;
    let lab = bed.client().await;
    for _ in 0..50 {
        let result = lab.panic("the secret of /etc/secret.rs").await;
        let error = assert_failed(result, ErrorKind::Internal, Execution::MaybeExecuted);
        assert!(error.message().contains("incident"), "{error}");
        assert!(!error.message().contains("secret"), "the text stays in the server's log: {error}");
    }
    assert_eq!(server.counters().panicked, 50);
    assert_eq!(lab.echo("still there").await.unwrap(), "still there");
    assert_plain_error(
        &raw_request(&bed.connect().await, "lab.panic", &[], r#"{"text":""}"#).await,
        "500",
        "1",
    );
}

async fn a_reply_over_the_brokers_limit_is_answered(bed: Bed) {
    let _server = bed.serve().await;
    let lab = bed.client().await;
    assert_failed(lab.bytes(2_000_000).await, ErrorKind::PayloadTooLarge, Execution::Executed);
    assert_eq!(bed.ledger.finished(), 1);
    let answer = raw_request(&bed.connect().await, "lab.bytes", &[], r#"{"count":2000000}"#).await;
    assert_plain_error(&answer, "413", "2");
    assert_eq!(lab.bytes(1_000_000).await.unwrap().len(), 1_000_000);
}

async fn a_request_over_the_brokers_limit_is_not_sent(bed: Bed) {
    let _server = bed.serve().await;
    let lab = bed.client().await;
    let large = "x".repeat(1024 * 1024);
    assert_failed(lab.echo(&large).await, ErrorKind::PayloadTooLarge, Execution::NotExecuted);
    // The connection lives: a message over the limit would have closed it.
    assert_eq!(lab.echo("small").await.unwrap(), "small");
    assert_eq!(bed.ledger.started(), 1);
}

/// A peer that speaks the framed dialect, but badly: answers each call with what `answer` makes of its id.
async fn bad_peer(bed: &Bed, subject: &str, answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) {
    let connection = bed.connect_server().await;
    let mut calls: Subscription = connection.subscribe(bed.served(subject), None).await.unwrap();
    // Known to the broker once a message to oneself is back.
    let mut ready = connection.subscribe("bad.peer.ready", None).await.unwrap();
    connection.publish(outbound("bad.peer.ready", None, "")).await.unwrap();
    ready.next().await.unwrap();
    tokio::spawn(async move {
        while let Some(call) = calls.next().await {
            let id = call.payload[6..14].to_vec();
            let reply = call.reply.unwrap();
            connection.publish(outbound(&reply, None, answer(&id))).await.unwrap();
        }
    });
}

/// A success frame with this body.
fn success(id: &[u8], body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).unwrap();
    [&[0xC1, 1, 0x96, 2, 0xC4, 8], id, &[0, 0xC4, length], body, &[0xC0, 0xC0]].concat()
}

async fn a_reply_of_another_type_is_a_protocol_error(bed: Bed) {
    // A boolean, nothing, something behind the text, and a text that goes on for four gigabytes.
    for (n, body) in [&b"\xC3"[..], b"", b"\xA1x\x00", b"\xDB\xFF\xFF\xFF\xFF"].into_iter().enumerate() {
        let (prefix, body) = (format!("bad{n}"), body.to_vec());
        bad_peer(&bed, &format!("{prefix}.lab.echo"), move |id| success(id, &body)).await;
        let client = Client::builder(bed.connect().await).prefix(prefix).build().unwrap();
        let result = LabClient::new(client).echo("x").await;
        assert_failed(result, ErrorKind::Protocol, Execution::Executed);
    }
}

async fn something_else_than_a_reply_is_a_protocol_error(bed: Bed) {
    bad_peer(&bed, "lab.echo", |_| br#"{"stream":"ORDERS","seq":1}"#.to_vec()).await;
    let result = bed.client().await.echo("x").await;
    assert_failed(result, ErrorKind::Protocol, Execution::MaybeExecuted);
}

async fn a_reply_to_nobody_is_ignored(bed: Bed) {
    bad_peer(&bed, "lab.echo", |id| {
        assert_ne!(id, [9; 8]);
        success(&[9; 8], b"\xA5wrong")
    })
    .await;
    let lab: LabClient = bed.client().await;
    let result = lab.echo("x").timeout(std::time::Duration::from_millis(100)).await;
    assert_failed(result, ErrorKind::DeadlineExceeded, Execution::MaybeExecuted);
}

async fn a_reply_that_cannot_be_read_is_a_protocol_error(bed: Bed) {
    for (n, reply) in [&b"\xC1\x01\x96\x02\xC4"[..], b"\xC1\x09", b"\xC1"].into_iter().enumerate() {
        let (prefix, reply) = (format!("bad{n}"), reply.to_vec());
        bad_peer(&bed, &format!("{prefix}.lab.echo"), move |_| reply.clone()).await;
        let client = Client::builder(bed.connect().await).prefix(prefix).build().unwrap();
        let result = LabClient::new(client).echo("x").await;
        assert_failed(result, ErrorKind::Protocol, Execution::MaybeExecuted);
    }
}

/// The reply subject of a message is used again for the next one: an error about the earlier message is late.
async fn an_error_about_an_earlier_message_is_ignored(bed: Bed) {
    let whole = |id: &[u8]| {
        [&[0xC1, 1, 0x9B, 3, 0xC4, 8], id, b"\xCD\x01\x9D\x00\xCC\x80\xA0\x00\xC0\xC0\xC0\xC0"].concat()
    };
    bad_peer(&bed, "lab.echo", move |_| whole(&[9; 8])).await;
    let result = bed.client().await.echo("x").timeout(std::time::Duration::from_millis(100)).await;
    assert_failed(result, ErrorKind::DeadlineExceeded, Execution::MaybeExecuted);
    bad_peer(&bed, "lab.sleep", whole).await;
    assert_failed(bed.client().await.sleep(0).await, ErrorKind::PayloadTooLarge, Execution::NotExecuted);
}
