//! Which task runs a handler.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;

use crate::bed::{Bed, outbound};
use crate::on_every_broker;
use crate::wire::{call, read_frames, write_frames};

on_every_broker! {
    cheap_handlers_move_into_the_receiving_task,
    a_spawned_method_never_does,
    a_handler_that_turns_slow_holds_up_nobody,
    the_limit_holds_for_cheap_handlers_too,
    a_message_of_many_calls_does_not_keep_the_receiving_task,
}

#[nats_rpc::service]
trait Tasks {
    /// The task that runs the handler.
    async fn id(&self) -> String;
    #[rpc(spawn)]
    async fn own_id(&self) -> String;
    /// Blocks its thread for so long, then yields for good.
    async fn block(&self, ms: u64) -> String;
    /// Keeps its processor for so many microseconds.
    async fn spin(&self, us: u64) -> String;
    /// Waits for a lock that all calls share; yields how many handlers are there.
    async fn share(&self) -> usize;
}

#[derive(Clone, Default)]
struct Ids {
    lock: Arc<tokio::sync::Mutex<()>>,
    inside: Arc<AtomicUsize>,
}

fn task_id() -> String {
    tokio::task::id().to_string()
}

impl Tasks for Ids {
    async fn id(&self) -> String {
        task_id()
    }

    async fn own_id(&self) -> String {
        task_id()
    }

    async fn block(&self, ms: u64) -> String {
        std::thread::sleep(Duration::from_millis(ms));
        task_id()
    }

    async fn spin(&self, us: u64) -> String {
        let begin = std::time::Instant::now();
        while begin.elapsed() < Duration::from_micros(us) {}
        task_id()
    }

    async fn share(&self) -> usize {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        drop(self.lock.lock().await);
        self.inside.fetch_sub(1, Ordering::SeqCst);
        inside
    }
}

async fn serve(bed: &Bed) -> (nats_rpc::Server, TasksClient) {
    let server = bed.server_builder().await.add(TasksServer::new(Ids::default())).start().await.unwrap();
    (server, TasksClient::new(bed.connect().await))
}

/// Calls until the receiving task runs the handler itself, which shows in two answers from one task.
async fn until_cheap(call: impl Fn() -> nats_rpc::Call<String, std::convert::Infallible>) {
    // On a busy machine a cheap poll may take long now and then: the proof begins anew.
    let mut before = String::new();
    for _ in 0..10_000 {
        let id = call().await.unwrap();
        if id == before {
            return;
        }
        before = id;
    }
    panic!("a cheap handler was never polled in the receiving task");
}

async fn cheap_handlers_move_into_the_receiving_task(bed: Bed) {
    let (_server, tasks) = serve(&bed).await;
    let first = tasks.id().await.unwrap();
    assert_ne!(first, tasks.id().await.unwrap(), "unknown handlers get a task each");
    until_cheap(|| tasks.id()).await;
}

async fn a_spawned_method_never_does(bed: Bed) {
    let (_server, tasks) = serve(&bed).await;
    let mut before = String::new();
    for _ in 0..200 {
        let id = tasks.own_id().await.unwrap();
        assert_ne!(id, before);
        before = id;
    }
}

async fn a_handler_that_turns_slow_holds_up_nobody(bed: Bed) {
    let (_server, tasks) = serve(&bed).await;
    for _ in 0..200 {
        tasks.block(0).await.unwrap();
    }
    tasks.block(5).await.unwrap();
    let after = tasks.block(0).await.unwrap();
    assert_ne!(after, tasks.block(0).await.unwrap(), "it gets tasks again");
}

async fn the_limit_holds_for_cheap_handlers_too(bed: Bed) {
    let ids = Ids::default();
    let server = bed.server_builder().await.max_in_flight(2).add(TasksServer::new(ids.clone()));
    let _server = server.start().await.unwrap();
    let tasks = TasksClient::new(bed.connect().await);
    for _ in 0..300 {
        tasks.share().await.unwrap();
    }
    let lock = ids.lock.lock().await;
    let calls: Vec<_> = (0..50).map(|_| tokio::spawn(tasks.share())).collect();
    while ids.inside.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    drop(lock);
    // Who has begun can go on: nobody waits for a place with the lock in hand.
    for call in calls {
        let inside = call.await.unwrap().unwrap();
        assert!(inside <= 2, "{inside} handlers at a time");
    }
}

async fn a_message_of_many_calls_does_not_keep_the_receiving_task(bed: Bed) {
    let (_server, tasks) = serve(&bed).await;
    until_cheap(|| tasks.spin(0)).await;
    let connection = bed.connect().await;
    let mut answers = connection.subscribe("_INBOX.turn", None).await.unwrap();
    // Each is cheap enough to be run by the receiving task; together they would keep it for five milliseconds.
    let message = write_frames((0..100).map(|number| call(number, "us", 50)));
    connection.publish(outbound("tasks.spin", Some("_INBOX.turn"), message)).await.unwrap();
    let (mut ids, mut answered) = (HashSet::new(), 0);
    while answered < 100 {
        for answer in read_frames(&answers.next().await.unwrap().payload) {
            ids.insert(answer[3].as_slice().unwrap().to_vec());
            answered += 1;
        }
    }
    assert!(ids.len() > 1, "all of them ran in one task");
}
