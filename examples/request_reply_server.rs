//! The classic request-reply server of NATS, typed: three workers take requests in and send receipts.
//!
//! ```sh
//! nats-server &                                                            # or any other NATS
//! cargo run --example request_reply_server -- --servername berlin --group g   # one worker takes each request
//! cargo run --example request_reply_server -- --servername berlin             # all three take each request
//! cargo run --example request_reply_client                                 # in another terminal
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use clap::Parser;
use examples::receipts::{Message, Receipt, Receipts, ReceiptsServer};
use nats_rpc::Server;

/// Takes requests in with three workers.
#[derive(Parser)]
struct Flags {
    /// How this server calls itself in receipts.
    #[arg(long, default_value = "server")]
    servername: String,
    /// The queue group of the workers: one of them gets each request. Without it, all of them get every request.
    #[arg(long)]
    group: Option<String>,
    /// Where to listen: it becomes the prefix of the service's own subject, as in `demo.receipts.submit`.
    #[arg(long, default_value = "demo")]
    subject: String,
    /// The NATS server.
    #[arg(long, env = "NATS_URL", default_value = "nats://127.0.0.1:4222")]
    url: String,
}

struct Worker {
    server: String,
    name: String,
}

impl Receipts for Worker {
    async fn submit(&self, message: &Message) -> Receipt {
        println!("{} received: {} {}", self.name, message.id, message.text);
        Receipt { id: message.id, server: self.server.clone(), worker: self.name.clone() }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let flags = Flags::parse();
    let end = examples::end_of_program()?;
    let nats = examples::connect_to(&flags.url).await?;

    let mut workers = Vec::new();
    for number in 1..=3 {
        let worker = Worker { server: flags.servername.clone(), name: format!("worker{number}") };
        let server = Server::builder(&nats).prefix(&flags.subject).add(ReceiptsServer::new(worker));
        let server = match &flags.group {
            Some(group) => server.queue_group(group),
            None => server.broadcast(),
        };
        workers.push(server.start().await?);
    }
    let mode = match &flags.group {
        Some(group) => format!("one of them takes each request (queue group {group})"),
        None => "all of them take every request (no queue group)".to_owned(),
    };
    println!("{}: 3 workers listen below {}, {mode}", flags.servername, flags.subject);

    end.await;
    for worker in workers {
        worker.shutdown().await;
    }
    println!("{}: stopped, every request has its receipt", flags.servername);
    Ok(())
}
