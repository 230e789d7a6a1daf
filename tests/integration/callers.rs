//! What one caller may have of a server: more than that waits or is refused, and others notice
//! nothing of it.

use std::time::{Duration, Instant};

use nats_rpc::{ErrorKind, Execution, MethodLimits, Retry, ServerBuilder};
use rmpv::Value;

use crate::bed::{Bed, assert_failed, assert_plain_error, eventually, raw_request};
use crate::caller::Caller;
use crate::on_every_broker;

on_every_broker! {
    handlers_of_a_caller_wait_for_a_place_of_their_own,
    waiting_calls_of_a_caller_are_bounded,
    bytes_of_a_caller_are_bounded,
    cheap_handlers_that_wait_count_for_their_caller,
    a_caller_at_its_limit_keeps_no_place_of_a_method,
    oneway_calls_count_for_who_gets_the_receipt,
    no_budget_is_longer_than_the_longest,
    who_has_sent_heartbeats_has_to_go_on,
    a_caller_has_to_have_places,
}

/// Two kinds of callers: clients of the library, and one made by hand.
async fn builder(bed: &Bed) -> ServerBuilder {
    bed.server_builder().await.reply_prefixes(["_INBOX", "other"]).add(bed.service())
}

async fn handlers_of_a_caller_wait_for_a_place_of_their_own(bed: Bed) {
    let server = builder(&bed).await.max_in_flight_per_caller(2).start().await.unwrap();
    let mut other = Caller::below("other", &bed).await;
    for number in 1..=3 {
        other.call("lab.wait", number).await;
    }
    while bed.ledger.started() < 2 {
        bed.ledger.begun.notified().await;
    }
    // They are known to be here.
    assert_eq!(other.next().await.frames[0][0], 8.into());
    assert_eq!(bed.client().await.sleep(1).await.unwrap(), 1, "others have places of their own");
    assert_eq!(bed.ledger.started(), 3);
    for _ in 0..3 {
        bed.ledger.release.notify_one();
        other.next_frame_of_any().await;
    }
    assert_eq!((bed.ledger.finished(), server.counters().overloaded), (4, 0));
}

async fn waiting_calls_of_a_caller_are_bounded(bed: Bed) {
    let builder = builder(&bed).await.max_in_flight_per_caller(1).max_queued_per_caller(1);
    let server = builder.start().await.unwrap();
    let mut other = Caller::below("other", &bed).await;
    for number in 1..=3 {
        other.call("lab.wait", number).await;
    }
    let refused = other.next_frame_of(3).await;
    assert_eq!((&refused[2], &refused[3]), (&429.into(), &0.into()), "{refused}");
    assert!(refused[5].as_str().unwrap().contains("2 calls of the caller"), "{refused}");
    assert_eq!(refused[7], 100.into(), "when to ask again: {refused}");
    let lab = bed.client().await;
    assert_eq!(lab.echo("others are not concerned").await.unwrap(), "others are not concerned");
    let mine = [tokio::spawn(lab.wait()), tokio::spawn(lab.wait())];
    eventually("mine are here", || server.counters().received == 6).await;
    let refused = lab.wait().retry(Retry::off()).await;
    assert_failed(refused, ErrorKind::Overloaded, Execution::NotExecuted);
    while bed.ledger.finished() < 5 {
        bed.ledger.release.notify_one();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for call in mine {
        call.await.unwrap().unwrap();
    }
    assert_eq!(server.counters().overloaded, 2);
}

async fn bytes_of_a_caller_are_bounded(bed: Bed) {
    let _server = builder(&bed).await.max_bytes_per_caller(1000).start().await.unwrap();
    let lab = bed.client().await;
    let refused = lab.echo(&"x".repeat(1000)).retry(Retry::off()).await;
    let refused = assert_failed(refused, ErrorKind::Overloaded, Execution::NotExecuted);
    assert!(refused.message().contains("of the caller"), "{refused}");
    for _ in 0..3 {
        lab.echo(&"x".repeat(900)).await.unwrap();
    }
}

/// They are begun where they are received, without a look at who calls.
async fn cheap_handlers_that_wait_count_for_their_caller(bed: Bed) {
    let limited = builder(&bed).await.max_in_flight(8).max_in_flight_per_caller(4);
    let server = limited.start().await.unwrap();
    let lab = bed.client().await;
    for _ in 0..100 {
        lab.sleep(0).await.unwrap();
    }
    let before = bed.ledger.started();
    let mut calls: Vec<_> = (0..20).map(|_| tokio::spawn(lab.sleep(600).retry(Retry::off()))).collect();
    eventually("they are here", || server.counters().received >= 120).await;
    let ran = bed.ledger.started() - before;
    assert!(ran <= 5, "{ran} of its handlers run");
    let mut other = Caller::below("other", &bed).await;
    other.call("lab.context", 1).await;
    assert_eq!(other.next_frame_of(1).await[0], 2.into(), "others have places");
    for call in calls.drain(..) {
        call.await.unwrap().unwrap();
    }
}

async fn a_caller_at_its_limit_keeps_no_place_of_a_method(bed: Bed) {
    let one = MethodLimits::new().max_in_flight(1).max_queued(10);
    let limited = builder(&bed).await.max_in_flight_per_caller(1).limit_method("lab", "echo", one);
    let server = limited.start().await.unwrap();
    let mut other = Caller::below("other", &bed).await;
    other.call("lab.wait", 1).await;
    bed.ledger.begun.notified().await;
    for number in 2..5 {
        other.call("lab.echo", number).await;
    }
    // They wait.
    assert_eq!(other.next().await.frames[0][0], 8.into());
    assert_eq!(bed.client().await.echo("there is room").await.unwrap(), "there is room");
    bed.ledger.release.notify_one();
    for _ in 1..5 {
        other.next_frame_of_any().await;
    }
    assert_eq!(server.counters().received, 5);
}

async fn oneway_calls_count_for_who_gets_the_receipt(bed: Bed) {
    let limited = builder(&bed).await.max_in_flight_per_caller(1).max_queued_per_caller(0);
    let server = limited.default_timeout(Duration::from_secs(60)).start().await.unwrap();
    let lab = bed.client().await;
    let running = tokio::spawn(lab.wait());
    bed.ledger.begun.notified().await;
    assert_failed(
        lab.note("mine").acked().retry(Retry::off()).await,
        ErrorKind::Overloaded,
        Execution::NotExecuted,
    );
    // Without one, nobody knows whose it is.
    lab.note("nobody's").await.unwrap();
    eventually("it has run", || bed.ledger.finished() == 1).await;
    bed.ledger.release.notify_one();
    running.await.unwrap().unwrap();
    assert_eq!(server.counters().overloaded, 1);
}

async fn no_budget_is_longer_than_the_longest(bed: Bed) {
    let longest = Duration::from_millis(300);
    let server = builder(&bed).await.max_timeout(longest).start().await.unwrap();
    let begun = Instant::now();
    let mut other = Caller::below("other", &bed).await;
    other.call_within("lab.wait", 1, 3_600_000).await;
    let expired = other.next_frame_of(1).await;
    assert_eq!((&expired[2], &expired[3]), (&408.into(), &1.into()), "{expired}");
    let connection = bed.connect().await;
    for headers in [&[("Nats-Rpc-Timeout-Ms", "3600000")][..], &[]] {
        let answer = raw_request(&connection, "lab.wait", headers, "{}").await;
        assert_plain_error(&answer, "408", "1");
    }
    assert!(begun.elapsed() >= 3 * longest - Duration::from_millis(50), "{:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(server.counters().timed_out, 3);
}

async fn who_has_sent_heartbeats_has_to_go_on(bed: Bed) {
    let server = builder(&bed).await.start().await.unwrap();
    let mut mute = Caller::below("other", &bed).await;
    mute.call("lab.wait", 1).await;
    let mut loud = Caller::below("other", &bed).await;
    loud.call("lab.wait", 2).await;
    let (of_mute, control) = (mute.accepted(1).await, loud.accepted(2).await);
    loud.say(&control, Value::Array(vec![9.into()])).await;
    // One that cancels has said nothing about heartbeats.
    mute.cancel(&of_mute, 7).await;
    eventually("it is taken for gone", || server.counters().cancelled == 1).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    bed.ledger.release.notify_waiters();
    assert_eq!(mute.next_frame_of(1).await[0], 2.into());
    assert_eq!(server.counters().cancelled, 1);
}

async fn a_caller_has_to_have_places(bed: Bed) {
    for builder in
        [builder(&bed).await.max_in_flight_per_caller(0), builder(&bed).await.max_timeout(Duration::ZERO)]
    {
        let error = builder.start().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
}
