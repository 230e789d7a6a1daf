//! What becomes of streams from which nobody takes, and of those on which nothing happens.

use std::time::Duration;

use ::tests::FeedsClient;
use futures::{StreamExt, stream};
use nats_rpc::{Client, ErrorKind, ServiceClient};
use tokio::time::{Instant, sleep, timeout};

use super::bed::{Bed, LIMIT, assert_in_order, kind, rest};
use crate::bed::report;
use crate::scale::together;

/// How long nothing may be taken.
const IDLE: Duration = Duration::from_secs(1);

/// How much later the end may come.
const SOON: Duration = Duration::from_secs(1);

/// The window of the streams.
const WINDOW: u32 = 8;

async fn client(bed: &Bed) -> FeedsClient {
    let client = Client::builder(bed.connect().await);
    FeedsClient::new(client.stream_window(WINDOW, 1 << 20).stream_idle_timeout(IDLE).build().unwrap())
}

#[tokio::test]
async fn a_stream_that_nobody_takes_from_is_closed_and_what_has_come_can_still_be_taken() {
    let _turn = together().await;
    let bed = Bed::start();
    let _server = bed.serve_on(bed.connect().await, |builder| builder.stream_idle_timeout(IDLE)).await;
    let client = client(&bed).await;
    let stream = client.numbers(0, 1000).await.unwrap();
    bed.until_running(1, LIMIT).await;
    let took = bed.until_running(0, IDLE + SOON).await;
    report("a stream that nobody takes from", &format!("its handler was dropped after {took:?}"));
    assert_eq!(bed.feeder.lag.asked(), u64::from(WINDOW));
    sleep(IDLE / 2).await;
    let rest = rest(stream, LIMIT).await;
    assert_in_order(&rest.items, 0);
    assert_eq!((rest.items.len(), rest.failure), (WINDOW as usize, Some(ErrorKind::DeadlineExceeded)));
    assert_eq!(client.client().in_flight(), 0);
}

#[tokio::test]
async fn a_call_whose_handler_takes_none_of_its_items_fails() {
    let _turn = together().await;
    let bed = Bed::start();
    let _server = bed.serve_on(bed.connect().await, |builder| builder.stream_window(WINDOW, 1 << 20)).await;
    let client = client(&bed).await;
    let begun = Instant::now();
    let failed = timeout(IDLE + SOON, client.ignore(stream::iter(0..))).await.unwrap().unwrap_err();
    assert_eq!(kind(&failed), ErrorKind::DeadlineExceeded);
    let took = begun.elapsed();
    bed.until_running(0, SOON).await;
    report("a handler that takes no items", &format!("its call failed after {took:?}"));
    assert!(took >= IDLE);
    assert_eq!(client.client().in_flight(), 0);
}

/// It takes much longer for half of the window than it may take nothing.
#[tokio::test]
async fn a_stream_from_which_an_item_is_taken_now_and_then_goes_on() {
    let _turn = together().await;
    let bed = Bed::start();
    let _server = bed.serve_on(bed.connect().await, |builder| builder.stream_idle_timeout(IDLE)).await;
    let client = client(&bed).await;
    let mut stream = client.numbers(0, 9).await.unwrap();
    for expected in 0..9 {
        assert_eq!(stream.next().await.unwrap().unwrap(), expected);
        sleep(IDLE / 2).await;
    }
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn a_stream_on_which_nothing_happens_goes_on() {
    let _turn = together().await;
    let bed = Bed::start();
    let _server = bed.serve_on(bed.connect().await, |builder| builder.stream_idle_timeout(IDLE)).await;
    let client = client(&bed).await;
    let mut quiet = client.ticks(0, 0).await.unwrap();
    // One who waits has taken all there was.
    let mut seldom = client.ticks(0, 2000).await.unwrap();
    let late = stream::once(sleep(2 * IDLE)).map(|()| 0);
    let (first, count, none) =
        futures::join!(seldom.next(), client.count(0, late), timeout(5 * IDLE / 2, quiet.next()));
    assert_eq!((first.unwrap().unwrap(), count.unwrap()), (0, 1));
    assert!(none.is_err(), "{none:?}");
    bed.until_running(2, LIMIT).await;
    drop((quiet, seldom));
    bed.until_running(0, SOON).await;
}
