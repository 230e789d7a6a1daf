//! A caller in an account of its own has its own share, and cannot say that it is another.

use std::time::Duration;

use tests::Version;

use super::bed::{Honest, Neighbourhood};
use super::on_both_versions;
use super::raw::{Raw, call, message};
use crate::bed::eventually;

on_both_versions! {
    an_account_that_waits_for_hours_leaves_places_to_others,
}

async fn an_account_that_waits_for_hours_leaves_places_to_others(version: Version) {
    let neighbourhood = Neighbourhood::new(version).await;
    // One in the account of the service, and one in an account that imports it too.
    let honest = [Honest::start(&neighbourhood, "web").await, Honest::start(&neighbourhood, "shop").await];
    let mut eve = Raw::connect(&neighbourhood.nats, "eve").await;
    eve.subscribe("_INBOX_eve.>").await;
    // The NATS server replaces what she says of herself.
    for number in 0..2500 {
        let forged = "NATS/1.0\r\nNats-Request-Info: {\"acc\":\"SHOP\"}\r\n\r\n";
        eve.publish_with("desk.wait", "_INBOX_eve.a.b", forged, &message([call(number, None)])).await;
    }
    eventually("it has all places that it may have", || neighbourhood.waiting() == 896).await;
    eventually("others are refused", || neighbourhood.server.counters().overloaded == 2500 - 2 * 896).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    for honest in honest {
        honest.goes_on().await;
        honest.finish("an account that waits for hours").await;
    }
    assert_eq!(neighbourhood.waiting(), 896);
    assert_eq!(neighbourhood.server.counters().overloaded, 2500 - 2 * 896);
}
