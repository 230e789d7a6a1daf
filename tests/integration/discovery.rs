//! Discovery after NATS ADR-32: what NATS tools ask of an instance, and the same questions from Rust.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::HeaderMap;
use futures::StreamExt;
use nats_rpc::discovery::{EndpointStats, discover};
use nats_rpc::{
    Connection, ErrorKind, Execution, Method, MethodRegistry, RawCall, Service, ServiceDescriptor,
};
use serde_json::{Value, json};

use crate::bed::{Bed, assert_failed, eventually, outbound, raw_request};
use crate::foreign::settle;
use crate::wires::on_every_wire;

on_every_wire! {
    every_question_is_answered_as_nats_tools_expect,
    tagged the_answers_say_what_there_is,
    statistics_count_what_callers_see,
    statistics_tell_what_was_refused,
    two_services_of_one_server_answer_each_for_itself,
    broadcast_services_have_no_queue_group,
    the_prefix_can_be_another,
    a_server_can_stay_out_of_sight,
    behind_a_mapping a_question_without_a_place_for_the_answer_harms_nothing,
    a_server_that_ends_is_not_found,
    behind_a_mapping whatever_others_answer_is_read_or_passed_over,
    behind_a_mapping answers_to_another_account_are_not_all_there_without_their_end,
    a_question_takes_no_longer_than_it_may,
}

/// How long the tests wait for answers that all come at once.
const WAIT: Duration = Duration::from_millis(300);

#[track_caller]
fn assert_valid(verb: &str, answer: &Value) {
    let errors = tests::schema_mistakes(verb, answer);
    assert!(errors.is_empty(), "{verb}: {errors:?} in {answer}");
}

async fn ask(connection: &Connection, subject: &str) -> Value {
    serde_json::from_slice(&raw_request(connection, subject, &[], "").await.payload).unwrap()
}

async fn every_question_is_answered_as_nats_tools_expect(bed: Bed) {
    let server = bed.server_builder().await.add(bed.service()).metadata("zone", "eu").start().await.unwrap();
    let connection = bed.connect().await;
    bed.client().await.divide(1.0, 0.0).await.unwrap_err();
    for verb in ["PING", "INFO", "STATS"] {
        for whom in ["".to_owned(), ".lab".to_owned(), format!(".lab.{}", server.id())] {
            let answer = ask(&connection, &format!("$SRV.{verb}{whom}")).await;
            assert_valid(verb, &answer);
            assert_eq!(answer["type"], format!("io.nats.micro.v1.{}_response", verb.to_lowercase()));
            assert_eq!((&answer["name"], &answer["id"]), (&json!("lab"), &json!(server.id())));
            assert_eq!(answer["metadata"]["zone"], "eu", "{verb}");
        }
    }
    let other = discover(&connection).service("other").within(WAIT);
    let another = discover(&connection).instance("lab", "another").within(WAIT);
    for nobody in [other, another] {
        assert!(nobody.ping().await.unwrap().is_empty());
    }
}

async fn the_answers_say_what_there_is(bed: Bed) {
    let one = bed.server_builder().await.add(bed.service()).id("one").start().await.unwrap();
    let two = bed.server_builder().await.add(bed.service()).id("two").start().await.unwrap();
    let connection = bed.connect().await;
    let mut found = discover(&connection).within(WAIT).await.unwrap();
    found.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(found.iter().map(|service| &*service.id).collect::<Vec<_>>(), [one.id(), two.id()]);
    let lab = &found[0];
    assert_eq!((&*lab.name, &*lab.version), ("lab", env!("CARGO_PKG_VERSION")));
    assert_eq!(lab.description, "What every case calls.");
    let echo = lab.endpoints.iter().find(|endpoint| endpoint.name == "echo").unwrap();
    assert_eq!((&echo.subject, &*echo.queue_group), (&bed.served("lab.echo"), "q"));
    let said = |name: &str| echo.metadata.get(name).map(String::as_str);
    assert_eq!(said("nats-rpc.protocol"), Some("1"));
    assert_eq!(said("nats-rpc.codecs"), Some("msgpack,json"));
    assert_eq!(said("nats-rpc.kind"), Some("unary"));
    assert_eq!(said("nats-rpc.parameters"), Some("text"));
    let limited = lab.endpoints.iter().find(|endpoint| endpoint.name == "all_optional").unwrap();
    assert_eq!(limited.metadata["nats-rpc.parameters"], "limit?");
    let note = lab.endpoints.iter().find(|endpoint| endpoint.name == "note").unwrap();
    assert_eq!(note.metadata["nats-rpc.kind"], "oneway");

    let pongs = discover(&connection).service("lab").within(WAIT).ping().await.unwrap();
    assert_eq!(pongs.len(), 2);
    assert!(pongs.iter().all(|pong| pong.round_trip < WAIT), "{pongs:?}");
    let started = std::time::Instant::now();
    let only = discover(&connection).instance("lab", "two").within(Duration::from_secs(20)).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(10), "one answer is all there can be");
    assert_eq!(only.iter().map(|service| &*service.id).collect::<Vec<_>>(), ["two"]);
    for bad in ["a b", "*", "a.b", ""] {
        let error = discover(&connection).service(bad).await.unwrap_err();
        assert_eq!((error.kind(), error.execution()), (ErrorKind::InvalidArgument, Execution::NotExecuted));
    }
}

/// The statistics of one method of the only instance.
async fn stats_of(connection: &Connection, method: &str) -> EndpointStats {
    let services = discover(connection).service("lab").at_most(1).stats().await.unwrap();
    services[0].endpoints.iter().find(|endpoint| endpoint.name == method).unwrap().clone()
}

async fn statistics_count_what_callers_see(bed: Bed) {
    let _server = bed.serve().await;
    let (client, connection) = (bed.client().await, bed.connect().await);
    let fresh = stats_of(&connection, "divide").await;
    assert_eq!((fresh.num_requests, fresh.num_errors, fresh.average_processing_time), (0, 0, 0));
    assert_eq!(fresh.last_error, "");
    for _ in 0..3 {
        client.divide(1.0, 2.0).await.unwrap();
    }
    client.divide(1.0, 0.0).await.unwrap_err();
    client.sleep(20).await.unwrap();
    client.panic("oh").await.unwrap_err();

    let divide = stats_of(&connection, "divide").await;
    assert_eq!((divide.num_requests, divide.num_errors), (4, 1));
    assert_eq!(divide.last_error, "422:division by 0");
    assert!(divide.processing_time > 0);
    assert_eq!(divide.average_processing_time, divide.processing_time / 4);
    let calls = divide.calls().unwrap();
    assert_eq!((calls.handled, calls.in_flight, calls.shed), (4, 0, 0));
    assert!(calls.p50_ns > 0 && calls.p99_ns >= calls.p50_ns, "{calls:?}");

    let sleep = stats_of(&connection, "sleep").await.calls().unwrap();
    assert!(sleep.p50_ns >= 20_000_000, "{sleep:?}");
    assert!(sleep.queue_wait_p50_ns < 20_000_000, "its wait is not its work: {sleep:?}");
    let panic = stats_of(&connection, "panic").await;
    assert_eq!((panic.num_errors, panic.calls().unwrap().panics), (1, 1));
    assert!(panic.last_error.starts_with("500:the handler panicked"), "{}", panic.last_error);
    assert_eq!(stats_of(&connection, "echo").await.num_requests, 0, "each method for itself");
}

async fn statistics_tell_what_was_refused(bed: Bed) {
    let builder = bed.server_builder().await.max_in_flight(1).max_queued(1);
    let _server = builder.add(bed.service()).start().await.unwrap();
    let (client, connection) = (bed.client().await, bed.connect().await);
    let running = tokio::spawn(client.wait().retry(nats_rpc::Retry::off()).into_future());
    bed.ledger.begun.notified().await;
    let waiting = tokio::spawn(client.wait().retry(nats_rpc::Retry::off()).into_future());
    let begin = std::time::Instant::now();
    while stats_of(&connection, "wait").await.num_requests < 2 {
        assert!(begin.elapsed() < Duration::from_secs(20), "the second one comes");
    }
    let shed = client.wait().retry(nats_rpc::Retry::off()).await;
    assert_failed(shed, ErrorKind::Overloaded, Execution::NotExecuted);
    let stats = stats_of(&connection, "wait").await;
    let calls = stats.calls().unwrap();
    assert_eq!((calls.in_flight, calls.shed, calls.handled), (1, 1, 0), "{calls:?}");
    assert_eq!((stats.num_requests, stats.num_errors), (3, 1));
    assert!(stats.last_error.starts_with("429:"), "{}", stats.last_error);
    raw_request(&connection, "lab.wait", &[], "nonsense").await;
    assert_eq!(stats_of(&connection, "wait").await.calls().unwrap().malformed, 1);
    bed.ledger.release.notify_one();
    running.await.unwrap().unwrap();
    bed.ledger.release.notify_one();
    waiting.await.unwrap().unwrap();
    let calls = stats_of(&connection, "wait").await.calls().unwrap();
    assert_eq!((calls.in_flight, calls.handled), (0, 2), "{calls:?}");
    assert!(calls.queue_wait_p99_ns > calls.queue_wait_p50_ns, "the second one waited: {calls:?}");
}

/// A service by hand.
struct Clock(&'static ServiceDescriptor);

static CLOCK: ServiceDescriptor =
    ServiceDescriptor::new("clock", &[Method::unary("now")]).with_version("2.0.1-rc.1");
static BAD_CLOCK: ServiceDescriptor =
    ServiceDescriptor::new("clock", &[Method::unary("now")]).with_version("2");

impl Service for Clock {
    fn descriptor(&self) -> &'static ServiceDescriptor {
        self.0
    }

    fn register(&self, registry: &mut MethodRegistry) {
        registry.method("now", |call: RawCall| async move { call.reply(12) });
    }
}

async fn two_services_of_one_server_answer_each_for_itself(bed: Bed) {
    let both = bed.server_builder().await.add(bed.service()).add(Clock(&CLOCK)).prefix(bed.served("staging"));
    let server = both.start().await.unwrap();
    let connection = bed.connect().await;
    let found = discover(&connection).within(WAIT).await.unwrap();
    let names: BTreeMap<_, _> = found.iter().map(|service| (&*service.name, service)).collect();
    assert_eq!(names.keys().copied().collect::<Vec<_>>(), ["clock", "lab"]);
    assert!(found.iter().all(|service| service.id == server.id()));
    assert_eq!(names["clock"].version, "2.0.1-rc.1");
    assert_eq!(names["clock"].endpoints[0].subject, bed.served("staging.clock.now"));
    let one = discover(&connection).service("clock").within(WAIT).stats().await.unwrap();
    assert_eq!(one.len(), 1);
    let error = bed.server_builder().await.add(Clock(&BAD_CLOCK)).start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("semver"), "{error}");
}

async fn broadcast_services_have_no_queue_group(bed: Bed) {
    let _server = bed.server_builder().await.broadcast().add(bed.service()).start().await.unwrap();
    let connection = bed.connect().await;
    let found = discover(&connection).at_most(1).await.unwrap();
    assert!(found[0].endpoints.iter().all(|endpoint| endpoint.queue_group.is_empty()));
    assert_eq!(ask(&connection, "$SRV.INFO.lab").await["endpoints"][0]["queue_group"], "");
}

async fn the_prefix_can_be_another(bed: Bed) {
    let _server =
        bed.server_builder().await.discovery_prefix("acme.SRV").add(bed.service()).start().await.unwrap();
    let connection = bed.connect().await;
    assert_eq!(discover(&connection).prefix("acme.SRV").at_most(1).await.unwrap().len(), 1);
    assert_eq!(discover(&connection).within(WAIT).await.unwrap(), []);
    for bad in ["", "a b", "$SRV.*", "$SRV.>", "$SRV.", ".x"] {
        let refused = bed.server_builder().await.discovery_prefix(bad).add(bed.service()).start().await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidArgument, "{bad:?}");
        assert_eq!(
            discover(&connection).prefix(bad).await.unwrap_err().kind(),
            ErrorKind::InvalidArgument,
            "{bad:?}"
        );
    }
    for bad in ["", "nats-rpc.kind"] {
        let refused = bed.server_builder().await.metadata(bad, "x").add(bed.service()).start().await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidArgument, "{bad:?}");
    }
}

async fn a_server_can_stay_out_of_sight(bed: Bed) {
    let _server = bed.server_builder().await.without_discovery().add(bed.service()).start().await.unwrap();
    assert_eq!(discover(bed.connect().await).within(WAIT).await.unwrap(), []);
    assert_eq!(bed.client().await.echo("there").await.unwrap(), "there");
}

async fn a_question_without_a_place_for_the_answer_harms_nothing(bed: Bed) {
    let server = bed.serve().await;
    let connection = bed.connect().await;
    connection.publish(outbound("$SRV.PING", None, "")).await.unwrap();
    connection.publish(outbound("$SRV.STATS.lab", Some("orders.new"), "{")).await.unwrap();
    eventually("both are counted", || {
        let counters = server.counters();
        (counters.reply_missing, counters.reply_refused) == (1, 1)
    })
    .await;
    assert_eq!(discover(&connection).at_most(1).ping().await.unwrap().len(), 1);
    assert_eq!(bed.client().await.echo("there").await.unwrap(), "there");
}

async fn a_server_that_ends_is_not_found(bed: Bed) {
    let server = bed.serve().await;
    let (client, connection) = (bed.client().await, bed.connect().await);
    let call = tokio::spawn(client.wait().into_future());
    bed.ledger.begun.notified().await;
    let ending = tokio::spawn(server.shutdown());
    // It still runs a call, but takes no others.
    let begin = std::time::Instant::now();
    while !discover(&connection).within(WAIT).ping().await.unwrap().is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(20));
    }
    assert!(!ending.is_finished());
    bed.ledger.release.notify_one();
    call.await.unwrap().unwrap();
    ending.await.unwrap();
}

/// By hand: what two instances say that answer to another account, of which the first message of
/// each has arrived, and perhaps the last one of the second.
async fn answers_to_another_account_are_not_all_there_without_their_end(bed: Bed) {
    let connection = bed.connect().await;
    for is_ended in [false, true] {
        let others = bed.connect_server().await;
        let mut questions = others.subscribe("$SRV.PING", None).await.unwrap();
        settle(&others).await;
        tokio::spawn(async move {
            let to = questions.next().await.unwrap().reply.unwrap();
            let pong = |id| {
                format!(
                    "{{\"type\":\"io.nats.micro.v1.ping_response\",\"name\":\"lab\",\"id\":\"{id}\",\
                     \"version\":\"1.0.0\"}}"
                )
            };
            let end = is_ended.then(|| ("2", String::new()));
            for (mark, text) in [("1", pong(1)), ("1", pong(2))].into_iter().chain(end) {
                let mut message = outbound(&to, None, text);
                let mut headers = HeaderMap::new();
                headers.insert("Nats-Rpc-Trial", mark);
                message.headers = Some(headers);
                others.publish(message).await.unwrap();
            }
            others.flush().await.unwrap();
        });
        let found = discover(&connection).within(WAIT).ping().await;
        if is_ended {
            let found: Vec<_> = found.unwrap().into_iter().map(|pong| pong.id).collect();
            assert_eq!(found, ["1", "2"]);
        } else {
            let error = found.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unimplemented, "{error}");
            assert!(error.message().contains("response_type: stream"), "{error}");
        }
    }
}

async fn whatever_others_answer_is_read_or_passed_over(bed: Bed) {
    let connection = bed.connect().await;
    let others = bed.connect_server().await;
    let mut questions = others.subscribe("$SRV.STATS", None).await.unwrap();
    settle(&others).await;
    let answers = [
        "",
        "nonsense",
        "{\"type\":\"io.nats.micro.v1.ping_response\",\"name\":\"a\",\"id\":\"1\",\"version\":\"1.0.0\"}",
        "{\"type\":\"io.nats.micro.v1.stats_response\"}",
        "{\"type\":\"io.nats.micro.v1.stats_response\",\"name\":\"foreign\",\"id\":\"1\",\"version\":\"1.0.0\",\
         \"metadata\":null,\"started\":\"2026-01-01T00:00:00Z\",\"endpoints\":[{\"name\":\"e\",\"subject\":\"s\",\
         \"queue_group\":null,\"data\":{\"own\":1}}],\"more\":1}",
    ];
    tokio::spawn(async move {
        let question = questions.next().await.unwrap();
        let deep = "[".repeat(100_000);
        for answer in answers.into_iter().chain([&*deep]) {
            let to = question.reply.as_deref();
            others.publish(outbound(to.unwrap(), None, answer.to_owned())).await.unwrap();
        }
    });
    let found = discover(&connection).within(Duration::from_secs(20)).at_most(1).stats().await.unwrap();
    assert_eq!((&*found[0].name, &*found[0].endpoints[0].queue_group), ("foreign", ""));
    assert_eq!(found[0].endpoints[0].data, json!({"own": 1}));
    assert_eq!(found[0].endpoints[0].calls(), None, "it is not one of ours");
}

async fn a_question_takes_no_longer_than_it_may(bed: Bed) {
    let connection = bed.connect().await;
    let begin = std::time::Instant::now();
    let nobody = discover(&connection).within(Duration::from_secs(30)).await.unwrap();
    assert!(nobody.is_empty());
    assert!(begin.elapsed() < Duration::from_secs(10), "nobody listens, and the broker says so");
    let _server = bed.serve().await;
    let begin = std::time::Instant::now();
    assert_eq!(discover(&connection).within(WAIT).await.unwrap().len(), 1);
    assert!(begin.elapsed() >= WAIT, "there might be others");
}
