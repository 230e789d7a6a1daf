//! Executes the jobs of `tests::Chores` until it gets SIGTERM: `job_worker <url> <id> <ledger>`.
//!
//! It says "ready" when it does, and ends when its standard input does: so it never outlives who started it.

#![allow(clippy::print_stdout, reason = "this is a program")]

use std::error::Error;
use std::io::Read;

use nats_rpc::Server;
use tests::{ChoresServer, Ledger, Worker, job_settings};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, id, ledger] = &arguments[..] else { return Err("job_worker <url> <id> <ledger>".into()) };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(1);
    });
    let mut terminated = signal(SignalKind::terminate())?;
    let worker = Worker::new(id, &Ledger::in_file(ledger.as_ref()));
    let nats = nats_rpc::connect(url.as_str()).await?;
    let chores = ChoresServer::new(worker);
    let server = Server::builder(nats).id(id).jobs(job_settings()).add(chores).start().await?;
    println!("ready");
    terminated.recv().await;
    server.shutdown().await;
    Ok(())
}
