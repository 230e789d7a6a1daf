//! Layers of a server: what calls pass through before their handlers.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use nats_rpc::middleware::{Layer, ServerService, Service, from_fn};
use nats_rpc::{Context, Error, ErrorKind, Execution, RawCall, Reply, Retry, Server};
use tower::filter::FilterLayer;
use tower::limit::ConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;

use crate::bed::{Bed, LabClient, assert_failed, assert_plain_error, eventually, outbound, raw_request};
use crate::on_every_broker;

on_every_broker! {
    the_first_layer_sees_a_call_first_and_its_reply_last,
    a_layer_knows_the_call_and_tells_the_handler_what_it_found,
    a_call_that_a_layer_refuses_was_not_executed,
    what_a_layer_fails_with_after_the_handler_says_nothing_about_it,
    an_error_of_another_type_is_internal,
    a_layer_that_panics_ends_its_call_alone,
    a_layer_may_answer_by_itself,
    a_layer_may_change_the_arguments,
    the_limits_of_tower_hold_for_the_whole_server,
    plain_and_oneway_calls_pass_through_layers,
    a_handler_behind_layers_is_cancelled,
}

/// Serves the lab behind a layer.
async fn serve<F, A>(bed: &Bed, layer: F) -> (Server, LabClient)
where
    F: Fn(RawCall, ServerService) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<Reply, Error>> + Send + 'static,
{
    let layer = from_fn(layer);
    let server = bed.server_builder().await.layer(layer).add(bed.service()).start().await.unwrap();
    (server, bed.client().await)
}

async fn the_first_layer_sees_a_call_first_and_its_reply_last(bed: Bed) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let telling = |name: &'static str| {
        let seen = Arc::clone(&seen);
        from_fn(move |call: RawCall, inner: ServerService| {
            let seen = Arc::clone(&seen);
            async move {
                seen.lock().unwrap().push(format!("{name} sees {}", call.context().method()));
                let reply = inner.run(call).await;
                seen.lock().unwrap().push(format!("{name} is back"));
                reply
            }
        })
    };
    let builder = bed.server_builder().await.layer(telling("one")).layer(telling("two"));
    let _server = builder.add(bed.service()).start().await.unwrap();
    assert_eq!(bed.client().await.echo("x").await.unwrap(), "x");
    let expected = ["one sees echo", "two sees echo", "two is back", "one is back"];
    assert_eq!(*seen.lock().unwrap(), expected);
}

/// Who calls, as a layer found out.
struct User(String);

#[nats_rpc::service]
trait Desk {
    async fn who(&self, cx: &Context) -> Option<String>;
}

struct Clerk;

impl Desk for Clerk {
    async fn who(&self, cx: &Context) -> Option<String> {
        assert!(cx.extension::<u32>().is_none());
        cx.extension::<User>().map(|user| user.0.clone())
    }
}

async fn a_layer_knows_the_call_and_tells_the_handler_what_it_found(bed: Bed) {
    let authenticate = |call: RawCall, inner: ServerService| async move {
        let context = call.context();
        assert_eq!((context.service(), context.method(), context.subject()), ("desk", "who", "desk.who"));
        assert!(context.remaining() > Duration::ZERO);
        assert!(Context::current().is_some_and(|ambient| ambient.method() == "who"));
        if let Some(user) = context.headers().get("user") {
            context.set_extension(User(user.to_owned()));
            context.set_header("seen", user);
        }
        let reply = inner.run(call).await?;
        assert_eq!(reply.service_error(), None);
        Ok::<_, Error>(reply)
    };
    let builder = bed.server_builder().await.layer(from_fn(authenticate));
    let _server = builder.add(DeskServer::new(Clerk)).start().await.unwrap();
    let desk = DeskClient::new(bed.connect().await);
    let response = desk.who().header("user", "ann").detailed().await.unwrap();
    assert_eq!(response.headers().get("seen"), Some("ann"));
    assert_eq!(response.into_inner().as_deref(), Some("ann"));
    assert_eq!(desk.who().await.unwrap(), None);
}

async fn a_call_that_a_layer_refuses_was_not_executed(bed: Bed) {
    let refuse = |call: RawCall, _: ServerService| async move {
        let kind = match call.context().method() {
            "echo" => ErrorKind::Unauthenticated,
            _ => ErrorKind::Overloaded,
        };
        Err(Error::new(kind, "not like this"))
    };
    let (server, lab) = serve(&bed, refuse).await;
    let error = assert_failed(lab.echo("x").await, ErrorKind::Unauthenticated, Execution::NotExecuted);
    assert_eq!(error.message(), "not like this");
    let refused = lab.sleep(1).retry(Retry::off()).await;
    assert!(assert_failed(refused, ErrorKind::Overloaded, Execution::NotExecuted).is_retryable());
    assert_eq!(bed.ledger.started(), 0);
    assert_eq!((server.counters().refused, server.counters().malformed), (2, 0));
}

async fn what_a_layer_fails_with_after_the_handler_says_nothing_about_it(bed: Bed) {
    let spoil = |call: RawCall, inner: ServerService| async move {
        let method = call.context().method().to_owned();
        inner.run(call).await?;
        let error = Error::new(ErrorKind::Unavailable, "too late");
        Err(if method == "echo" { error.with_execution(Execution::NotExecuted) } else { error })
    };
    let (server, lab) = serve(&bed, spoil).await;
    assert_failed(lab.echo("x").await, ErrorKind::Unavailable, Execution::MaybeExecuted);
    assert_failed(lab.sleep(0).await, ErrorKind::Unavailable, Execution::MaybeExecuted);
    assert_eq!(bed.ledger.finished(), 2, "and neither was sent again");
    assert_eq!(server.counters().refused, 0);
    // What does not decode has not run, whatever is around it.
    let answer = raw_request(&bed.connect().await, "lab.echo", &[], "{}").await;
    assert_plain_error(&answer, "400", "0");
}

async fn an_error_of_another_type_is_internal(bed: Bed) {
    let filter = FilterLayer::new(|call: RawCall| match call.context().method() {
        "echo" => Err("no echoes here"),
        _ => Ok(call),
    });
    let server = bed.server_builder().await.layer(filter).add(bed.service()).start().await.unwrap();
    let lab = bed.client().await;
    let error = assert_failed(lab.echo("x").await, ErrorKind::Internal, Execution::NotExecuted);
    assert_eq!(error.message(), "no echoes here");
    assert_eq!(lab.sleep(0).await.unwrap(), 0);
    assert_eq!(server.counters().refused, 1);
}

async fn a_layer_that_panics_ends_its_call_alone(bed: Bed) {
    let careless = |call: RawCall, inner: ServerService| async move {
        assert_ne!(call.context().method(), "echo", "careless");
        inner.run(call).await
    };
    let (server, lab) = serve(&bed, careless).await;
    let error = assert_failed(lab.echo("x").await, ErrorKind::Internal, Execution::MaybeExecuted);
    assert!(!error.message().contains("careless"), "the caller learns of an incident: {error}");
    assert_eq!(lab.sleep(0).await.unwrap(), 0);
    assert_eq!(server.counters().panicked, 1);
}

async fn a_layer_may_answer_by_itself(bed: Bed) {
    let cache: Arc<Mutex<HashMap<String, String>>> = Arc::default();
    let kept = Arc::clone(&cache);
    let caching = move |call: RawCall, inner: ServerService| {
        let known = kept.lock().unwrap().get(call.context().method()).cloned();
        async move {
            match known {
                Some(known) => call.reply(known),
                None => inner.run(call).await,
            }
        }
    };
    let (_server, lab) = serve(&bed, caching).await;
    assert_eq!(lab.echo("x").await.unwrap(), "x");
    cache.lock().unwrap().insert("echo".to_owned(), "kept".to_owned());
    assert_eq!(lab.echo("x").await.unwrap(), "kept");
    let answer = raw_request(&bed.connect().await, "lab.echo", &[], r#"{"text":"x"}"#).await;
    assert_eq!(answer.payload, "\"kept\"", "in the dialect of each caller");
    assert_eq!(bed.ledger.started(), 1);
}

async fn a_layer_may_change_the_arguments(bed: Bed) {
    let translate = |mut call: RawCall, inner: ServerService| {
        let body = call.body().iter().map(u8::to_ascii_lowercase).collect::<Vec<_>>();
        call.set_body(body);
        async move { inner.run(call).await }
    };
    let (_server, lab) = serve(&bed, translate).await;
    assert_eq!(lab.echo("LOUD").await.unwrap(), "loud");
}

async fn the_limits_of_tower_hold_for_the_whole_server(bed: Bed) {
    let builder = bed.server_builder().await;
    let builder = builder.layer(LoadShedLayer::new()).layer(ConcurrencyLimitLayer::new(1));
    let builder = builder.layer(TimeoutLayer::new(Duration::from_secs(10)));
    let _server = builder.add(bed.service()).start().await.unwrap();
    let lab = bed.client().await;
    let waiting = tokio::spawn(lab.wait().into_future());
    bed.ledger.begun.notified().await;
    let shed = lab.echo("x").await;
    let error = assert_failed(shed, ErrorKind::Internal, Execution::NotExecuted);
    assert!(error.message().contains("overloaded"), "another method counts too: {error}");
    bed.ledger.release.notify_one();
    waiting.await.unwrap().unwrap();
    assert_eq!(lab.echo("x").await.unwrap(), "x");
}

async fn plain_and_oneway_calls_pass_through_layers(bed: Bed) {
    let refuse = |call: RawCall, inner: ServerService| async move {
        if call.context().headers().get("token").is_none() {
            return Err(Error::new(ErrorKind::Unauthenticated, "no token"));
        }
        inner.run(call).await
    };
    let (server, lab) = serve(&bed, refuse).await;
    let connection = bed.connect().await;
    let answer = raw_request(&connection, "lab.echo", &[], r#"{"text":"x"}"#).await;
    assert_plain_error(&answer, "401", "0");
    let answer = raw_request(&connection, "lab.echo", &[("token", "t")], r#"{"text":"x"}"#).await;
    assert_eq!(answer.payload, "\"x\"");
    lab.note("refused, and nobody learns it").await.unwrap();
    connection.publish(outbound("lab.note", None, r#"{"line":"likewise"}"#)).await.unwrap();
    eventually("both are refused", || server.counters().refused == 3).await;
    lab.note("noted").header("token", "t").await.unwrap();
    eventually("it is noted", || bed.ledger.finished() == 2).await;
}

async fn a_handler_behind_layers_is_cancelled(bed: Bed) {
    let through = |call: RawCall, inner: ServerService| async move { inner.run(call).await };
    let (server, lab) = serve(&bed, through).await;
    let call = tokio::spawn(lab.wait().into_future());
    bed.ledger.begun.notified().await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    call.abort();
    eventually("the handler is dropped", || server.counters().cancelled == 1).await;
    assert_eq!(bed.ledger.finished(), 0);
    let error = assert_failed(lab.hasty().await, ErrorKind::DeadlineExceeded, Execution::MaybeExecuted);
    assert!(error.message().contains("deadline"), "{error}");
}

/// A layer whose service is never ready fails nothing but the calls that wait for it.
#[tokio::test]
async fn a_layer_that_is_never_ready_ends_at_the_deadline() {
    #[derive(Clone)]
    struct Closed;

    impl<S> Layer<S> for Closed {
        type Service = Self;

        fn layer(&self, _: S) -> Self {
            Closed
        }
    }

    impl Service<RawCall> for Closed {
        type Response = Reply;
        type Error = Error;
        type Future = Ready<Result<Reply, Error>>;

        fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Error>> {
            Poll::Pending
        }

        fn call(&mut self, _: RawCall) -> Self::Future {
            ready(Err(Error::new(ErrorKind::Internal, "it is not ready")))
        }
    }

    let bed = Bed::memory();
    let builder = bed.server_builder().await.layer(Closed).add(bed.service());
    let server = builder.grace(Duration::from_millis(50)).start().await.unwrap();
    let late = bed.client().await.echo("x").timeout(Duration::from_millis(100)).await;
    assert_failed(late, ErrorKind::DeadlineExceeded, Execution::MaybeExecuted);
    server.shutdown().await;
}
