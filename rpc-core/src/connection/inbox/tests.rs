//! Stubs, callers and runtimes come and go, and nothing is left alone or stuck.

use std::time::Duration;

use futures_util::StreamExt;

use super::*;
use crate::connection::memory::Broker;
use crate::connection::{Joining, OutboundMessage};

/// A stub of a service is dropped while another is made.
#[test]
fn a_pool_that_ends_takes_no_destination_of_its_successor_along() {
    let connection = Broker::new().connect();
    let inbox = connection.inbox();
    let subject = Subject::from("lab.echo");
    let old = inbox.pool("lab");
    old.keep(subject.clone(), 512);
    let new = inbox.pool("lab");
    let destination = new.keep(subject, 512);
    drop(old);
    let other = inbox.pool("other");
    other.keep("other.delete".into(), 512);
    let mut state = inbox.shared.lock();
    let there = state.waiters.destinations.get_mut(destination).map(|there| there.subject.to_string());
    assert_eq!(there.as_deref(), Some("lab.echo"), "where the calls of the new stub go");
}

/// A caller has seen that the inbox is started; before it adds its call, the runtime of the inbox ends.
#[test]
fn a_call_that_comes_just_after_the_tasks_have_ended_is_not_left_alone() {
    let connection = Broker::new().connect();
    let inbox = connection.inbox();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    first.block_on(inbox.start(&connection)).unwrap();
    assert!(inbox.is_started(), "which is what `Exchange::send` asks");
    drop(first);
    let pool = inbox.pool("lab");
    second.block_on(async {
        let now = Instant::now();
        let expected = Expected {
            id: 1,
            destination: pool.keep("lab.echo".into(), 512),
            payload: bytes::Bytes::from_static(&[0xC1, 1, 0]),
            now,
            deadline: now + Duration::from_millis(50),
            waker: Waker::noop().clone(),
        };
        if inbox.expect(expected, 1000).is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let answer = inbox.poll_answer(1, &Context::from_waker(Waker::noop()));
        assert!(answer.is_ready(), "ten times its deadline have passed");
    });
}

#[test]
fn what_a_flusher_had_in_hand_when_its_runtime_ended_is_sent_by_the_next() {
    let broker = Broker::new();
    let connection = broker.connect();
    let inbox = connection.inbox();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    first.block_on(inbox.start(&connection)).unwrap();
    let message = |text: &'static str| OutboundMessage {
        subject: "lab.reply".into(),
        reply: None,
        payload: text.into(),
        headers: None,
    };
    // As `send_due` leaves it when it is dropped while it waits for room.
    inbox.shared.outbox.sending.try_lock().unwrap().batches.push_back(message("in hand").into());
    connection.post_until_flush(message("posted"), Joining::Lone).unwrap();
    drop(first);
    second.block_on(async {
        let mut arrived = broker.connect().subscribe("lab.reply", None).await.unwrap();
        inbox.start(&connection).await.unwrap();
        for _ in 0..2 {
            let next = tokio::time::timeout(Duration::from_millis(500), arrived.next()).await;
            assert!(next.is_ok(), "it is stuck");
        }
    });
}
