//! Clients that are not ours: nats-py, and JetStream in the way.

use std::path::Path;

use nats_rpc::{ErrorKind, Execution};
use tests::{NatsServer, Python};

use crate::bed::{Bed, assert_failed};

#[tokio::test]
async fn nats_py_calls_with_json_and_reads_json() {
    let bed = Bed::nats();
    let _server = bed.serve().await;
    let url = bed.server().unwrap().url().to_owned();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration/call.py");
    let output = tokio::task::spawn_blocking(move || Python::with_nats().run(&script, [url.as_str()]));
    assert_eq!(output.await.unwrap().trim(), "ok");
}

/// A stream that captures the subject answers a request with its acknowledgement, before any service can.
#[tokio::test]
async fn an_acknowledgement_of_a_stream_is_a_protocol_error() {
    let bed = Bed::configured(NatsServer::builder().jetstream());
    let connection = bed.connect().await;
    let create = r#"{"name":"LAB","subjects":["lab.>"],"storage":"memory"}"#;
    crate::bed::raw_request(&connection, "$JS.API.STREAM.CREATE.LAB", &[], create).await;
    assert_failed(bed.client().await.echo("").await, ErrorKind::Protocol, Execution::MaybeExecuted);
}
