//! A second attempt beside the first one, when that takes long.

use std::time::Duration;

use nats_rpc::{ErrorKind, Execution, Retry};

use crate::bed::{Bed, LabClient, assert_failed};
use crate::peer::Peer;
use crate::retries::{NOT, OVERLOADED, shelf};
use crate::wires::on_every_wire;

on_every_wire! {
    tagged the_first_of_two_hedged_attempts_counts,
    what_is_not_idempotent_is_not_hedged,
    a_refusal_of_one_hedged_attempt_says_nothing_of_the_other,
}

async fn the_first_of_two_hedged_attempts_counts(bed: Bed) {
    let mut peer = Peer::new(&bed, "shelf.find").await;
    let shelf = shelf(&bed).await;
    let call = shelf.find("it").retry(Retry::new().hedge_after(Duration::from_millis(20)));
    let answer = async {
        let first = peer.next().await;
        let second = peer.next().await;
        assert_eq!((first.attempts(), second.attempts()), (vec![1], vec![2]));
        peer.echo(&second).await;
    };
    let (result, ()) = futures::join!(call.into_future(), answer);
    assert_eq!(result.unwrap(), "it");
    // An attempt that fails leaves the other one its time.
    let call = shelf.find("it").retry(Retry::new().hedge_after(Duration::from_millis(20)));
    let answer = async {
        let (first, second) = (peer.next().await, peer.next().await);
        peer.fail(&second, OVERLOADED, NOT, None).await;
        peer.echo(&first).await;
    };
    let (result, ()) = futures::join!(call.into_future(), answer);
    assert_eq!(result.unwrap(), "it");
}

async fn what_is_not_idempotent_is_not_hedged(bed: Bed) {
    let _server = bed.serve().await;
    let lab: LabClient = bed.client().await;
    let call = lab.sleep(100).retry(Retry::new().hedge_after(Duration::from_millis(1)));
    call.await.unwrap();
    assert_eq!(bed.ledger.started(), 1);
}

async fn a_refusal_of_one_hedged_attempt_says_nothing_of_the_other(bed: Bed) {
    let mut peer = Peer::new(&bed, "shelf.find").await;
    let shelf = shelf(&bed).await;
    let hedged = Retry::new().hedge_after(Duration::from_millis(20));
    for code in [400, 404, 413, OVERLOADED] {
        let call = shelf.find("it").retry(hedged).timeout(Duration::from_millis(500));
        let answer = async {
            let (_running, second) = (peer.next().await, peer.next().await);
            peer.fail(&second, code, NOT, None).await;
        };
        let (result, ()) = futures::join!(call.into_future(), answer);
        assert_failed(result, ErrorKind::DeadlineExceeded, Execution::MaybeExecuted);
    }
}
