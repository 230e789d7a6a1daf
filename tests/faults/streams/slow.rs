//! How far a sender gets ahead of a receiver that is slower.

use std::time::Duration;

use ::tests::{BLOCK, FeedsClient, Lag, block};
use futures::{Stream, StreamExt, stream};
use nats_rpc::Client;
use tokio::time::{Instant, sleep};

use super::bed::Bed;
use crate::bed::report;
use crate::scale::{Scale, together};

/// The window of streams of numbers.
const ITEMS: u32 = 64;

/// The window of streams of blocks, of which one may be larger than what is left of it.
const BYTES: u32 = 4 * 65_536;
const BLOCKS: u64 = 4 + 1;

/// Counts as the other side takes an item, a moment after it was taken.
const ABOUT_TO_BE_COUNTED: u64 = 1;

/// How long a receiver works on an item. A sender takes less than a tenth of that.
const WORK: Duration = Duration::from_millis(1);

/// Counts what its items are asked for.
fn counted<I: Iterator>(lag: &Lag, items: I) -> impl Stream<Item = I::Item> + use<I> {
    let lag = lag.clone();
    stream::iter(items).inspect(move |_| lag.ask())
}

#[track_caller]
fn assert_bounded(what: &str, lag: &Lag, begun: Instant, window: u64) {
    let (most, taken, took) = (lag.most(), lag.taken(), begun.elapsed());
    report(
        what,
        &format!("{taken} items in {:.1} s, the sender was {most} ahead at most", took.as_secs_f32()),
    );
    assert!(most <= window + ABOUT_TO_BE_COUNTED, "{most} items ahead with a window of {window}");
    assert_eq!(lag.asked(), taken, "all of them, each once");
}

fn numbers() -> u64 {
    Scale::get().pick(1000, 20_000)
}

fn blocks() -> u64 {
    Scale::get().pick(200, 5000)
}

#[tokio::test]
async fn a_producer_is_no_further_ahead_of_its_slow_reader_than_the_window() {
    let _turn = together().await;
    let bed = Bed::start();
    let _server = bed.serve().await;
    let client = Client::builder(bed.connect().await).stream_window(ITEMS, 1 << 20).build().unwrap();
    let begun = Instant::now();
    let mut stream = FeedsClient::new(&client).numbers(0, numbers()).await.unwrap();
    for expected in 0..numbers() {
        assert_eq!(stream.next().await.unwrap().unwrap(), expected);
        bed.feeder.lag.take();
        sleep(WORK).await;
    }
    assert_eq!(stream.next().await, None);
    assert_bounded("a slow reader of numbers", &bed.feeder.lag, begun, ITEMS.into());
}

#[tokio::test]
async fn a_producer_of_blocks_is_no_further_ahead_than_the_bytes_of_the_window() {
    let _turn = together().await;
    let bed = Bed::start();
    let _server = bed.serve().await;
    let client = Client::builder(bed.connect().await).stream_window(4096, BYTES).build().unwrap();
    let begun = Instant::now();
    let mut stream = FeedsClient::new(&client).blocks(blocks()).await.unwrap();
    for expected in 0..blocks() {
        assert_eq!(stream.next().await.unwrap().unwrap(), block(expected));
        bed.feeder.lag.take();
        sleep(5 * WORK).await;
    }
    assert_eq!(stream.next().await, None);
    assert_bounded(&format!("a slow reader of blocks of {BLOCK} bytes"), &bed.feeder.lag, begun, BLOCKS);
}

#[tokio::test]
async fn a_caller_is_no_further_ahead_of_a_slow_handler_than_the_window() {
    let _turn = together().await;
    let bed = Bed::start();
    let _server = bed.serve_on(bed.connect().await, |builder| builder.stream_window(ITEMS, 1 << 20)).await;
    let client = bed.client().await;
    let begun = Instant::now();
    let numbers = counted(&bed.feeder.lag, 0..numbers());
    assert_eq!(client.count(1, numbers).await.unwrap(), self::numbers());
    assert_eq!(bed.feeder.failures(), []);
    assert_bounded("a slow handler that is sent numbers", &bed.feeder.lag, begun, ITEMS.into());
}

#[tokio::test]
async fn a_caller_that_sends_blocks_is_no_further_ahead_than_the_bytes_of_the_window() {
    let _turn = together().await;
    let bed = Bed::start();
    let _server = bed.serve_on(bed.connect().await, |builder| builder.stream_window(4096, BYTES)).await;
    let client = bed.client().await;
    let begun = Instant::now();
    let blocks = counted(&bed.feeder.lag, (0..blocks()).map(block));
    assert_eq!(client.store(5, blocks).await.unwrap(), self::blocks());
    assert_eq!(bed.feeder.failures(), []);
    let what = format!("a slow handler that is sent blocks of {BLOCK} bytes");
    assert_bounded(&what, &bed.feeder.lag, begun, BLOCKS);
}
