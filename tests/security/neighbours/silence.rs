//! A caller that has said that it is there, and says nothing any more, loses its places.

use std::time::{Duration, Instant};

use tests::Version;

use super::bed::{Honest, Neighbourhood};
use super::on_both_versions;
use super::raw::{Raw, call, frames, heartbeat, message};
use crate::bed::{eventually, soon};

on_both_versions! {
    one_that_falls_silent_keeps_no_places,
}

async fn one_that_falls_silent_keeps_no_places(version: Version) {
    let neighbourhood = Neighbourhood::new(version).await;
    let honest = Honest::start(&neighbourhood, "web").await;
    // One that never says anything may not be permitted to: that is not held against it.
    let mut mute = Raw::connect(&neighbourhood.nats, "mallory").await;
    mute.subscribe("_INBOX_mallory.mute.*").await;
    mute.publish("desk.wait", "_INBOX_mallory.mute.r", &message([call(1, None)])).await;
    let mut mallory = Raw::connect(&neighbourhood.nats, "mallory").await;
    mallory.subscribe("_INBOX_mallory.loud.*").await;
    let calls = (0..500).map(|number| call(number, None));
    mallory.publish("desk.wait", "_INBOX_mallory.loud.r", &message(calls)).await;
    let begun = Instant::now();
    // It still reads, so that the NATS server does not say that it is gone.
    let control = soon(async {
        loop {
            let came = mallory.next().await;
            if frames(&came.payload).first().is_some_and(|frame| frame[0] == 8.into()) {
                assert!(came.subject.starts_with("_INBOX_mallory.loud._"), "{}", came.subject);
                break came.reply.unwrap();
            }
        }
    });
    let control = control.await;
    mallory.publish(&control, "_INBOX_mallory.loud.x", &message([heartbeat()])).await;
    let reading = tokio::spawn(async move {
        loop {
            mallory.next().await;
        }
    });
    eventually("its calls are cancelled", || neighbourhood.server.counters().cancelled == 500).await;
    assert!(begun.elapsed() >= Duration::from_millis(2500), "{:?}", begun.elapsed());
    eventually("one goes on", || neighbourhood.waiting() == 1).await;
    honest.goes_on().await;
    honest.finish("a caller that has fallen silent").await;
    assert_eq!(neighbourhood.waiting(), 1);
    reading.abort();
}
