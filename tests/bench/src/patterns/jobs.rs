//! Calls that are stored and executed later.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::{Config, RetentionPolicy};
use futures::StreamExt;
use futures::stream::{self, TryStreamExt};
use nats_rpc::jobs::JobSettings;
use nats_rpc::{Connection, Server};
use tokio::sync::Notify;

use super::contest::Contest;
use crate::Result;
use crate::flags::PatternsFlags;
use crate::peers::messages::{NAME, Request};
use crate::table::Table;

const STREAM: &str = "BY_HAND";
const SUBJECT: &str = "by-hand.jobs";

/// How many jobs are executed at a time, and how many messages are pulled ahead by hand.
const CONCURRENCY: usize = 16;

#[nats_rpc::service(name = "worked")]
trait Worked {
    #[rpc(durable)]
    async fn hello(&self, id: u64, name: &str) -> u64;
}

#[derive(Clone, Default)]
struct Done(Arc<(AtomicU64, Notify)>);

impl Done {
    fn note(&self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
        self.0.1.notify_waiters();
    }

    async fn reach(&self, count: u64) {
        loop {
            let changed = self.0.1.notified();
            if self.0.0.load(Ordering::SeqCst) >= count {
                return;
            }
            changed.await;
        }
    }

    fn count(&self) -> u64 {
        self.0.0.load(Ordering::SeqCst)
    }
}

struct Handler(Done);

impl Worked for Handler {
    async fn hello(&self, id: u64, _name: &str) -> u64 {
        self.0.note();
        id
    }
}

/// Jobs per second.
pub(super) async fn table(url: &str, flags: &PatternsFlags) -> Result<Table> {
    let bed = Bed::start(url).await?;
    let mut table = Table::new(1, ["what", "in flight", "by hand, 1/s", "nats-rpc, 1/s", "ratio"]);
    let count = flags.jobs;
    for in_flight in [1, 64] {
        eprintln!("jobs: submitted, {in_flight} in flight");
        let mut contest = Contest::default();
        for _ in 0..flags.rounds {
            let by_hand = bed.submit_by_hand(count, in_flight).await?;
            let ours = bed.submit_ours(count, in_flight).await?;
            bed.drained().await?;
            contest.add(count as f64 / by_hand.as_secs_f64(), count as f64 / ours.as_secs_f64());
        }
        table.row(["submitted".to_owned(), in_flight.to_string()].into_iter().chain(contest.cells()));
    }
    eprintln!("jobs: executed");
    let mut contest = Contest::default();
    for _ in 0..flags.rounds {
        let by_hand = bed.execute_by_hand(count).await?;
        let ours = bed.execute_ours(count).await?;
        contest.add(count as f64 / by_hand.as_secs_f64(), count as f64 / ours.as_secs_f64());
    }
    table.row(["executed".to_owned(), "64".to_owned()].into_iter().chain(contest.cells()));
    eprintln!("jobs: one after the other");
    let mut contest = Contest::default();
    let few = (count / 10).max(1);
    for _ in 0..flags.rounds {
        let by_hand = bed.one_by_one_by_hand(few).await?;
        let ours = bed.one_by_one(few).await?;
        contest.add(few as f64 / by_hand.as_secs_f64(), few as f64 / ours.as_secs_f64());
    }
    table.row(["one after the other".to_owned(), "1".to_owned()].into_iter().chain(contest.cells()));
    Ok(table)
}

struct Bed {
    context: jetstream::Context,
    stream: jetstream::stream::Stream,
    worked: WorkedClient,
    connection: Connection,
    by_hand_done: Done,
    done: Done,
}

impl Bed {
    async fn start(url: &str) -> Result<Self> {
        let context = jetstream::new(async_nats::connect(url).await?);
        let retention = RetentionPolicy::WorkQueue;
        let config =
            Config { name: STREAM.into(), subjects: vec![SUBJECT.into()], retention, ..Config::default() };
        let stream = context.create_stream(config).await?;
        let connection = Connection::from(async_nats::connect(url).await?);
        // It makes what jobs are kept in, and ends: only some of the rows are about executing.
        Server::builder(&connection)
            .add(WorkedServer::new(Handler(Done::default())))
            .start()
            .await?
            .shutdown()
            .await;
        let worked = WorkedClient::new(Connection::from(async_nats::connect(url).await?));
        Ok(Bed { context, stream, worked, connection, by_hand_done: Done::default(), done: Done::default() })
    }

    async fn submit_by_hand(&self, count: usize, in_flight: usize) -> Result<Duration> {
        let begun = Instant::now();
        let submissions = stream::iter(0..count as u64).map(Ok::<_, crate::Failure>);
        submissions
            .try_for_each_concurrent(in_flight, |id| async move {
                let payload = rmp_serde::to_vec_named(&Request::new(id))?;
                self.context.publish(SUBJECT, payload.into()).await?.await?;
                Ok(())
            })
            .await?;
        Ok(begun.elapsed())
    }

    async fn submit_ours(&self, count: usize, in_flight: usize) -> Result<Duration> {
        let begun = Instant::now();
        let submissions = stream::iter(0..count as u64).map(Ok::<_, crate::Failure>);
        submissions
            .try_for_each_concurrent(in_flight, |id| async move {
                self.worked.hello(id, NAME).submit().await?;
                Ok(())
            })
            .await?;
        Ok(begun.elapsed())
    }

    /// Throws away what is not to be executed.
    async fn drained(&self) -> Result<()> {
        self.stream.purge().await?;
        self.context.get_stream("RPC_JOBS_worked").await?.purge().await?;
        Ok(())
    }

    /// A worker by hand, until it is aborted.
    async fn worker(&self) -> Result<tokio::task::JoinHandle<()>> {
        let config = pull::Config { durable_name: Some("worker".into()), ..pull::Config::default() };
        let consumer = self.stream.get_or_create_consumer("worker", config).await?;
        let mut messages = consumer.stream().max_messages_per_batch(CONCURRENCY).messages().await?;
        let done = self.by_hand_done.clone();
        Ok(tokio::spawn(async move {
            while let Some(Ok(message)) = messages.next().await {
                let _: Request = rmp_serde::from_slice(&message.payload).expect("a job of ours");
                message.ack().await.expect("the connection is open");
                done.note();
            }
        }))
    }

    async fn server(&self) -> Result<Server> {
        let settings = JobSettings::new().concurrency(CONCURRENCY);
        let server = Server::builder(&self.connection).jobs(settings);
        Ok(server.add(WorkedServer::new(Handler(self.done.clone()))).start().await?)
    }

    async fn execute_by_hand(&self, count: usize) -> Result<Duration> {
        let worker = self.worker().await?;
        let (begun, before) = (Instant::now(), self.by_hand_done.count());
        self.submit_by_hand(count, 64).await?;
        self.by_hand_done.reach(before + count as u64).await;
        let time = begun.elapsed();
        worker.abort();
        Ok(time)
    }

    async fn execute_ours(&self, count: usize) -> Result<Duration> {
        let server = self.server().await?;
        let (begun, before) = (Instant::now(), self.done.count());
        self.submit_ours(count, 64).await?;
        self.done.reach(before + count as u64).await;
        // Whatever the handlers have returned is stored and acknowledged then.
        server.shutdown().await;
        Ok(begun.elapsed())
    }

    async fn one_by_one_by_hand(&self, count: usize) -> Result<Duration> {
        let worker = self.worker().await?;
        let begun = Instant::now();
        for id in 0..count as u64 {
            let before = self.by_hand_done.count();
            let payload = rmp_serde::to_vec_named(&Request::new(id))?;
            self.context.publish(SUBJECT, payload.into()).await?.await?;
            self.by_hand_done.reach(before + 1).await;
        }
        let time = begun.elapsed();
        worker.abort();
        Ok(time)
    }

    async fn one_by_one(&self, count: usize) -> Result<Duration> {
        let server = self.server().await?;
        let begun = Instant::now();
        for id in 0..count as u64 {
            let result = self.worked.hello(id, NAME).submit().await?.result().await?;
            if result != id {
                return Err(format!("job {id} has the result {result}").into());
            }
        }
        let time = begun.elapsed();
        server.shutdown().await;
        Ok(time)
    }
}
