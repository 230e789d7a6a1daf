//! Has streams of `tests::Feeds` open in all directions: `feed_reader <url> <id> <ledger>`, of which the last two are not used.
//!
//! It says "ready" when something has come on each, and ends when its standard input does: so it never outlives who started it.

#![allow(clippy::print_stdout, reason = "this is a program")]

use std::error::Error;
use std::io::Read;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use tests::FeedsClient;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, _, _] = &arguments[..] else { return Err("feed_reader <url> <id> <ledger>".into()) };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(1);
    });
    let client = FeedsClient::new(nats_rpc::connect(url.as_str()).await?);
    let mut ticks = client.ticks(0, 10).await?;
    let mut quiet = client.ticks(0, 0).await?;
    let mut echo = client.echo(numbers()).await?;
    let upload = client.count(0, numbers());
    let reading = async {
        let first = (ticks.next().await, echo.next().await);
        if !matches!(first, (Some(Ok(_)), Some(Ok(_)))) {
            return;
        }
        println!("ready");
        loop {
            tokio::select! {
                _ = ticks.next() => {}
                _ = quiet.next() => {}
                _ = echo.next() => {}
            }
        }
    };
    tokio::select! {
        () = reading => {}
        counted = upload => {
            counted?;
        }
    }
    Ok(())
}

/// Numbers without an end.
fn numbers() -> impl Stream<Item = u64> + Send + 'static {
    stream::unfold(0, async |number: u64| {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Some((number, number + 1))
    })
}
