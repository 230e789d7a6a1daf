//! One question to all instances.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_nats::Client;
use bytes::Bytes;
use futures::StreamExt;
use futures::future::{join_all, try_join_all};
use nats_rpc::{Connection, Server};

use super::contest::Contest;
use crate::Result;
use crate::flags::PatternsFlags;
use crate::peers::messages::{NAME, Reply, Request, answer, check};
use crate::table::Table;

/// How many instances there are, and how many questions are out at a time.
const ROWS: [(usize, usize); 6] = [(3, 1), (3, 16), (10, 1), (10, 16), (100, 1), (100, 16)];

/// Where instances by hand listen.
const SUBJECT: &str = "by-hand.gather";

#[nats_rpc::service(name = "gathered")]
trait Gathered {
    async fn hello(&self, id: u64, name: &str) -> Reply;
}

struct Handler;

impl Gathered for Handler {
    async fn hello(&self, id: u64, name: &str) -> Reply {
        answer(id, name)
    }
}

/// Questions per second.
pub(super) async fn table(url: &str, flags: &PatternsFlags) -> Result<Table> {
    let mut table = Table::new(0, ["instances", "in flight", "by hand, 1/s", "nats-rpc, 1/s", "ratio"]);
    for (instances, in_flight) in ROWS {
        eprintln!("gather: {instances} instances, {in_flight} in flight");
        let bed = Bed::start(url, instances).await?;
        let mut contest = Contest::default();
        let time = Duration::from_millis(flags.millis);
        for round in 0..=flags.rounds {
            let (by_hand, ours) = if round % 2 == 0 {
                let by_hand = rate(in_flight, time, || bed.by_hand()).await?;
                (by_hand, rate(in_flight, time, || bed.ours()).await?)
            } else {
                let ours = rate(in_flight, time, || bed.ours()).await?;
                (rate(in_flight, time, || bed.by_hand()).await?, ours)
            };
            // The first one warms up.
            if round > 0 {
                contest.add(by_hand, ours);
            }
        }
        table.row([instances.to_string(), in_flight.to_string()].into_iter().chain(contest.cells()));
        bed.end().await;
    }
    Ok(table)
}

/// How often something can be done in a second, so many at a time.
async fn rate<F: Future<Output = Result<()>>>(
    in_flight: usize,
    time: Duration,
    once: impl Fn() -> F,
) -> Result<f64> {
    let (begun, done) = (Instant::now(), AtomicU64::new(0));
    let workers = (0..in_flight).map(|_| async {
        while begun.elapsed() < time {
            once().await?;
            done.fetch_add(1, Ordering::Relaxed);
        }
        Ok::<_, crate::Failure>(())
    });
    try_join_all(workers).await?;
    Ok(done.into_inner() as f64 / begun.elapsed().as_secs_f64())
}

/// Instances of both kinds, and a client of either.
struct Bed {
    instances: usize,
    servers: Vec<Server>,
    listeners: Vec<tokio::task::JoinHandle<()>>,
    client: Arc<Client>,
    gathered: GatheredClient,
    next: AtomicU64,
}

impl Bed {
    async fn start(url: &str, instances: usize) -> Result<Self> {
        let (mut servers, mut listeners) = (Vec::new(), Vec::new());
        for _ in 0..instances {
            let server = Server::builder(async_nats::connect(url).await?).without_discovery();
            servers.push(server.add(GatheredServer::new(Handler)).start().await?);
            let client = async_nats::connect(url).await?;
            let mut questions = client.subscribe(SUBJECT).await?;
            client.flush().await?;
            listeners.push(tokio::spawn(async move {
                while let Some(question) = questions.next().await {
                    let Some(reply) = question.reply else { continue };
                    let request: Request =
                        rmp_serde::from_slice(&question.payload).expect("a question of ours");
                    let answer = rmp_serde::to_vec_named(&answer(request.id, &request.name));
                    let answer = answer.expect("it can be written");
                    client.publish(reply, answer.into()).await.expect("the connection is open");
                }
            }));
        }
        let client = Arc::new(async_nats::connect(url).await?);
        let gathered = GatheredClient::new(Connection::from(async_nats::connect(url).await?));
        Ok(Bed { instances, servers, listeners, client, gathered, next: AtomicU64::new(0) })
    }

    async fn ours(&self) -> Result<()> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut answers = self.gathered.hello(id, NAME).gather().at_most(self.instances);
        let mut heard = 0;
        while let Some((_, answer)) = answers.next().await {
            check(&answer?, id)?;
            heard += 1;
        }
        if heard == self.instances { Ok(()) } else { Err(format!("{heard} have answered").into()) }
    }

    async fn by_hand(&self) -> Result<()> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await?;
        let question: Bytes = rmp_serde::to_vec_named(&Request::new(id))?.into();
        self.client.publish_with_reply(SUBJECT, inbox, question).await?;
        for _ in 0..self.instances {
            let answer = answers.next().await.ok_or("the connection is closed")?;
            check(&rmp_serde::from_slice(&answer.payload)?, id)?;
        }
        Ok(())
    }

    async fn end(self) {
        self.listeners.iter().for_each(tokio::task::JoinHandle::abort);
        join_all(self.servers.into_iter().map(Server::shutdown)).await;
    }
}
