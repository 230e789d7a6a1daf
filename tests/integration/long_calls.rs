//! Calls that take long: their callers learn who has them, and that it is still there.

use std::time::{Duration, Instant};

use futures::StreamExt;
use nats_rpc::Server;
use rmpv::Value;

use crate::bed::{Bed, outbound};
use crate::caller::Caller;
use crate::wire::{call, read_frames, write_frames};
use crate::wires::on_every_wire;

on_every_wire! {
    behind_a_mapping a_call_that_takes_long_names_its_instance,
    behind_a_mapping a_call_that_waits_for_a_place_names_it_too,
    one_of_many_instances_says_so,
    behind_a_mapping the_callers_of_long_calls_get_heartbeats,
    behind_a_mapping calls_of_one_caller_have_one_control_subject,
}

async fn serve_as(bed: &Bed, id: &str) -> Server {
    bed.server_builder().await.id(id).add(bed.service()).start().await.unwrap()
}

async fn a_call_that_takes_long_names_its_instance(bed: Bed) {
    let _server = serve_as(&bed, "i7").await;
    let mut caller = Caller::new(&bed).await;
    let begin = Instant::now();
    caller.call("lab.wait", 1).await;
    let accepted = caller.next().await;
    assert!(begin.elapsed() >= Duration::from_millis(250), "{:?}", begin.elapsed());
    assert_eq!(accepted.subject, caller.control("i7"));
    let nil = Value::Nil;
    let expected = [8.into(), Value::Binary(vec![1; 8]), "i7".into(), nil.clone(), nil, 0.into()];
    assert_eq!(accepted.frames, [Value::Array(expected.into())]);
    let control = accepted.reply.unwrap();
    let peer = control.strip_prefix(&bed.served("lab._ctl.i7.")).unwrap();
    assert!(!peer.is_empty() && !peer.contains('.'), "{control}");
    bed.ledger.release.notify_one();
    assert_eq!(caller.next_frame().await[0], 2.into(), "then it is answered as usual");
}

async fn a_call_that_waits_for_a_place_names_it_too(bed: Bed) {
    let server = bed.server_builder().await.max_in_flight(1).add(bed.service()).start().await.unwrap();
    let mut caller = Caller::new(&bed).await;
    caller.call("lab.wait", 1).await;
    bed.ledger.begun.notified().await;
    let first = caller.accepted(1).await;
    caller.call("lab.wait", 2).await;
    assert_eq!(caller.accepted(2).await, first);
    assert_eq!(server.counters().started, 1);
}

async fn one_of_many_instances_says_so(bed: Bed) {
    let _server = bed.server_builder().await.broadcast().add(bed.service()).start().await.unwrap();
    let mut caller = Caller::new(&bed).await;
    caller.call("lab.wait", 1).await;
    assert_eq!(caller.next_frame().await[5], (1 << 6).into());
}

async fn the_callers_of_long_calls_get_heartbeats(bed: Bed) {
    let _server = serve_as(&bed, "i7").await;
    let mut caller = Caller::new(&bed).await;
    caller.call("lab.wait", 1).await;
    let control = caller.accepted(1).await;
    for _ in 0..2 {
        let heartbeat = caller.next().await;
        assert_eq!(heartbeat.frames, [Value::Array(vec![9.into()])]);
        assert_eq!((heartbeat.subject, heartbeat.reply.as_ref()), (caller.control("i7"), Some(&control)));
    }
}

async fn calls_of_one_caller_have_one_control_subject(bed: Bed) {
    let _server = bed.serve().await;
    let (mut one, mut other) = (Caller::new(&bed).await, Caller::new(&bed).await);
    one.call("lab.wait", 1).await;
    let control = one.accepted(1).await;
    one.call("lab.wait", 2).await;
    assert_eq!(one.accepted(2).await, control);
    other.call("lab.wait", 1).await;
    assert_ne!(other.accepted(1).await, control);
}

/// Time that passes as soon as nothing else is to be done.
#[tokio::test(start_paused = true)]
async fn heartbeats_come_each_second_and_end_with_the_last_call() {
    let bed = Bed::memory();
    let _server = bed.serve().await;
    let mut caller = Caller::new(&bed).await;
    caller.call("lab.wait", 1).await;
    caller.call("lab.wait", 2).await;
    let (mut accepted, mut heartbeats, begin) = (0, 0, tokio::time::Instant::now());
    while heartbeats < 10 {
        for frame in caller.next().await.frames {
            *(if frame[0] == 8.into() { &mut accepted } else { &mut heartbeats }) += 1;
        }
    }
    assert_eq!(accepted, 2);
    let took = begin.elapsed();
    assert!((9500..10_500).contains(&took.as_millis()), "one for both of them: {took:?}");
    bed.ledger.release.notify_waiters();
    let answered = [caller.next().await, caller.next().await];
    assert!(answered.iter().all(|answer| answer.frames[0][0] == 2.into()), "{answered:?}");
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(caller.rest("lab.echo").await.is_empty(), "nobody waits for anything");
}

#[tokio::test(start_paused = true)]
async fn who_needs_no_notice_gets_none() {
    let bed = Bed::memory();
    let _server = bed.serve().await;
    let mut caller = Caller::new(&bed).await;
    let sleeping = |ms: usize| call(u8::try_from(ms).unwrap(), "ms", ms);
    // Below a slot of its own in each case: answered within 250 ms, plain, oneway, from another account.
    let mut all = caller.connection.subscribe("_INBOX.>", None).await.unwrap();
    let mut other_account = caller.connection.subscribe("_R_.>", None).await.unwrap();
    let publish = |subject: &'static str, reply: &'static str, payload: bytes::Bytes| {
        let connection = caller.connection.clone();
        async move { connection.publish(outbound(subject, Some(reply), payload)).await.unwrap() }
    };
    publish("lab.sleep", "_INBOX.quick.1", write_frames([sleeping(200)])).await;
    publish("lab.sleep", "_INBOX.plain.1", r#"{"ms":5000}"#.into()).await;
    publish("lab.brief", "_INBOX.oneway.1", write_frames([call(3, "none", 0)])).await;
    publish("lab.sleep", "_R_.account.1", write_frames([call(4, "ms", 5000)])).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    caller.rest("lab.echo").await;
    let mut subjects = Vec::new();
    while let Some(Some(message)) = futures::FutureExt::now_or_never(all.next()) {
        subjects.push(message.subject.to_string());
    }
    subjects.retain(|subject| !subject.starts_with("_INBOX.") || !subject.ends_with(".slot"));
    subjects.sort();
    assert_eq!(subjects, ["_INBOX.oneway.1", "_INBOX.plain.1", "_INBOX.quick.1"], "one reply each");
    let reply = other_account.next().await.unwrap();
    assert_eq!((&*reply.subject, &read_frames(&reply.payload)[0][0]), ("_R_.account.1", &2.into()));
    let end = other_account.next().await.unwrap();
    assert!(end.payload.is_empty() && end.headers.is_none(), "a NATS server keeps no way for more");
    assert!(futures::FutureExt::now_or_never(other_account.next()).is_none());
}
