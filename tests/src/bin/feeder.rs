//! Serves `tests::Feeds` until it gets SIGTERM: `feeder <url> <id> <ledger>`, of which the last is not written.
//!
//! It says "ready" when it serves, and ends when its standard input does: so it never outlives who started it.

#![allow(clippy::print_stdout, reason = "this is a program")]

use std::error::Error;
use std::io::Read;

use nats_rpc::Server;
use tests::{Feeder, FeedsServer};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, id, _] = &arguments[..] else { return Err("feeder <url> <id> <ledger>".into()) };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(1);
    });
    let mut terminated = signal(SignalKind::terminate())?;
    let nats = nats_rpc::connect(url.as_str()).await?;
    let server = Server::builder(nats).id(id).add(FeedsServer::new(Feeder::default())).start().await?;
    println!("ready");
    terminated.recv().await;
    server.shutdown().await;
    Ok(())
}
