//! The client in Python that others can start from: what it calls, and that it reads and writes what is written down.

use std::path::{Path, PathBuf};

use tests::{Program, Python};

use crate::bed::{Bed, eventually};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

#[tokio::test]
async fn it_calls_in_frames() {
    let bed = Bed::new();
    let server = bed.serve().await;
    let mut calls = Python::with_nats().command(&examples().join("framed_calls.py"));
    calls.arg(bed.url());
    let printed = tokio::task::spawn_blocking(move || Program::start(&mut calls).succeed()).await.unwrap();
    let expected = [
        "Hello, Ann!",
        "Hello, Bob!",
        "Hello, Cid! Hello, Dee! Hello, Eve!",
        "hello: 422 Godot is not in (executed) {'Absent': 'Godot'}",
        "hello: 400 the arguments do not decode: missing field `name` (not executed)",
        "wait: 408 the call's deadline passed while the handler ran (maybe executed)",
        "missing: 503 nobody serves this method of greeter (not executed)",
        "receipt: None",
        "cancelled",
    ];
    assert_eq!(printed, expected);
    eventually("the handler is cancelled", || server.counters().cancelled == 1).await;
}

/// What the README promises.
#[test]
fn it_is_short() {
    let text = std::fs::read_to_string(examples().join("framed_client.py")).unwrap();
    assert!(text.lines().count() < 100);
}
