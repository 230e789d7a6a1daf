//! Long work: submitted with a receipt, executed later, watched with a progress bar, cancelled, and found again when it has failed.
//!
//! Jobs are kept by JetStream: `nats-server --jetstream &`, then `cargo run --example jobs`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::Duration;

use clap::Parser;
use futures::{StreamExt, TryStreamExt};
use indicatif::{ProgressBar, ProgressStyle};
use nats_rpc::jobs::{DeadLetters, Job, JobSettings};
use nats_rpc::{Client, Context, Progress, Server};

/// Submits jobs, and executes them.
#[derive(Parser)]
struct Flags {
    /// A NATS server with JetStream.
    #[arg(long, env = "NATS_URL", default_value = "nats://127.0.0.1:4222")]
    url: String,
}

#[nats_rpc::service]
trait Video {
    /// Makes a smaller one of a film of so many minutes, and yields how large it is.
    #[rpc(durable)]
    async fn transcode(&self, cx: &Context, film: &str, minutes: u64) -> Result<u64, String>;
}

struct Studio;

impl Video for Studio {
    async fn transcode(&self, cx: &Context, film: &str, minutes: u64) -> Result<u64, String> {
        assert!(film != "cursed.mp4", "nobody survives watching this");
        if minutes == 0 {
            return Err(format!("{film} is empty"));
        }
        for minute in 0..minutes {
            tokio::time::sleep(Duration::from_millis(50)).await;
            cx.report_progress(Progress::of(minute + 1, minutes).with_message(film));
        }
        Ok(minutes * 40)
    }
}

/// Shows how far a job is until it has ended.
async fn show<T, E>(job: &Job<T, E>) {
    let style = ProgressStyle::with_template("    {msg} {wide_bar} {pos}/{len}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(0).with_style(style);
    let mut progress = job.progress();
    while let Some(progress) = progress.next().await {
        bar.set_length(progress.total().unwrap_or_default());
        bar.set_position(progress.done());
        bar.set_message(progress.message().unwrap_or_default().to_owned());
    }
    bar.finish_and_clear();
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::from(examples::connect_to(&Flags::parse().url).await?);
    let settings = JobSettings::new().attempts(2).backoff(Duration::from_millis(100), Duration::from_secs(1));
    let server =
        Server::builder(client.connection()).jobs(settings).add(VideoServer::new(Studio)).start().await?;
    let video = VideoClient::new(&client);

    println!("a job has a receipt, progress and a result:");
    let job = video.transcode("cat.mp4", 40).submit().await?;
    println!("    stored");
    show(&job).await;
    println!("    {} MB", job.result().await?);

    println!("its key stands for one job, and its id leads back to it:");
    let first = video.transcode("dog.mp4", 2).submit().key("order-17").await?;
    let again = video.transcode("dog.mp4", 2).submit().key("order-17").await?;
    println!("    {}", if first.id() == again.id() { "one job" } else { "two jobs" });
    let found = Job::<u64, String>::open(&client, first.id().to_string())?;
    println!("    {} MB", found.result().await?);

    println!("its own error is a result as well:");
    println!("    {:?}", video.transcode("blank.mp4", 0).submit().await?.result().await);

    println!("nobody wants it any more:");
    let long = video.transcode("epic.mp4", 10_000).submit().await?;
    long.cancel().await?;
    println!("    {:?}", long.result().await.map_err(|error| error.to_string()));

    println!("it fails each time, and waits for somebody to look at it:");
    let cursed = video.transcode("cursed.mp4", 1).submit().await?;
    println!("    {}", if cursed.result().await.is_err() { "failed" } else { "done" });
    let dead = DeadLetters::of(&client, "video").await?;
    for letter in dead.list().try_collect::<Vec<_>>().await? {
        println!("    after {} attempts: {}", letter.attempts, letter.reason.kind());
        dead.discard(&letter).await?;
    }
    server.shutdown().await;
    Ok(())
}
