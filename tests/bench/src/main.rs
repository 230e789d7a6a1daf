//! Requests per second and latency of the generated client against async-nats written by hand, in one interleaved run.
//!
//! `cargo run --release -p bench` starts a nats-server of its own, or uses the one that `NATS_URL` names.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a benchmark that fails has to end")]

mod baseline;
mod load;
mod ours;
mod report;

use std::error::Error;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::load::Peer;
use crate::report::Cell;

/// Compares the generated client with the baseline B: `async_nats::Client::request` and `rmp_serde`, with a
/// `queue_subscribe` loop that answers inline.
#[derive(Parser)]
struct Flags {
    /// How many calls are in flight at a time, one row each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 256])]
    in_flight: Vec<usize>,
    /// How many pairs of measurements a row has.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// How long one measurement takes, in milliseconds.
    #[arg(long, default_value_t = 700)]
    millis: u64,
    /// Measures one side alone, for a profiler.
    #[arg(long)]
    only: Option<Side>,
}

impl Flags {
    fn duration(&self) -> Duration {
        Duration::from_millis(self.millis)
    }
}

/// What can be measured.
#[derive(Clone, Copy, ValueEnum)]
enum Side {
    Baseline,
    Ours,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let flags = Flags::parse();
    let nats = std::env::var("NATS_URL").map_or_else(
        |_| {
            let server = tests::NatsServer::start();
            (server.url().to_owned(), Some(server))
        },
        |url| (url, None),
    );
    let baseline = baseline::Baseline::start(&nats.0).await?;
    let ours = ours::Ours::start(&nats.0).await?;

    match flags.only {
        Some(Side::Baseline) => alone(&baseline, &flags).await,
        Some(Side::Ours) => alone(&ours.peer(), &flags).await,
        None => compare(&baseline, &ours.peer(), &flags).await,
    }
    ours.stop().await;
    Ok(())
}

/// Measures both sides in turn.
async fn compare(baseline: &impl Peer, ours: &impl Peer, flags: &Flags) {
    let mut cells: Vec<Cell> = flags.in_flight.iter().copied().map(Cell::new).collect();
    for round in 0..flags.rounds {
        for cell in &mut cells {
            let in_flight = cell.in_flight();
            // Neither always goes first: what the machine does in between hits both alike.
            let (b, own) = if round % 2 == 0 {
                let b = load::run(baseline, in_flight, flags.duration()).await;
                (b, load::run(ours, in_flight, flags.duration()).await)
            } else {
                let own = load::run(ours, in_flight, flags.duration()).await;
                (load::run(baseline, in_flight, flags.duration()).await, own)
            };
            cell.add(b, own);
        }
    }
    report::print(&cells);
}

/// Says how many calls there were, by which what a profiler counts is divided.
async fn alone(peer: &impl Peer, flags: &Flags) {
    for in_flight in &flags.in_flight {
        let sample = load::run(peer, *in_flight, flags.duration()).await;
        println!("{in_flight} in flight: {} calls, {:.0} per second", sample.calls, sample.per_second);
    }
}
