//! Handlers that run for as long as a caller likes take the places of that caller, and no others.

use std::time::Duration;

use tests::Version;

use super::bed::{Honest, Neighbourhood};
use super::on_both_versions;
use super::raw::{Raw, call, message};
use crate::bed::eventually;

on_both_versions! {
    one_that_waits_for_hours_leaves_places_to_others,
    prefixes_that_are_made_up_are_one_caller,
}

/// It says nothing more and goes on being there.
async fn one_that_waits_for_hours_leaves_places_to_others(version: Version) {
    let neighbourhood = Neighbourhood::new(version).await;
    let honest = Honest::start(&neighbourhood, "web").await;
    let mut mallory = Raw::connect(&neighbourhood.nats, "mallory").await;
    mallory.subscribe("_INBOX_mallory.>").await;
    flood(&mut mallory, |_| "_INBOX_mallory.a.b".to_owned()).await;
    take_what_one_may(&neighbourhood, &honest).await;
    honest.finish("a caller that waits for hours").await;
}

async fn prefixes_that_are_made_up_are_one_caller(version: Version) {
    let neighbourhood = Neighbourhood::new(version).await;
    let honest = Honest::start(&neighbourhood, "web").await;
    let mut mallory = Raw::connect(&neighbourhood.nats, "mallory").await;
    mallory.subscribe("*.mallory.>").await;
    flood(&mut mallory, |number| format!("_INBOX_made_up_{number}.mallory.b")).await;
    take_what_one_may(&neighbourhood, &honest).await;
    honest.finish("a caller of many names").await;
}

/// Five thousand calls, five hundred in a message.
async fn flood(mallory: &mut Raw, reply: impl Fn(u64) -> String) {
    for number in 0..10 {
        let calls = (0..500).map(|call_number| call(number * 500 + call_number, None));
        mallory.publish("desk.wait", &reply(number), &message(calls)).await;
    }
}

async fn take_what_one_may(neighbourhood: &Neighbourhood, honest: &Honest) {
    eventually("it has all places that it may have", || neighbourhood.waiting() == 896).await;
    eventually("others are refused", || neighbourhood.server.counters().overloaded > 3000).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    honest.goes_on().await;
    assert_eq!(neighbourhood.waiting(), 896);
    // 896 run, 896 wait.
    assert_eq!(neighbourhood.server.counters().overloaded, 5000 - 2 * 896);
}
