//! Receipt first, completion later, through three programs any of which may die meanwhile: a publisher gives an event to the event centre, which has a
//! partner work on it, and the publisher asks for what came of it when its own wait has run out.
//!
//! ```sh
//! nats-server --jetstream &
//! cargo run --example event_centre -- centre &
//! cargo run --example event_centre -- partner &
//! cargo run --example event_centre -- publish order-17 --wait-ms 500   # prints the receipt, and what it knows after half a second
//! cargo run --example event_centre -- ask events.…                     # later, with the id on the receipt
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::Duration;

use clap::{Parser, Subcommand};
use futures::StreamExt;
use nats_rpc::jobs::{Job, JobSettings, JobStatus};
use nats_rpc::{CallError, Client, Context, Progress, Server};
use serde::{Deserialize, Serialize};

#[derive(Parser)]
struct Flags {
    #[command(subcommand)]
    role: Role,
    /// A NATS server with JetStream.
    #[arg(long, env = "NATS_URL", default_value = "nats://127.0.0.1:4222", global = true)]
    url: String,
}

#[derive(Subcommand)]
enum Role {
    /// Takes events, and has the partner work on them.
    Centre,
    /// Works on events.
    Partner {
        /// How long that takes, in seconds.
        #[arg(long, default_value_t = 3)]
        takes: u64,
    },
    /// Publishes an event.
    Publish {
        event: String,
        /// How long to wait for its completion.
        #[arg(long, default_value_t = 500)]
        wait_ms: u64,
    },
    /// Asks what has become of an event, by the id on its receipt.
    Ask { receipt: String },
}

/// An event. Its id is its key everywhere: whoever sends it twice has sent it once.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Event {
    id: String,
}

#[nats_rpc::service]
trait Events {
    /// Ends when the partner has completed its work.
    #[rpc(durable)]
    async fn publish(&self, cx: &Context, event: &Event) -> Result<String, String>;
}

#[nats_rpc::service]
trait Partner {
    #[rpc(durable)]
    async fn work_on(&self, cx: &Context, event: &Event) -> Result<String, String>;
}

struct Centre {
    partner: PartnerClient,
}

impl Events for Centre {
    async fn publish(&self, cx: &Context, event: &Event) -> Result<String, String> {
        // Should the centre die after this, its next attempt finds the same job.
        let submitted = self.partner.work_on(event).submit().key(&event.id).await;
        let Ok(job) = submitted else {
            cx.retry_job(None);
            return Err("the partner cannot be reached".to_owned());
        };
        println!("centre: {} is with the partner, receipt {}", event.id, job.id());
        cx.report_progress("with the partner");
        let mut progress = job.progress();
        while let Some(progress) = progress.next().await {
            cx.report_progress(progress);
        }
        match job.result().await {
            Ok(report) => Ok(report),
            Err(CallError::Service(refusal)) => Err(refusal),
            Err(CallError::Rpc(error)) => Err(format!("the partner has failed: {error}")),
        }
    }
}

struct Worker {
    takes: u64,
}

impl Partner for Worker {
    async fn work_on(&self, cx: &Context, event: &Event) -> Result<String, String> {
        println!("partner: begins {}, attempt {}", event.id, cx.attempt());
        for second in 0..self.takes {
            tokio::time::sleep(Duration::from_secs(1)).await;
            cx.report_progress(Progress::of(second + 1, self.takes));
        }
        println!("partner: has completed {}", event.id);
        Ok(format!("{} is delivered", event.id))
    }
}

/// Says what has become of an event, which is what its publisher acts on.
async fn act(job: &Job<String, String>) -> Result<(), Box<dyn Error>> {
    match job.status().await? {
        JobStatus::Done | JobStatus::Failed { .. } => match job.result().await {
            Ok(report) => println!("publisher: {report}"),
            Err(error) => println!("publisher: it has failed, {error}"),
        },
        JobStatus::Running { progress: Some(progress), .. } => println!("publisher: it goes on, {progress}"),
        status => println!("publisher: it is not forgotten, {status:?}"),
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Flags { role, url } = Flags::parse();
    let nats = examples::connect_to(&url).await?;
    // A worker that has died is noticed after two seconds.
    let server =
        Server::builder(&nats).jobs(JobSettings::new().ack_wait(Duration::from_secs(2)).attempts(20));
    let (name, server) = match role {
        Role::Centre => {
            let partner = PartnerClient::new(&nats);
            ("centre", server.add(EventsServer::new(Centre { partner })))
        }
        Role::Partner { takes } => ("partner", server.add(PartnerServer::new(Worker { takes }))),
        Role::Publish { event, wait_ms } => {
            let job =
                EventsClient::new(&nats).publish(&Event { id: event.clone() }).submit().key(&event).await?;
            println!("publisher: receipt {}", job.id());
            // It is completed while we wait, or we ask what there is to know.
            let _ = tokio::time::timeout(Duration::from_millis(wait_ms), job.result()).await;
            return act(&job).await;
        }
        Role::Ask { receipt } => return act(&Job::open(Client::from(&nats), receipt)?).await,
    };
    let end = examples::end_of_program()?;
    let server = server.start().await?;
    println!("{name}: ready");
    end.await;
    server.shutdown().await;
    Ok(())
}
