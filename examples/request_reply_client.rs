//! The classic request-reply client of NATS, typed: three requests, a second for each, and what became of them.
//!
//! Start `request_reply_server` first for receipts. Without it the outcome is "no responders", at once; with a
//! subscriber that never answers, such as `nats sub 'demo.receipts.*'`, it is "deadline exceeded" after a second.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use examples::receipts::{Message, ReceiptsClient};
use futures::future::join_all;
use nats_rpc::Client;
use uuid::Uuid;

/// Sends three requests and prints the receipts; fails if one is missing.
#[derive(Parser)]
struct Flags {
    /// Where the server listens: the prefix of the service's own subject, as in `demo.receipts.submit`.
    #[arg(long, default_value = "demo")]
    subject: String,
    /// The NATS server.
    #[arg(long, env = "NATS_URL", default_value = "nats://127.0.0.1:4222")]
    url: String,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let flags = Flags::parse();
    let nats = examples::connect_to(&flags.url).await?;
    let client = Client::builder(nats).prefix(&flags.subject).timeout(Duration::from_secs(1)).build()?;
    let receipts = ReceiptsClient::new(client);

    let messages =
        ["hello", "hello again", "goodbye"].map(|text| Message { id: Uuid::new_v4(), text: text.to_owned() });
    let begin = Instant::now();
    // A call is a future: three of them run at the same time.
    let outcomes = join_all(messages.iter().map(|message| receipts.submit(message))).await;
    let took = begin.elapsed();

    for (message, outcome) in messages.iter().zip(&outcomes) {
        let Message { id, text } = message;
        match outcome {
            Ok(receipt) => println!("{id} {text}: received by {} of {}", receipt.worker, receipt.server),
            Err(error) => println!("{id} {text}: {error} ({})", error.execution()),
        }
    }
    let received = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    println!("{received} of {} receipts after {} ms", messages.len(), took.as_millis());
    Ok(if received == messages.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
