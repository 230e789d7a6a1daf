//! A caller that grants all there is and reads nothing has a bounded number of bytes waiting at the
//! NATS server.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tests::Version;

use super::bed::{Honest, Neighbourhood};
use super::on_both_versions;
use super::raw::{Raw, call, message};
use crate::bed::eventually;

on_both_versions! {
    one_that_reads_nothing_holds_up_nobody,
    one_with_many_inboxes_that_reads_nothing_holds_up_nobody,
}

async fn one_that_reads_nothing_holds_up_nobody(version: Version) {
    holds_up_nobody(version, 32, |_| "_INBOX_mallory.a.r".to_owned()).await;
}

async fn one_with_many_inboxes_that_reads_nothing_holds_up_nobody(version: Version) {
    holds_up_nobody(version, 256, |number| format!("_INBOX_mallory.{number}.r")).await;
}

async fn holds_up_nobody(version: Version, streams: u64, reply: impl Fn(u64) -> String) {
    let neighbourhood = Neighbourhood::new(version).await;
    let honest = Honest::start(&neighbourhood, "web").await;
    let mut mallory = Raw::connect(&neighbourhood.nats, "mallory").await;
    mallory.subscribe("_INBOX_mallory.>").await;
    for number in 0..streams {
        mallory.publish("desk.chunks", &reply(number), &message([call(number, Some(u32::MAX))])).await;
    }
    let yielded = || neighbourhood.clerk.yielded.load(Ordering::SeqCst) / (1024 * 1024);
    eventually("it has as much on its way as it may", || yielded() >= 16).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    honest.goes_on().await;
    // Its pool, half of that in shares, and for those that come late one item each, of 32 KiB.
    let items = usize::try_from(streams / 32).unwrap();
    assert!(yielded() <= 24 + items, "{} MiB", yielded());
    honest.finish(&format!("a caller of {streams} streams that reads nothing")).await;
}
