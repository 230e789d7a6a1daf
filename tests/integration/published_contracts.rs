//! The contract of a service on its reserved subjects, and what discovery says of it.

use std::time::Duration;

use futures::StreamExt;
use nats_rpc::contract::{Contract, Role};
use nats_rpc::discovery::discover;
use nats_rpc::{Server, ServiceClient as _};
use tests::NatsServer;

use crate::bed::{Bed, assert_plain_error, eventually, outbound, raw_request};
use crate::checks::{new, old};
use crate::on_every_broker;

/// How long instances may take to be found; none is waited for in vain.
const WAIT: Duration = Duration::from_secs(20);

on_every_broker! {
    each_instance_tells_its_contract,
    one_instance_answers_for_all,
    the_prefix_of_a_deployment_comes_first,
    discovery_says_where_the_contract_is_and_what_stands_for_it,
    names_alone_are_not_published,
    who_is_not_discovered_publishes_nothing,
    a_question_without_a_place_for_the_answer_harms_nothing,
    broadcast_services_answer_once,
}

async fn each_instance_tells_its_contract(bed: Bed) {
    let _one = bed.server_builder().await.add(old::server()).id("one").start().await.unwrap();
    let _two = bed.server_builder().await.add(new::server()).id("two").start().await.unwrap();
    let connection = bed.connect().await;
    for (id, expected) in
        [("one", old::ShopClient::contract(Role::Server)), ("two", new::ShopClient::contract(Role::Server))]
    {
        for body in ["", "{", "\u{93}R"] {
            let answer = raw_request(&connection, &format!("shop._meta.{id}"), &[], body).await;
            assert_eq!(serde_json::from_slice::<Contract>(&answer.payload).unwrap(), expected);
        }
    }
}

async fn one_instance_answers_for_all(bed: Bed) {
    let _one = bed.server_builder().await.add(old::server()).start().await.unwrap();
    let _two = bed.server_builder().await.add(old::server()).start().await.unwrap();
    assert_eq!(answers(&bed, "shop._meta").await, 1);
}

async fn broadcast_services_answer_once(bed: Bed) {
    let _one = bed.server_builder().await.broadcast().add(old::server()).start().await.unwrap();
    let _two = bed.server_builder().await.broadcast().add(old::server()).start().await.unwrap();
    assert_eq!(answers(&bed, "shop._meta").await, 1);
}

/// How many answers a question has had by the time at which everybody has answered another one.
async fn answers(bed: &Bed, subject: &str) -> usize {
    let connection = bed.connect().await;
    let mut answers = connection.subscribe("_INBOX.count", None).await.unwrap();
    connection.publish(outbound(subject, Some("_INBOX.count"), "")).await.unwrap();
    answers.next().await.unwrap();
    let asked = discover(&connection).service("shop").within(WAIT).at_most(2);
    assert_eq!(asked.await.unwrap().len(), 2);
    connection.publish(outbound("_INBOX.count", None, "end")).await.unwrap();
    let more = answers.take_while(|answer| std::future::ready(answer.payload != "end"));
    1 + more.count().await
}

async fn the_prefix_of_a_deployment_comes_first(bed: Bed) {
    let _server = bed.server_builder().await.prefix("staging").add(old::server()).start().await.unwrap();
    let connection = bed.connect().await;
    let answer = raw_request(&connection, "staging.shop._meta", &[], "").await;
    assert_eq!(serde_json::from_slice::<Contract>(&answer.payload).unwrap().service, "shop");
    let infos = discover(&connection).service("shop").within(WAIT).at_most(1).await.unwrap();
    assert_eq!(infos[0].metadata["nats-rpc.contract"], "staging.shop._meta");
}

async fn discovery_says_where_the_contract_is_and_what_stands_for_it(bed: Bed) {
    let server = bed.server_builder().await.metadata("zone", "eu").add(new::server()).start().await.unwrap();
    let connection = bed.connect().await;
    let ask = || discover(&connection).instance("shop", server.id()).within(WAIT);
    let info = ask().await.unwrap().remove(0);
    let contract = new::ShopClient::contract(Role::Server);
    for endpoint in &info.endpoints {
        let described = contract.method(&endpoint.name).unwrap();
        assert_eq!(endpoint.metadata["nats-rpc.fingerprint"], described.fingerprint);
        assert!(described.fingerprint.starts_with("schema:"));
        assert_eq!(endpoint.metadata.contains_key("nats-rpc.bare"), endpoint.name == "restock");
    }
    let metadata = [
        info.metadata,
        ask().ping().await.unwrap().remove(0).metadata,
        ask().stats().await.unwrap().remove(0).metadata,
    ];
    for metadata in metadata {
        assert_eq!((metadata["nats-rpc.contract"].as_str(), metadata["zone"].as_str()), ("shop._meta", "eu"));
    }
}

async fn names_alone_are_not_published(bed: Bed) {
    let _server = bed.serve().await;
    let connection = bed.connect().await;
    let answer = raw_request(&connection, "lab._meta", &[], "").await;
    assert_eq!(answer.status.map(|status| status.as_u16()), Some(503));
    let info = discover(&connection).service("lab").within(WAIT).at_most(1).await.unwrap().remove(0);
    assert!(!info.metadata.contains_key("nats-rpc.contract"));
    assert!(info.endpoints[0].metadata["nats-rpc.fingerprint"].starts_with("names:"));
}

async fn who_is_not_discovered_publishes_nothing(bed: Bed) {
    let _server = bed.server_builder().await.without_discovery().add(old::server()).start().await.unwrap();
    let answer = raw_request(&bed.connect().await, "shop._meta", &[], "").await;
    assert_eq!(answer.status.map(|status| status.as_u16()), Some(503));
}

async fn a_question_without_a_place_for_the_answer_harms_nothing(bed: Bed) {
    let server = bed.server_builder().await.add(old::server()).start().await.unwrap();
    let connection = bed.connect().await;
    connection.publish(outbound("shop._meta", None, "")).await.unwrap();
    connection.publish(outbound("shop._meta", Some("orders.new"), "")).await.unwrap();
    eventually("both are counted", || {
        let counters = server.counters();
        (counters.reply_missing, counters.reply_refused) == (1, 1)
    })
    .await;
    raw_request(&connection, "shop._meta", &[], "").await;
}

#[tokio::test]
async fn a_contract_that_the_broker_does_not_take_is_answered_with_an_error() {
    let bed = Bed::configured(NatsServer::builder().max_payload(512));
    let connection = bed.connect().await;
    let _server = Server::builder(&connection).add(new::server()).start().await.unwrap();
    assert!(serde_json::to_vec(&new::ShopClient::contract(Role::Server)).unwrap().len() > 512);
    let answer = raw_request(&connection, "shop._meta", &[], "").await;
    assert_plain_error(&answer, "413", "2");
}
