//! The interoperability test cases of gRPC by their names, on this framework.
//!
//! See <https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md>. What is different there: there are no trailing headers, so that
//! `custom_metadata` asks for those at the beginning; a service that nobody serves is `NoResponders`; and a call is cancelled by being dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use nats_rpc::{CallError, Context, ErrorKind, Execution, Incoming, Server};
use serde::{Deserialize, Serialize};

use crate::bed::{Bed, assert_failed, eventually};
use crate::wires::on_every_wire;

on_every_wire! {
    empty_unary,
    large_unary,
    client_streaming,
    server_streaming,
    tagged ping_pong,
    empty_stream,
    custom_metadata,
    status_code_and_message,
    special_status_message,
    unimplemented_method,
    unimplemented_service,
    cancel_after_begin,
    tagged cancel_after_first_response,
    timeout_on_sleeping_server,
    concurrent_large_unary,
}

#[nats_rpc::service]
trait TestService {
    async fn empty_call(&self);
    async fn unary_call(&self, cx: &Context, request: SimpleRequest) -> Result<Bytes, Status>;
    async fn streaming_input_call(&self, payloads: Incoming<Bytes>) -> u64;
    fn streaming_output_call(&self, sizes: Vec<usize>) -> impl Stream<Item = Bytes>;
    fn full_duplex_call(
        &self,
        cx: &Context,
        requests: Incoming<SimpleRequest>,
    ) -> impl Stream<Item = Result<Bytes, Status>>;
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct SimpleRequest {
    response_size: usize,
    #[serde(with = "nats_rpc::__private::as_bytes")]
    payload: Bytes,
    response_status: Option<Status>,
    sleep_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
struct Status {
    code: i32,
    message: String,
}

#[derive(Clone, Default)]
struct TestServer(Arc<AtomicI64>);

/// A handler that runs.
struct Runs(Arc<AtomicI64>);

impl Drop for Runs {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl TestServer {
    fn run(&self) -> Runs {
        self.0.fetch_add(1, Ordering::SeqCst);
        Runs(Arc::clone(&self.0))
    }
}

async fn respond(request: SimpleRequest) -> Result<Bytes, Status> {
    tokio::time::sleep(Duration::from_millis(request.sleep_ms)).await;
    match request.response_status {
        Some(status) => Err(status),
        None => Ok(vec![0; request.response_size].into()),
    }
}

fn echo(cx: &Context) {
    if let Some(value) = cx.headers().get("x-grpc-test-echo-initial") {
        cx.set_header("x-grpc-test-echo-initial", value);
    }
}

impl TestService for TestServer {
    async fn empty_call(&self) {}

    async fn unary_call(&self, cx: &Context, request: SimpleRequest) -> Result<Bytes, Status> {
        echo(cx);
        respond(request).await
    }

    async fn streaming_input_call(&self, payloads: Incoming<Bytes>) -> u64 {
        let _runs = self.run();
        payloads.try_fold(0, |sum, payload| async move { Ok(sum + payload.len() as u64) }).await.unwrap_or(0)
    }

    fn streaming_output_call(&self, sizes: Vec<usize>) -> impl Stream<Item = Bytes> {
        stream::iter(sizes).map(|size| vec![0; size].into())
    }

    fn full_duplex_call(
        &self,
        cx: &Context,
        requests: Incoming<SimpleRequest>,
    ) -> impl Stream<Item = Result<Bytes, Status>> {
        echo(cx);
        let runs = self.run();
        requests.then(move |request| {
            let _runs = &runs;
            respond(request.unwrap_or_default())
        })
    }
}

/// A server, a client, and how many handlers of streams run.
async fn start(bed: &Bed) -> (Server, TestServiceClient, Arc<AtomicI64>) {
    let service = TestServer::default();
    let running = Arc::clone(&service.0);
    let builder = bed.server_builder().await.add(TestServiceServer::new(service));
    (builder.start().await.unwrap(), TestServiceClient::new(bed.connect().await), running)
}

fn request(payload: usize, response_size: usize) -> SimpleRequest {
    SimpleRequest { response_size, payload: vec![0; payload].into(), ..SimpleRequest::default() }
}

fn failing(code: i32, message: &str) -> (SimpleRequest, Status) {
    let status = Status { code, message: message.to_owned() };
    (SimpleRequest { response_status: Some(status.clone()), ..SimpleRequest::default() }, status)
}

async fn empty_unary(bed: Bed) {
    let (_server, client, _) = start(&bed).await;
    assert_eq!(client.empty_call().await, Ok(()));
}

async fn large_unary(bed: Bed) {
    let (_server, client, _) = start(&bed).await;
    assert_eq!(client.unary_call(request(271_828, 314_159)).await.unwrap(), vec![0; 314_159]);
}

async fn client_streaming(bed: Bed) {
    let (_server, client, _) = start(&bed).await;
    let payloads = stream::iter([27_182, 8, 1828, 45_904]).map(|size| vec![0; size].into());
    assert_eq!(client.streaming_input_call(payloads).await, Ok(74_922));
}

async fn server_streaming(bed: Bed) {
    let (_server, client, _) = start(&bed).await;
    let sizes = [31_415, 9, 2653, 58_979];
    let responses: Vec<Bytes> =
        client.streaming_output_call(sizes.into()).await.unwrap().try_collect().await.unwrap();
    assert_eq!(responses.iter().map(Bytes::len).collect::<Vec<_>>(), sizes);
}

async fn ping_pong(bed: Bed) {
    let (_server, client, running) = start(&bed).await;
    let (requests, receiver) = futures::channel::mpsc::unbounded();
    let mut responses = client.full_duplex_call(receiver).await.unwrap();
    for (size, response_size) in [(27_182, 31_415), (8, 9), (1828, 2653), (45_904, 58_979)] {
        requests.unbounded_send(request(size, response_size)).unwrap();
        assert_eq!(responses.next().await.unwrap().unwrap().len(), response_size);
    }
    drop(requests);
    assert!(responses.next().await.is_none());
    eventually("the handler has ended", || running.load(Ordering::SeqCst) == 0).await;
}

async fn empty_stream(bed: Bed) {
    let (_server, client, _) = start(&bed).await;
    let mut responses = client.full_duplex_call(stream::empty()).await.unwrap();
    assert!(responses.next().await.is_none());
}

async fn custom_metadata(bed: Bed) {
    const NAME: &str = "x-grpc-test-echo-initial";
    let (_server, client, _) = start(&bed).await;
    let unary = client.unary_call(request(271_828, 314_159)).header(NAME, "test_initial_metadata_value");
    let response = unary.detailed().await.unwrap();
    assert_eq!(response.headers().get(NAME), Some("test_initial_metadata_value"));
    let call = client.full_duplex_call(stream::iter([request(271_828, 314_159)]));
    let responses = call.header(NAME, "test_initial_metadata_value").await.unwrap();
    assert_eq!(responses.headers().get(NAME), Some("test_initial_metadata_value"));
    assert_eq!(responses.count().await, 1);
}

async fn both_fail_with(client: &TestServiceClient, code: i32, message: &str) {
    let (request, status) = failing(code, message);
    match client.unary_call(request.clone()).await {
        Err(CallError::Service(failed)) => assert_eq!(failed, status),
        other => panic!("{other:?}"),
    }
    let mut responses = client.full_duplex_call(stream::iter([request])).await.unwrap();
    match responses.next().await {
        Some(Err(CallError::Service(failed))) => assert_eq!(failed, status),
        other => panic!("{other:?}"),
    }
    assert!(responses.next().await.is_none());
}

async fn status_code_and_message(bed: Bed) {
    let (_server, client, _) = start(&bed).await;
    both_fail_with(&client, 2, "test status message").await;
}

async fn special_status_message(bed: Bed) {
    let (_server, client, _) = start(&bed).await;
    both_fail_with(&client, 2, "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n").await;
}

/// What the server does not have.
mod unimplemented {
    use futures::Stream;

    #[nats_rpc::service]
    pub(super) trait TestService {
        async fn unimplemented_call(&self);
        fn unimplemented_stream(&self) -> impl Stream<Item = u64>;
    }

    #[nats_rpc::service]
    pub(super) trait UnimplementedService {
        async fn unimplemented_call(&self);
        fn unimplemented_stream(&self) -> impl Stream<Item = u64>;
    }
}

async fn unimplemented_method(bed: Bed) {
    let _server = start(&bed).await;
    let client = unimplemented::TestServiceClient::new(bed.connect().await);
    let (kind, execution) = (ErrorKind::Unimplemented, Execution::NotExecuted);
    assert_failed(client.unimplemented_call().await, kind, execution);
    assert_failed(client.unimplemented_stream().await, kind, execution);
}

async fn unimplemented_service(bed: Bed) {
    let _server = start(&bed).await;
    let client = unimplemented::UnimplementedServiceClient::new(bed.connect().await);
    let (kind, execution) = (ErrorKind::NoResponders, Execution::NotExecuted);
    assert_failed(client.unimplemented_call().await, kind, execution);
    assert_failed(client.unimplemented_stream().await, kind, execution);
}

async fn cancel_after_begin(bed: Bed) {
    let (server, client, running) = start(&bed).await;
    let call = tokio::spawn(client.streaming_input_call(stream::pending()));
    eventually("the handler runs", || running.load(Ordering::SeqCst) == 1).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    eventually("the handler is dropped", || running.load(Ordering::SeqCst) == 0).await;
    assert_eq!(server.counters().cancelled, 1);
}

async fn cancel_after_first_response(bed: Bed) {
    let (server, client, running) = start(&bed).await;
    let requests = stream::iter([request(27_182, 31_415)]).chain(stream::pending());
    let mut responses = client.full_duplex_call(requests).await.unwrap();
    assert_eq!(responses.next().await.unwrap().unwrap().len(), 31_415);
    drop(responses);
    eventually("the handler is dropped", || running.load(Ordering::SeqCst) == 0).await;
    assert_eq!(server.counters().cancelled, 1);
}

async fn timeout_on_sleeping_server(bed: Bed) {
    let (_server, client, running) = start(&bed).await;
    let sleeping = SimpleRequest { sleep_ms: 600_000, ..request(27_182, 31_415) };
    let requests = stream::iter([sleeping]).chain(stream::pending());
    let mut responses = client.full_duplex_call(requests).timeout(Duration::from_millis(200)).await.unwrap();
    let failed = responses.next().await.unwrap();
    assert_failed(failed, ErrorKind::DeadlineExceeded, Execution::MaybeExecuted);
    assert!(responses.next().await.is_none());
    eventually("the handler is dropped", || running.load(Ordering::SeqCst) == 0).await;
}

async fn concurrent_large_unary(bed: Bed) {
    let (_server, client, _) = start(&bed).await;
    let client = &client;
    let call = |_| async move {
        let call = client.unary_call(request(271_828, 314_159)).timeout(Duration::from_secs(60));
        call.await.unwrap().len()
    };
    let lengths: Vec<usize> = stream::iter(0..1000).map(call).buffer_unordered(100).collect().await;
    assert_eq!(lengths, vec![314_159; 1000]);
}
