//! The client in Python that others can start from, and the service that it calls.

use std::path::Path;

use tests::{NatsServer, Program, Python};

use crate::program;

#[test]
fn python_calls_an_example_in_frames() {
    let nats = NatsServer::start();
    let mut service = program::start("json_from_any_client", Some(nats.url()), &[]);
    service.wait_for("Serving until Ctrl-C");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/framed_calls.py");
    let printed = Program::start(Python::with_nats().command(&script).arg(nats.url())).succeed();
    assert_eq!(printed.first().map(String::as_str), Some("Hello, Ann!"));
    let own_error = "hello: 422 Godot is not in (executed) {'NotIn': {'name': 'Godot'}}";
    assert!(printed.iter().any(|line| line == own_error), "{printed:#?}");
    assert_eq!(printed.last().map(String::as_str), Some("cancelled"));
    service.terminate();
    assert!(service.end().status.success());
}
