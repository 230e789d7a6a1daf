//! A call outlives the restart of its service, and a call that is given up takes its handler along.
//!
//! On the broker in this process, or on NATS: `NATS_URL=nats://127.0.0.1:4222 cargo run --example restarts`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::Duration;

use nats_rpc::{Connection, Retry, Server};

#[nats_rpc::service]
trait Library {
    /// May be asked twice.
    #[rpc(idempotent)]
    async fn find(&self, title: &str) -> Option<u32>;
    /// Takes long.
    async fn copy(&self, title: &str) -> String;
}

struct Shelves;

impl Library for Shelves {
    async fn find(&self, title: &str) -> Option<u32> {
        (title == "Emma").then_some(7)
    }

    async fn copy(&self, title: &str) -> String {
        let mut copying = Copying { done: false };
        println!("    handler: copies {title}");
        tokio::time::sleep(Duration::from_secs(60)).await;
        copying.done = true;
        title.to_owned()
    }
}

/// Dropped with the handler that it is part of, at its end or when it is aborted.
struct Copying {
    done: bool,
}

impl Drop for Copying {
    fn drop(&mut self) {
        println!("    handler: {}", if self.done { "is done" } else { "stops, since nobody waits any more" });
    }
}

async fn serve(nats: &Connection) -> Result<Server, nats_rpc::Error> {
    Server::builder(nats).add(LibraryServer::new(Shelves)).start().await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let nats = examples::connect().await?;
    let library = LibraryClient::new(&nats);

    println!("a service that was never there:");
    match library.find("Emma").await {
        Ok(shelf) => println!("    caller:  {shelf:?}"),
        Err(error) => println!("    caller:  {error}, at once"),
    }

    println!("a service that is restarted:");
    let server = serve(&nats).await?;
    println!("    caller:  {:?}", library.find("Emma").await?);
    server.shutdown().await;
    let call = tokio::spawn(library.find("Emma"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    println!("    caller:  {}", if call.is_finished() { "has given up" } else { "waits" });
    let server = serve(&nats).await?;
    println!("    caller:  {:?}", call.await??);

    println!("a call that is given up:");
    let mut call = library.copy("Emma").timeout(Duration::from_secs(90));
    if tokio::time::timeout(Duration::from_millis(500), &mut call).await.is_err() {
        println!("    caller:  goes away");
    }
    drop(call);
    while server.counters().cancelled == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    println!("a call that may be made once only, of a service that is gone:");
    server.shutdown().await;
    match library.find("Emma").retry(Retry::off()).await {
        Ok(shelf) => println!("    caller:  {shelf:?}"),
        Err(error) => println!("    caller:  {error}, at once"),
    }
    Ok(())
}
