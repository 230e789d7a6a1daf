//! Stubs, callers and runtimes come and go, and nothing is left alone or stuck.

use std::time::Duration;

use futures_util::StreamExt;

use super::*;
use crate::connection::memory::Broker;
use crate::connection::streams::{Ended, Link, Taker, Window};
use crate::connection::{ClientStream, Joining, OutboundMessage};
use crate::wire::frame::{
    Acceptance, Flags, Frame, Frames, HEAD, Id, begin_message, put_item, write_accepted, write_cancel,
};
use crate::wire::headers::Headers;

/// A stub of a service is dropped while another is made.
#[test]
fn a_pool_that_ends_takes_no_destination_of_its_successor_along() {
    let connection = Broker::new().connect();
    let inbox = connection.inbox();
    let subject = Subject::from("lab.echo");
    let old = inbox.pool("lab", &[]);
    old.keep(subject.clone(), 512);
    let new = inbox.pool("lab", &[]);
    let destination = new.keep(subject, 512);
    drop(old);
    let other = inbox.pool("other", &[]);
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
    let pool = inbox.pool("lab", &[]);
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

/// A message from instance a: that a stream is open, and items of these numbers.
fn opened_with(id: u64, items: &[u64]) -> bytes::BytesMut {
    let mut message = bytes::BytesMut::new();
    let (headers, flags) = (Headers::new(), Flags::default().with_open());
    let acceptance = Acceptance { credit: None, headers: &headers, flags, control: None };
    write_accepted(&mut message, &Id::new(id), "a", &acceptance);
    for seq in items {
        put_item(&mut message, &Id::new(id), *seq, |bytes| {
            bytes.extend_from_slice(b"item");
            Ok(())
        })
        .unwrap();
    }
    message
}

/// Frames of several streams share messages with what opens them, and with what is for none.
#[tokio::test(start_paused = true)]
async fn the_frames_of_a_message_reach_their_streams_and_a_gap_is_told() {
    let broker = Broker::new();
    let (connection, instance) = (broker.connect(), broker.connect());
    let inbox = connection.inbox();
    inbox.start(&connection).await.unwrap();
    let mut calls = instance.subscribe("lab.echo", None).await.unwrap();
    let mut control = instance.subscribe("lab._ctl.a.7", None).await.unwrap();
    let pool = inbox.pool("lab", &[]);
    let now = Instant::now();
    let streams: Vec<Arc<ClientStream>> = (1..=2)
        .map(|id| {
            let stream =
                Arc::new(ClientStream::new(inbox.windows().reserve(Window::default()).unwrap(), None));
            inbox.expect_stream(id, &stream);
            let expected = Expected {
                id,
                destination: pool.keep("lab.echo".into(), 512),
                payload: bytes::Bytes::from_static(&[0xC1, 1, 0]),
                now,
                deadline: now + Duration::from_secs(5),
                waker: Waker::noop().clone(),
            };
            if let Some(message) = connection.take_on(expected).unwrap() {
                connection.try_publish(message).unwrap();
            }
            stream
        })
        .collect();
    calls.next().await.unwrap();
    let slot = calls.next().await.unwrap().reply.unwrap();
    let (home, _) = slot.rsplit_once('.').unwrap();
    // The first lacks its third item; one that nobody waits for stands between.
    let mut message = opened_with(1, &[0, 1, 3, 4]);
    let mut unknown = bytes::BytesMut::new();
    begin_message(&mut unknown);
    put_item(&mut unknown, &Id::new(9), 0, |_| Ok(())).unwrap();
    message.extend_from_slice(&unknown[HEAD..]);
    message.extend_from_slice(&opened_with(2, &[0, 1, 2])[HEAD..]);
    let mut cancel = bytes::BytesMut::new();
    write_cancel(&mut cancel, &Id::new(2));
    message.extend_from_slice(&cancel[HEAD..]);
    let subject = format!("{home}._a").into();
    let reply = Some("lab._ctl.a.7".into());
    let message = OutboundMessage { subject, reply, payload: message.freeze(), headers: None };
    instance.publish(message).await.unwrap();

    let mut told = Vec::new();
    while !told.contains(&Some(1)) {
        let message = control.next().await.unwrap();
        for frame in Frames::new(&message.payload).unwrap() {
            match frame.unwrap() {
                Frame::Cancel(id) => told.push(id.own()),
                Frame::Heartbeat(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(!told.contains(&Some(2)), "nothing is wrong with the other");
    let taken = |stream: &ClientStream| {
        let (to, from) = ("lab._ctl.a.7".into(), Some("_INBOX._a".into()));
        let link = Link { connection: connection.clone(), to, from, id: Id::new(0) };
        let mut taker = Taker::new(Arc::clone(&stream.flows));
        let mut count = 0;
        loop {
            match taker.poll_next(&Context::from_waker(Waker::noop()), &link) {
                Poll::Ready(Ok(_)) => count += 1,
                Poll::Ready(Err(ended)) => return (count, Some(ended)),
                Poll::Pending => return (count, None),
            }
        }
    };
    let (2, Some(Ended::Failed(error))) = taken(&streams[0]) else { panic!("a part of it is lost") };
    assert_eq!(error.kind(), ErrorKind::DataLoss);
    assert!(matches!(taken(&streams[1]), (3, None)));
}
