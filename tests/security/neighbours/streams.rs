//! Streams are counted for their caller, whatever inboxes it makes up.

use std::time::Duration;

use tests::Version;

use super::bed::{Honest, Neighbourhood};
use super::on_both_versions;
use super::raw::{Raw, call, message};
use crate::bed::eventually;

on_both_versions! {
    one_connection_does_not_have_all_streams,
}

async fn one_connection_does_not_have_all_streams(version: Version) {
    let neighbourhood = Neighbourhood::new(version).await;
    let honest = Honest::start(&neighbourhood, "web").await;
    let mut mallory = Raw::connect(&neighbourhood.nats, "mallory").await;
    mallory.subscribe("_INBOX_mallory.>").await;
    // Each inbox may have 32 streams.
    for number in 0..4500 {
        let reply = format!("_INBOX_mallory.{}.r", number / 32);
        mallory.publish("desk.silent", &reply, &message([call(number, Some(0))])).await;
    }
    eventually("those above its limit are refused", || {
        neighbourhood.server.counters().overloaded >= 4500 - 3584
    })
    .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    honest.goes_on().await;
    honest.finish("a caller with thousands of streams").await;
}
