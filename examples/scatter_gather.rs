//! One question to all instances: their answers as they come, a quorum, and the names of those that do not answer.
//!
//! On the broker in this process, or on NATS: `NATS_URL=nats://127.0.0.1:4222 cargo run --example scatter_gather`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::Duration;

use futures::StreamExt;
use nats_rpc::{Connection, Server};

#[nats_rpc::service]
trait Shop {
    /// What it costs here.
    async fn price(&self, item: &str) -> Result<u32, String>;
    /// Forgets what is known about an item: all instances do.
    #[rpc(oneway, broadcast)]
    async fn forget(&self, item: &str);
}

struct Stall {
    price: Option<u32>,
    takes: Duration,
}

impl Shop for Stall {
    async fn price(&self, item: &str) -> Result<u32, String> {
        tokio::time::sleep(self.takes).await;
        self.price.ok_or_else(|| format!("{item} is sold out"))
    }

    async fn forget(&self, _item: &str) {}
}

async fn open(
    nats: &Connection,
    id: &str,
    price: Option<u32>,
    takes: u64,
) -> Result<Server, nats_rpc::Error> {
    let stall = Stall { price, takes: Duration::from_millis(takes) };
    Server::builder(nats).id(id).add(ShopServer::new(stall)).start().await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let nats = examples::connect().await?;
    let _stalls = [
        open(&nats, "anna", Some(30), 0).await?,
        open(&nats, "bert", Some(20), 100).await?,
        open(&nats, "cleo", None, 200).await?,
        open(&nats, "slow", Some(1), 60_000).await?,
    ];
    let shop = ShopClient::new(&nats);

    println!("a call asks one of them:");
    println!("    {}", shop.price("lamp").at("bert").await?);

    println!("a gather asks all, and tells who said what, as it comes:");
    let mut prices = shop.price("lamp").gather().at_most(3);
    while let Some((stall, price)) = prices.next().await {
        match price {
            Ok(price) => println!("    {stall}: {price}"),
            Err(error) => println!("    {stall}: {error}"),
        }
    }

    println!("two of them are enough:");
    let mut two = shop.price("lamp").gather().quorum(2).await?;
    two.sort();
    println!("    {two:?}");

    println!("who has not answered in time is named:");
    let all =
        shop.price("lamp").gather().expecting_all().within(Duration::from_millis(800)).collect_map().await?;
    for (stall, price) in &all {
        match price {
            Ok(price) => println!("    {stall}: {price}"),
            Err(error) => println!("    {stall}: {error}"),
        }
    }

    println!("a oneway call to all has a receipt of each:");
    let receipts = shop.forget("lamp").acked().gather().at_most(4).collect_map().await?;
    println!("    {} have it", receipts.len());
    Ok(())
}
