//! Operators discover services, and nobody else does.

use std::time::Duration;

use nats_rpc::discovery::discover;
use nats_rpc::{Client, ConnectionEvent, ServiceClient as _};

use crate::bed::{Estate, Refusals};
use crate::on_every_template;

on_every_template! {
    operators_find_a_service_and_can_do_nothing_else,
    callers_do_not_ask,
    operators_check_contracts,
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

/// A version of the service that has changed, so that its fingerprints tell nothing.
mod newer {
    #[nats_rpc::service(schema)]
    pub(crate) trait Greeter {
        async fn hello(&self, name: Option<String>) -> String;
    }
}

async fn operators_check_contracts(estate: Estate) {
    let _server = estate.serve().await;
    let greeter = estate.caller_on(estate.connect("ops").await);
    let checked = greeter
        .client()
        .check::<newer::GreeterClient>()
        .at_most(1)
        .within(Duration::from_secs(20))
        .await
        .unwrap();
    assert!(checked.to_string().contains("breaking, compared by schema"), "{checked}");
}

#[tokio::test]
async fn who_may_not_ask_for_contracts_compares_names() {
    let estate = Estate::changed(&[(", \"greeter._meta\", \"greeter._meta.*\"", "")]);
    let _server = estate.serve().await;
    let connection = estate.connect("ops").await;
    let mut refusals = Refusals::of(&connection);
    let client = Client::builder(connection).timeout(WAIT).build().unwrap();
    let checked =
        client.check::<newer::GreeterClient>().at_most(1).within(Duration::from_secs(20)).await.unwrap();
    assert!(
        matches!(refusals.next().await, ConnectionEvent::PublishDenied(subject) if subject.starts_with("greeter._meta."))
    );
    assert!(checked.to_string().contains("compared by names only"), "{checked}");
}

#[tokio::test]
async fn a_service_that_may_not_be_discovered_serves_all_the_same() {
    let estate = Estate::changed(&[("\"$SRV.*\", \"$SRV.*.greeter\", \"$SRV.*.greeter.*\", ", "")]);
    let _server = estate.serve().await;
    estate.caller("web").await.hello("Ann").await.unwrap();
    assert!(discover(estate.connect("ops").await).within(WAIT).await.unwrap().is_empty());
}
