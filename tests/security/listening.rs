//! Nobody reads what is meant for others, and nobody takes their calls.

use futures::{FutureExt, StreamExt};
use nats_rpc::{Connection, ConnectionEvent, Subscription};

use crate::bed::{Estate, Refusals};
use crate::on_every_template;

on_every_template! {
    nobody_listens_to_what_others_call_or_are_told,
    nobody_takes_the_calls_of_others,
    a_service_reads_no_replies,
}

/// Subscribes to what the NATS server must refuse.
async fn refused(connection: &Connection, subjects: &[String], group: Option<&str>) -> Vec<Subscription> {
    let mut refusals = Refusals::of(connection);
    let mut subscriptions = Vec::new();
    for subject in subjects {
        subscriptions.push(connection.subscribe(subject.as_str(), group).await.unwrap());
        assert_eq!(refusals.next().await, ConnectionEvent::SubscriptionDenied(subject.clone()));
    }
    subscriptions
}

#[track_caller]
fn assert_nothing_came(subscriptions: &mut [Subscription]) {
    for subscription in subscriptions {
        assert!(subscription.next().now_or_never().flatten().is_none());
    }
}

async fn nobody_listens_to_what_others_call_or_are_told(estate: Estate) {
    let _server = estate.serve().await;
    let connection = estate.connect("web").await;
    let all = [">", "*.>", "_R_.>", "_INBOX.>", "$SYS.>", "$SRV.>"].map(str::to_owned);
    let inboxes =
        [("batch", ".>"), ("batch", ".*.*"), ("greeter", ".>")].map(|(user, rest)| estate.inbox(user, rest));
    let calls = [">", "hello", "forget", "_ctl.any", "_ctl.*.*"].map(|rest| estate.subject(rest));
    let subjects = [&all[..], &inboxes, &calls].concat();
    let mut subscriptions = refused(&connection, &subjects, None).await;
    let others = estate.caller("batch").await;
    for _ in 0..10 {
        others.hello("Ann").await.unwrap();
    }
    // What had been sent to this connection by then has come before its own answer.
    estate.caller_on(connection).hello("Ann").await.unwrap();
    assert_nothing_came(&mut subscriptions);
}

async fn nobody_takes_the_calls_of_others(estate: Estate) {
    let _server = estate.serve().await;
    let connection = estate.connect("web").await;
    let subjects = ["hello", "forget", "_ctl.any", "*", ">"].map(|rest| estate.subject(rest));
    let mut subscriptions = refused(&connection, &subjects, Some("q")).await;
    let others = estate.caller("batch").await;
    for _ in 0..30 {
        others.hello("Ann").await.unwrap();
    }
    assert_eq!(estate.ledger.started(), 30, "all of them came to the service");
    assert_nothing_came(&mut subscriptions);
}

async fn a_service_reads_no_replies(estate: Estate) {
    let connection = estate.connect("greeter").await;
    let subjects = [("web", ".>"), ("batch", ".>")].map(|(user, rest)| estate.inbox(user, rest));
    refused(&connection, &subjects, None).await;
}
