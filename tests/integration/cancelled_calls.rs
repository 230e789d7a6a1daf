//! Calls that nobody waits for any more: what becomes of their handlers.

use std::time::Duration;

use nats_rpc::{Context, Server};
use rmpv::Value;
use tokio::sync::{mpsc, watch};

use crate::bed::{Bed, outbound};
use crate::caller::Caller;
use crate::wire::{call, write_frames};
use crate::wires::on_every_wire;

on_every_wire! {
    tagged a_cancelled_handler_is_aborted_and_not_answered,
    a_cancelled_call_that_waits_for_a_place_never_runs,
    what_is_not_to_be_cancelled_is_told_and_goes_on,
    what_is_not_to_be_cancelled_outlasts_its_deadline,
    a_oneway_call_can_outlast_its_deadline,
    behind_a_mapping the_calls_of_a_peer_that_is_gone_are_cancelled,
    only_a_cancel_of_ones_own_call_counts,
    a_task_that_a_handler_has_spawned_learns_of_the_cancel,
    a_task_that_a_handler_has_spawned_learns_of_the_end_of_the_server,
    a_call_can_be_cancelled_during_a_shutdown,
    what_is_not_to_be_cancelled_is_aborted_after_the_grace_time,
}

/// A service whose handlers say what happens to them, and run until the test says so.
#[nats_rpc::service]
trait Worker {
    async fn plainly(&self);
    #[rpc(no_cancel)]
    async fn stubbornly(&self, cx: &Context);
    #[rpc(no_cancel, oneway, timeout = "50ms")]
    async fn silently(&self, cx: &Context);
    /// Leaves the work to a task of its own.
    async fn elsewhere(&self, cx: &Context);
    async fn echo(&self);
}

#[derive(Debug, PartialEq, Eq)]
enum Event {
    Begun,
    /// Its context was cancelled.
    Told,
    Finished,
    Aborted,
}

#[derive(Clone)]
struct Working {
    events: mpsc::UnboundedSender<Event>,
    release: watch::Receiver<bool>,
}

impl Working {
    async fn work(&self) {
        let mut run = Run { working: self, end: Event::Aborted };
        self.tell(Event::Begun);
        self.release.clone().wait_for(|release| *release).await.unwrap();
        run.end = Event::Finished;
    }

    async fn work_and_listen(&self, cx: &Context) {
        let told = async {
            cx.cancelled().await;
            self.tell(Event::Told);
            std::future::pending::<()>().await;
        };
        tokio::select! { () = self.work() => {}, () = told => {} }
    }

    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }
}

/// Tells how a handler ends.
struct Run<'a> {
    working: &'a Working,
    end: Event,
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.working.tell(std::mem::replace(&mut self.end, Event::Aborted));
    }
}

impl Worker for Working {
    async fn plainly(&self) {
        self.work().await;
    }

    async fn stubbornly(&self, cx: &Context) {
        self.work_and_listen(cx).await;
    }

    async fn silently(&self, cx: &Context) {
        self.work_and_listen(cx).await;
    }

    async fn elsewhere(&self, cx: &Context) {
        let (cx, working) = (cx.clone(), self.clone());
        let task = tokio::spawn(async move {
            working.tell(Event::Begun);
            cx.cancelled().await;
            working.tell(Event::Told);
        });
        task.await.unwrap();
    }

    async fn echo(&self) {}
}

/// What happens to the handlers, and the word that lets them end.
struct Watch {
    events: mpsc::UnboundedReceiver<Event>,
    release: watch::Sender<bool>,
}

impl Watch {
    async fn next(&mut self) -> Event {
        let next = tokio::time::timeout(Duration::from_secs(20), self.events.recv()).await;
        next.expect("something happens").expect("the server is there")
    }
}

/// A service with one place.
fn working() -> (WorkerServer<Working>, Watch) {
    let (sender, events) = mpsc::unbounded_channel();
    let (release, released) = watch::channel(false);
    (WorkerServer::new(Working { events: sender, release: released }), Watch { events, release })
}

async fn serve(bed: &Bed) -> (Server, Watch, Caller) {
    let (service, watch) = working();
    let server = bed.server_builder().await.max_in_flight(1).add(service).start().await.unwrap();
    (server, watch, Caller::new(bed).await)
}

async fn a_cancelled_handler_is_aborted_and_not_answered(bed: Bed) {
    let (server, mut watch, mut caller) = serve(&bed).await;
    caller.call("worker.plainly", 1).await;
    assert_eq!(watch.next().await, Event::Begun);
    let control = caller.accepted(1).await;
    caller.cancel(&control, 1).await;
    assert_eq!(watch.next().await, Event::Aborted);
    assert!(caller.rest("worker.echo").await.is_empty(), "its place is free, and nobody waits for an answer");
    assert_eq!(server.counters().cancelled, 1);
}

async fn a_cancelled_call_that_waits_for_a_place_never_runs(bed: Bed) {
    let (server, mut watch, mut caller) = serve(&bed).await;
    caller.call("worker.plainly", 1).await;
    assert_eq!(watch.next().await, Event::Begun);
    caller.accepted(1).await;
    caller.call("worker.plainly", 2).await;
    let control = caller.accepted(2).await;
    caller.cancel(&control, 2).await;
    while server.counters().cancelled == 0 {
        tokio::task::yield_now().await;
    }
    watch.release.send(true).unwrap();
    assert_eq!(watch.next().await, Event::Finished);
    assert_eq!(caller.next_frame().await[1].as_slice(), Some(&[1; 8][..]));
    assert!(caller.rest("worker.echo").await.is_empty());
    assert!(watch.events.try_recv().is_err());
    assert_eq!(server.counters().started, 2, "the first and the one that came last");
}

async fn what_is_not_to_be_cancelled_is_told_and_goes_on(bed: Bed) {
    let (server, mut watch, mut caller) = serve(&bed).await;
    caller.call("worker.stubbornly", 1).await;
    assert_eq!(watch.next().await, Event::Begun);
    let control = caller.accepted(1).await;
    caller.cancel(&control, 1).await;
    assert_eq!(watch.next().await, Event::Told);
    assert_eq!(server.counters().cancelled, 1);
    watch.release.send(true).unwrap();
    assert_eq!(watch.next().await, Event::Finished);
    assert_eq!(caller.next_frame().await[0], 2.into(), "it is answered as usual");
}

async fn what_is_not_to_be_cancelled_outlasts_its_deadline(bed: Bed) {
    let (server, mut watch, mut caller) = serve(&bed).await;
    caller.call_within("worker.stubbornly", 1, 100).await;
    assert_eq!(watch.next().await, Event::Begun);
    let error = caller.next_frame().await;
    assert_eq!((&error[0], &error[2], &error[3]), (&3.into(), &408.into(), &1.into()), "{error}");
    assert_eq!(watch.next().await, Event::Told);
    caller.call_within("worker.echo", 2, 100).await;
    assert_eq!(caller.next_frame().await[3], 0.into(), "it keeps its place");
    assert_eq!(server.counters().timed_out, 1);
    let shutdown = tokio::spawn(server.shutdown());
    watch.release.send(true).unwrap();
    assert_eq!(watch.next().await, Event::Finished);
    shutdown.await.unwrap();
    // The broker has taken all that the server had to say.
    let (_other, ..) = serve(&bed).await;
    assert!(caller.rest("worker.echo").await.is_empty(), "it is answered once");
}

async fn a_oneway_call_can_outlast_its_deadline(bed: Bed) {
    let (_server, mut watch, caller) = serve(&bed).await;
    let message = outbound("worker.silently", None, write_frames([call(1, "none", 0)]));
    caller.connection.publish(message).await.unwrap();
    assert_eq!(watch.next().await, Event::Begun);
    assert_eq!(watch.next().await, Event::Told);
    watch.release.send(true).unwrap();
    assert_eq!(watch.next().await, Event::Finished);
}

async fn the_calls_of_a_peer_that_is_gone_are_cancelled(bed: Bed) {
    let (server, mut watch, mut caller) = serve(&bed).await;
    caller.call("worker.plainly", 1).await;
    assert_eq!(watch.next().await, Event::Begun);
    caller.accepted(1).await;
    caller.call("worker.plainly", 2).await;
    caller.accepted(2).await;
    drop(caller);
    assert_eq!(watch.next().await, Event::Aborted);
    while server.counters().cancelled < 2 {
        tokio::task::yield_now().await;
    }
    let mut other = Caller::new(&bed).await;
    assert!(other.rest("worker.echo").await.is_empty(), "the place is free");
    assert!(watch.events.try_recv().is_err(), "what has waited for it never ran");
}

async fn only_a_cancel_of_ones_own_call_counts(bed: Bed) {
    let (server, mut watch, mut caller) = serve(&bed).await;
    caller.call("worker.plainly", 1).await;
    assert_eq!(watch.next().await, Event::Begun);
    let control = caller.accepted(1).await;
    let (instance, _) = control.rsplit_once('.').unwrap();
    caller.cancel(&control, 2).await;
    caller.cancel(&format!("{instance}.1"), 1).await;
    // Anything else is not for here: a call, a heartbeat, a message that is not made of frames.
    let slot = caller.control("slot");
    let heartbeat = write_frames([Value::Array(vec![9.into()])]);
    for payload in [write_frames([call(3, "none", 0)]), heartbeat, "{}".into()] {
        caller.connection.publish(outbound(&control, Some(&slot), payload)).await.unwrap();
    }
    caller.cancel(&control, 1).await;
    assert_eq!(watch.next().await, Event::Aborted);
    assert!(caller.rest("worker.echo").await.is_empty());
    let counters = server.counters();
    assert_eq!((counters.cancelled, counters.started, counters.control_malformed), (1, 2, 1));
}

async fn a_task_that_a_handler_has_spawned_learns_of_the_cancel(bed: Bed) {
    let (_server, mut watch, mut caller) = serve(&bed).await;
    caller.call("worker.elsewhere", 1).await;
    assert_eq!(watch.next().await, Event::Begun);
    let control = caller.accepted(1).await;
    caller.cancel(&control, 1).await;
    assert_eq!(watch.next().await, Event::Told);
}

async fn a_task_that_a_handler_has_spawned_learns_of_the_end_of_the_server(bed: Bed) {
    let (server, mut watch, caller) = serve(&bed).await;
    caller.call("worker.elsewhere", 1).await;
    assert_eq!(watch.next().await, Event::Begun);
    drop(server);
    assert_eq!(watch.next().await, Event::Told);

    let (service, mut watch) = working();
    let server = bed.server_builder().await.grace(Duration::ZERO).add(service).start().await.unwrap();
    caller.call("worker.elsewhere", 1).await;
    assert_eq!(watch.next().await, Event::Begun);
    server.shutdown().await;
    assert_eq!(watch.next().await, Event::Told);
}

async fn a_call_can_be_cancelled_during_a_shutdown(bed: Bed) {
    let (server, mut watch, mut caller) = serve(&bed).await;
    caller.call("worker.plainly", 1).await;
    assert_eq!(watch.next().await, Event::Begun);
    let control = caller.accepted(1).await;
    let mut shutdown = tokio::spawn(server.shutdown());
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut shutdown).await.is_err());
    caller.cancel(&control, 1).await;
    assert_eq!(watch.next().await, Event::Aborted);
    shutdown.await.unwrap();
}

async fn what_is_not_to_be_cancelled_is_aborted_after_the_grace_time(bed: Bed) {
    let (service, mut watch) = working();
    let builder = bed.server_builder().await.grace(Duration::from_millis(100));
    let server = builder.add(service).start().await.unwrap();
    let mut caller = Caller::new(&bed).await;
    caller.call("worker.stubbornly", 1).await;
    assert_eq!(watch.next().await, Event::Begun);
    server.shutdown().await;
    assert_eq!(watch.next().await, Event::Aborted);
    let error = caller.next_frame().await;
    assert_eq!((&error[0], &error[2], &error[3]), (&3.into(), &503.into(), &1.into()), "{error}");
}
