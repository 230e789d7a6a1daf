//! Calls that nobody waits for any more do not leave, and those that wait to leave do so in time.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use nats_rpc::{ErrorKind, Execution, ServiceClient};

use crate::bed::{Bed, LabClient, assert_failed};
use crate::on_every_broker;
use crate::peer::Peer;
use crate::wire::{Framed, Tap, all};

on_every_broker! {
    a_call_that_is_dropped_in_the_poll_that_made_it_is_not_sent,
    of_calls_that_share_a_message_only_those_leave_that_are_waited_for,
    a_call_that_expires_or_is_dropped_while_it_is_held_back_is_not_sent,
    a_call_that_expired_before_the_flusher_came_is_not_sent,
    what_is_held_back_leaves_with_the_first_answer,
    what_is_held_back_leaves_when_it_is_full,
}

fn texts(messages: &[Framed]) -> Vec<String> {
    messages.iter().flat_map(Framed::texts).collect()
}

async fn a_call_that_is_dropped_in_the_poll_that_made_it_is_not_sent(bed: Bed) {
    let _server = bed.serve().await;
    let lab = bed.client().await;
    let mut tap = Tap::new(&bed, "lab.echo").await;
    // A call that is alone leaves at once.
    let other = tokio::spawn(lab.wait());
    bed.ledger.begun.notified().await;
    let mut calls: FuturesUnordered<_> = (0..20).map(|_| lab.echo("dropped")).collect();
    assert!(futures::poll!(calls.next()).is_pending());
    assert_eq!(lab.client().in_flight(), 21, "each has been polled");
    drop(calls);
    lab.echo("end").await.unwrap();
    assert_eq!(texts(&tap.messages(lab.client().connection()).await), ["end"]);
    assert_eq!(bed.ledger.started(), 2);
    bed.ledger.release.notify_one();
    other.await.unwrap().unwrap();
}

async fn of_calls_that_share_a_message_only_those_leave_that_are_waited_for(bed: Bed) {
    let lab = bed.client().await;
    let mut peer = Peer::new(&bed, "lab.echo").await;
    peer.prove_cheap(&lab, 100).await;
    let mut alone = Box::pin(lab.echo("alone"));
    assert!(futures::poll!(&mut alone).is_pending());
    let mut calls: Vec<_> = (0..20).map(|number| Box::pin(lab.echo(&number.to_string()))).collect();
    for call in &mut calls {
        assert!(futures::poll!(call).is_pending());
    }
    for number in (0..20).rev().filter(|number| number % 3 != 0) {
        drop(calls.remove(number));
    }
    let first = peer.next().await;
    let rest = peer.next().await;
    assert_eq!(first.texts(), ["alone"]);
    assert_eq!(rest.texts(), ["0", "3", "6", "9", "12", "15", "18"]);
    peer.echo(&first).await;
    peer.echo(&rest).await;
    alone.await.unwrap();
    assert_eq!(futures::future::join_all(calls).await.len(), 7);
}

/// Four messages are out, so that further ones wait to be filled with ten calls, for at least four seconds.
async fn four_messages_are_out(bed: &Bed) -> (LabClient, Peer, Vec<Framed>) {
    let lab = bed.client().await;
    let mut peer = Peer::new(bed, "lab.echo").await;
    // Ten calls were measured, whose round trip took two seconds.
    let far_away = async {
        let mut messages = Vec::new();
        for _ in 0..10 {
            messages.push(peer.next().await);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        for message in messages {
            peer.echo(&message).await;
        }
    };
    futures::join!(far_away, all((0..10).map(|_| lab.echo("far away"))));
    let mut out = Vec::new();
    for _ in 0..4 {
        tokio::spawn(lab.echo("out"));
        out.push(peer.next().await);
    }
    assert!(out.iter().all(|message| message.texts() == ["out"]));
    (lab, peer, out)
}

async fn a_call_that_expires_or_is_dropped_while_it_is_held_back_is_not_sent(bed: Bed) {
    let (lab, mut peer, out) = four_messages_are_out(&bed).await;
    let mut dropped = Box::pin(lab.echo("dropped"));
    assert!(futures::poll!(&mut dropped).is_pending());
    let expired = lab.echo("expired").timeout(Duration::from_millis(50)).await;
    assert_failed(expired, ErrorKind::DeadlineExceeded, Execution::NotExecuted);
    drop(dropped);
    for message in out {
        peer.echo(&message).await;
    }
    let end = tokio::spawn(lab.echo("end"));
    let last = peer.next().await;
    assert_eq!(last.texts(), ["end"]);
    peer.echo(&last).await;
    end.await.unwrap().unwrap();
}

async fn what_is_held_back_leaves_with_the_first_answer(bed: Bed) {
    let (lab, mut peer, out) = four_messages_are_out(&bed).await;
    let held: Vec<_> = ["one", "two", "three"].map(|text| tokio::spawn(lab.echo(text))).into();
    let early = tokio::time::timeout(Duration::from_millis(100), peer.next()).await;
    assert!(early.is_err(), "it waits to be filled: {early:?}");
    peer.echo(&out[2]).await;
    let message = peer.next().await;
    assert_eq!(message.texts(), ["one", "two", "three"]);
    peer.echo(&message).await;
    for call in held {
        call.await.unwrap().unwrap();
    }
}

async fn what_is_held_back_leaves_when_it_is_full(bed: Bed) {
    let (lab, mut peer, _out) = four_messages_are_out(&bed).await;
    let calls: Vec<_> = (0..23).map(|number| tokio::spawn(lab.echo(&number.to_string()))).collect();
    for first in [0, 10] {
        let message = peer.next().await;
        let expected: Vec<String> = (first..first + 10).map(|number: i32| number.to_string()).collect();
        assert_eq!(message.texts(), expected);
        peer.echo(&message).await;
    }
    let rest = peer.next().await;
    assert_eq!(rest.texts(), ["20", "21", "22"]);
    peer.echo(&rest).await;
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap(), number.to_string());
    }
}

/// Whoever keeps the thread keeps the flusher from its work, and the sweeper too.
async fn a_call_that_expired_before_the_flusher_came_is_not_sent(bed: Bed) {
    let _server = bed.serve().await;
    let lab = bed.client().await;
    let mut tap = Tap::new(&bed, "lab.echo").await;
    let other = tokio::spawn(lab.wait());
    bed.ledger.begun.notified().await;
    let mut late = Box::pin(lab.echo("late").timeout(Duration::from_millis(10)));
    assert!(futures::poll!(&mut late).is_pending());
    std::thread::sleep(Duration::from_millis(50));
    late.await.unwrap_err();
    lab.echo("end").await.unwrap();
    assert_eq!(texts(&tap.messages(lab.client().connection()).await), ["end"]);
    bed.ledger.release.notify_one();
    other.await.unwrap().unwrap();
}
