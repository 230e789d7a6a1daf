//! One call to all instances, and what is known of each of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use nats_rpc::{CallError, Client, ErrorKind, Execution, GatherEnd, InstanceId, Server};
use tokio::time::Instant;

use crate::bed::{Bed, eventually};
use crate::wires::on_every_wire;

on_every_wire! {
    tagged every_instance_answers_for_itself,
    tagged a_gather_ends_when_there_is_nothing_more_to_wait_for,
    those_that_have_not_answered_are_named,
    nobody_is_known_at_once,
    a_quorum_is_reached_or_explained,
    tagged a_dropped_gather_cancels_what_it_started,
    receipts_can_be_gathered,
    one_that_refuses_does_not_speak_for_all,
    layers_see_the_call_and_plain_clients_gather,
    a_gather_is_counted_and_ends_with_its_time,
    an_instance_that_is_gone_is_told_apart,
}

/// What the instances of a fleet do.
#[nats_rpc::service]
trait Fleet {
    async fn number(&self) -> Result<u64, String>;
    /// Runs until it is cancelled.
    async fn hang(&self) -> u64;
    #[rpc(oneway)]
    async fn note(&self);
    #[rpc(oneway, broadcast)]
    async fn tell(&self);
    #[rpc(broadcast)]
    async fn first(&self) -> u64;
}

#[derive(Clone, Default)]
struct Ship {
    number: u64,
    delay: Duration,
    notes: Arc<AtomicUsize>,
    hanging: Arc<AtomicUsize>,
}

struct Hanging<'a>(&'a AtomicUsize);

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Fleet for Ship {
    async fn number(&self) -> Result<u64, String> {
        tokio::time::sleep(self.delay).await;
        if self.number == 13 { Err("bad luck".to_owned()) } else { Ok(self.number) }
    }

    async fn hang(&self) -> u64 {
        self.hanging.fetch_add(1, Ordering::SeqCst);
        let _hanging = Hanging(&self.hanging);
        std::future::pending().await
    }

    async fn note(&self) {
        self.notes.fetch_add(1, Ordering::SeqCst);
    }

    async fn tell(&self) {
        self.notes.fetch_add(1, Ordering::SeqCst);
    }

    async fn first(&self) -> u64 {
        self.notes.fetch_add(1, Ordering::SeqCst);
        self.number
    }
}

/// Starts an instance for each number, with the id `s<number>`.
async fn fleet(bed: &Bed, numbers: &[u64], like: &Ship) -> Vec<Server> {
    let mut servers = Vec::new();
    for number in numbers {
        let ship = Ship { number: *number, ..like.clone() };
        let server = bed.server_builder().await.id(format!("s{number}")).add(FleetServer::new(ship));
        servers.push(server.start().await.unwrap());
    }
    servers
}

async fn client(bed: &Bed) -> FleetClient {
    FleetClient::new(bed.connect().await)
}

async fn every_instance_answers_for_itself(bed: Bed) {
    let _servers = fleet(&bed, &[1, 2, 13], &Ship::default()).await;
    let fleet = client(&bed).await;
    let answers = fleet.number().gather().at_most(3).collect_map().await.unwrap();
    assert_eq!(answers.keys().map(InstanceId::as_str).collect::<Vec<_>>(), ["s1", "s13", "s2"]);
    assert_eq!(answers["s1"], Ok(1));
    assert_eq!(answers["s13"], Err(CallError::Service("bad luck".to_owned())));
    // The queue group is as it was: one of them is called.
    let numbers: BTreeSet<_> = [fleet.number().await, fleet.number().at("s2").await].map(Result::ok).into();
    assert!(numbers.contains(&Some(2)), "{numbers:?}");
}

async fn a_gather_ends_when_there_is_nothing_more_to_wait_for(bed: Bed) {
    let _servers = fleet(&bed, &[1, 2, 3], &Ship::default()).await;
    let fleet = client(&bed).await;
    let begun = Instant::now();
    let mut some = fleet.number().gather().at_most(2);
    let mut heard = 0;
    while let Some((_, answer)) = some.next().await {
        answer.unwrap();
        heard += 1;
    }
    assert_eq!((heard, some.end()), (2, Some(&GatherEnd::Complete)));
    assert!(some.next().await.is_none(), "it stays ended");

    let mut quiet = fleet.number().gather().quiet_for(Duration::from_millis(100));
    let quiet_answers: Vec<_> = quiet.by_ref().collect().await;
    assert_eq!((quiet_answers.len(), quiet.end()), (3, Some(&GatherEnd::Quiet)));

    let mut expecting = fleet.number().gather().expecting(["s1", "s3"]);
    let heard: BTreeSet<_> = expecting.by_ref().map(|(instance, _)| instance.to_string()).collect().await;
    assert!(heard.contains("s1") && heard.contains("s3"), "{heard:?}");
    assert_eq!(expecting.end(), Some(&GatherEnd::Complete));

    let all = fleet.number().gather().expecting_all().collect_map().await.unwrap();
    assert_eq!(all.len(), 3);
    assert!(begun.elapsed() < Duration::from_secs(4), "none of them took the five seconds of a call");
}

async fn those_that_have_not_answered_are_named(bed: Bed) {
    let _quick = fleet(&bed, &[1], &Ship::default()).await;
    let _slow = fleet(&bed, &[2], &Ship { delay: Duration::from_secs(30), ..Ship::default() }).await;
    let fleet = client(&bed).await;
    for gather in [fleet.number().gather().expecting_all(), fleet.number().gather().expecting(["s1", "s2"])] {
        let mut gather = gather.within(Duration::from_millis(800));
        let answers: Vec<_> = gather.by_ref().collect().await;
        assert_eq!(gather.end(), Some(&GatherEnd::TimedOut));
        assert_eq!(answers.len(), 2, "{answers:?}");
        assert_eq!(answers[0], (InstanceId::from("s1"), Ok(1)));
        let (instance, Err(CallError::Rpc(error))) = &answers[1] else { panic!("{answers:?}") };
        assert_eq!((instance.as_str(), error.kind()), ("s2", ErrorKind::DeadlineExceeded));
        assert_eq!(error.execution(), Execution::MaybeExecuted);
    }
}

async fn nobody_is_known_at_once(bed: Bed) {
    let fleet = client(&bed).await;
    let begun = Instant::now();
    let mut gather = fleet.number().gather();
    assert!(gather.next().await.is_none());
    let Some(GatherEnd::Failed(error)) = gather.end() else { panic!("{gather:?}") };
    assert_eq!((error.kind(), error.execution()), (ErrorKind::NoResponders, Execution::NotExecuted));
    let error = fleet.number().gather().collect_map().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoResponders);
    assert!(begun.elapsed() < Duration::from_secs(2));
}

async fn a_quorum_is_reached_or_explained(bed: Bed) {
    let _servers = fleet(&bed, &[1, 2, 13], &Ship::default()).await;
    let fleet = client(&bed).await;
    let two = fleet.number().gather().quorum(2).await.unwrap();
    assert_eq!(two.len(), 2);
    let missed = fleet.number().gather().expecting(["s1", "s2", "s13"]).quorum(3).await.unwrap_err();
    assert_eq!((missed.needed, missed.successes.len(), missed.end), (3, 2, GatherEnd::Complete));
    assert_eq!(missed.failures, [(InstanceId::from("s13"), CallError::Service("bad luck".to_owned()))]);
}

async fn a_dropped_gather_cancels_what_it_started(bed: Bed) {
    let like = Ship::default();
    let _servers = fleet(&bed, &[1, 2, 3], &like).await;
    let fleet = client(&bed).await;
    // Once before the instances have said that they have it, and once after.
    for pause in [50, 600] {
        let mut gather = fleet.hang().gather().within(Duration::from_secs(60));
        let waited = tokio::time::timeout(Duration::from_millis(pause), gather.next()).await;
        assert!(waited.is_err());
        assert_eq!(fleet_client(&fleet).in_flight(), 1);
        eventually("all of them hang", || like.hanging.load(Ordering::SeqCst) == 3).await;
        drop(gather);
        eventually("none of them hangs", || like.hanging.load(Ordering::SeqCst) == 0).await;
        assert_eq!(fleet_client(&fleet).in_flight(), 0);
    }
}

fn fleet_client(fleet: &FleetClient) -> &Client {
    nats_rpc::ServiceClient::client(fleet)
}

async fn receipts_can_be_gathered(bed: Bed) {
    let like = Ship::default();
    let _servers = fleet(&bed, &[1, 2, 3], &like).await;
    let fleet = client(&bed).await;
    let notes = || like.notes.load(Ordering::SeqCst);
    let receipts = fleet.note().acked().gather().at_most(3).collect_map().await.unwrap();
    assert!(receipts.values().all(Result::is_ok) && receipts.len() == 3, "{receipts:?}");
    eventually("each has the note", || notes() == 3).await;
    fleet.note().broadcast().await.unwrap();
    eventually("each has another", || notes() == 6).await;
    fleet.note().acked().await.unwrap();
    eventually("one has it", || notes() == 7).await;
    fleet.tell().await.unwrap();
    eventually("each is told", || notes() == 10).await;
    fleet.tell().acked().await.unwrap();
    eventually("each is told again", || notes() == 13).await;
    assert!((1..=3).contains(&fleet.first().await.unwrap()));
    eventually("each has run it", || notes() == 16).await;
    fleet.note().at("s2").acked().await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(notes(), 17, "the one that was named");
}

/// A receipt is wanted of whoever gives it first, and nobody is to get the call twice.
async fn one_that_refuses_does_not_speak_for_all(bed: Bed) {
    let like = Ship::default();
    let mut full = Vec::new();
    for id in ["s2", "s3"] {
        let server = bed.server_builder().await.id(id).max_in_flight(1).max_queued(0);
        full.push(server.add(FleetServer::new(like.clone())).start().await.unwrap());
    }
    let fleet = client(&bed).await;
    let hangs = ["s2", "s3"].map(|id| tokio::spawn(fleet.hang().at(id).into_future()));
    eventually("both are full", || like.hanging.load(Ordering::SeqCst) == 2).await;
    let refused = fleet.note().broadcast().acked().timeout(Duration::from_millis(300)).await.unwrap_err();
    let CallError::Rpc(refused) = refused;
    assert_eq!((refused.kind(), refused.execution()), (ErrorKind::Overloaded, Execution::MaybeExecuted));

    let _free = self::fleet(&bed, &[1], &like).await;
    for _ in 0..20 {
        fleet.note().broadcast().acked().await.unwrap();
    }
    eventually("the one has all", || like.notes.load(Ordering::SeqCst) == 20).await;
    hangs.iter().for_each(tokio::task::JoinHandle::abort);
}

async fn layers_see_the_call_and_plain_clients_gather(bed: Bed) {
    let _servers = fleet(&bed, &[1, 2], &Ship::default()).await;
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    let layer = nats_rpc::middleware::from_fn(move |request, next: nats_rpc::middleware::ClientService| {
        let counted = Arc::clone(&counted);
        async move {
            counted.fetch_add(1, Ordering::SeqCst);
            next.run(request).await
        }
    });
    let layered = FleetClient::new(Client::builder(bed.connect().await).layer(layer).build().unwrap());
    let answers = layered.number().gather().at_most(2).collect_map().await.unwrap();
    assert_eq!((answers.len(), seen.load(Ordering::SeqCst)), (2, 1));

    let plain = FleetClient::new(Client::builder(bed.connect().await).plain().build().unwrap());
    // Of a method with a queue group one instance answers, of a broadcast all do; they do not say who they are.
    let answers = plain.first().gather().at_most(2).collect_map().await.unwrap();
    let names: Vec<_> = answers.keys().map(InstanceId::as_str).collect();
    assert_eq!(names, ["?1", "?2"]);
    assert_eq!(answers.into_values().map(Result::unwrap).collect::<BTreeSet<_>>(), [1, 2].into());
}

async fn a_gather_is_counted_and_ends_with_its_time(bed: Bed) {
    let _servers = fleet(&bed, &[1], &Ship::default()).await;
    let nats = bed.connect().await;
    let fleet = FleetClient::new(Client::builder(&nats).max_in_flight(1).build().unwrap());
    let mut gather = fleet.number().gather().within(Duration::from_millis(300));
    assert_eq!(gather.next().await, Some((InstanceId::from("s1"), Ok(1))));
    let CallError::Rpc(error) = fleet.number().await.unwrap_err() else { panic!() };
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert!(gather.next().await.is_none());
    assert_eq!(gather.end(), Some(&GatherEnd::TimedOut));
    assert_eq!(fleet.number().await, Ok(1));
    assert_eq!(nats.pending_calls(), 0);
}

async fn an_instance_that_is_gone_is_told_apart(bed: Bed) {
    let like = Ship::default();
    let mut servers = fleet(&bed, &[1, 2], &like).await;
    let fleet = client(&bed).await;
    let begun = Instant::now();
    let mut gather = fleet.hang().gather().within(Duration::from_secs(60)).at_most(1);
    let next = tokio::time::timeout(Duration::from_millis(600), gather.next()).await;
    assert!(next.is_err(), "both hang, and have said so");
    drop(servers.remove(1));
    let (instance, answer) = gather.next().await.unwrap();
    let Err(CallError::Rpc(error)) = answer else { panic!("{answer:?}") };
    assert_eq!(
        (instance.as_str(), error.kind(), error.execution()),
        ("s2", ErrorKind::Unavailable, Execution::MaybeExecuted)
    );
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn answers_come_below_the_inbox_prefix_of_the_client() {
    let bed = Bed::nats();
    let _servers = fleet(&bed, &[1, 2], &Ship::default()).await;
    let options = async_nats::ConnectOptions::new().custom_inbox_prefix("_INBOX_web");
    let nats = nats_rpc::connect_with(options, bed.server().unwrap().url()).await.unwrap();
    // On the connection of the caller itself: of another, the broker may have the subscription only after the question.
    let mut asked = nats.subscribe("fleet._all.number", None).await.unwrap();
    let answers = FleetClient::new(nats).number().gather().at_most(2).collect_map().await.unwrap();
    assert_eq!(answers.len(), 2);
    let question = asked.next().await.unwrap();
    assert!(question.reply.unwrap().starts_with("_INBOX_web."));
}

#[tokio::test]
async fn a_lost_connection_ends_a_gather_with_what_has_come() {
    let mut nats = tests::NatsServer::start();
    let connect = async || nats_rpc::connect(nats.url()).await.unwrap();
    let server = Server::builder(connect().await)
        .id("s1")
        .add(FleetServer::new(Ship { number: 1, ..Ship::default() }));
    let _server = server.start().await.unwrap();
    let fleet = FleetClient::new(connect().await);
    let mut gather = fleet.number().gather().within(Duration::from_secs(60)).expecting(["s1", "s2"]);
    assert_eq!(gather.next().await, Some((InstanceId::from("s1"), Ok(1))));
    nats.kill();
    let (instance, answer) = gather.next().await.unwrap();
    let Err(CallError::Rpc(error)) = answer else { panic!("{answer:?}") };
    assert_eq!(
        (instance.as_str(), error.kind()),
        ("s2", ErrorKind::Unavailable),
        "it is not known what it would say"
    );
    assert!(gather.next().await.is_none());
    assert!(
        matches!(gather.end(), Some(GatherEnd::Failed(error)) if error.execution() == Execution::MaybeExecuted)
    );
}

/// A gather is a stream that can be sent to another task.
#[tokio::test]
async fn a_gather_can_be_spawned() {
    let bed = Bed::memory();
    let _servers = fleet(&bed, &[1, 2], &Ship::default()).await;
    let gather = client(&bed).await.number().gather().at_most(2);
    assert_eq!(tokio::spawn(gather.count()).await.unwrap(), 2);
}

#[tokio::test]
async fn a_gather_in_a_handler_ends_with_it() {
    /// A service that asks all ships.
    #[nats_rpc::service]
    trait Admiral {
        async fn ask(&self) -> u64;
    }
    struct Ahab(FleetClient);
    impl Admiral for Ahab {
        async fn ask(&self) -> u64 {
            let hanging = self.0.hang().gather().within(Duration::from_secs(60));
            hanging.count().await.try_into().unwrap()
        }
    }
    let bed = Bed::memory();
    let like = Ship::default();
    let _servers = fleet(&bed, &[1, 2], &like).await;
    let admiral = AdmiralServer::new(Ahab(client(&bed).await));
    let _server = bed.server_builder().await.add(admiral).start().await.unwrap();
    let asked = AdmiralClient::new(bed.connect().await).ask().timeout(Duration::from_millis(700)).await;
    assert!(asked.is_err());
    eventually("nobody hangs", || like.hanging.load(Ordering::SeqCst) == 0).await;
}
