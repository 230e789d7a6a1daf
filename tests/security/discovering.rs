//! Operators discover services, and nobody else does.

use std::time::Duration;

use nats_rpc::ConnectionEvent;
use nats_rpc::discovery::discover;

use crate::bed::{Estate, Refusals};
use crate::on_every_template;

on_every_template! {
    operators_find_a_service_and_can_do_nothing_else,
    callers_do_not_ask,
}

const WAIT: Duration = Duration::from_millis(300);

async fn operators_find_a_service_and_can_do_nothing_else(estate: Estate) {
    let server = estate.serve().await;
    estate.caller("web").await.hello("Ann").await.unwrap();
    let connection = estate.connect("ops").await;
    let asked = || discover(&connection).within(WAIT);
    let instance = discover(&connection).instance("greeter", server.id());
    assert_eq!(asked().ping().await.unwrap().len(), 1);
    assert_eq!(asked().service("greeter").await.unwrap()[0].id, server.id());
    let stats = instance.stats().await.unwrap();
    assert_eq!(stats[0].endpoints[0].num_requests, 1);

    let mut refusals = Refusals::of(&connection);
    estate.caller_on(connection).hello("Ann").await.unwrap_err();
    assert_eq!(refusals.next().await, ConnectionEvent::PublishDenied(estate.subject("hello")));
    assert_eq!(estate.ledger.started(), 1);
}

async fn callers_do_not_ask(estate: Estate) {
    let _server = estate.serve().await;
    let connection = estate.connect("web").await;
    let mut refusals = Refusals::of(&connection);
    assert!(discover(&connection).within(WAIT).stats().await.unwrap().is_empty());
    assert_eq!(refusals.next().await, ConnectionEvent::PublishDenied("$SRV.STATS".to_owned()));
}

#[tokio::test]
async fn a_service_that_may_not_be_discovered_serves_all_the_same() {
    let estate = Estate::changed(&[("\"$SRV.*\", \"$SRV.*.greeter\", \"$SRV.*.greeter.*\", ", "")]);
    let _server = estate.serve().await;
    estate.caller("web").await.hello("Ann").await.unwrap();
    assert!(discover(estate.connect("ops").await).within(WAIT).await.unwrap().is_empty());
}
