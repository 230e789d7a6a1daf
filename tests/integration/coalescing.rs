//! Calls that are in flight together share messages, and each is a call of its own nevertheless.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use nats_rpc::{Client, Server, ServiceClient};
use tokio::sync::Notify;

use crate::bed::{Bed, LabClient, outbound};
use crate::peer::warm_up;
use crate::wire::{Tap, all, calls_per_message};
use crate::wires::on_every_wire;

on_every_wire! {
    ten_thousand_calls_take_few_messages_and_run_once_each,
    limits_of_client_and_method_hold,
    a_handler_that_turns_heavy_gets_messages_of_its_own,
    behind_a_mapping clients_of_one_connection_share_messages,
    what_was_learned_outlives_the_stub,
    plain_callers_get_plain_answers_of_their_own,
    each_call_of_a_broadcast_message_gets_the_first_answer_to_it,
}

#[nats_rpc::service]
trait Desk {
    /// Notes the number, and returns it.
    async fn note(&self, number: u64) -> u64;
    #[rpc(coalesce = 1)]
    async fn note_alone(&self, number: u64) -> u64;
    #[rpc(coalesce = 3)]
    async fn note_in_threes(&self, number: u64) -> u64;
    /// Blocks the thread while the desk is heavy; the task that it runs in.
    async fn work(&self) -> String;
    /// Answers even numbers at the one desk and odd ones at the other, with its name; the others only on release.
    async fn race(&self, number: u64) -> String;
}

#[derive(Clone, Default)]
struct Clerk {
    name: &'static str,
    parity: u64,
    /// How often each number was noted.
    noted: Arc<Mutex<HashMap<u64, usize>>>,
    heavy: Arc<AtomicBool>,
    release: Arc<Notify>,
    raced: Arc<Mutex<Vec<u64>>>,
}

impl Clerk {
    fn write(&self, number: u64) -> u64 {
        *self.noted.lock().unwrap().entry(number).or_default() += 1;
        number
    }
}

impl Desk for Clerk {
    async fn note(&self, number: u64) -> u64 {
        self.write(number)
    }

    async fn note_alone(&self, number: u64) -> u64 {
        self.write(number)
    }

    async fn note_in_threes(&self, number: u64) -> u64 {
        self.write(number)
    }

    async fn work(&self) -> String {
        if self.heavy.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        tokio::task::id().to_string()
    }

    async fn race(&self, number: u64) -> String {
        self.raced.lock().unwrap().push(number);
        if number % 2 != self.parity {
            self.release.notified().await;
        }
        self.name.to_owned()
    }
}

async fn serve(bed: &Bed) -> (Server, Clerk, DeskClient) {
    let clerk = Clerk::default();
    let server = bed.server_builder().await.max_in_flight(20_000).add(DeskServer::new(clerk.clone()));
    (server.start().await.unwrap(), clerk, DeskClient::new(bed.connect().await))
}

/// A burst may begin just when handlers were measured in a bad moment of the machine: the best of so many counts.
const BURSTS: u64 = 20;

async fn ten_thousand_calls_take_few_messages_and_run_once_each(bed: Bed) {
    const CALLS: u64 = 10_000;
    let (_server, clerk, desk) = serve(&bed).await;
    for _ in 0..100 {
        desk.note(u64::MAX).await.unwrap();
    }
    let mut tap = Tap::new(&bed, "desk.note").await;
    let mut fewest = usize::MAX;
    for burst in 0..BURSTS {
        let numbers = burst * CALLS..(burst + 1) * CALLS;
        let calls = numbers.clone().map(|number| desk.note(number).timeout(Duration::from_secs(60)));
        assert!(all(calls).await.into_iter().eq(numbers.clone()), "each gets its own answer");
        let messages = calls_per_message(&tap.messages(desk.client().connection()).await);
        assert_eq!(messages.iter().sum::<usize>(), 10_000, "each was sent once");
        let mut noted = clerk.noted.lock().unwrap();
        assert!(numbers.into_iter().all(|number| noted.remove(&number) == Some(1)), "each was run once");
        fewest = fewest.min(messages.len());
        if fewest < 10_000 / 4 {
            break;
        }
    }
    assert!(fewest < 10_000 / 4, "{fewest} messages");
}

async fn limits_of_client_and_method_hold(bed: Bed) {
    let (_server, _, desk) = serve(&bed).await;
    let connection = desk.client().connection();
    let limited = |calls| DeskClient::new(Client::builder(connection).coalesce(calls).build().unwrap());
    let (ones, sevens) = (limited(1), limited(7));
    type Note = fn(&DeskClient, u64) -> nats_rpc::Call<u64, std::convert::Infallible>;
    let (note, alone, threes): (Note, Note, Note) =
        (DeskClient::note, DeskClient::note_alone, DeskClient::note_in_threes);
    for (client, method, subject, limit) in [
        (&ones, note, "desk.note", 1),
        (&sevens, note, "desk.note", 7),
        (&desk, alone, "desk.note_alone", 1),
        (&desk, threes, "desk.note_in_threes", 3),
        (&sevens, threes, "desk.note_in_threes", 3),
        (&ones, threes, "desk.note_in_threes", 1),
    ] {
        for number in 0..100 {
            method(client, number).await.unwrap();
        }
        let mut tap = Tap::new(&bed, subject).await;
        let mut most = 0;
        // A burst may meet handlers that were measured in a bad moment; in some, calls share messages.
        for _ in 0..100 {
            all((0..100).map(|number| method(client, number))).await;
            let messages = calls_per_message(&tap.messages(connection).await);
            assert_eq!(messages.iter().sum::<usize>(), 100);
            most = most.max(messages.into_iter().max().unwrap());
            assert!(most <= limit, "{most} calls in a message of {subject}, {limit} are allowed");
            if most == limit {
                break;
            }
        }
        assert_eq!(most, limit, "as many calls share a message of {subject} as may");
    }
}

async fn a_handler_that_turns_heavy_gets_messages_of_its_own(bed: Bed) {
    let (_server, clerk, desk) = serve(&bed).await;
    let mut tap = Tap::new(&bed, "desk.work").await;
    let mut burst = async || {
        let tasks = all((0..50).map(|_| desk.work())).await;
        (tasks, calls_per_message(&tap.messages(desk.client().connection()).await))
    };
    let mut cheap = false;
    for _ in 0..1000 {
        let (tasks, messages) = burst().await;
        let tasks: HashSet<String> = tasks.into_iter().collect();
        // One task runs many handlers, and one message carries many calls.
        cheap = tasks.len() < 25 && messages.len() < 25;
        if cheap {
            break;
        }
    }
    assert!(cheap, "cheap handlers are run where they arrive, and share messages");
    clerk.heavy.store(true, Ordering::SeqCst);
    burst().await;
    let (tasks, messages) = burst().await;
    assert_eq!(messages, [1; 50], "each message brings one call");
    assert_eq!(tasks.into_iter().collect::<HashSet<_>>().len(), 50, "each handler has a task of its own");
}

async fn clients_of_one_connection_share_messages(bed: Bed) {
    let _server = bed.server_builder().await.max_in_flight(20_000).add(bed.service()).start().await.unwrap();
    let connection = bed.connect().await;
    // What one stub has measured, all have, for as long as there is one.
    let first = LabClient::new(&connection);
    warm_up(&first).await;
    let mut tap = Tap::new(&bed, "lab.echo").await;
    let stubs: Vec<LabClient> = (0..1000).map(|_| LabClient::new(&connection)).collect();
    let limited: Vec<LabClient> = [1, 2, 7]
        .map(|calls| LabClient::new(Client::builder(&connection).coalesce(calls).build().unwrap()))
        .into();
    let mut fewest = usize::MAX;
    for _ in 0..BURSTS {
        let ran = bed.ledger.started();
        let lone = stubs.iter().map(|lab| lab.echo("a stub of its own"));
        let many = limited.iter().flat_map(|lab| (0..100).map(|_| lab.echo("a limited stub")));
        let answers = all(lone.chain(many).map(|call| call.timeout(Duration::from_secs(60)))).await;
        assert_eq!(answers.iter().filter(|text| *text == "a stub of its own").count(), 1000);
        assert_eq!(bed.ledger.started() - ran, 1300);
        let messages = tap.messages(&connection).await;
        assert_eq!(calls_per_message(&messages).iter().sum::<usize>(), 1300);
        let is_one_kind = |texts: Vec<String>| texts.iter().all(|text| *text == texts[0]);
        assert!(messages.iter().all(|message| is_one_kind(message.texts())), "other limits, other messages");
        let lone = messages.iter().filter(|message| message.texts()[0] == "a stub of its own");
        fewest = fewest.min(lone.count());
        if fewest < 500 {
            break;
        }
    }
    assert!(fewest < 500, "a thousand stubs took {fewest} messages");
}

/// A program may well make a stub for each call.
async fn what_was_learned_outlives_the_stub(bed: Bed) {
    let (_server, _clerk, desk) = serve(&bed).await;
    let connection = desk.client().connection().clone();
    drop(desk);
    for _ in 0..100 {
        DeskClient::new(&connection).note(u64::MAX).await.unwrap();
    }
    let mut tap = Tap::new(&bed, "desk.note").await;
    let mut fewest = usize::MAX;
    for _ in 0..BURSTS {
        all((0..50).map(|number| DeskClient::new(&connection).note(number))).await;
        fewest = fewest.min(calls_per_message(&tap.messages(&connection).await).len());
    }
    assert!(fewest <= 10, "fifty calls took {fewest} messages");
}

async fn plain_callers_get_plain_answers_of_their_own(bed: Bed) {
    let _server = bed.serve().await;
    let lab = bed.client().await;
    warm_up(&lab).await;
    let plain = bed.connect().await;
    let mut answers = plain.subscribe("_INBOX.plain.*", None).await.unwrap();
    let publish = async {
        for number in 0..200 {
            let (text, reply) = (format!("plain {number}"), format!("_INBOX.plain.{number}"));
            let json = format!(r#"{{"text":"{text}"}}"#).into_bytes();
            let pack = rmp_serde::to_vec(&HashMap::from([("text", &text)])).unwrap();
            let body = if number % 2 == 0 { json } else { pack };
            plain.publish(outbound("lab.echo", Some(&reply), body)).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let framed = async {
        for _ in 0..20 {
            let texts = all((0..50).map(|number| lab.echo(&format!("framed {number}")))).await;
            assert!(texts.into_iter().eq((0..50).map(|number| format!("framed {number}"))));
        }
    };
    futures::join!(publish, framed);
    let mut seen = HashSet::new();
    while seen.len() < 200 {
        let answer = answers.next().await.unwrap();
        let number: usize = answer.subject.rsplit('.').next().unwrap().parse().unwrap();
        let text: String = if number.is_multiple_of(2) {
            serde_json::from_slice(&answer.payload).unwrap()
        } else {
            rmp_serde::from_slice(&answer.payload).unwrap()
        };
        assert_eq!(text, format!("plain {number}"));
        assert!(seen.insert(number), "one answer to each call");
    }
}

async fn each_call_of_a_broadcast_message_gets_the_first_answer_to_it(bed: Bed) {
    let (even, odd) =
        (Clerk { name: "even", ..Clerk::default() }, Clerk { name: "odd", parity: 1, ..Clerk::default() });
    let mut servers = Vec::new();
    for clerk in [&even, &odd] {
        let server = bed.server_builder().await.broadcast().add(DeskServer::new(clerk.clone()));
        servers.push(server.start().await.unwrap());
    }
    let desk = DeskClient::new(bed.connect().await);
    let mut tap = Tap::new(&bed, "desk.race").await;
    let (mut calls, mut shared) = (0, false);
    for _ in 0..1000 {
        let names = all((0..20).map(|number| desk.race(number))).await;
        let expected = (0..20).map(|number| if number % 2 == 0 { "even" } else { "odd" });
        assert!(names.iter().map(String::as_str).eq(expected), "who answers first, for each call: {names:?}");
        calls += 20;
        // The late answers come for calls that are over.
        even.release.notify_waiters();
        odd.release.notify_waiters();
        shared =
            tap.messages(desk.client().connection()).await.iter().any(|message| message.frames.len() > 4);
        if shared {
            break;
        }
    }
    assert!(shared, "calls shared messages");
    for clerk in [&even, &odd] {
        while clerk.raced.lock().unwrap().len() < calls {
            tokio::task::yield_now().await;
        }
        assert_eq!(clerk.raced.lock().unwrap().len(), calls, "every instance runs every call once");
    }
}
