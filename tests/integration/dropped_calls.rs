//! Calls that are dropped, or whose instance goes away: from the generated client to the handler.

use std::time::{Duration, Instant};

use nats_rpc::{CallError, Connection, Context, ErrorKind, Execution, Server, Subscription};
use rmpv::Value;
use tokio::sync::mpsc;

use crate::bed::{Bed, LabClient, assert_failed, eventually, outbound};
use crate::on_every_broker;
use crate::peer::Peer;
use crate::wire::{Framed, write_frames};
use crate::wires::on_every_wire;

on_every_wire! {
    tagged a_long_call_that_is_dropped_is_cancelled,
    a_call_that_is_dropped_early_is_cancelled_when_it_turns_out_to_be_long,
    tagged the_calls_of_a_handler_end_with_it,
    the_calls_of_a_task_end_with_the_handler_that_spawned_it,
    the_calls_of_a_detached_task_go_on,
    the_calls_of_a_handler_that_is_not_cancelled_go_on,
    behind_a_mapping an_instance_that_falls_silent_fails_its_long_calls,
}

on_every_broker! {
    an_instance_that_is_gone_fails_its_long_calls,
    an_instance_that_is_heard_is_waited_for,
}

/// A service that passes its calls on.
#[nats_rpc::service]
pub(crate) trait Front {
    async fn pass_on(&self);
    async fn pass_on_in_a_task(&self, cx: &Context);
    async fn pass_on_detached(&self, cx: &Context);
    #[rpc(no_cancel)]
    async fn pass_on_to_the_end(&self);
}

struct Passing {
    lab: LabClient,
    results: mpsc::UnboundedSender<Result<u64, CallError<std::convert::Infallible>>>,
}

impl Front for Passing {
    async fn pass_on(&self) {
        self.lab.wait().timeout(Duration::from_secs(60)).await.unwrap();
    }

    async fn pass_on_in_a_task(&self, cx: &Context) {
        self.spawn(cx);
        std::future::pending::<()>().await;
    }

    async fn pass_on_detached(&self, cx: &Context) {
        self.spawn(&cx.detached());
        std::future::pending::<()>().await;
    }

    async fn pass_on_to_the_end(&self) {
        let result = self.lab.wait().timeout(Duration::from_secs(60)).await;
        self.results.send(result).unwrap();
    }
}

impl Passing {
    fn spawn(&self, cx: &Context) {
        let (lab, results) = (self.lab.clone(), self.results.clone());
        tokio::spawn(cx.scope(async move {
            let result = lab.wait().timeout(Duration::from_secs(60)).await;
            results.send(result).unwrap();
        }));
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it comes")
}

async fn a_long_call_that_is_dropped_is_cancelled(bed: Bed) {
    let server = bed.serve().await;
    let lab = bed.client().await;
    let call = tokio::spawn(lab.wait().timeout(Duration::from_secs(60)));
    soon(bed.ledger.begun.notified()).await;
    // Long enough to have been accepted.
    tokio::time::sleep(Duration::from_millis(400)).await;
    call.abort();
    eventually("the handler is aborted", || server.counters().cancelled == 1).await;
    soon(server.shutdown()).await;
    assert_eq!((bed.ledger.started(), bed.ledger.finished()), (1, 0));
}

async fn a_call_that_is_dropped_early_is_cancelled_when_it_turns_out_to_be_long(bed: Bed) {
    let server = bed.serve().await;
    let lab = bed.client().await;
    for _ in 0..20 {
        let call = tokio::spawn(lab.wait().timeout(Duration::from_secs(60)));
        soon(bed.ledger.begun.notified()).await;
        call.abort();
    }
    eventually("the handlers are aborted", || server.counters().cancelled == 20).await;
    // And those who call after them are served as ever.
    assert_eq!(lab.echo("still there").await.unwrap(), "still there");
}

struct Nested {
    front: FrontClient,
    outer: Server,
    inner: Server,
    results: mpsc::UnboundedReceiver<Result<u64, CallError<std::convert::Infallible>>>,
}

async fn nested(bed: &Bed) -> Nested {
    let inner = bed.serve().await;
    let (sender, results) = mpsc::unbounded_channel();
    let passing = Passing { lab: bed.client().await, results: sender };
    let outer = bed.server_builder().await.add(FrontServer::new(passing)).start().await.unwrap();
    Nested { front: FrontClient::new(bed.connect().await), outer, inner, results }
}

async fn the_calls_of_a_handler_end_with_it(bed: Bed) {
    let Nested { front, outer, inner, .. } = nested(&bed).await;
    let call = tokio::spawn(front.pass_on().timeout(Duration::from_secs(60)));
    soon(bed.ledger.begun.notified()).await;
    call.abort();
    eventually("both are aborted", || outer.counters().cancelled + inner.counters().cancelled == 2).await;
}

async fn the_calls_of_a_task_end_with_the_handler_that_spawned_it(bed: Bed) {
    let Nested { front, outer, inner, mut results } = nested(&bed).await;
    let call = tokio::spawn(front.pass_on_in_a_task().timeout(Duration::from_secs(60)));
    soon(bed.ledger.begun.notified()).await;
    call.abort();
    let result = soon(results.recv()).await.unwrap();
    assert_failed(result, ErrorKind::Cancelled, Execution::MaybeExecuted);
    eventually("both are aborted", || outer.counters().cancelled + inner.counters().cancelled == 2).await;
}

async fn the_calls_of_a_detached_task_go_on(bed: Bed) {
    let Nested { front, outer, inner, mut results } = nested(&bed).await;
    let call = tokio::spawn(front.pass_on_detached().timeout(Duration::from_secs(60)));
    soon(bed.ledger.begun.notified()).await;
    call.abort();
    eventually("the handler is aborted", || outer.counters().cancelled == 1).await;
    bed.ledger.release.notify_one();
    soon(results.recv()).await.unwrap().unwrap();
    assert_eq!(inner.counters().cancelled, 0);
}

async fn the_calls_of_a_handler_that_is_not_cancelled_go_on(bed: Bed) {
    let Nested { front, outer, inner, mut results } = nested(&bed).await;
    // Neither its caller's loss of interest nor its deadline is theirs.
    let call = tokio::spawn(front.pass_on_to_the_end().timeout(Duration::from_millis(700)));
    soon(bed.ledger.begun.notified()).await;
    call.abort();
    eventually("it is told", || outer.counters().cancelled == 1).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    bed.ledger.release.notify_one();
    soon(results.recv()).await.unwrap().unwrap();
    assert_eq!(inner.counters().cancelled, 0);
}

/// An instance that takes a call, says so, and then is what the test makes of it.
struct Instance {
    peer: Peer,
    /// Without the token of the peer.
    subject: String,
    control: Option<Subscription>,
}

impl Instance {
    async fn new(bed: &Bed) -> Self {
        let peer = Peer::new(bed, "lab.wait").await;
        let subject = bed.served("lab._ctl.by-hand");
        let control = Some(peer.connection.subscribe(format!("{subject}.*"), None).await.unwrap());
        peer.settle().await;
        Instance { peer, subject, control }
    }

    async fn say(&self, to: &Framed, frame: Value) {
        let inbox = to.reply.as_ref().unwrap().rsplit_once('.').unwrap().0;
        let subject = format!("{inbox}._by-hand");
        let control = format!("{}.1", self.subject);
        let message = outbound(&subject, Some(&control), write_frames([frame]));
        self.peer.connection.publish(message).await.unwrap();
    }

    async fn accept(&mut self) -> Framed {
        let call = self.peer.next().await;
        let id = Value::Binary(call.ids()[0].clone());
        let frame = [8.into(), id, "by-hand".into(), Value::Nil, Value::Nil, 0.into()];
        self.say(&call, Value::Array(frame.into())).await;
        call
    }
}

async fn call(connection: Connection) -> (Result<u64, CallError<std::convert::Infallible>>, Duration) {
    let lab = LabClient::new(connection);
    let begin = Instant::now();
    let result = lab.wait().timeout(Duration::from_secs(8)).await;
    (result, begin.elapsed())
}

async fn an_instance_that_is_gone_fails_its_long_calls(bed: Bed) {
    let mut instance = Instance::new(&bed).await;
    let call = tokio::spawn(call(bed.connect().await));
    instance.accept().await;
    instance.control = None;
    instance.peer.settle().await;
    let (result, time) = call.await.unwrap();
    let error = assert_failed(result, ErrorKind::Unavailable, Execution::MaybeExecuted);
    assert!(error.message().contains("by-hand"), "{error}");
    assert!(time < Duration::from_millis(2500), "before it could be missed: {time:?}");
}

async fn an_instance_that_falls_silent_fails_its_long_calls(bed: Bed) {
    let mut instance = Instance::new(&bed).await;
    let call = tokio::spawn(call(bed.connect().await));
    instance.accept().await;
    let (result, time) = call.await.unwrap();
    assert_failed(result, ErrorKind::Unavailable, Execution::MaybeExecuted);
    assert!((Duration::from_millis(2900)..Duration::from_secs(5)).contains(&time), "{time:?}");
}

async fn an_instance_that_is_heard_is_waited_for(bed: Bed) {
    let mut instance = Instance::new(&bed).await;
    let mut call = tokio::spawn(call(bed.connect().await));
    let message = instance.accept().await;
    let mut control = instance.control.take().unwrap();
    let mut beats = tokio::time::interval(Duration::from_millis(450));
    let mut heard = 0;
    let (result, time) = loop {
        tokio::select! {
            _ = beats.tick() => instance.say(&message, Value::Array(vec![9.into()])).await,
            told = futures::StreamExt::next(&mut control) => {
                assert_eq!(Framed::read(&told.unwrap()).frames, [Value::Array(vec![9.into()])]);
                heard += 1;
            }
            ended = &mut call => break ended.unwrap(),
        }
    };
    assert_failed(result, ErrorKind::DeadlineExceeded, Execution::MaybeExecuted);
    assert!(time >= Duration::from_secs(8) && heard >= 6, "{heard} heartbeats in {time:?}");
}
