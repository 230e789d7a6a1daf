//! The list of callers that docs/security.md prints.

use futures::future::join_all;
use tests::Version;

use super::on_both_versions;
use crate::bed::{Estate, PATIENT, eventually, soon};
use crate::connecting::with_callers;

on_both_versions! {
    who_is_listed_has_places_of_its_own,
}

async fn who_is_listed_has_places_of_its_own(version: Version) {
    let estate = Estate::plain(version);
    let builder = with_callers(estate.server_builder(estate.connect("greeter").await));
    let _server = builder.start().await.unwrap();
    let (web, batch) = (estate.caller("web").await, estate.caller("batch").await);
    let calls: Vec<_> = (0..300).map(|_| tokio::spawn(web.hello(PATIENT).into_future())).collect();
    eventually("it has all places that it may have", || estate.ledger.started() == 256).await;
    assert_eq!(soon(batch.hello("Ann").into_future()).await.unwrap(), "Hello, Ann!");
    assert_eq!((estate.ledger.started(), estate.ledger.finished()), (257, 1));
    let released = async {
        while estate.ledger.finished() < 301 {
            estate.ledger.release.notify_waiters();
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    soon(released).await;
    assert!(soon(join_all(calls)).await.into_iter().all(|call| call.unwrap().is_ok()));
}
