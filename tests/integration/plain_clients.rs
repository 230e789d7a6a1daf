//! Plain clients of this library's own services: what they are told is what framed ones are told.

use std::time::Duration;

use nats_rpc::async_nats::ConnectOptions;
use nats_rpc::{
    CallError, Client, Codec, ConnectionEvent, Context, ErrorKind, Execution, Server, ServiceClient, connect,
    connect_with,
};
use tests::NatsServer;

use crate::bed::{Bed, LabClient, MathError, assert_failed, eventually};
use crate::events::Events;
use crate::foreign::plain;
use crate::wires::on_every_wire;

on_every_wire! {
    tagged values_come_back_in_both_codecs,
    tagged errors_are_those_of_framed_calls,
    the_budget_bounds_the_handler,
    headers_go_both_ways,
    oneway_calls_arrive_and_are_acknowledged,
    another_deployment_is_called_by_its_prefix,
    calls_of_a_handler_inherit_its_deadline_and_its_trace,
    plain_and_framed_calls_share_a_connection,
    calls_in_flight_are_counted,
    headers_of_a_handler_do_not_change_what_a_reply_is,
}

const NOT: Execution = Execution::NotExecuted;
const MAYBE: Execution = Execution::MaybeExecuted;
const CODECS: [Codec; 2] = [Codec::Json, Codec::MessagePack];

async fn values_come_back_in_both_codecs(bed: Bed) {
    let _server = bed.serve().await;
    for codec in CODECS {
        let lab = plain(&bed, codec).await;
        assert_eq!(lab.echo("hello").await.unwrap(), "hello");
        assert_eq!(lab.divide(1.0, 4.0).await.unwrap(), 0.25);
        assert_eq!(lab.reverse(&[1, 2, 3]).await.unwrap()[..], [3, 2, 1]);
        assert_eq!(lab.bare("loud").await.unwrap(), "LOUD");
        assert_eq!(lab.all_optional(None).await.unwrap(), 10);
        assert_eq!(lab.all_optional(Some(3)).await.unwrap(), 3);
        assert_eq!(lab.bytes(100_000).await.unwrap(), vec![7; 100_000]);
    }
}

async fn errors_are_those_of_framed_calls(bed: Bed) {
    let _server = bed.serve().await;
    for codec in CODECS {
        let lab = plain(&bed, codec).await;
        let own = lab.divide(1.0, 0.0).await;
        assert_eq!(own, Err(CallError::Service(MathError::DivisionBy(0))));
        let panic = lab.panic("at the disco").await;
        let error = assert_failed(panic, ErrorKind::Internal, MAYBE);
        assert_eq!(error.code(), 500);
        assert!(!error.message().contains("disco"), "{error}");
    }
    let lab = plain(&bed, Codec::Json).await;
    assert_failed(lab.unwritable().await, ErrorKind::Internal, Execution::Executed);
    let large = lab.bytes(2_000_000).await;
    assert_failed(large, ErrorKind::PayloadTooLarge, Execution::Executed);
    let other = LabClient::new(
        Client::builder(bed.connect().await).plain().codec(Codec::Json).prefix("nowhere").build().unwrap(),
    );
    assert_failed(other.echo("x").await, ErrorKind::NoResponders, NOT);
}

async fn the_budget_bounds_the_handler(bed: Bed) {
    let server = bed.serve().await;
    let lab = plain(&bed, Codec::Json).await;
    let result = lab.wait().timeout(Duration::from_millis(100)).await;
    assert_failed(result, ErrorKind::DeadlineExceeded, MAYBE);
    eventually("the handler is aborted", || server.counters().timed_out == 1).await;
    assert_eq!(bed.ledger.finished(), 0);
}

async fn headers_go_both_ways(bed: Bed) {
    let _server = bed.serve().await;
    for codec in CODECS {
        let lab = plain(&bed, codec).await;
        let call = lab.context().header("tenant", "acme").header("Content-Type", "text/html");
        let response = call.detailed().await.unwrap();
        assert_eq!(response.headers().get("answered-by"), Some("lab"));
        assert_eq!((response.instance(), response.handler_time()), (None, Duration::ZERO));
        let seen = response.into_inner();
        assert_eq!((seen.tenant.as_deref(), seen.attempt), (Some("acme"), 1));
        assert!(seen.remaining_ms > 3000 && seen.remaining_ms <= 5000, "{}", seen.remaining_ms);
    }
}

async fn oneway_calls_arrive_and_are_acknowledged(bed: Bed) {
    let _server = bed.serve().await;
    for codec in CODECS {
        let lab = plain(&bed, codec).await;
        lab.note("a line").await.unwrap();
        bed.ledger.begun.notified().await;
        lab.note("another").acked().await.unwrap();
        bed.ledger.begun.notified().await;
    }
    eventually("all are written", || bed.ledger.finished() == 4).await;
}

async fn another_deployment_is_called_by_its_prefix(bed: Bed) {
    let _server =
        bed.server_builder().await.prefix(bed.served("staging.eu")).add(bed.service()).start().await.unwrap();
    let client =
        Client::builder(bed.connect().await).plain().codec(Codec::Json).prefix("staging.eu").build().unwrap();
    let seen = LabClient::new(&client).context().await.unwrap();
    assert_eq!(seen.subject, bed.served("staging.eu.lab.context"));
}

#[nats_rpc::service]
trait Front {
    async fn ask(&self) -> (Option<String>, u64);
}

struct Relay(LabClient);

impl Front for Relay {
    async fn ask(&self) -> (Option<String>, u64) {
        let seen = self.0.context().await.unwrap();
        assert!(Context::current().is_some());
        (seen.traceparent, seen.remaining_ms)
    }
}

async fn calls_of_a_handler_inherit_its_deadline_and_its_trace(bed: Bed) {
    let _server = bed.serve().await;
    let front = FrontServer::new(Relay(plain(&bed, Codec::Json).await));
    let _front = bed.server_builder().await.add(front).start().await.unwrap();
    let front = FrontClient::new(bed.connect().await);
    let call = front.ask().header("traceparent", "00-ab-cd-01").timeout(Duration::from_millis(2000));
    let (trace, remaining_ms) = call.await.unwrap();
    assert_eq!(trace.as_deref(), Some("00-ab-cd-01"));
    assert!(remaining_ms <= 2000, "{remaining_ms}");
}

async fn plain_and_framed_calls_share_a_connection(bed: Bed) {
    let _server = bed.serve().await;
    let connection = bed.connect().await;
    let framed = LabClient::new(&connection);
    let plain = LabClient::new(Client::builder(&connection).plain().codec(Codec::Json).build().unwrap());
    let texts: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    let calls = texts.iter().enumerate().map(|(number, text)| {
        let lab = if number % 2 == 0 { &framed } else { &plain };
        lab.echo(text).timeout(Duration::from_secs(20))
    });
    let answers = futures::future::join_all(calls).await;
    assert_eq!(answers.into_iter().map(Result::unwrap).collect::<Vec<_>>(), texts);
    assert_eq!(connection.pending_calls(), 0);
}

async fn calls_in_flight_are_counted(bed: Bed) {
    let _server = bed.serve().await;
    let client = Client::builder(bed.connect().await).plain().codec(Codec::Json).max_in_flight(1);
    let lab = LabClient::new(client.build().unwrap());
    let out = tokio::spawn(lab.wait());
    bed.ledger.begun.notified().await;
    assert_eq!(lab.client().in_flight(), 1);
    assert_failed(lab.echo("x").await, ErrorKind::Overloaded, NOT);
    bed.ledger.release.notify_one();
    out.await.unwrap().unwrap();
    assert_eq!((lab.client().in_flight(), lab.echo("x").await.unwrap().as_str()), (0, "x"));
}

#[tokio::test]
async fn calls_that_are_out_fail_as_soon_as_the_connection_is_lost() {
    let mut nats = NatsServer::start();
    let bed_ledger = std::sync::Arc::default();
    let bench = crate::bed::Bench { name: "lab", ledger: std::sync::Arc::clone(&bed_ledger) };
    let serving = connect(nats.url()).await.unwrap();
    let _server = Server::builder(serving).add(crate::bed::LabServer::new(bench)).start().await.unwrap();
    let connection = connect(nats.url()).await.unwrap();
    let mut events = Events::of(&connection);
    let lab = LabClient::new(Client::builder(&connection).plain().codec(Codec::Json).build().unwrap());
    let calls: Vec<_> = (0..10).map(|_| tokio::spawn(lab.wait().timeout(Duration::from_secs(60)))).collect();
    eventually("the handlers start", || bed_ledger.started() == 10).await;
    nats.kill();
    for call in calls {
        let lost = tokio::time::timeout(Duration::from_secs(20), call).await.expect("at once");
        assert_failed(lost.unwrap(), ErrorKind::Unavailable, MAYBE);
    }
    events.wait_for(ConnectionEvent::Disconnected).await;
    // What is known is waited for.
    let waiting = tokio::spawn(lab.bare("back").timeout(Duration::from_secs(60)));
    nats.restart();
    let back = waiting.await.unwrap();
    assert!(back.is_ok() || back.is_err_and(|error| error.execution() == NOT));
    eventually("nothing is out", || connection.pending_calls() == 0).await;
}

#[tokio::test]
async fn a_publish_that_is_not_allowed_fails_at_once() {
    let users = r#"authorization { users = [
        { user: service, password: x }
        { user: caller, password: x, permissions: { publish: { deny: "lab.sleep" } } }
    ] }"#;
    let bed = Bed::configured(NatsServer::builder().config(users));
    let connect = async |user: &str| {
        let options = ConnectOptions::with_user_and_password(user.to_owned(), "x".to_owned());
        connect_with(options, bed.server().unwrap().url()).await.unwrap()
    };
    let _server = Server::builder(connect("service").await).add(bed.service()).start().await.unwrap();
    let client = Client::builder(connect("caller").await).plain().codec(Codec::Json).build().unwrap();
    let lab = LabClient::new(&client);
    assert_eq!(lab.echo("allowed").await.unwrap(), "allowed");
    let result = lab.sleep(0).timeout(Duration::from_secs(60)).await;
    assert_failed(result, ErrorKind::PermissionDenied, NOT);
    // Of two that are out, either may be meant.
    let two = [lab.sleep(1), lab.sleep(2)].map(|call| call.timeout(Duration::from_secs(60)));
    for result in futures::future::join_all(two).await {
        assert_failed(result, ErrorKind::PermissionDenied, MAYBE);
    }
    assert_eq!(lab.echo("still allowed").await.unwrap(), "still allowed");
}

/// A handler that passes on the headers of a reply that it has got itself, say, does not change what its own reply is.
async fn headers_of_a_handler_do_not_change_what_a_reply_is(bed: Bed) {
    #[nats_rpc::service]
    trait Proxy {
        async fn pass(&self, cx: &Context, fails: bool) -> Result<u8, String>;
    }

    struct Passing;

    impl Proxy for Passing {
        async fn pass(&self, cx: &Context, fails: bool) -> Result<u8, String> {
            for (name, value) in [
                ("Nats-Service-Error", "not mine"),
                ("Nats-Service-Error-Code", "503"),
                ("Nats-Rpc-Execution", "0"),
                ("Nats-Rpc-Retry-After-Ms", "1"),
                ("Content-Type", "application/json"),
                ("kept", "yes"),
            ] {
                cx.set_header(name, value);
            }
            if fails { Err("mine".to_owned()) } else { Ok(7) }
        }
    }

    let _server = bed.server_builder().await.add(ProxyServer::new(Passing)).start().await.unwrap();
    let client = Client::builder(bed.connect().await).plain().build().unwrap();
    let proxy = ProxyClient::new(&client);
    let response = proxy.pass(false).detailed().await.unwrap();
    assert_eq!((response.value(), response.headers().get("kept")), (&7, Some("yes")));
    assert_eq!(proxy.pass(true).await.unwrap_err().to_string(), "mine");
}
