//! Parameters in subjects: a service for each region, records by their number, and what that is good for.
//!
//! On the broker in this process, or on NATS: `NATS_URL=nats://127.0.0.1:4222 cargo run --example regions`. There,
//! `nats req orders.eu.get.17 ''` asks the same in plain JSON, and permissions for `orders.eu.>` are permissions for the region.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use nats_rpc::{Connection, Context, Server};

#[nats_rpc::service(subject = "orders.{region}")]
trait Orders {
    /// The number is part of the subject, and not of the message.
    #[rpc(subject = "get.{number}")]
    async fn get(&self, cx: &Context, number: u64) -> Option<String>;
    async fn count(&self, cx: &Context) -> usize;
}

struct Desk {
    name: &'static str,
}

impl Orders for Desk {
    async fn get(&self, cx: &Context, number: u64) -> Option<String> {
        let region = cx.subject_value("region").unwrap_or_default();
        (number < 100).then(|| format!("order {number} of {region}, by {}", self.name))
    }

    async fn count(&self, _cx: &Context) -> usize {
        100
    }
}

async fn serve(nats: &Connection, server: OrdersServer<Desk>) -> Result<Server, nats_rpc::Error> {
    Server::builder(nats).add(server).start().await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let nats = examples::connect().await?;
    let _europe =
        serve(&nats, OrdersServer::new(Desk { name: "the desk in Rome" }).with_region("eu")).await?;

    println!("a desk for one region:");
    let europe = OrdersClient::new(&nats, "eu")?;
    println!("    {:?}", europe.get(17).await?);
    println!("    {:?}", europe.get(1000).await?);
    println!("    {} orders", europe.count().await?);

    println!("nobody serves another one:");
    let america = OrdersClient::new(&nats, "us")?;
    match america.get(17).await {
        Ok(order) => println!("    {order:?}"),
        Err(error) => println!("    {error}"),
    }

    println!("until there is a desk for all others too:");
    let _world = serve(&nats, OrdersServer::new(Desk { name: "the desk of the world" })).await?;
    println!("    {:?}", america.get(17).await?);

    println!("what cannot be part of a subject is refused before anything is sent:");
    match OrdersClient::new(&nats, "eu.>") {
        Ok(_) => println!("    it was taken"),
        Err(error) => println!("    {}", error.kind()),
    }
    Ok(())
}
