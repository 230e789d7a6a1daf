//! Requests are answered byte for byte as `tests/golden/exchanges.json` says, and the client in Python agrees on all files there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::message::OutboundMessage;
use futures::StreamExt;
use nats_rpc::Connection;
use rmpv::Value;
use serde::Deserialize;
use tests::{Program, Python};

use crate::bed::Bed;

#[derive(Deserialize)]
struct Exchange {
    name: String,
    subject: String,
    headers: BTreeMap<String, String>,
    request: Payload,
    reply: Reply,
}

#[derive(Deserialize)]
struct Payload {
    hex: String,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Reply {
    headers: BTreeMap<String, String>,
    hex: String,
}

fn golden() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The frames of a message, each with its id. How long the handlers ran, which is never the same, is 0 in all.
fn frames(message: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rest = &message[2..];
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let start = rest;
        let Value::Array(elements) = rmpv::decode::read_value(&mut rest).unwrap() else { panic!() };
        let mut frame = start[..start.len() - rest.len()].to_vec();
        let time = if elements[0] == Value::from(2) { 2 } else { 6 };
        // Arrays of up to fifteen elements begin with a byte.
        let mut after = &frame[1..];
        let mut end = || {
            rmpv::decode::read_value(&mut after).unwrap();
            frame.len() - after.len()
        };
        let ends: Vec<usize> = elements.iter().map(|_| end()).collect();
        frame.splice(ends[time - 1]..ends[time], [0]);
        frames.push((elements[1].as_slice().unwrap().to_vec(), frame));
    }
    frames
}

/// Sends a request as it stands there. Answers to several calls may come in any order and in several messages.
async fn exchange(connection: &Connection, exchange: &Exchange) -> Reply {
    let inbox = format!("_INBOX.golden.{}", uuid::Uuid::new_v4().simple());
    let mut answers = connection.subscribe(inbox.as_str(), None).await.unwrap();
    let mut headers = HeaderMap::new();
    exchange.headers.iter().for_each(|(name, value)| headers.append(&**name, &**value));
    let request = OutboundMessage {
        subject: exchange.subject.as_str().into(),
        reply: Some(inbox.into()),
        payload: bytes(&exchange.request.hex).into(),
        headers: (!headers.is_empty()).then_some(headers),
    };
    connection.publish(request).await.unwrap();
    let mut next = async || {
        let answer = tokio::time::timeout(Duration::from_secs(20), answers.next()).await;
        answer.unwrap_or_else(|_| panic!("{}: no answer comes", exchange.name)).unwrap()
    };
    let expected = bytes(&exchange.reply.hex);
    if !expected.starts_with(&[0xC1]) {
        let answer = next().await;
        let headers = answer.headers.iter().flat_map(HeaderMap::iter);
        let headers = headers.map(|(name, values)| (name.to_string(), values[0].to_string())).collect();
        return Reply { headers, hex: hex(&answer.payload) };
    }
    let count = frames(&expected).len();
    let mut read = Vec::new();
    while read.len() < count {
        let answer = next().await;
        assert_eq!((&answer.payload[..2], &answer.headers), (&[0xC1, 1][..], &None), "{}", exchange.name);
        read.extend(frames(&answer.payload));
    }
    read.sort_unstable();
    let body: Vec<u8> = read.into_iter().flat_map(|(_, frame)| frame).collect();
    Reply { headers: BTreeMap::new(), hex: format!("c101{}", hex(&body)) }
}

#[tokio::test]
async fn requests_are_answered_byte_for_byte() {
    let bed = Bed::new();
    let server = bed.serve().await;
    let connection = bed.connect().await;
    let text = fs::read(golden().join("exchanges.json")).unwrap();
    let exchanges: Vec<Exchange> = serde_json::from_slice(&text).unwrap();
    let mut different = Vec::new();
    for entry in &exchanges {
        let reply = exchange(&connection, entry).await;
        if reply != entry.reply {
            different.push(format!("{}:\n  {reply:?}\n  {:?}", entry.name, entry.reply));
        }
    }
    assert!(different.is_empty(), "what came, and what is written down:\n{}", different.join("\n"));
    server.shutdown().await;
}

#[test]
fn python_reads_and_writes_the_same() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/nats_py/golden.py");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut command = Python::with_nats().command(&script);
    let printed = Program::start(command.arg(examples).arg(golden())).succeed();
    assert_eq!(printed.last().map(String::as_str), Some("ok"));
}
