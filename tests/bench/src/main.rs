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

use clap::Parser;

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
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let flags = Flags::parse();
    let duration = Duration::from_millis(flags.millis);
    let nats = std::env::var("NATS_URL").map_or_else(
        |_| {
            let server = tests::NatsServer::start();
            (server.url().to_owned(), Some(server))
        },
        |url| (url, None),
    );
    let baseline = baseline::Baseline::start(&nats.0).await?;
    let ours = ours::Ours::start(&nats.0).await?;

    let mut cells: Vec<Cell> = flags.in_flight.iter().copied().map(Cell::new).collect();
    let peer = ours.peer();
    for round in 0..flags.rounds {
        for cell in &mut cells {
            let in_flight = cell.in_flight();
            // Neither always goes first: what the machine does in between hits both alike.
            let (b, own) = if round % 2 == 0 {
                let b = load::run(&baseline, in_flight, duration).await;
                (b, load::run(&peer, in_flight, duration).await)
            } else {
                let own = load::run(&peer, in_flight, duration).await;
                (load::run(&baseline, in_flight, duration).await, own)
            };
            cell.add(b, own);
        }
    }
    report::print(&cells);
    ours.stop().await;
    Ok(())
}
