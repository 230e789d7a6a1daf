//! Serves `tests::Work` until it gets SIGTERM: `instance <url> <id> <ledger>`.
//!
//! It says "ready" when it serves, and ends when its standard input does: so it never outlives who started it.

#![allow(clippy::print_stdout, reason = "this is a program")]

use std::error::Error;
use std::io::Read;

use nats_rpc::Server;
use tests::{Ledger, WorkServer, Worker};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, id, ledger] = &arguments[..] else { return Err("instance <url> <id> <ledger>".into()) };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(1);
    });
    let mut terminated = signal(SignalKind::terminate())?;
    let worker = Worker::new(id, &Ledger::in_file(ledger.as_ref()));
    let servers: Vec<&str> = url.split(',').collect();
    let nats = nats_rpc::connect(servers).await?;
    let server = Server::builder(nats).id(id).add(WorkServer::new(worker)).start().await?;
    println!("ready");
    terminated.recv().await;
    server.shutdown().await;
    Ok(())
}
