//! A stream and a slow consumer: the producer is held back and nothing is lost; or, for who wants the newest only, the rest is passed over.
//!
//! On the broker in this process, or on NATS: `NATS_URL=nats://127.0.0.1:4222 cargo run --example live_prices`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt, stream};
use nats_rpc::{Client, Server};
use tokio::sync::watch;

#[nats_rpc::service]
trait Prices {
    /// Yields all prices of a day, one after the other.
    fn history(&self, count: u64) -> impl Stream<Item = u64>;
    /// Yields the price, and the newest one each time that it has changed and another is wanted.
    fn newest(&self) -> impl Stream<Item = u64>;
}

struct Market {
    /// How many prices of the history were made.
    made: Arc<AtomicU64>,
    price: watch::Receiver<u64>,
}

impl Prices for Market {
    fn history(&self, count: u64) -> impl Stream<Item = u64> {
        // Nothing is made before it may leave: the stream is polled then.
        stream::iter(1..=count).inspect(|_| _ = self.made.fetch_add(1, Ordering::Relaxed))
    }

    fn newest(&self) -> impl Stream<Item = u64> {
        let mut price = self.price.clone();
        price.mark_changed();
        // What changes while nothing may leave, nobody looks at. It ends when the market closes.
        stream::unfold(price, |mut price| async {
            price.changed().await.ok()?;
            let newest = *price.borrow_and_update();
            Some((newest, price))
        })
    }
}

/// A price that changes each millisecond, so many times.
async fn trade(price: watch::Sender<u64>, times: u64) {
    for time in 1..=times {
        tokio::time::sleep(Duration::from_millis(1)).await;
        price.send_replace(time);
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let nats = examples::connect().await?;
    let (made, (sender, price)) = (Arc::new(AtomicU64::new(0)), watch::channel(0));
    let market = Market { made: Arc::clone(&made), price };
    let server = Server::builder(&nats).add(PricesServer::new(market)).start().await?;

    println!("nobody takes any: the producer waits when the window of 8 is full");
    let client = Client::builder(&nats).stream_window(8, 64 * 1024).build()?;
    let mut history = PricesClient::new(&client).history(1000).await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    println!("    {} made", made.load(Ordering::Relaxed));

    println!("one is taken each millisecond: it is never further ahead, and nothing is lost");
    let (mut taken, mut ahead) = (Vec::new(), 0);
    while let Some(price) = history.try_next().await? {
        taken.push(price);
        ahead = ahead.max(made.load(Ordering::Relaxed) - price);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let is_complete = taken.iter().copied().eq(1..=1000);
    println!("    {} taken, {} made ahead at most", if is_complete { "all" } else { "not all" }, ahead);

    println!(
        "only the newest is wanted: a window of 1, and a producer that looks at the price when one may leave"
    );
    let client = Client::builder(&nats).stream_window(1, 64 * 1024).build()?;
    let mut newest = PricesClient::new(&client).newest().await?;
    let market = tokio::spawn(trade(sender, 500));
    let (mut seen, mut last) = (0, 0);
    while let Some(price) = newest.try_next().await? {
        (seen, last) = (seen + 1, price);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    market.await?;
    println!("    {seen} of 500 seen, the last one is {last}");
    server.shutdown().await;
    Ok(())
}
