//! What a caller learns of the handler when a call fails in the layers of its client: the truth, whatever they do.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nats_rpc::middleware::{ClientRequest, ClientResponse, ClientService, Layer};
use nats_rpc::{Error, ErrorKind, Execution, Retry, ServiceClient};
use tokio::sync::Notify;
use tower::retry::{Policy, RetryLayer};
use tower::timeout::TimeoutLayer;
use tower::{Service, ServiceExt};

use crate::around::{Inner, around, builder, lab};
use crate::bed::{Bed, LabClient, assert_failed, eventually};
use crate::on_every_broker;

on_every_broker! {
    a_layer_that_refuses_says_not_executed,
    what_is_no_error_of_ours_is_internal,
    what_has_run_is_not_forgotten,
    what_has_not_run_is_said_whatever_a_layer_makes_of_it,
    a_call_that_a_layer_drops_may_have_run,
    a_layer_that_repeats_a_call_makes_further_attempts,
    a_layer_that_never_answers_is_left_at_the_deadline,
    what_was_called_not_executed_is_not_sent_behind_the_callers_back,
}

const NOT: Execution = Execution::NotExecuted;

const MAYBE: Execution = Execution::MaybeExecuted;

const EXECUTED: Execution = Execution::Executed;

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
