//! What becomes of a stream of which a message is lost, doubled, or more than was asked for.

use ::tests::FeedsClient;
use futures::StreamExt;
use nats_rpc::{Client, ErrorKind};

use super::bed::{Bed, LIMIT, Rest, rest};
use super::by_hand::{Instance, Side};
use crate::scale::together;

/// What comes at a caller of which the instance says that it sends `said`, and then that there were `counted`.
async fn read(window: u32, said: &[u64], counted: Option<u64>, is_refused: Refused) -> Rest<u64> {
    let bed = Bed::start();
    let instance = Instance::serve(&bed).await;
    let client = Client::builder(bed.connect().await).stream_window(window, 1 << 20).build().unwrap();
    let client = FeedsClient::new(&client);
    let call = client.numbers(0, 10);
    let (mut side, stream) = futures::join!(instance.open(), call);
    assert_eq!(side.credit, Some((window.into(), 64 * 1024)));
    let items = said.iter().map(|number| side.item(*number));
    side.say(items.chain(counted.map(|items| side.end(items)))).await;
    let rest = rest(stream.unwrap(), LIMIT).await;
    if is_refused == Refused::Yes {
        side.hear(4).await;
    }
    rest
}

/// Whether the sender is told that no more is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    Yes,
    No,
}

#[tokio::test]
async fn a_result_that_is_missing_is_data_loss_after_those_before_it() {
    let _turn = together().await;
    let rest = read(16, &[0, 1, 3, 4], None, Refused::Yes).await;
    assert_eq!((&rest.items[..], rest.failure), (&[0, 1][..], Some(ErrorKind::DataLoss)));
}

#[tokio::test]
async fn results_that_are_missing_at_the_end_are_data_loss() {
    let _turn = together().await;
    let rest = read(16, &[0, 1], Some(3), Refused::No).await;
    assert_eq!((&rest.items[..], rest.failure), (&[0, 1][..], Some(ErrorKind::DataLoss)));
}

#[tokio::test]
async fn a_stream_of_results_whose_first_ones_are_missing_is_data_loss() {
    let _turn = together().await;
    let rest = read(16, &[2, 3], Some(4), Refused::Yes).await;
    assert_eq!((&rest.items[..], rest.failure), (&[][..], Some(ErrorKind::DataLoss)));
}

#[tokio::test]
async fn a_result_that_comes_twice_is_passed_over() {
    let _turn = together().await;
    let rest = read(16, &[0, 1, 1, 0, 2, 2], Some(3), Refused::No).await;
    assert_eq!((&rest.items[..], rest.failure), (&[0, 1, 2][..], None));
}

#[tokio::test]
async fn results_that_nobody_has_asked_for_are_a_fault_of_their_sender() {
    let _turn = together().await;
    let rest = read(4, &[0, 1, 2, 3, 4, 5], None, Refused::Yes).await;
    assert_eq!((&rest.items[..], rest.failure), (&[0, 1, 2, 3][..], Some(ErrorKind::Protocol)));
}

/// What a handler sees of which the caller says that it sends `said`, and then that there were `counted`: how many items, and the error.
async fn taken(said: &[u64], counted: Option<u64>, is_refused: Refused) -> (u64, Option<ErrorKind>) {
    let bed = Bed::start();
    let _server = bed.serve_on(bed.connect().await, |builder| builder.stream_window(4, 1 << 20)).await;
    let mut side = Side::call(&bed).await;
    assert_eq!(side.credit, Some((4, 64 * 1024)));
    let items = said.iter().map(|number| side.item(*number));
    side.say(items.chain(counted.map(|items| side.end(items)))).await;
    if is_refused == Refused::Yes {
        side.hear(4).await;
    }
    let success = side.hear(2).await;
    let count = rmp_serde::from_slice(success[3].as_slice().unwrap()).unwrap();
    let failures = bed.feeder.failures();
    assert!(failures.len() <= 1, "{failures:?}");
    bed.until_running(0, LIMIT).await;
    (count, failures.first().copied())
}

#[tokio::test]
async fn an_item_that_is_missing_is_data_loss_after_those_before_it() {
    let _turn = together().await;
    assert_eq!(taken(&[0, 1, 3], None, Refused::Yes).await, (2, Some(ErrorKind::DataLoss)));
}

#[tokio::test]
async fn items_that_are_missing_at_the_end_are_data_loss() {
    let _turn = together().await;
    assert_eq!(taken(&[0, 1], Some(3), Refused::No).await, (2, Some(ErrorKind::DataLoss)));
}

#[tokio::test]
async fn an_item_that_comes_twice_is_passed_over() {
    let _turn = together().await;
    assert_eq!(taken(&[0, 1, 1, 0, 2], Some(3), Refused::No).await, (3, None));
}

#[tokio::test]
async fn items_that_nobody_has_asked_for_are_a_fault_of_their_sender() {
    let _turn = together().await;
    assert_eq!(taken(&[0, 1, 2, 3, 4, 5], None, Refused::Yes).await, (4, Some(ErrorKind::Protocol)));
}

/// It is what makes a loss between two items one that is noticed.
#[tokio::test]
async fn numbers_of_items_are_their_places_in_the_stream() {
    let _turn = together().await;
    let bed = Bed::start();
    let _server = bed.serve().await;
    let client = bed.client().await;
    let items = client.numbers(0, 3).await.unwrap().map(Result::unwrap);
    assert_eq!(items.collect::<Vec<_>>().await, [0, 1, 2]);
}
