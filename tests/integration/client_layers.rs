//! Layers around the calls of a client: what they see, what they change, and what holds whatever they do.

use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nats_rpc::middleware::{ClientRequest, ClientResponse, ClientService, Layer};
use nats_rpc::{
    CallError, Client, ClientBuilder, Codec, Deadline, Error, ErrorKind, Execution, Retry, ServiceClient,
};
use tokio::sync::Notify;
use tower::layer::layer_fn;
use tower::limit::ConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::retry::{Policy, RetryLayer};
use tower::timeout::TimeoutLayer;
use tower::util::MapRequestLayer;
use tower::{Service, ServiceExt, service_fn};

use crate::bed::{Bed, LabClient, MathError, assert_failed, eventually};
use crate::on_every_broker;

on_every_broker! {
    a_layer_sees_what_is_sent_and_what_comes_back,
    the_layer_that_was_added_first_sees_a_request_first,
    what_a_layer_changes_is_sent_and_returned,
    a_layer_that_refuses_says_not_executed,
    what_is_no_error_of_ours_is_internal,
    what_has_run_is_not_forgotten,
    what_has_not_run_is_said_whatever_a_layer_makes_of_it,
    a_call_that_a_layer_drops_may_have_run,
    a_layer_that_repeats_a_call_makes_further_attempts,
    a_layer_that_never_answers_is_left_at_the_deadline,
    a_layer_may_leave_less_time,
    a_layer_may_answer_itself,
    what_was_called_not_executed_is_not_sent_behind_the_callers_back,
    ready_made_layers_work,
    oneway_calls_pass_through_layers,
    calls_in_layers_are_in_flight,
    a_call_that_is_dropped_in_a_layer_leaves_nothing_behind,
    calls_of_a_handler_pass_through_layers_and_end_with_it,
    a_thousand_calls_pass_through_layers,
}

const NOT: Execution = Execution::NotExecuted;
const MAYBE: Execution = Execution::MaybeExecuted;
const EXECUTED: Execution = Execution::Executed;

/// A layer of a function, which gets what is inside of the layer and a request.
fn around<F, R, E>(
    layer: F,
) -> impl Layer<ClientService, Service = impl Inner<E>> + Clone + Send + Sync + 'static
where
    F: Fn(ClientService, ClientRequest) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<ClientResponse, E>> + Send + 'static,
{
    layer_fn(move |inner: ClientService| {
        let layer = layer.clone();
        service_fn(move |request| layer(inner.clone(), request))
    })
}

/// What a layer of ours is made of.
trait Inner<E>:
    Service<ClientRequest, Response = ClientResponse, Error = E, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S, E> Inner<E> for S where
    S: Service<ClientRequest, Response = ClientResponse, Error = E, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

async fn builder(bed: &Bed) -> ClientBuilder {
    Client::builder(bed.connect().await)
}

fn lab(builder: ClientBuilder) -> LabClient {
    LabClient::new(builder.build().unwrap())
}

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

async fn a_layer_that_refuses_says_not_executed(bed: Bed) {
    let _server = bed.serve().await;
    let refuse = around(|_inner, request: ClientRequest| async move {
        let text = format!("{} is not for you", request.method());
        Err::<ClientResponse, _>(Error::new(ErrorKind::PermissionDenied, text))
    });
    let lab = lab(builder(&bed).await.layer(refuse));
    let error = assert_failed(lab.echo("x").await, ErrorKind::PermissionDenied, NOT);
    assert_eq!(error.message(), "echo is not for you");
    assert_failed(lab.note("x").await, ErrorKind::PermissionDenied, NOT);
    assert_failed(lab.note("x").acked().await, ErrorKind::PermissionDenied, NOT);
    assert_failed(lab.echo("x").detailed().await, ErrorKind::PermissionDenied, NOT);
    assert_eq!((bed.ledger.started(), lab.client().in_flight()), (0, 0));
}

/// An error of somebody else's layer.
#[derive(Debug, thiserror::Error)]
#[error("the moon is full")]
struct Moon;

async fn what_is_no_error_of_ours_is_internal(bed: Bed) {
    let refuse = around(|_inner, _request| async move { Err::<ClientResponse, _>(Moon) });
    let pass = around(|inner, request| async move { inner.oneshot(request).await });
    let lab = lab(builder(&bed).await.layer(pass).layer(refuse));
    let error = assert_failed(lab.echo("x").await, ErrorKind::Internal, NOT);
    assert_eq!(error.message(), "the moon is full");
    let source = std::error::Error::source(&error).expect("what the layer failed with");
    assert!(source.downcast_ref::<Moon>().is_some());
}

/// Fails calls after they have come back, as one who wants to have them repeated.
fn spoil() -> impl Layer<ClientService, Service = impl Inner<Error>> + Clone + Send + Sync + 'static {
    around(|inner, request| async move {
        let _result = inner.oneshot(request).await;
        let error = Error::new(ErrorKind::Unavailable, "spoilt").with_execution(NOT);
        assert!(error.is_retryable());
        Err::<ClientResponse, _>(error)
    })
}

async fn what_has_run_is_not_forgotten(bed: Bed) {
    let _server = bed.serve().await;
    let framed = lab(builder(&bed).await.layer(spoil()));
    assert_failed(framed.echo("x").await, ErrorKind::Unavailable, EXECUTED);
    let own = framed.divide(1.0, 0.0).await;
    assert_failed(own, ErrorKind::Unavailable, EXECUTED);
    assert_failed(framed.panic("x").await, ErrorKind::Unavailable, MAYBE);
    let late = framed.wait().timeout(Duration::from_millis(50)).await;
    assert_failed(late, ErrorKind::Unavailable, MAYBE);
    // Neither a message nor a receipt proves that the handler runs, nor does a plain value.
    assert_failed(framed.note("x").await, ErrorKind::Unavailable, MAYBE);
    assert_failed(framed.note("x").acked().await, ErrorKind::Unavailable, MAYBE);
    let plain = lab(builder(&bed).await.plain().layer(spoil()));
    assert_failed(plain.echo("x").await, ErrorKind::Unavailable, MAYBE);
    assert_failed(plain.divide(1.0, 0.0).await, ErrorKind::Unavailable, EXECUTED);
}

async fn what_has_not_run_is_said_whatever_a_layer_makes_of_it(bed: Bed) {
    let lab = LabClient::new(builder(&bed).await.layer(spoil()).build().unwrap());
    let error = assert_failed(lab.echo("x").await, ErrorKind::Unavailable, NOT);
    assert!(error.is_retryable(), "nobody was there");
    let claim = around(|inner: ClientService, request| async move {
        inner.oneshot(request).await.map_err(|error| error.with_execution(EXECUTED))
    });
    let lab = LabClient::new(builder(&bed).await.layer(claim).build().unwrap());
    assert_failed(lab.echo("x").await, ErrorKind::NoResponders, NOT);
    let _server = bed.serve().await;
    assert_failed(lab.panic("x").await, ErrorKind::Internal, MAYBE);
}

async fn a_call_that_a_layer_drops_may_have_run(bed: Bed) {
    let server = bed.serve().await;
    let impatient = TimeoutLayer::new(Duration::from_millis(400));
    let lab = lab(builder(&bed).await.layer(impatient));
    let begin = Instant::now();
    let error = assert_failed(lab.wait().timeout(Duration::from_secs(60)).await, ErrorKind::Internal, MAYBE);
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert!(error.message().contains("timed out"), "{error}");
    eventually("the handler is cancelled", || server.counters().cancelled == 1).await;
    assert_eq!(lab.client().in_flight(), 0);
    eventually("nothing is out", || lab.client().connection().pending_calls() == 0).await;
    // One that was never started has not run.
    let never = around(|mut inner: ClientService, request| async move {
        drop(inner.call(request));
        Err::<ClientResponse, _>(Moon)
    });
    let lab = LabClient::new(builder(&bed).await.layer(never).build().unwrap());
    assert_failed(lab.echo("x").await, ErrorKind::Internal, NOT);
}

/// Repeats what failed, so often.
#[derive(Clone)]
struct Again(usize);

impl Policy<ClientRequest, ClientResponse, Error> for Again {
    type Future = std::future::Ready<()>;

    fn retry(
        &mut self,
        _request: &mut ClientRequest,
        result: &mut Result<ClientResponse, Error>,
    ) -> Option<Self::Future> {
        let again = self.0 > 0 && result.is_err();
        self.0 = self.0.saturating_sub(1);
        again.then(|| std::future::ready(()))
    }

    fn clone_request(&mut self, request: &ClientRequest) -> Option<ClientRequest> {
        Some(request.clone())
    }
}

async fn a_layer_that_repeats_a_call_makes_further_attempts(bed: Bed) {
    let server = bed.serve().await;
    let again = RetryLayer::new(Again(2));
    let lab = lab(builder(&bed).await.retry(Retry::off()).layer(again));
    assert_failed(lab.panic("x").await, ErrorKind::Internal, MAYBE);
    assert_eq!(bed.ledger.started(), 3);
    // The last attempt reaches nobody, and an earlier one may have run.
    let stop = Arc::new(tokio::sync::Mutex::new(Some(server)));
    let calls = Arc::new(AtomicUsize::new(0));
    let stopping = around(move |inner: ClientService, request| {
        let (stop, calls) = (Arc::clone(&stop), Arc::clone(&calls));
        async move {
            if calls.fetch_add(1, Ordering::SeqCst) == 1
                && let Some(server) = stop.lock().await.take()
            {
                server.shutdown().await;
            }
            inner.oneshot(request).await
        }
    });
    let client = builder(&bed).await.retry(Retry::off()).layer(RetryLayer::new(Again(1))).layer(stopping);
    let result = LabClient::new(client.build().unwrap()).panic("x").await;
    assert_failed(result, ErrorKind::NoResponders, MAYBE);
}

async fn a_layer_that_never_answers_is_left_at_the_deadline(bed: Bed) {
    let _server = bed.serve().await;
    let forever = around(|_inner, _request| pending::<Result<ClientResponse, Infallible>>());
    let held = lab(builder(&bed).await.timeout(Duration::from_millis(50)).layer(forever));
    assert_failed(held.note("x").await, ErrorKind::DeadlineExceeded, NOT);
    let begin = Instant::now();
    let result = held.echo("x").timeout(Duration::from_millis(80)).await;
    assert_failed(result, ErrorKind::DeadlineExceeded, NOT);
    assert!(begin.elapsed() >= Duration::from_millis(80));
    let after = around(|inner: ClientService, request| async move {
        let _response = inner.oneshot(request).await;
        pending::<Result<ClientResponse, Infallible>>().await
    });
    let held = lab(builder(&bed).await.layer(after));
    let result = held.echo("x").timeout(Duration::from_millis(500)).await;
    assert_failed(result, ErrorKind::DeadlineExceeded, EXECUTED);
    assert_eq!(held.client().in_flight(), 0);
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

async fn what_was_called_not_executed_is_not_sent_behind_the_callers_back(bed: Bed) {
    let _server = bed.serve().await;
    let refused = Arc::new(Notify::new());
    let (later, (results, mut result)) = (Arc::clone(&refused), tokio::sync::mpsc::channel(1));
    let sly = around(move |inner: ClientService, request| {
        let (later, results) = (Arc::clone(&later), results.clone());
        async move {
            tokio::spawn(async move {
                later.notified().await;
                results.send(inner.oneshot(request).await.unwrap_err()).await.unwrap();
            });
            Err::<ClientResponse, _>(Moon)
        }
    });
    let lab = lab(builder(&bed).await.layer(sly));
    assert_failed(lab.echo("x").await, ErrorKind::Internal, NOT);
    refused.notify_one();
    let error = result.recv().await.unwrap();
    assert_eq!((error.kind(), error.execution()), (ErrorKind::Cancelled, NOT));
    assert_eq!(bed.ledger.started(), 0);
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

/// Holds every call until it is told to let one go.
fn gate(
    open: &Arc<Notify>,
) -> impl Layer<ClientService, Service = impl Inner<Error>> + Clone + Send + Sync + 'static {
    let open = Arc::clone(open);
    around(move |inner: ClientService, request| {
        let open = Arc::clone(&open);
        async move {
            open.notified().await;
            inner.oneshot(request).await
        }
    })
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
