//! Layers around the calls of a client: what they see, what they change, and what they may do.

use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nats_rpc::middleware::{ClientRequest, ClientResponse, ClientService};
use nats_rpc::{CallError, Codec, Deadline, Error, ErrorKind, Execution, ServiceClient};
use tower::ServiceExt;
use tower::limit::ConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::util::MapRequestLayer;

use crate::around::{around, builder, gate, lab};
use crate::bed::{Bed, LabClient, MathError, assert_failed, eventually};
use crate::on_every_broker;

on_every_broker! {
    a_layer_sees_what_is_sent_and_what_comes_back,
    the_layer_that_was_added_first_sees_a_request_first,
    what_a_layer_changes_is_sent_and_returned,
    a_layer_may_leave_less_time,
    a_layer_may_answer_itself,
    ready_made_layers_work,
    oneway_calls_pass_through_layers,
    calls_in_layers_are_in_flight,
    a_call_that_is_dropped_in_a_layer_leaves_nothing_behind,
    calls_of_a_handler_pass_through_layers_and_end_with_it,
    a_thousand_calls_pass_through_layers,
}

const NOT: Execution = Execution::NotExecuted;

const MAYBE: Execution = Execution::MaybeExecuted;

async fn a_layer_sees_what_is_sent_and_what_comes_back(bed: Bed) {
    let server = bed.serve().await;
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let write = Arc::clone(&seen);
    let log = around(move |inner, request| {
        let write = Arc::clone(&write);
        async move {
            let before = format!(
                "{}.{} {} {} {}",
                request.service(),
                request.method(),
                String::from_utf8_lossy(request.arguments()),
                request.headers().get("tenant").unwrap_or("none"),
                request.expects_reply(),
            );
            assert!(request.deadline().remaining() > Duration::from_secs(3));
            assert!(format!("{request:?}").contains(request.method()));
            let response = inner.oneshot(request).await?;
            let body = String::from_utf8_lossy(response.body()).into_owned();
            let after = format!("{body} {:?} {:?}", response.service_error(), response.instance());
            write.lock().unwrap().push(format!("{before} -> {after}"));
            Ok::<_, Error>(response)
        }
    });
    for plain in [false, true] {
        let builder = builder(&bed).await.codec(Codec::Json).layer(log.clone());
        let lab = lab(if plain { builder.plain() } else { builder });
        assert_eq!(lab.echo("hi").header("tenant", "acme").await.unwrap(), "hi");
        let own = lab.divide(1.0, 0.0).await;
        assert_eq!(own, Err(CallError::Service(MathError::DivisionBy(0))));
        let detailed = lab.context().detailed().await.unwrap();
        assert_eq!(detailed.headers().get("answered-by"), Some("lab"));
        let instance = if plain { None } else { Some(server.id()) };
        assert_eq!(detailed.instance(), instance);
        lab.note("a line").await.unwrap();
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        assert_eq!(seen[0], "lab.echo {\"text\":\"hi\"} acme true -> \"hi\" None None");
        let division = r#"{"DivisionBy":0} Some("division by 0") None"#;
        assert_eq!(seen[1], format!(r#"lab.divide {{"a":1.0,"b":0.0}} none true -> {division}"#));
        assert!(seen[2].ends_with(&format!("{instance:?}")), "{}", seen[2]);
        assert_eq!(seen[3], "lab.note {\"line\":\"a line\"} none false -> null None None");
    }
}

async fn the_layer_that_was_added_first_sees_a_request_first(bed: Bed) {
    let _server = bed.serve().await;
    let named = |name: &'static str| {
        around(move |inner, mut request| async move {
            let before = request.headers().get("tenant").unwrap_or_default().to_owned();
            request.headers_mut().insert("tenant", format!("{before}{name}"));
            let mut response = inner.oneshot(request).await?;
            let before = response.headers().get("answered-by").unwrap_or_default().to_owned();
            response.headers_mut().insert("answered-by", format!("{before}{name}"));
            Ok::<_, Error>(response)
        })
    };
    let map = |mut request: ClientRequest| {
        let before = request.headers().get("tenant").unwrap_or_default().to_owned();
        request.headers_mut().insert("tenant", format!("{before}c"));
        request
    };
    let stack = tower::ServiceBuilder::new().map_request(map).layer(named("d"));
    let builder = builder(&bed).await.layer(named("a")).layer(named("b")).layer(stack);
    for lab in [lab(builder.clone()), lab(builder)] {
        let response = lab.context().detailed().await.unwrap();
        assert_eq!(response.headers().get("answered-by"), Some("labdba"));
        assert_eq!(response.into_inner().tenant.as_deref(), Some("abcd"));
    }
}

async fn what_a_layer_changes_is_sent_and_returned(bed: Bed) {
    let _server = bed.serve().await;
    let shout = around(|inner, mut request: ClientRequest| async move {
        let loud = String::from_utf8_lossy(request.arguments()).replace("quiet", "loud");
        request.set_arguments(loud);
        let mut response = inner.oneshot(request).await?;
        let louder = String::from_utf8_lossy(response.body()).replace("loud", "LOUD");
        response.set_body(louder);
        Ok::<_, Error>(response)
    });
    let lab = lab(builder(&bed).await.codec(Codec::Json).layer(shout));
    assert_eq!(lab.echo("quiet").await.unwrap(), "LOUD");
    let bad = MapRequestLayer::new(|mut request: ClientRequest| {
        request.headers_mut().insert("a b", "c");
        request
    });
    let lab = LabClient::new(builder(&bed).await.layer(bad).build().unwrap());
    assert_failed(lab.echo("x").await, ErrorKind::InvalidArgument, NOT);
}

async fn a_layer_may_leave_less_time(bed: Bed) {
    let _server = bed.serve().await;
    let hasty = MapRequestLayer::new(|mut request: ClientRequest| {
        request.shorten(Deadline::after(Duration::from_millis(500)));
        let deadline = request.deadline();
        request.shorten(Deadline::after(Duration::from_secs(60)));
        assert_eq!(request.deadline(), deadline, "it is never longer");
        request
    });
    let lab = lab(builder(&bed).await.layer(hasty));
    let seen = lab.context().timeout(Duration::from_secs(60)).await.unwrap();
    assert!(seen.remaining_ms <= 500, "{}", seen.remaining_ms);
    let late = lab.wait().timeout(Duration::from_secs(60)).await;
    assert_failed(late, ErrorKind::DeadlineExceeded, MAYBE);
}

async fn a_layer_may_answer_itself(bed: Bed) {
    let cached = around(|_inner, request: ClientRequest| async move {
        let body = if request.method() == "echo" { &b"\"cached\""[..] } else { b"nonsense" };
        Ok::<_, Infallible>(ClientResponse::new(Codec::Json, body))
    });
    let lab = lab(builder(&bed).await.layer(cached));
    assert_eq!(lab.echo("x").await.unwrap(), "cached");
    assert_failed(lab.sleep(1).await, ErrorKind::Protocol, NOT);
}

async fn ready_made_layers_work(bed: Bed) {
    let server = bed.serve().await;
    // One at a time, in turn.
    let one = lab(builder(&bed).await.layer(ConcurrencyLimitLayer::new(1)));
    let calls = futures::future::join_all((0..5).map(|_| one.sleep(10))).await;
    assert!(calls.iter().all(Result::is_ok));
    // One at a time, and no other.
    let shed = builder(&bed).await.layer(LoadShedLayer::new()).layer(ConcurrencyLimitLayer::new(1));
    let shed = lab(shed);
    let out = tokio::spawn(shed.wait());
    eventually("it runs", || bed.ledger.started() == 6).await;
    let error = assert_failed(shed.echo("x").await, ErrorKind::Internal, NOT);
    assert!(error.message().contains("overloaded"), "{error}");
    bed.ledger.release.notify_one();
    assert_eq!(out.await.unwrap().unwrap(), 1);
    assert_eq!(shed.echo("x").await.unwrap(), "x");
    server.shutdown().await;
}

async fn oneway_calls_pass_through_layers(bed: Bed) {
    let _server = bed.serve().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let counting = MapRequestLayer::new(move |request: ClientRequest| {
        count.fetch_add(1, Ordering::SeqCst);
        request
    });
    for plain in [false, true] {
        let builder = builder(&bed).await.layer(counting.clone());
        let lab = lab(if plain { builder.plain() } else { builder });
        lab.note("a line").header("tenant", "acme").await.unwrap();
        bed.ledger.begun.notified().await;
        lab.note("another").acked().await.unwrap();
        bed.ledger.begun.notified().await;
        let large = lab.note(&"x".repeat(2_000_000)).await;
        assert_failed(large, ErrorKind::PayloadTooLarge, NOT);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 6);
}

async fn calls_in_layers_are_in_flight(bed: Bed) {
    let _server = bed.serve().await;
    let open = Arc::default();
    let lab = lab(builder(&bed).await.max_in_flight(1).layer(gate(&open)));
    let held = tokio::spawn(lab.echo("held"));
    eventually("it is held", || lab.client().in_flight() == 1).await;
    assert_failed(lab.echo("x").await, ErrorKind::Overloaded, NOT);
    open.notify_one();
    assert_eq!(held.await.unwrap().unwrap(), "held");
    assert_eq!(lab.client().in_flight(), 0);
}

async fn a_call_that_is_dropped_in_a_layer_leaves_nothing_behind(bed: Bed) {
    let _server = bed.serve().await;
    let open = Arc::default();
    let lab = lab(builder(&bed).await.layer(gate(&open)));
    let held = tokio::spawn(lab.echo("held"));
    eventually("it is held", || lab.client().in_flight() == 1).await;
    held.abort();
    assert!(held.await.unwrap_err().is_cancelled());
    assert_eq!((lab.client().in_flight(), bed.ledger.started()), (0, 0));
}

#[nats_rpc::service]
trait Front {
    async fn pass_on(&self) -> String;
}

/// Asks, and says what became of it even if nobody hears that.
struct Relay(LabClient, tokio::sync::mpsc::Sender<Result<String, CallError<Infallible>>>);

impl Front for Relay {
    #[expect(clippy::unwrap_used, reason = "a broken expectation has to end the test")]
    async fn pass_on(&self) -> String {
        let call = self.0.echo("held").timeout(Duration::from_secs(60));
        let outcomes = self.1.clone();
        // Polled once in the handler, then elsewhere: so it outlives that.
        let mut call = Box::pin(call);
        let first = futures::poll!(&mut call);
        assert!(first.is_pending());
        tokio::spawn(async move { outcomes.send(call.await).await.unwrap() });
        pending().await
    }
}

async fn calls_of_a_handler_pass_through_layers_and_end_with_it(bed: Bed) {
    let _server = bed.serve().await;
    let open = Arc::default();
    let inner = lab(builder(&bed).await.layer(gate(&open)));
    let (outcomes, mut outcome) = tokio::sync::mpsc::channel(1);
    let front = FrontServer::new(Relay(inner, outcomes));
    let _front = bed.server_builder().await.add(front).start().await.unwrap();
    let front = FrontClient::new(bed.connect().await);
    let result = front.pass_on().timeout(Duration::from_millis(300)).await;
    assert_failed(result, ErrorKind::DeadlineExceeded, MAYBE);
    let below = outcome.recv().await.unwrap();
    assert!(below.is_err_and(|error| error.execution() == NOT), "it was held in a layer");
    assert_eq!(bed.ledger.started(), 0);
}

async fn a_thousand_calls_pass_through_layers(bed: Bed) {
    let _server = bed.serve().await;
    for plain in [false, true] {
        let pass = around(|inner: ClientService, request| inner.oneshot(request));
        let builder = builder(&bed).await.layer(pass).layer(ConcurrencyLimitLayer::new(300));
        let lab = lab(if plain { builder.plain() } else { builder });
        let texts: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
        let calls = texts.iter().map(|text| lab.echo(text).timeout(Duration::from_secs(20)));
        let answers = futures::future::join_all(calls).await;
        assert_eq!(answers.into_iter().map(Result::unwrap).collect::<Vec<_>>(), texts);
        assert_eq!((lab.client().in_flight(), lab.client().connection().pending_calls()), (0, 0));
    }
}
