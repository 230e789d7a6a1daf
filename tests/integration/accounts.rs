//! Services in one account and callers in another: what an import lets through, and what is said
//! about the rest.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use futures::future::join_all;
use nats_rpc::discovery::discover;
use nats_rpc::{CallError, Connection, ErrorKind, Execution, InstanceId, Server};
use tests::{Instance, NatsServer, Version, WorkClient};
use tokio::task::JoinHandle;

use crate::bed::{Bench, LabClient, LabServer, Ledger, assert_failed, eventually};
use crate::monitor::Monitor;
use crate::on_both_versions;
use crate::streams::bed::{Bank, RiverClient, RiverServer};

on_both_versions! {
    a_thousand_calls_at_once_are_all_answered,
    both_instances_answer_a_gather,
    a_gather_is_refused_where_one_answer_gets_through,
    both_instances_are_discovered,
    discovery_is_refused_where_one_answer_gets_through,
    a_stream_goes_through,
    a_stream_is_refused_where_one_answer_gets_through,
    a_dropped_call_is_cancelled,
    a_killed_instance_is_noticed,
    an_answer_comes_after_the_threshold_of_the_export,
    unary_calls_leave_nothing_at_the_nats_server,
}

/// How many answers to a request get through the exports.
#[derive(Clone, Copy)]
pub(crate) enum Responses {
    /// One, which is the default of nats-server.
    One,
    Many,
    /// Many, if none is later than a second behind the one before.
    Prompt,
}

/// A nats-server with an account for services, and one for their callers.
pub(crate) struct Accounts {
    nats: NatsServer,
    monitor: Monitor,
    pub(crate) ledger: Arc<Ledger>,
}

impl Accounts {
    pub(crate) fn new(version: Version, responses: Responses) -> Self {
        let response = match responses {
            Responses::One => "singleton",
            Responses::Many => "stream",
            Responses::Prompt => "stream, response_threshold: 1500ms",
        };
        let subjects = ["lab.>", "river.>", "work.>", "$SRV.>"];
        let exports = subjects.map(|subject| format!("{{ service: \"{subject}\", response: {response} }}\n"));
        let imports = subjects
            .map(|subject| format!("{{ service: {{ account: SERVICES, subject: \"{subject}\" }} }}\n"));
        let monitor = Monitor::new();
        let config = format!(
            "{}accounts {{
               SERVICES {{ users: [{{ user: service, password: secret }}], exports: [\n{}] }}
               CALLERS {{ users: [{{ user: caller, password: secret }}], imports: [\n{}] }}
             }}",
            monitor.config(),
            exports.concat(),
            imports.concat(),
        );
        let nats = NatsServer::builder().version(version).config(&config).start();
        Accounts { nats, monitor, ledger: Arc::default() }
    }

    pub(crate) async fn caller(&self) -> Connection {
        connect(&self.nats, "caller").await
    }

    pub(crate) async fn serve(&self, id: &str) -> Server {
        let nats = connect(&self.nats, "service").await;
        let lab = LabServer::new(Bench { name: "lab", ledger: Arc::clone(&self.ledger) });
        let river = RiverServer::new(Bank::default());
        Server::builder(nats).id(id).add(lab).add(river).start().await.unwrap()
    }
}

/// A connection of a user of one of the accounts.
pub(crate) async fn connect(nats: &NatsServer, user: &str) -> Connection {
    let options = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), "secret".to_owned());
    options.connect(nats.url()).await.unwrap().into()
}

async fn a_thousand_calls_at_once_are_all_answered(version: Version) {
    let accounts = Accounts::new(version, Responses::One);
    let _server = accounts.serve("a").await;
    let mut labs = Vec::new();
    for _ in 0..4 {
        labs.push(LabClient::new(accounts.caller().await));
    }
    // In three rounds, since clients learn from answers.
    for _ in 0..3 {
        let texts: Vec<String> = (0..4 * 256).map(|n| n.to_string()).collect();
        let calls = texts.iter().enumerate().map(|(n, text)| labs[n % 4].echo(text));
        let answers = join_all(calls).await;
        let failures: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        assert!(failures.is_empty(), "{} of {}: {:?}", failures.len(), answers.len(), failures[0]);
        assert!(answers.into_iter().map(Result::unwrap).eq(texts));
    }
}

async fn both_instances_answer_a_gather(version: Version) {
    let accounts = Accounts::new(version, Responses::Many);
    let _servers = [accounts.serve("a").await, accounts.serve("b").await];
    let lab = LabClient::new(accounts.caller().await);
    let answers = lab.echo("x").gather().expecting_all().collect_map().await.unwrap();
    assert_eq!(answers.keys().map(InstanceId::as_str).collect::<Vec<_>>(), ["a", "b"]);
    assert!(answers.values().all(Result::is_ok), "{answers:?}");
}

async fn a_gather_is_refused_where_one_answer_gets_through(version: Version) {
    let accounts = Accounts::new(version, Responses::One);
    let _servers = [accounts.serve("a").await, accounts.serve("b").await];
    let lab = LabClient::new(accounts.caller().await);
    let error = lab.echo("x").gather().expecting_all().collect_map().await.unwrap_err();
    assert!(error.to_string().contains("response_type"), "{error}");
}

/// How long the tests wait for answers that all come at once.
const WAIT: Duration = Duration::from_millis(500);

async fn both_instances_are_discovered(version: Version) {
    let accounts = Accounts::new(version, Responses::Many);
    let _servers = [accounts.serve("a").await, accounts.serve("b").await];
    let found = discover(&accounts.caller().await).service("lab").within(WAIT).await.unwrap();
    let ids: BTreeSet<&str> = found.iter().map(|service| &*service.id).collect();
    assert_eq!(ids, BTreeSet::from(["a", "b"]));
}

async fn discovery_is_refused_where_one_answer_gets_through(version: Version) {
    let accounts = Accounts::new(version, Responses::One);
    let _servers = [accounts.serve("a").await, accounts.serve("b").await];
    let error = discover(&accounts.caller().await).service("lab").within(WAIT).await.unwrap_err();
    assert!(error.to_string().contains("response_type"), "{error}");
}

async fn a_stream_goes_through(version: Version) {
    let accounts = Accounts::new(version, Responses::Many);
    let _server = accounts.serve("a").await;
    let river = RiverClient::new(accounts.caller().await);
    let numbers: Vec<u64> = river.numbers(5000).await.unwrap().try_collect().await.unwrap();
    assert!(numbers.into_iter().eq(0..5000));
    assert_eq!(river.sum(1, futures::stream::iter(0..5000)).await.unwrap(), 12_497_501);
    let doubled = river.double(futures::stream::iter(0..5000)).await.unwrap();
    assert_eq!(doubled.try_collect::<Vec<u64>>().await.unwrap().len(), 5000);
}

async fn a_stream_is_refused_where_one_answer_gets_through(version: Version) {
    let accounts = Accounts::new(version, Responses::One);
    let _server = accounts.serve("a").await;
    let river = RiverClient::new(accounts.caller().await);
    let begun = Instant::now();
    let refused = river.numbers(10).await.err().unwrap().to_string();
    assert!(refused.contains("response_type: stream"), "{refused}");
    let refused = river.sum(0, futures::stream::iter([1])).await.unwrap_err().to_string();
    assert!(refused.contains("response_type: stream"), "{refused}");
    assert!(begun.elapsed() < Duration::from_secs(1), "at once: {:?}", begun.elapsed());
}

async fn a_dropped_call_is_cancelled(version: Version) {
    let accounts = Accounts::new(version, Responses::Many);
    let server = accounts.serve("a").await;
    let lab = LabClient::new(accounts.caller().await);
    // From its answer the client learns that there is an import.
    lab.sleep(0).await.unwrap();
    let call = tokio::spawn(lab.sleep(60_000).timeout(Duration::from_secs(60)));
    eventually("it runs", || accounts.ledger.started() == 2).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    call.abort();
    eventually("it is cancelled", || server.counters().cancelled == 1).await;
}

/// Kills an instance once it had time to say that it has a call: that does not take its whole time.
pub(crate) async fn assert_death_is_noticed<T: Debug, E: Debug>(
    mut instance: Instance,
    call: JoinHandle<Result<T, CallError<E>>>,
) {
    tokio::time::sleep(Duration::from_millis(600)).await;
    let killed = Instant::now();
    instance.kill();
    let ended = tokio::time::timeout(Duration::from_secs(10), call).await.expect("it is noticed");
    assert_failed(ended.unwrap(), ErrorKind::Unavailable, Execution::MaybeExecuted);
    assert!(killed.elapsed() < Duration::from_millis(4500), "{:?}", killed.elapsed());
}

async fn a_killed_instance_is_noticed(version: Version) {
    let accounts = Accounts::new(version, Responses::Many);
    let ledger: PathBuf = accounts.nats.directory().join("ledger");
    let url = accounts.nats.url().replace("nats://", "nats://service:secret@");
    let instance = Instance::start(env!("CARGO_BIN_EXE_instance"), &url, "a", &ledger);
    let work = WorkClient::new(accounts.caller().await);
    work.long(1, 0).await.unwrap();
    let call = tokio::spawn(work.long(2, 60_000).timeout(Duration::from_secs(60)));
    eventually("it runs", || tests::Ledger::read_file(&ledger).len() == 2).await;
    assert_death_is_noticed(instance, call).await;
}

/// The export gives up on answers of which nothing was heard for a while. The instance is heard.
async fn an_answer_comes_after_the_threshold_of_the_export(version: Version) {
    let accounts = Accounts::new(version, Responses::Prompt);
    let _server = accounts.serve("a").await;
    let lab = LabClient::new(accounts.caller().await);
    // From its answer the client learns that there is an import.
    lab.sleep(0).await.unwrap();
    let slept = lab.sleep(4000).timeout(Duration::from_secs(20));
    assert_eq!(slept.await.unwrap(), 4000);
}

/// What an export keeps for an answer that may come would be there for minutes.
async fn unary_calls_leave_nothing_at_the_nats_server(version: Version) {
    let accounts = Accounts::new(version, Responses::Many);
    let _server = accounts.serve("a").await;
    let lab = LabClient::new(accounts.caller().await);
    for n in 0..100 {
        join_all((0..20).map(|_| lab.sleep(n % 2))).await.into_iter().for_each(|slept| _ = slept.unwrap());
    }
    let begun = Instant::now();
    loop {
        let left =
            [accounts.monitor.responses("SERVICES").await, accounts.monitor.responses("CALLERS").await];
        if left == [0, 0] {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(3), "{left:?} answers are still waited for");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
