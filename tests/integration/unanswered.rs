//! What becomes of the calls of one message that is not answered call by call.

use std::time::Duration;

use nats_rpc::{CallError, ErrorKind, Execution};
use rmpv::Value;
use tokio::task::JoinHandle;

use crate::bed::{Bed, LabClient, assert_failed};
use crate::on_every_broker;
use crate::peer::Peer;
use crate::wire::{Framed, success, write_frames};

on_every_broker! {
    a_message_that_nobody_serves_fails_each_of_its_calls,
    calls_whose_instance_dies_expire_each_at_its_own_time,
    an_error_about_a_whole_message_fails_its_calls_and_no_others,
    it_may_name_any_of_them,
    a_message_that_is_no_reply_fails_all_calls,
    calls_that_a_reply_leaves_out_stay_out,
}

type Answer = JoinHandle<Result<String, CallError<std::convert::Infallible>>>;

/// A call that is out alone, and a message with nine more, in the hands of a peer.
struct Together {
    peer: Peer,
    lab: LabClient,
    alone: (Framed, Answer),
    message: Framed,
    calls: Vec<Answer>,
}

async fn together(bed: &Bed) -> Together {
    let lab = bed.client().await;
    let mut peer = Peer::new(bed, "lab.echo").await;
    peer.prove_cheap(&lab, 20).await;
    let alone = tokio::spawn(lab.echo("alone"));
    let calls = (0..9).map(|number| {
        let timeout = Duration::from_millis(200 + 10 * number);
        tokio::spawn(lab.echo(&number.to_string()).timeout(timeout))
    });
    let calls = calls.collect();
    let first = peer.next().await;
    assert_eq!(first.texts(), ["alone"]);
    let message = peer.next().await;
    assert_eq!(message.frames.len(), 9);
    Together { peer, lab, alone: (first, alone), message, calls }
}

impl Together {
    /// Asserts how all calls of the message fail, and that the one beside it does not.
    async fn assert_failed(mut self, kind: ErrorKind, execution: Execution) {
        for call in self.calls {
            assert_failed(call.await.unwrap(), kind, execution);
        }
        let (message, call) = self.alone;
        self.peer.echo(&message).await;
        assert_eq!(call.await.unwrap().unwrap(), "alone");
        // The connection is as good as before.
        let call = tokio::spawn(self.lab.echo("and on"));
        let message = self.peer.next().await;
        self.peer.echo(&message).await;
        assert_eq!(call.await.unwrap().unwrap(), "and on");
    }
}

async fn a_message_that_nobody_serves_fails_each_of_its_calls(bed: Bed) {
    let lab = bed.client().await;
    let mut peer = Peer::new(&bed, "lab.echo").await;
    peer.prove_cheap(&lab, 100).await;
    drop(peer);
    // The broker learns of it by and by.
    let gone = async || {
        let result = lab.echo("still there?").timeout(Duration::from_millis(100)).await;
        matches!(result, Err(CallError::Rpc(error)) if error.kind() == ErrorKind::NoResponders)
    };
    while !gone().await {}
    for result in futures::future::join_all((0..50).map(|_| lab.echo("anybody?"))).await {
        assert_failed(result, ErrorKind::NoResponders, Execution::NotExecuted);
    }
}

async fn calls_whose_instance_dies_expire_each_at_its_own_time(bed: Bed) {
    let Together { peer, calls, .. } = together(&bed).await;
    drop(peer);
    for call in calls {
        assert_failed(call.await.unwrap(), ErrorKind::DeadlineExceeded, Execution::MaybeExecuted);
    }
}

async fn an_error_about_a_whole_message_fails_its_calls_and_no_others(bed: Bed) {
    fail_whole(bed, 0).await;
}

async fn it_may_name_any_of_them(bed: Bed) {
    fail_whole(bed, 5).await;
}

async fn fail_whole(bed: Bed, named: usize) {
    let together = together(&bed).await;
    let id = together.message.ids()[named].clone();
    let (nil, whole) = (Value::Nil, 1 << 7);
    let error = vec![
        3.into(),
        Value::Binary(id),
        413.into(),
        0.into(),
        whole.into(),
        "too large".into(),
        0.into(),
        nil.clone(),
        nil.clone(),
        nil.clone(),
        nil,
    ];
    together.peer.reply(&together.message, write_frames([Value::Array(error)])).await;
    together.assert_failed(ErrorKind::PayloadTooLarge, Execution::NotExecuted).await;
}

async fn a_message_that_is_no_reply_fails_all_calls(bed: Bed) {
    let together = together(&bed).await;
    together.peer.reply(&together.message, r#"{"stream":"ORDERS","seq":1}"#.into()).await;
    together.assert_failed(ErrorKind::Protocol, Execution::MaybeExecuted).await;
}

async fn calls_that_a_reply_leaves_out_stay_out(bed: Bed) {
    let Together { peer, message, mut calls, .. } = together(&bed).await;
    let odd: Vec<Answer> = (0..4).map(|number| calls.remove(number + 1)).collect();
    let frame = |number: usize| success(&message.ids()[number], 0, &message.texts()[number]);
    // In two messages, in another order, and one of them twice.
    peer.reply(&message, write_frames([7, 3].map(frame))).await;
    peer.reply(&message, write_frames([5, 3, 1].map(frame))).await;
    for (number, call) in odd.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap(), (2 * number + 1).to_string());
    }
    for call in calls {
        assert_failed(call.await.unwrap(), ErrorKind::DeadlineExceeded, Execution::MaybeExecuted);
    }
}
