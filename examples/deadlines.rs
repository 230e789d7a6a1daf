//! A deadline goes with a call, through every service that it causes calls of.
//!
//! A gateway asks for an order, which asks the stock. Only the first call is given a time: the others inherit what is
//! left of it, and when it is over, nobody goes on working for an answer that nobody waits for.
//!
//! On the broker in this process, or on NATS: `NATS_URL=nats://127.0.0.1:4222 cargo run --example deadlines`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::{Duration, Instant};

use nats_rpc::{Context, Server};

/// How long the stock searches its shelves.
const SEARCH: Duration = Duration::from_millis(600);

#[nats_rpc::service]
trait Gateway {
    async fn buy(&self, cx: &Context, item: &str) -> Result<String, String>;
}

#[nats_rpc::service]
trait Orders {
    async fn place(&self, cx: &Context, item: &str) -> Result<String, String>;
}

#[nats_rpc::service]
trait Stock {
    async fn reserve(&self, cx: &Context, item: &str) -> String;
}

struct Shop(OrdersClient);

impl Gateway for Shop {
    async fn buy(&self, cx: &Context, item: &str) -> Result<String, String> {
        println!("    gateway: {} ms left", cx.remaining().as_millis());
        self.0.place(item).await.map_err(|error| error.to_string())
    }
}

struct Office(StockClient);

impl Orders for Office {
    async fn place(&self, cx: &Context, item: &str) -> Result<String, String> {
        println!("    orders:  {} ms left", cx.remaining().as_millis());
        // A call's own time can only make it shorter: what is left of the caller's is the upper bound.
        let reserved = self.0.reserve(item).timeout(Duration::from_secs(60)).await;
        reserved.map_err(|error| error.to_string())
    }
}

struct Shelves;

impl Stock for Shelves {
    async fn reserve(&self, cx: &Context, item: &str) -> String {
        println!("    stock:   {} ms left, and starts to search", cx.remaining().as_millis());
        let mut search = Search { found: false };
        tokio::time::sleep(SEARCH).await;
        search.found = true;
        format!("a {item} from shelf 7")
    }
}

/// Dropped with the handler that it is part of, at its end or when it is aborted.
struct Search {
    found: bool,
}

impl Drop for Search {
    fn drop(&mut self) {
        println!("    stock:   {}", if self.found { "found it" } else { "aborted, nobody waits any more" });
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let nats = examples::connect().await?;
    for budget in [Duration::from_secs(2), Duration::from_millis(500)] {
        // Each could be a program of its own.
        let server = Server::builder(&nats)
            .add(GatewayServer::new(Shop(OrdersClient::new(&nats))))
            .add(OrdersServer::new(Office(StockClient::new(&nats))))
            .add(StockServer::new(Shelves))
            .start()
            .await?;

        println!("a call with {} ms, of a stock that needs {}:", budget.as_millis(), SEARCH.as_millis());
        let begin = Instant::now();
        let outcome = GatewayClient::new(&nats).buy("lamp").timeout(budget).await;
        let took = begin.elapsed().as_millis();

        server.shutdown().await;
        match outcome {
            Ok(item) => println!("    caller:  has {item}, after {took} ms"),
            Err(error) => println!("    caller:  {error}, after {took} ms"),
        }
    }
    Ok(())
}
