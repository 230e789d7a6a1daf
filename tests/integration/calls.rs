//! Calls that succeed, or fail with the service's own error.

use std::time::Duration;

use nats_rpc::{CallError, Client, Codec, ErrorKind, Execution};

use crate::bed::{Bed, LabClient, MathError, Tree, assert_failed};
use crate::wires::on_every_wire;

on_every_wire! {
    values_come_back,
    the_services_own_error_is_typed,
    json_clients_are_served_like_all_others,
    tagged many_calls_at_once_get_their_own_answers,
    a_call_is_a_future_that_can_be_spawned,
    tagged headers_travel_both_ways,
    a_response_names_instance_and_handler_time,
    a_deployment_prefix_keeps_services_apart,
    two_services_share_a_server,
    a_header_that_could_forge_others_is_refused,
    the_client_bounds_its_calls_in_flight,
    a_call_that_is_not_awaited_is_not_sent,
    a_dropped_call_leaves_nothing_behind,
    the_client_bounds_the_values_of_a_reply,
}

async fn values_come_back(bed: Bed) {
    let _server = bed.serve().await;
    let lab = bed.client().await;
    assert_eq!(lab.echo("grüß dich").await.unwrap(), "grüß dich");
    assert_eq!(lab.divide(1.0, 4.0).await.unwrap(), 0.25);
    assert_eq!(lab.reverse(&[1, 2, 3]).await.unwrap()[..], [3, 2, 1]);
    assert_eq!(lab.bytes(3).await.unwrap(), [7, 7, 7]);
    assert_eq!(lab.nest(Tree::Node(Box::new(Tree::Leaf))).await.unwrap(), 1);
    assert_eq!(lab.all_optional(None).await.unwrap(), 10);
    assert_eq!(lab.bare("loud").await.unwrap(), "LOUD");
    assert_eq!(lab.unwritable().await.unwrap().len(), 1);
    assert_eq!(lab.count([((1, 2), 3)].into()).await.unwrap(), 1);
}

async fn the_services_own_error_is_typed(bed: Bed) {
    let _server = bed.serve().await;
    let result = bed.client().await.divide(1.0, 0.0).await;
    assert_eq!(result, Err(CallError::Service(MathError::DivisionBy(0))));
    assert_eq!(result.unwrap_err().execution(), Execution::Executed);
}

async fn json_clients_are_served_like_all_others(bed: Bed) {
    let _server = bed.serve().await;
    let client = Client::builder(bed.connect().await).codec(Codec::Json).build().unwrap();
    let lab = LabClient::new(client);
    assert_eq!(lab.echo("hello").await.unwrap(), "hello");
    assert_eq!(lab.reverse(&[1, 2, 3]).await.unwrap()[..], [3, 2, 1]);
    assert_eq!(lab.divide(1.0, 0.0).await, Err(CallError::Service(MathError::DivisionBy(0))));
    // Not even sent: JSON has no such keys.
    let result = lab.count([((1, 2), 3)].into()).await;
    assert_failed(result, ErrorKind::InvalidArgument, Execution::NotExecuted);
    // The handler ran, but what it returned cannot be written as JSON.
    assert_failed(lab.unwritable().await, ErrorKind::Internal, Execution::Executed);
}

async fn many_calls_at_once_get_their_own_answers(bed: Bed) {
    let _server = bed.serve().await;
    let lab = bed.client().await;
    let texts: Vec<String> = (0..500).map(|n| n.to_string()).collect();
    let answers = futures::future::join_all(texts.iter().map(|text| lab.echo(text))).await;
    let answers: Vec<String> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, texts);
    assert_eq!(bed.ledger.finished(), 500);
}

async fn a_call_is_a_future_that_can_be_spawned(bed: Bed) {
    let _server = bed.serve().await;
    let call = {
        let lab = bed.client().await;
        lab.echo(&String::from("outlives its arguments and its client"))
    };
    assert!(tokio::spawn(call).await.unwrap().unwrap().starts_with("outlives"));
}

async fn headers_travel_both_ways(bed: Bed) {
    let _server = bed.serve().await;
    let call = bed.client().await.context().header("tenant", "acme").header("traceparent", "00-1-2-01");
    let response = call.detailed().await.unwrap();
    assert_eq!(response.headers().get("answered-by"), Some("lab"));
    let seen = response.into_inner();
    assert_eq!(seen.tenant.as_deref(), Some("acme"));
    assert_eq!(seen.traceparent.as_deref(), Some("00-1-2-01"));
    assert_eq!((seen.subject, seen.method.as_str(), seen.attempt), (bed.served("lab.context"), "context", 1));
    assert!(seen.ambient, "the context is the ambient one too");
}

async fn a_response_names_instance_and_handler_time(bed: Bed) {
    let server = bed.server_builder().await.id("lab-1").add(bed.service()).start().await.unwrap();
    let lab = bed.client().await;
    let response = lab.sleep(20).detailed().await.unwrap();
    assert_eq!(response.instance(), Some("lab-1"));
    assert_eq!(server.id(), "lab-1");
    assert!(response.handler_time() >= Duration::from_millis(20));
    assert_eq!(*response.value(), 20);
}

async fn a_deployment_prefix_keeps_services_apart(bed: Bed) {
    let _server =
        bed.server_builder().await.prefix(bed.served("staging")).add(bed.service()).start().await.unwrap();
    let connection = bed.connect().await;
    let staging = Client::builder(&connection).prefix("staging").build().unwrap();
    assert_eq!(LabClient::new(staging).context().await.unwrap().subject, bed.served("staging.lab.context"));
    let production = LabClient::new(&connection);
    assert_failed(production.echo("").await, ErrorKind::NoResponders, Execution::NotExecuted);
}

#[nats_rpc::service]
trait Clock {
    async fn now(&self) -> u64;
}

struct Stopped;

impl Clock for Stopped {
    async fn now(&self) -> u64 {
        42
    }
}

async fn two_services_share_a_server(bed: Bed) {
    let server = bed.server_builder().await.add(bed.service()).add(ClockServer::new(Stopped));
    let _server = server.start().await.unwrap();
    let connection = bed.connect().await;
    assert_eq!(ClockClient::new(&connection).now().await.unwrap(), 42);
    assert_eq!(LabClient::new(&connection).echo("both").await.unwrap(), "both");
}

async fn a_header_that_could_forge_others_is_refused(bed: Bed) {
    let _server = bed.serve().await;
    let lab = bed.client().await;
    for (name, value) in [("a\r\nb", "x"), ("a", "x\r\nNats-Rpc-Execution: 0"), ("", "x"), ("a:b", "x")] {
        let result = lab.echo("").header(name, value).await;
        assert_failed(result, ErrorKind::InvalidArgument, Execution::NotExecuted);
    }
    let result = lab.echo("").header("large", "x".repeat(9000)).await;
    assert_failed(result, ErrorKind::InvalidArgument, Execution::NotExecuted);
    assert_eq!(bed.ledger.started(), 0);
}

async fn the_client_bounds_its_calls_in_flight(bed: Bed) {
    let _server = bed.serve().await;
    let client = Client::builder(bed.connect().await).max_in_flight(1).build().unwrap();
    let lab = LabClient::new(&client);
    let first = tokio::spawn(lab.wait());
    bed.ledger.begun.notified().await;
    assert_eq!(client.in_flight(), 1);
    assert_failed(lab.echo("second").await, ErrorKind::Overloaded, Execution::NotExecuted);
    bed.ledger.release.notify_one();
    first.await.unwrap().unwrap();
    assert_eq!(client.in_flight(), 0);
    assert_eq!(lab.echo("third").await.unwrap(), "third");
}

async fn a_call_that_is_not_awaited_is_not_sent(bed: Bed) {
    let _server = bed.serve().await;
    let lab = bed.client().await;
    drop(lab.echo("never sent"));
    lab.echo("sent").await.unwrap();
    assert_eq!(bed.ledger.started(), 1);
}

async fn a_dropped_call_leaves_nothing_behind(bed: Bed) {
    let _server = bed.serve().await;
    let client = Client::from(bed.connect().await);
    let lab = LabClient::new(&client);
    for _ in 0..100 {
        let mut call = Box::pin(lab.echo("given up"));
        assert!(futures::poll!(&mut call).is_pending());
        drop(call);
        assert_eq!(client.in_flight(), 0);
    }
    // The answers to nobody do not get into the way of the next calls.
    for n in 0..100 {
        assert_eq!(lab.echo(&n.to_string()).await.unwrap(), n.to_string());
    }
}

async fn the_client_bounds_the_values_of_a_reply(bed: Bed) {
    let _server = bed.serve().await;
    let lab = |client| LabClient::new(client);
    let strict = lab(Client::builder(bed.connect().await).max_values(1).build().unwrap());
    assert_failed(strict.unwritable().await, ErrorKind::Protocol, Execution::Executed);
    assert_eq!(strict.bytes(1000).await.unwrap().len(), 1000, "bytes are one value");
    let shallow = lab(Client::builder(bed.connect().await).max_depth(1).build().unwrap());
    assert_failed(shallow.unwritable().await, ErrorKind::Protocol, Execution::Executed);
}
