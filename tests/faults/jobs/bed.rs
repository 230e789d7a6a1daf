//! A NATS server with JetStream, workers in this process, and what is looked at when all is over.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Duration;

use ::tests::{ChoresClient, ChoresServer, Clock, Ledger, NatsServer, Start, Worker, job_settings};
use futures::{StreamExt, TryStreamExt};
use nats_rpc::async_nats::jetstream::{self, consumer::pull, stream::Stream};
use nats_rpc::jobs::{DeadLetters, Job, JobStatus};
use nats_rpc::{Connection, Error, Server, ServerBuilder, ServiceClient};
use tokio::time::{Instant, sleep, timeout_at};

use super::check::{assert_holds, summary};
use super::record::{End, Ended, Letter, Run, Submission};
use super::submitters::Submitters;
use crate::bed::{count, report};
use crate::record::Gauge;

/// How long jobs may take to end once nothing breaks any more.
const LIMIT: Duration = Duration::from_secs(60);

/// One run: NATS, a server or a cluster, a ledger, and those who submit.
pub(super) struct Bed<N = NatsServer> {
    pub(super) nats: N,
    urls: Vec<String>,
    pub(super) submitters: Submitters,
    pub(super) clock: Clock,
    /// What workers in this process have begun.
    pub(super) ledger: Ledger,
    clients: Mutex<Vec<ChoresClient>>,
}

impl Bed {
    pub(super) fn start() -> Self {
        Bed::with_config("")
    }

    /// On a NATS server with these lines in its configuration.
    pub(super) fn with_config(lines: &str) -> Self {
        let nats = NatsServer::builder().jetstream().config(lines).start();
        let urls = vec![nats.url().to_owned()];
        Bed::of(nats, urls)
    }
}

impl<N> Bed<N> {
    pub(super) fn of(nats: N, urls: Vec<String>) -> Self {
        let clock = Clock::start();
        let (submitters, ledger) = (Submitters::default(), Ledger::in_memory(clock));
        Bed { nats, urls, submitters, clock, ledger, clients: Mutex::default() }
    }

    pub(super) async fn connect(&self) -> Connection {
        nats_rpc::connect(&self.urls).await.unwrap()
    }

    /// A worker in this process.
    pub(super) async fn serve(&self, id: &str) -> Server {
        self.serve_with(self.connect().await, id, |builder| builder).await
    }

    /// The same, configured.
    pub(super) async fn serve_with(
        &self,
        nats: Connection,
        id: &str,
        configure: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Server {
        self.start_with(nats, id, configure).await.unwrap()
    }

    /// The same, which may fail.
    pub(super) async fn start_with(
        &self,
        nats: Connection,
        id: &str,
        configure: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Result<Server, Error> {
        let chores = ChoresServer::new(Worker::new(id, &self.ledger));
        let builder = Server::builder(nats).id(id).jobs(job_settings()).add(chores);
        configure(builder).start().await
    }

    /// A client on a connection of its own, which must have nothing in flight at the end.
    pub(super) async fn client(&self) -> ChoresClient {
        self.client_on(self.connect().await)
    }

    /// The same on this connection.
    pub(super) fn client_on(&self, nats: Connection) -> ChoresClient {
        let client = ChoresClient::new(nats);
        self.clients.lock().unwrap().push(client.clone());
        client
    }

    /// Waits until something was begun so often, by workers in this process.
    pub(super) async fn until_begun(&self, id: u64, times: usize) {
        eventually("it was begun", || {
            self.ledger.starts().iter().filter(|start| start.id == id).count() >= times
        })
        .await;
    }

    /// Waits until all jobs have ended, and returns the run. `elsewhere` is asked for what workers in other processes have begun.
    pub(super) async fn finish(&self, elsewhere: impl FnOnce() -> Vec<Start>) -> Run {
        let limit = Instant::now() + LIMIT;
        let client = self.client().await;
        let nats = jetstream::new(client.client().connection().nats().unwrap());
        let bucket = answered(limit, async || nats.get_key_value("rpc_jobs_chores").await).await;
        let submissions = self.submitters.log();
        let ids: BTreeSet<&str> = submissions.iter().filter_map(Submission::job).collect();
        let jobs = futures::stream::iter(ids).map(async |id| {
            let job = Job::<u64, Infallible>::open(client.client(), id).unwrap();
            let end = end_of(&job, limit).await;
            let key = id.trim_start_matches("chores.");
            let record = answered(limit, async || bucket.get(key).await).await;
            let record = record.map(|record| serde_json::from_slice::<serde_json::Value>(&record).unwrap());
            let attempts = record.and_then(|record| record["attempts"].as_u64()).unwrap_or_default();
            (id.to_owned(), Ended { end, attempts: u32::try_from(attempts).unwrap() })
        });
        let jobs: BTreeMap<String, Ended> = jobs.buffer_unordered(64).collect().await;
        let mut gauges =
            left(&answered(limit, async || nats.get_stream("RPC_JOBS_chores").await).await, limit).await;
        for client in self.clients.lock().unwrap().iter() {
            let value = count(client.client().in_flight());
            gauges.push(Gauge { name: "calls in flight".to_owned(), value, allowed: 0 });
        }
        let executions = self.ledger.starts().into_iter().chain(elsewhere()).collect();
        Run { submissions, executions, jobs, letters: self.letters().await, has_replays: false, gauges }
    }

    /// The same, and asserts that all promises were kept.
    pub(super) async fn assert_holds(
        &self,
        what: &str,
        elsewhere: impl FnOnce() -> Vec<Start>,
        may_repeat: &dyn Fn(&[&Start]) -> bool,
    ) -> Run {
        let run = self.finish(elsewhere).await;
        assert_holds(what, &run, may_repeat);
        report(what, &summary(&run));
        run
    }

    pub(super) async fn dead_letters(&self) -> DeadLetters {
        DeadLetters::of(self.connect().await, "chores").await.unwrap()
    }

    pub(super) async fn letters(&self) -> Vec<Letter> {
        let letters = self.dead_letters().await.list().map_ok(|letter| Letter {
            job: letter.job.to_string(),
            reason: letter.reason.message().to_owned(),
            attempts: letter.attempts,
        });
        letters.try_collect().await.unwrap()
    }
}

/// What JetStream answers, which a cluster does not do that has lost its leader a moment ago.
async fn answered<T, E: std::fmt::Debug>(limit: Instant, ask: impl AsyncFn() -> Result<T, E>) -> T {
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < limit, "{error:?}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until a job has ended; its status has to say the same as its result.
async fn end_of(job: &Job<u64, Infallible>, limit: Instant) -> End {
    let Ok(result) = timeout_at(limit, job.result()).await else {
        return End::Open(format!("{:?}", job.status().await));
    };
    match (result, job.status().await) {
        (Ok(value), Ok(JobStatus::Done)) => End::Result(value),
        (Err(error), Ok(JobStatus::Failed { reason, .. })) if error.to_string() == reason.to_string() => {
            End::Failed(reason.message().to_owned())
        }
        (result, status) => End::Open(format!("the result is {result:?}, and the status {status:?}")),
    }
}

/// Waits until the stream of jobs is empty, and returns what is in it.
async fn left(stream: &Stream, limit: Instant) -> Vec<Gauge> {
    loop {
        let (messages, pending) = answered(limit, async || look(stream).await.ok_or("no answer")).await;
        if messages + pending == 0 || Instant::now() > limit {
            let left = [("jobs in the stream", messages), ("jobs without an acknowledgement", pending)];
            return left.map(|(name, value)| Gauge { name: name.to_owned(), value, allowed: 0 }).to_vec();
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// How many jobs are in the stream, and how many of them are out.
async fn look(stream: &Stream) -> Option<(u64, u64)> {
    let messages = stream.get_info().await.ok()?.state.messages;
    let mut pending = 0;
    let mut names = stream.consumer_names();
    while let Some(name) = names.try_next().await.ok()? {
        let consumer = stream.get_consumer::<pull::Config>(&name).await.ok()?;
        pending += count(consumer.get_info().await.ok()?.num_ack_pending);
    }
    Some((messages, pending))
}

/// Waits until something is so.
///
/// # Panics
/// If that takes too long.
#[track_caller]
pub(super) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let (what, caller) = (what.to_owned(), std::panic::Location::caller());
    async move {
        let end = Instant::now() + LIMIT;
        while !is_so() {
            assert!(Instant::now() < end, "{caller}: not in time: {what}");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A time in milliseconds.
pub(super) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}
