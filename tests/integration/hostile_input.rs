//! What could harm a server is refused, and the server lives.

use bytes::{BufMut, Bytes};
use nats_rpc::{Connection, ErrorKind, Execution, Server};

use crate::bed::{Bed, assert_failed, assert_plain_error, outbound, raw_request};
use crate::wires::on_every_wire;

on_every_wire! {
    deeply_nested_enums_are_refused,
    a_declared_length_of_four_gigabytes_is_refused,
    trailing_bytes_are_refused,
    a_request_over_the_servers_limit_is_refused,
    too_many_values_are_refused,
    frames_that_cannot_be_read_are_answered_as_a_whole,
    another_protocol_version_is_answered,
    an_unknown_demand_is_unimplemented,
    random_bytes_never_end_the_server,
    nothing_is_run_of_a_message_that_is_broken_further_on,
    tagged all_calls_of_a_message_are_answered,
    a_flood_of_headers_is_refused_at_once,
    a_call_without_time_is_not_executed,
    bytes_that_a_call_keeps_in_memory_are_counted,
}

async fn serve(bed: &Bed) -> (Server, Connection) {
    let server = bed.server_builder().await.max_request(256 * 1024).add(bed.service());
    (server.start().await.unwrap(), bed.connect().await)
}

/// A framed call with these arguments, written without the library.
fn frame(id: u64, flags: u64, args: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x99, 0x01, 0xC4, 0x08];
    frame.put_u64(id);
    frame.put_u8(0xCF);
    frame.put_u64(flags);
    frame.put_slice(&[0xCD, 0x13, 0x88, 0xC0, 0x01, 0xC0, 0xC0, 0xC6]);
    frame.put_u32(u32::try_from(args.len()).unwrap());
    frame.put_slice(args);
    frame
}

fn message(frames: &[Vec<u8>]) -> Bytes {
    [vec![0xC1, 0x01], frames.concat()].concat().into()
}

/// What matters here of an error frame: id, code, execution and flags.
fn read_error(payload: &[u8]) -> (u64, u64, u64, u64) {
    let (head, frame) = payload.split_at(2);
    assert_eq!(head, [0xC1, 0x01], "version 1");
    let frame: Vec<rmpv::Value> = rmp_serde::from_slice(frame).unwrap();
    assert_eq!(frame[0].as_u64(), Some(3), "an error frame");
    // Behind its elements, one that went to another account says so.
    assert!(frame.len() == 11 || frame[11..] == [true.into()], "{frame:?}");
    let id = frame[1].as_slice().unwrap().try_into().unwrap();
    let number = |at: usize| frame[at].as_u64().unwrap();
    (u64::from_be_bytes(id), number(2), number(3), number(4))
}

/// Asserts that the server still serves.
async fn assert_alive(bed: &Bed) {
    assert_eq!(bed.client().await.echo("alive").await.unwrap(), "alive");
}

/// Calls with arguments as they are: framed, and as plain MessagePack.
async fn assert_refused(bed: &Bed, subject: &str, args: &[u8], code: u64) {
    let connection = bed.connect().await;
    let framed = raw_request(&connection, subject, &[], message(&[frame(9, 0, args)])).await;
    assert_eq!(read_error(&framed.payload), (9, code, 0, 0));
    let plain =
        raw_request(&connection, subject, &[("Content-Type", "application/msgpack")], args.to_vec()).await;
    assert_plain_error(&plain, &code.to_string(), "0");
    assert_eq!(bed.ledger.started(), 0);
    assert_alive(bed).await;
}

async fn deeply_nested_enums_are_refused(bed: Bed) {
    let _server = serve(&bed).await;
    let node = b"\x81\xA4Node";
    let tree = [b"\x81\xA4tree".to_vec(), node.repeat(40_000 / node.len())].concat();
    assert_refused(&bed, "lab.nest", &tree, 400).await;
    let json = [r#"{"tree":"#.to_owned(), r#"{"Node":"#.repeat(40_000 / 8)].concat();
    let answer = raw_request(&bed.connect().await, "lab.nest", &[], json).await;
    assert_plain_error(&answer, "400", "0");
    assert_alive(&bed).await;
}

async fn a_declared_length_of_four_gigabytes_is_refused(bed: Bed) {
    let _server = serve(&bed).await;
    for declared in [0xDB, 0xC6, 0xDD, 0xDF] {
        let args = [b"\x81\xA4text".as_slice(), &[declared, 0xFF, 0xFF, 0xFF, 0xFF, b'x']].concat();
        let connection = bed.connect().await;
        let answer = raw_request(&connection, "lab.echo", &[], args).await;
        assert_plain_error(&answer, "400", "0");
    }
    assert_refused(&bed, "lab.echo", b"\x81\xA4text\xDB\xFF\xFF\xFF\xFFx", 400).await;
}

async fn trailing_bytes_are_refused(bed: Bed) {
    let _server = serve(&bed).await;
    assert_refused(&bed, "lab.echo", b"\x81\xA4text\xA1x\x00", 400).await;
}

async fn a_request_over_the_servers_limit_is_refused(bed: Bed) {
    let _server = serve(&bed).await;
    let lab = bed.client().await;
    let text = "x".repeat(1_000_000);
    assert_failed(lab.echo(&text).await, ErrorKind::PayloadTooLarge, Execution::NotExecuted);
    let json = format!(r#"{{"text":"{text}"}}"#);
    let answer = raw_request(&bed.connect().await, "lab.echo", &[], json).await;
    assert_plain_error(&answer, "413", "0");
    assert_eq!(bed.ledger.started(), 0);
    assert_alive(&bed).await;
}

async fn too_many_values_are_refused(bed: Bed) {
    let _server = serve(&bed).await;
    let args =
        [b"\x82\xA4text\xA1x\xA1y\xDD".as_slice(), &150_000_u32.to_be_bytes(), &vec![0; 150_000]].concat();
    assert_refused(&bed, "lab.echo", &args, 400).await;
}

/// Bit 7 of an error's flags: it is about the whole message.
const WHOLE: u64 = 1 << 7;

async fn frames_that_cannot_be_read_are_answered_as_a_whole(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    for (broken, id) in [
        (&b"\xC1\x01\xFF"[..], 0),
        (b"\xC1\x01\x93\x01\xC4\x08\0\0\0\0\0\0\0\x05\x00", 5),
        (b"\xC1\x01\x99\x01\xC4\xFF", 0),
        (b"\xC1", 0),
        (b"\xC1\x01", 0),
    ] {
        let answer = raw_request(&connection, "lab.echo", &[], broken).await;
        assert_eq!(read_error(&answer.payload), (id, 400, 0, WHOLE), "{broken:x?}");
    }
    assert_alive(&bed).await;
}

async fn another_protocol_version_is_answered(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    let mut later = message(&[frame(77, 0, b"\x80")]).to_vec();
    later[1] = 9;
    let answer = raw_request(&connection, "lab.echo", &[], later).await;
    assert_eq!(read_error(&answer.payload), (77, 404, 0, WHOLE));
}

async fn an_unknown_demand_is_unimplemented(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    let args = b"\x81\xA4text\xA1x";
    for flags in [1 << 8, 1 << 15, 2, 15] {
        let answer = raw_request(&connection, "lab.echo", &[], message(&[frame(1, flags, args)])).await;
        assert_eq!(read_error(&answer.payload).1, 404, "{flags:#x}");
    }
    let may_be_ignored = frame(1, 1 << 16 | 1 << 40, args);
    let answer = raw_request(&connection, "lab.echo", &[], message(&[may_be_ignored])).await;
    assert_eq!(answer.payload[3], 0x02, "a success");
}

async fn random_bytes_never_end_the_server(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    // A xorshift: the same bytes in every run.
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let valid = message(&[frame(3, 0, b"\x81\xA4tree\x81\xA4Node\xA4Leaf")]);
    for round in 0..300 {
        let mut bytes = valid.to_vec();
        for _ in 0..=random() % 4 {
            let at = usize::try_from(random()).unwrap() % bytes.len();
            bytes[at] = random().to_be_bytes()[0];
        }
        bytes.truncate(1 + usize::try_from(random()).unwrap() % bytes.len());
        if round % 3 == 0 {
            bytes.insert(0, 0xC1);
        }
        for subject in ["lab.nest", "lab.echo", "lab._ctl.any"] {
            let message = outbound(subject, Some("_INBOX.nobody"), bytes.clone());
            connection.publish(message).await.unwrap();
        }
    }
    assert_alive(&bed).await;
}

async fn nothing_is_run_of_a_message_that_is_broken_further_on(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    let good = frame(1, 0, b"\x81\xA4text\xA1x");
    let answer = raw_request(&connection, "lab.echo", &[], message(&[good, vec![0x99, 0x01]])).await;
    assert_eq!(read_error(&answer.payload), (1, 400, 0, WHOLE));
    assert_eq!(bed.ledger.started(), 0);
}

async fn all_calls_of_a_message_are_answered(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    let mut answers = connection.subscribe("_INBOX.many", None).await.unwrap();
    let frames: Vec<_> = (0..10).map(|id| frame(id, 0, b"\x81\xA4text\xA1x")).collect();
    let call = outbound("lab.echo", Some("_INBOX.many"), message(&frames));
    connection.publish(call).await.unwrap();
    let mut ids = std::collections::BTreeSet::new();
    while ids.len() < 10 {
        let answer = futures::StreamExt::next(&mut answers).await.unwrap();
        // Answers that are there at the same time share messages too.
        let mut frames = &answer.payload[2..];
        while !frames.is_empty() {
            let frame = rmpv::decode::read_value(&mut frames).unwrap();
            ids.insert(frame[1].as_slice().unwrap().to_vec());
        }
    }
    assert_eq!(bed.ledger.finished(), 10);
}

async fn a_flood_of_headers_is_refused_at_once(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    let names: Vec<String> = (0..20_000).map(|n| n.to_string()).collect();
    let headers: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let answer = raw_request(&connection, "lab.echo", &headers, r#"{"text":"x"}"#).await;
    assert_plain_error(&answer, "400", "0");
    let headers: Vec<_> = headers.into_iter().take(64).collect();
    let answer = raw_request(&connection, "lab.echo", &headers, r#"{"text":"x"}"#).await;
    assert_eq!(answer.payload, "\"x\"");
}

async fn a_call_without_time_is_not_executed(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    let lab = bed.client().await;
    for calls in [0, 300] {
        // In a task of its own at first, and in the receiving task later.
        for _ in 0..calls {
            lab.echo("cheap").await.unwrap();
        }
        let before = bed.ledger.started();
        let mut late = frame(4, 0, b"\x81\xA4text\xA1x");
        late.splice(21..24, [0x00]);
        let answer = raw_request(&connection, "lab.echo", &[], message(&[late])).await;
        assert_eq!(read_error(&answer.payload), (4, 408, 0, 0));
        assert_eq!(bed.ledger.started(), before);
    }
}

async fn bytes_that_a_call_keeps_in_memory_are_counted(bed: Bed) {
    let server = bed.server_builder().await.max_bytes(1000).add(bed.service());
    let _server = server.start().await.unwrap();
    // Small arguments, and behind them an element of a later version that is large.
    let mut large = frame(6, 0, b"\x81\xA4text\xA1x");
    large[0] = 0x9A;
    large.extend([0xC6, 0, 0, 0x08, 0]);
    large.resize(large.len() + 0x0800, 0);
    let answer = raw_request(&bed.connect().await, "lab.echo", &[], message(&[large])).await;
    assert_eq!(read_error(&answer.payload), (6, 429, 0, 0));
}
