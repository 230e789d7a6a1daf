//! How large messages of several calls and of several replies become.

use futures::StreamExt;
use nats_rpc::memory::Broker;
use nats_rpc::{ErrorKind, Execution, ServiceClient};
use rmpv::Value;
use tests::{NatsServer, Version};

use crate::bed::{Bed, assert_failed, outbound};
use crate::on_every_broker;
use crate::peer::{Peer, warm_up};
use crate::wire::{Numbers, Tap, all, call, read_frames, write_frames};

/// The largest message of several frames.
const LARGEST: usize = 64 * 1024;

/// What a small broker takes.
const SMALL: usize = 16 * 1024;

on_every_broker! {
    large_calls_leave_alone_and_small_ones_together,
    large_replies_leave_alone_and_small_ones_together,
}

async fn large_calls_leave_alone_and_small_ones_together(bed: Bed) {
    calls_stay_within(bed, LARGEST).await;
}

async fn large_replies_leave_alone_and_small_ones_together(bed: Bed) {
    replies_stay_within(bed, LARGEST).await;
}

#[tokio::test]
async fn a_small_broker_in_memory() {
    let broker = || Bed::in_memory(Broker::builder().max_payload(SMALL).build());
    calls_stay_within(broker(), SMALL).await;
    replies_stay_within(broker(), SMALL).await;
}

#[tokio::test]
async fn a_small_nats_server() {
    for version in [Version::Current, Version::Oldest] {
        let server = || NatsServer::builder().version(version).max_payload(SMALL);
        calls_stay_within(Bed::configured(server()), SMALL).await;
        replies_stay_within(Bed::configured(server()), SMALL).await;
    }
}

/// Calls of all sizes up to twice the limit, if the broker takes those.
async fn calls_stay_within(bed: Bed, limit: usize) {
    let lab = bed.client().await;
    let mut peer = Peer::new(&bed, "lab.echo").await;
    peer.prove_cheap(&lab, 100).await;
    let answering = peer.keep_answering();
    let connection = lab.client().connection();
    let mut tap = Tap::new(&bed, "lab.echo").await;
    let mut numbers = Numbers::new();
    let (mut several, mut large) = (0, 0);
    for _ in 0..20 {
        let texts: Vec<String> = (0..50)
            .map(|_| match numbers.below(10) {
                0 => "x".repeat(limit / 2 + numbers.below(limit + limit / 2)),
                1..4 => "x".repeat(numbers.below(limit / 3)),
                _ => "x".repeat(numbers.below(limit / 100)),
            })
            .collect();
        let fits = |text: &String| text.len() + 200 < connection.max_payload();
        let (fitting, too_large): (Vec<_>, Vec<_>) = texts.iter().partition(|text| fits(text));
        let refused = too_large.into_iter().filter(|text| text.len() > connection.max_payload());
        let (answers, refusals) = futures::join!(
            all(fitting.iter().map(|text| lab.echo(text))),
            futures::future::join_all(refused.map(|text| lab.echo(text)))
        );
        assert!(answers.iter().eq(fitting), "each gets its own answer");
        for refusal in refusals {
            assert_failed(refusal, ErrorKind::PayloadTooLarge, Execution::NotExecuted);
        }
        for message in tap.messages(connection).await {
            if message.frames.len() > 1 {
                assert!(message.size <= limit, "{} bytes in a message of several calls", message.size);
                several += 1;
            }
            large += usize::from(message.size > limit);
        }
    }
    assert!(several > 20, "{several} messages of several calls");
    assert_eq!(large > 0, limit < connection.max_payload(), "larger ones travel alone where they may");
    answering.abort();
}

/// The calls of one message ask for replies that have no room in one.
async fn replies_stay_within(bed: Bed, limit: usize) {
    let _server = bed.serve().await;
    let connection = bed.connect().await;
    let mut answers = connection.subscribe("_INBOX.large", None).await.unwrap();
    let call = |number: u8| call(number, "count", if number.is_multiple_of(2) { limit / 3 } else { 10 });
    let mut several = 0;
    for _ in 0..10 {
        let message = outbound("lab.bytes", Some("_INBOX.large"), write_frames((0..20).map(call)));
        connection.publish(message).await.unwrap();
        let mut ids = Vec::new();
        while ids.len() < 20 {
            let answer = answers.next().await.unwrap();
            let frames = read_frames(&answer.payload);
            if frames.len() > 1 {
                assert!(answer.payload.len() <= limit, "{} bytes of replies", answer.payload.len());
                several += 1;
            }
            ids.extend(frames.iter().map(|frame| frame[1].as_slice().unwrap()[0]));
        }
        ids.sort_unstable();
        assert!(ids.into_iter().eq(0..20), "each is answered once");
    }
    assert!(several > 0, "replies share messages");
}

/// Calls that are each well within what the server takes, in messages that are not.
#[tokio::test]
async fn a_servers_limit_on_requests_is_about_each_call_of_a_message() {
    let bed = Bed::memory();
    let server = bed.server_builder().await.max_request(4 * 1024).add(bed.service());
    let _server = server.start().await.unwrap();
    let lab = bed.client().await;
    warm_up(&lab).await;
    let text = "x".repeat(1024);
    for _ in 0..100 {
        all((0..50).map(|_| lab.echo(&text))).await;
    }
}

/// One slow call keeps the whole message that it came in.
#[tokio::test]
async fn a_call_that_keeps_a_message_of_many_counts_as_what_it_keeps() {
    let bed = Bed::memory();
    let server = bed.server_builder().await.max_bytes(256 * 1024).add(bed.service()).start().await.unwrap();
    let connection = bed.connect().await;
    let mut answers = connection.subscribe("_INBOX.kept", None).await.unwrap();
    let mut frames: Vec<Value> = (1..100).map(|number| call(number, "ms", 0)).collect();
    // The first sleeps, and behind the second is an element of a later version that is large.
    frames.insert(0, call(0, "ms", 50_000));
    if let Value::Array(elements) = &mut frames[1] {
        elements.push(Value::Binary(vec![0; 100 * 1024]));
    }
    let message = write_frames(frames);
    // Twenty of them are two megabytes.
    for _ in 0..20 {
        connection.publish(outbound("lab.sleep", Some("_INBOX.kept"), message.clone())).await.unwrap();
        let mut answered = 0;
        while answered < 99 {
            answered += read_frames(&answers.next().await.unwrap().payload).len();
        }
    }
    assert!(server.counters().overloaded > 0, "two megabytes are kept, of a quarter that may be");
}
