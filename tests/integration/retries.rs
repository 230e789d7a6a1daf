//! Which calls are sent again, when, and how often.

use std::time::{Duration, Instant};

use nats_rpc::{Client, ErrorKind, Execution, Retry};

use crate::bed::{Bed, assert_failed, outbound};
use crate::peer::Peer;
use crate::wire::write_frames;
use crate::wires::on_every_wire;

on_every_wire! {
    tagged an_overloaded_instance_is_asked_again_when_it_says,
    attempts_are_bounded,
    what_may_have_run_is_not_sent_again,
    an_idempotent_call_is_sent_again_and_what_may_have_run_is_remembered,
    no_call_is_sent_again_below_one_that_was,
    retries_can_be_turned_off,
    in_a_bad_time_retries_add_a_tenth,
    tagged a_service_that_comes_back_is_waited_for,
    a_service_that_stays_away_is_not_waited_for_longer_than_two_seconds,
    without_retries_a_call_is_one_message,
}

pub(crate) const OVERLOADED: u16 = 429;
const UNAVAILABLE: u16 = 503;
pub(crate) const NOT: u8 = 0;
const MAYBE: u8 = 1;

/// A service with a method that may be executed twice.
#[nats_rpc::service]
pub(crate) trait Shelf {
    #[rpc(idempotent)]
    async fn find(&self, text: &str) -> String;
    async fn buy(&self, text: &str) -> String;
}

/// Serves `buy` by asking for `find`.
struct Shop(ShelfClient);

impl Shelf for Shop {
    async fn find(&self, text: &str) -> String {
        text.to_owned()
    }

    async fn buy(&self, text: &str) -> String {
        self.0.find(text).await.unwrap_or_else(|error| error.to_string())
    }
}

pub(crate) async fn shelf(bed: &Bed) -> ShelfClient {
    ShelfClient::new(bed.connect().await)
}

async fn an_overloaded_instance_is_asked_again_when_it_says(bed: Bed) {
    let mut peer = Peer::new(&bed, "shelf.buy").await;
    let shelf = shelf(&bed).await;
    let call = async {
        let begin = Instant::now();
        (shelf.buy("a book").await, begin.elapsed())
    };
    let answer = async {
        let first = peer.next().await;
        peer.fail(&first, OVERLOADED, NOT, Some(50)).await;
        let second = peer.next().await;
        peer.echo(&second).await;
        (first, second)
    };
    let ((result, time), (first, second)) = futures::join!(call, answer);
    assert_eq!(result.unwrap(), "a book");
    assert!(time >= Duration::from_millis(50), "{time:?}");
    assert_eq!((first.attempts(), second.attempts()), (vec![1], vec![2]));
    assert_ne!(first.ids(), second.ids(), "a late answer to the first is none to the second");
}

async fn attempts_are_bounded(bed: Bed) {
    let mut peer = Peer::new(&bed, "shelf.buy").await;
    let shelf = shelf(&bed).await;
    let answer = async {
        for attempt in 1..=3 {
            let message = peer.next().await;
            assert_eq!(message.attempts(), [attempt]);
            peer.fail(&message, OVERLOADED, NOT, None).await;
        }
    };
    let (result, ()) = futures::join!(shelf.buy("").into_future(), answer);
    assert_failed(result, ErrorKind::Overloaded, Execution::NotExecuted);
    let answer = async {
        for _ in 0..2 {
            let message = peer.next().await;
            peer.fail(&message, OVERLOADED, NOT, None).await;
        }
    };
    let (result, ()) = futures::join!(shelf.buy("").retry(Retry::new().attempts(2)).into_future(), answer);
    assert_failed(result, ErrorKind::Overloaded, Execution::NotExecuted);
}

async fn what_may_have_run_is_not_sent_again(bed: Bed) {
    let mut peer = Peer::new(&bed, "shelf.buy").await;
    let shelf = shelf(&bed).await;
    let answer = async {
        let message = peer.next().await;
        peer.fail(&message, UNAVAILABLE, MAYBE, None).await;
    };
    let (result, ()) = futures::join!(shelf.buy("once").into_future(), answer);
    assert_failed(result, ErrorKind::Unavailable, Execution::MaybeExecuted);
    let answer = async {
        let next = peer.next().await;
        assert_eq!((next.texts(), next.attempts()), (vec!["another".to_owned()], vec![1]));
        peer.echo(&next).await;
    };
    let (result, ()) = futures::join!(shelf.buy("another").into_future(), answer);
    result.unwrap();
}

async fn an_idempotent_call_is_sent_again_and_what_may_have_run_is_remembered(bed: Bed) {
    let mut peer = Peer::new(&bed, "shelf.find").await;
    let shelf = shelf(&bed).await;
    let answer = async {
        let message = peer.next().await;
        peer.fail(&message, UNAVAILABLE, MAYBE, None).await;
        let message = peer.next().await;
        peer.echo(&message).await;
    };
    let (result, ()) = futures::join!(shelf.find("it").into_future(), answer);
    assert_eq!(result.unwrap(), "it");

    let answer = async {
        let message = peer.next().await;
        peer.fail(&message, UNAVAILABLE, MAYBE, None).await;
        for _ in 0..2 {
            let message = peer.next().await;
            peer.fail(&message, OVERLOADED, NOT, None).await;
        }
    };
    let (result, ()) = futures::join!(shelf.find("it").into_future(), answer);
    // The last attempt was not executed, the first one may have been.
    assert_failed(result, ErrorKind::Overloaded, Execution::MaybeExecuted);
}

async fn no_call_is_sent_again_below_one_that_was(bed: Bed) {
    let shop = Shop(shelf(&bed).await);
    let builder = bed.server_builder().await.prefix(bed.served("shop"));
    let _server = builder.add(ShelfServer::new(shop)).start();
    let _server = _server.await.unwrap();
    let mut peer = Peer::new(&bed, "shelf.find").await;
    let connection = bed.connect().await;
    let mut replies = connection.subscribe("_INBOX.by.hand", None).await.unwrap();
    for (attempt, attempts_below) in [(1_u8, 3), (2, 1)] {
        let args = rmp_serde::to_vec_named(&std::collections::HashMap::from([("text", "it")])).unwrap();
        let nil = rmpv::Value::Nil;
        let head = [1.into(), rmpv::Value::Binary(vec![attempt; 8]), 0.into(), 10_000.into(), nil.clone()];
        let tail = [attempt.into(), nil.clone(), nil, rmpv::Value::Binary(args)];
        let call = rmpv::Value::Array(head.into_iter().chain(tail).collect());
        let message = outbound("shop.shelf.buy", Some("_INBOX.by.hand"), write_frames([call]));
        connection.publish(message).await.unwrap();
        for below in 1..=attempts_below {
            let message = peer.next().await;
            assert_eq!(message.attempts(), [below]);
            peer.fail(&message, OVERLOADED, NOT, None).await;
        }
        // The answer of the shop comes only when its own call has failed for good.
        futures::StreamExt::next(&mut replies).await.unwrap();
    }
}

async fn retries_can_be_turned_off(bed: Bed) {
    let mut peer = Peer::new(&bed, "shelf.find").await;
    let off = Client::builder(bed.connect().await).retry(Retry::off()).build().unwrap();
    let calls = [
        ShelfClient::new(&off).find("client"),
        shelf(&bed).await.find("call").retry(Retry::off()),
        ShelfClient::new(&off).find("back on").retry(Retry::new()),
    ];
    for (call, expected) in calls.into_iter().zip([1, 1, 3]) {
        let answer = async {
            for _ in 0..expected {
                let message = peer.next().await;
                peer.fail(&message, OVERLOADED, NOT, None).await;
            }
        };
        let (result, ()) = futures::join!(call.into_future(), answer);
        assert_failed(result, ErrorKind::Overloaded, Execution::NotExecuted);
    }
}

async fn in_a_bad_time_retries_add_a_tenth(bed: Bed) {
    const CALLS: usize = 1000;
    let mut peer = Peer::new(&bed, "shelf.buy").await;
    let client = Client::builder(bed.connect().await).coalesce(1).build().unwrap();
    let shelf = ShelfClient::new(&client);
    let retry = Retry::new().backoff(Duration::ZERO, Duration::ZERO);
    let refuse = async {
        let mut messages = 0;
        loop {
            let message = peer.next().await;
            peer.fail(&message, OVERLOADED, NOT, None).await;
            messages += 1;
            // The last call makes itself known.
            if message.texts() == ["the end"] {
                return messages;
            }
        }
    };
    let call = async {
        for _ in 0..CALLS {
            shelf.buy("refused").retry(retry).await.unwrap_err();
        }
        shelf.buy("the end").retry(Retry::off()).await.unwrap_err();
    };
    let (messages, ()) = futures::join!(refuse, call);
    // A hundred retries were there from the start.
    let retries: usize = messages - CALLS - 1;
    assert!((100..=100 + CALLS / 10 + 1).contains(&retries), "{retries} retries of {CALLS} calls");
}

async fn a_service_that_comes_back_is_waited_for(bed: Bed) {
    let server = bed.serve().await;
    let lab = bed.client().await;
    lab.echo("seen").await.unwrap();
    server.shutdown().await;
    let call = tokio::spawn(lab.echo("bridged"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!call.is_finished());
    let _server = bed.serve().await;
    assert_eq!(call.await.unwrap().unwrap(), "bridged");
}

async fn a_service_that_stays_away_is_not_waited_for_longer_than_two_seconds(bed: Bed) {
    let server = bed.serve().await;
    let lab = bed.client().await;
    lab.echo("seen").await.unwrap();
    server.shutdown().await;
    let begin = Instant::now();
    let in_time = lab.echo("").timeout(Duration::from_millis(300)).await;
    assert_failed(in_time, ErrorKind::NoResponders, Execution::NotExecuted);
    assert!(begin.elapsed() < Duration::from_secs(1), "its deadline is sooner: {:?}", begin.elapsed());
    let begin = Instant::now();
    let off = lab.echo("").retry(Retry::off()).await;
    assert_failed(off, ErrorKind::NoResponders, Execution::NotExecuted);
    assert!(begin.elapsed() < Duration::from_secs(1), "at once");
    let begin = Instant::now();
    let result = lab.echo("").timeout(Duration::from_secs(60)).await;
    assert_failed(result, ErrorKind::NoResponders, Execution::NotExecuted);
    let time = begin.elapsed();
    assert!((Duration::from_secs(1)..Duration::from_secs(10)).contains(&time), "{time:?}");
}

async fn without_retries_a_call_is_one_message(bed: Bed) {
    const EXPIRED: u16 = 408;
    let mut peer = Peer::new(&bed, "shelf.buy").await;
    let shelf = shelf(&bed).await;
    let call = tokio::spawn(shelf.buy("it").retry(Retry::off()));
    // As of a server whose clock is ahead.
    let message = peer.next().await;
    peer.fail(&message, EXPIRED, NOT, None).await;
    assert_failed(call.await.unwrap(), ErrorKind::DeadlineExceeded, Execution::NotExecuted);
    // The next one is sent without an expiry.
    let call = tokio::spawn(shelf.buy("another").retry(Retry::off()));
    let next = peer.next().await;
    assert_eq!((next.texts(), &next.frames[0][4]), (vec!["another".to_owned()], &rmpv::Value::Nil));
    peer.echo(&next).await;
    call.await.unwrap().unwrap();
}
