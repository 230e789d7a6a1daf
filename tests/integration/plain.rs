//! The plain dialects: any NATS client calls with JSON or MessagePack.

use nats_rpc::Connection;
use serde_json::{Value, json};

use crate::bed::{Bed, assert_plain_error, header, raw_request};
use crate::wires::on_every_wire;

on_every_wire! {
    tagged json_by_name_and_by_position,
    message_pack_by_name_and_by_position,
    a_content_type_decides_and_is_named_in_the_answer,
    no_body_means_no_arguments,
    bytes_are_base64_in_json_and_bin_in_message_pack,
    a_bare_value_is_the_whole_body,
    the_services_own_error_has_headers_and_a_body,
    refusals_have_headers_and_no_body,
    a_timeout_header_bounds_the_handler,
    headers_reach_the_handler_and_come_back,
    an_unreadable_body_is_answered_as_json,
    headers_of_a_reply_count_against_the_brokers_limit,
}

async fn serve(bed: &Bed) -> (nats_rpc::Server, Connection) {
    (bed.serve().await, bed.connect().await)
}

fn pack(value: &Value) -> Vec<u8> {
    rmp_serde::to_vec(value).unwrap()
}

fn unpack(payload: &[u8]) -> Value {
    rmp_serde::from_slice(payload).unwrap()
}

async fn json_by_name_and_by_position(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    for body in [r#"{"a":1,"b":4}"#, "[1,4]", "\n {\"b\": 4, \"a\": 1, \"unknown\": []}"] {
        let answer = raw_request(&connection, "lab.divide", &[], body).await;
        assert_eq!(answer.payload, "0.25", "{body}");
        assert!(answer.headers.is_none(), "a header costs more than the call");
    }
}

async fn message_pack_by_name_and_by_position(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    for body in [json!({"a": 1.0, "b": 4.0}), json!([1.0, 4.0])] {
        let answer = raw_request(&connection, "lab.divide", &[], pack(&body)).await;
        assert_eq!(unpack(&answer.payload), json!(0.25));
    }
}

async fn a_content_type_decides_and_is_named_in_the_answer(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    let kind = [("Content-Type", "application/msgpack")];
    let answer = raw_request(&connection, "lab.echo", &kind, pack(&json!({"text": "x"}))).await;
    assert_eq!(unpack(&answer.payload), json!("x"));
    assert_eq!(header(&answer, "Content-Type"), Some("application/msgpack"));
    let answer = raw_request(&connection, "lab.echo", &kind, r#"{"text":"x"}"#).await;
    assert_plain_error(&answer, "400", "0");
}

async fn no_body_means_no_arguments(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    for body in [&b""[..], b"{}", b" "] {
        let answer = raw_request(&connection, "lab.all_optional", &[], body).await;
        assert_eq!(answer.payload, "10", "{body:?}");
    }
    let answer = raw_request(&connection, "lab.all_optional", &[], &[0xC0][..]).await;
    assert_eq!(unpack(&answer.payload), json!(10));
    assert_plain_error(&raw_request(&connection, "lab.echo", &[], "").await, "400", "0");
}

async fn bytes_are_base64_in_json_and_bin_in_message_pack(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    let answer = raw_request(&connection, "lab.reverse", &[], r#"{"bytes":"AQID"}"#).await;
    assert_eq!(answer.payload, "\"AwIB\"");
    let answer =
        raw_request(&connection, "lab.reverse", &[], &b"\x81\xA5bytes\xC4\x03\x01\x02\x03"[..]).await;
    assert_eq!(answer.payload[..], [0xC4, 3, 3, 2, 1]);
    let answer = raw_request(&connection, "lab.reverse", &[], r#"{"bytes":"no base64!"}"#).await;
    assert_plain_error(&answer, "400", "0");
}

async fn a_bare_value_is_the_whole_body(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    let answer = raw_request(&connection, "lab.bare", &[], "\"loud\"").await;
    assert_eq!(answer.payload, "\"LOUD\"");
    let answer = raw_request(&connection, "lab.bare", &[], pack(&json!("loud"))).await;
    assert_eq!(unpack(&answer.payload), json!("LOUD"));
}

async fn the_services_own_error_has_headers_and_a_body(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    let answer = raw_request(&connection, "lab.divide", &[], r#"{"a":1,"b":0}"#).await;
    assert_plain_error(&answer, "422", "2");
    assert_eq!(header(&answer, "Nats-Service-Error"), Some("division by 0"));
    assert_eq!(answer.payload, r#"{"DivisionBy":0}"#);
}

async fn refusals_have_headers_and_no_body(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    for body in [r#"{"a":1}"#, r#"{"a":"one","b":2}"#, "{\"a\":1,\"b\":2} trailing", "{\"a\":", "[1]"] {
        let answer = raw_request(&connection, "lab.divide", &[], body).await;
        assert_plain_error(&answer, "400", "0");
        assert!(answer.payload.is_empty());
    }
    assert_eq!(bed.ledger.started(), 0);
}

async fn a_timeout_header_bounds_the_handler(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    let answer = raw_request(&connection, "lab.wait", &[("Nats-Rpc-Timeout-Ms", "50")], "").await;
    assert_plain_error(&answer, "408", "1");
    let answer = raw_request(&connection, "lab.wait", &[("Nats-Rpc-Timeout-Ms", "soon")], "").await;
    assert_plain_error(&answer, "400", "0");

    let bounded = bed
        .server_builder()
        .await
        .prefix(bed.served("short"))
        .default_timeout(std::time::Duration::from_millis(50));
    let _bounded = bounded.add(bed.service()).start().await.unwrap();
    let answer = raw_request(&connection, "short.lab.wait", &[], "").await;
    assert_plain_error(&answer, "408", "1");
}

async fn headers_reach_the_handler_and_come_back(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    let answer = raw_request(&connection, "lab.context", &[("tenant", "acme")], "{}").await;
    let seen: Value = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(seen["tenant"], "acme");
    assert_eq!(header(&answer, "answered-by"), Some("lab"));
}

async fn an_unreadable_body_is_answered_as_json(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    for body in [&b"hello"[..], &[0xFF, 0xFE], b"\"text\"", &[0x01]] {
        assert_plain_error(&raw_request(&connection, "lab.echo", &[], body).await, "400", "0");
    }
}

async fn headers_of_a_reply_count_against_the_brokers_limit(bed: Bed) {
    let (_server, connection) = serve(&bed).await;
    // As base64 between quotes it fits, with a header it does not.
    let count = (connection.max_payload() - 2) / 4 * 3;
    let body = format!(r#"{{"count":{count}}}"#);
    let answer = raw_request(&connection, "lab.bytes", &[], body.clone()).await;
    assert!(answer.payload.len() > connection.max_payload() - 6);
    let answer = raw_request(&connection, "lab.bytes", &[("Content-Type", "application/json")], body).await;
    assert_plain_error(&answer, "413", "2");
}
