//! A service, its server and its client in one file.
//!
//! On the broker in this process, or on NATS: `NATS_URL=nats://127.0.0.1:4222 cargo run --example quickstart`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use nats_rpc::{Connection, Server, memory};

#[nats_rpc::service]
trait Greeter {
    /// Says hello.
    async fn hello(&self, name: &str) -> String;
}

struct English;

impl Greeter for English {
    async fn hello(&self, name: &str) -> String {
        format!("Hello, {name}!")
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let nats = connect().await?;
    let server = Server::builder(&nats).add(GreeterServer::new(English)).start().await?;

    let greeter = GreeterClient::new(&nats);
    println!("{}", greeter.hello("Ann").await?);

    server.shutdown().await;
    Ok(())
}

async fn connect() -> Result<Connection, Box<dyn std::error::Error>> {
    match std::env::var("NATS_URL").ok().filter(|url| !url.is_empty()) {
        Some(url) => Ok(nats_rpc::connect(url).await?),
        None => {
            println!("NATS_URL is not set: using the broker in this process");
            Ok(memory::Broker::new().connect())
        }
    }
}
