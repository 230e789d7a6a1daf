//! What services that were not written with this library reply, and what a generated client makes of it.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use nats_rpc::{CallError, Codec, ErrorKind, Execution, Retry, ServiceClient};

use crate::bed::{Bed, MathError, assert_failed};
use crate::foreign::{Foreign, plain};
use crate::on_every_broker;

on_every_broker! {
    the_codec_that_a_reply_names_decides,
    an_empty_reply_is_nothing,
    an_error_has_the_code_and_the_text_of_the_service,
    the_errors_of_this_library_mean_what_they_mean_in_frames,
    a_reply_that_cannot_be_read_is_a_protocol_error,
    headers_of_a_reply_are_handed_on,
    a_late_reply_is_not_that_of_another_call,
    a_second_reply_is_ignored,
}

const NOT: Execution = Execution::NotExecuted;

const MAYBE: Execution = Execution::MaybeExecuted;

async fn the_codec_that_a_reply_names_decides(bed: Bed) {
    let mut service = Foreign::new(&bed, "lab.echo").await;
    for (codec, named, body) in [
        (Codec::MessagePack, "application/json; charset=utf-8", &b"\"x\""[..]),
        (Codec::Json, "application/msgpack", b"\xA1x"),
        (Codec::Json, "text/plain", b"\"x\""),
    ] {
        let lab = plain(&bed, codec).await;
        let serve = async {
            let request = service.next().await;
            service.answer_with(&request, &[("Content-Type", named)], body).await;
        };
        let (result, ()) = futures::join!(lab.echo("x").into_future(), serve);
        assert_eq!(result.unwrap(), "x", "{named}");
    }
}

async fn an_empty_reply_is_nothing(bed: Bed) {
    #[nats_rpc::service(name = "lab")]
    trait Empty {
        async fn clear(&self);
        async fn find(&self) -> Option<String>;
        async fn count(&self) -> u64;
    }

    for codec in [Codec::Json, Codec::MessagePack] {
        let empty = EmptyClient::new(plain(&bed, codec).await.client());
        let services = ["clear", "find", "count"].map(|method| Foreign::new(&bed, method_subject(method)));
        for service in futures::future::join_all(services).await {
            service.keep_answering(|_| Bytes::new());
        }
        empty.clear().await.unwrap();
        assert_eq!(empty.find().await.unwrap(), None);
        assert_failed(empty.count().await, ErrorKind::Protocol, MAYBE);
    }
}

fn method_subject(method: &str) -> &'static str {
    match method {
        "clear" => "lab.clear",
        "find" => "lab.find",
        _ => "lab.count",
    }
}

async fn an_error_has_the_code_and_the_text_of_the_service(bed: Bed) {
    let lab = plain(&bed, Codec::Json).await;
    let mut service = Foreign::new(&bed, "lab.divide").await;
    let long = "é".repeat(20_000);
    for (code, text, expected_code, expected_text) in [
        ("404", "no such number", 404, "no such number"),
        ("422", "not ours", 422, "not ours"),
        ("503", "come back later", 503, "come back later"),
        (" 70 ", "with spaces", 70, "with spaces"),
        ("429", "", 429, "code 429"),
        ("E_DIVIDE", "by zero", 500, "E_DIVIDE: by zero"),
        ("70000", "too many", 500, "70000: too many"),
        ("", "only a text", 500, "only a text"),
        ("500", &long, 500, &long[..8192]),
    ] {
        let (result, ()) = futures::join!(lab.divide(1.0, 0.0).into_future(), service.fail_next(code, text));
        let error = assert_failed(result, ErrorKind::Remote, MAYBE);
        assert_eq!((error.code(), error.message()), (expected_code, expected_text));
        assert!(!error.is_retryable(), "{error}");
    }
    assert_eq!(lab.client().in_flight(), 0);
}

async fn the_errors_of_this_library_mean_what_they_mean_in_frames(bed: Bed) {
    let lab = plain(&bed, Codec::Json).await;
    let mut service = Foreign::new(&bed, "lab.divide").await;
    let mut fail = async |headers: &[(&str, &str)], body: &'static str| {
        let serve = async {
            let request = service.next().await;
            service.answer_with(&request, headers, body).await;
        };
        futures::join!(lab.divide(1.0, 0.0).retry(Retry::off()).into_future(), serve).0
    };
    let (code, text, execution) = ("Nats-Service-Error-Code", "Nats-Service-Error", "Nats-Rpc-Execution");
    let own = fail(&[(code, "422"), (text, "division by 0"), (execution, "2")], r#"{"DivisionBy":0}"#).await;
    assert_eq!(own, Err(CallError::Service(MathError::DivisionBy(0))));
    let own = fail(&[(code, "422"), (text, "division by 0"), (execution, "2")], "nonsense").await;
    assert_failed(own, ErrorKind::Protocol, Execution::Executed);
    let busy = [(code, "429"), (text, "busy"), (execution, "0"), ("Nats-Rpc-Retry-After-Ms", "70")];
    let error = assert_failed(fail(&busy, "").await, ErrorKind::Overloaded, NOT);
    assert_eq!(error.retry_after(), Some(Duration::from_millis(70)));
    for (said, meant) in [("1", MAYBE), ("2", Execution::Executed), ("7", MAYBE), ("yes", MAYBE), ("", MAYBE)]
    {
        let result = fail(&[(code, "500"), (text, "oh"), (execution, said)], "").await;
        assert_failed(result, ErrorKind::Internal, meant);
    }
}

async fn a_reply_that_cannot_be_read_is_a_protocol_error(bed: Bed) {
    let lab = plain(&bed, Codec::Json).await;
    let mut service = Foreign::new(&bed, "lab.echo").await;
    let deep = "[".repeat(100_000);
    let acknowledgement = r#"{"stream":"LAB","seq":1}"#;
    for body in [
        &b"7"[..],
        b"\xFF\xFE\xFD",
        b"\xC1\x01\x96\x02",
        b"\"a\" \"b\"",
        acknowledgement.as_bytes(),
        deep.as_bytes(),
    ] {
        let serve = async {
            let request = service.next().await;
            service.answer(&request, body.to_vec()).await;
        };
        let (result, ()) = futures::join!(lab.echo("x").into_future(), serve);
        assert_failed(result, ErrorKind::Protocol, MAYBE);
    }
    for (name, value) in [("X", "x".repeat(10_000)), ("Nats-Rpc-Execution", "y".repeat(10_000))] {
        let serve = async {
            let request = service.next().await;
            service.answer_with(&request, &[(name, &value)], "\"x\"").await;
        };
        let (result, ()) = futures::join!(lab.echo("x").into_future(), serve);
        assert_failed(result, ErrorKind::Protocol, MAYBE);
    }
    service.keep_answering(|_| "\"alive\"".into());
    assert_eq!(lab.echo("x").await.unwrap(), "alive");
}

async fn headers_of_a_reply_are_handed_on(bed: Bed) {
    let lab = plain(&bed, Codec::Json).await;
    let mut service = Foreign::new(&bed, "lab.echo").await;
    let serve = async {
        let request = service.next().await;
        service.answer_with(&request, &[("answered-by", "someone"), ("answered-by", "else")], "\"x\"").await;
    };
    let (result, ()) = futures::join!(lab.echo("x").detailed().into_future(), serve);
    let response = result.unwrap();
    assert_eq!(response.headers().get("answered-by"), Some("someone"));
    assert_eq!((response.instance(), response.handler_time()), (None, Duration::ZERO));
    assert_eq!(response.into_inner(), "x");
}

async fn a_late_reply_is_not_that_of_another_call(bed: Bed) {
    let lab = plain(&bed, Codec::Json).await;
    let mut service = Foreign::new(&bed, "lab.echo").await;
    let late = lab.echo("late").timeout(Duration::from_millis(50)).await;
    assert_failed(late, ErrorKind::DeadlineExceeded, MAYBE);
    let late = service.next().await;
    let serve = async {
        let request = service.next().await;
        service.answer(&late, "\"late\"").await;
        service.answer(&request, "\"in time\"").await;
    };
    let (result, ()) = futures::join!(lab.echo("another").into_future(), serve);
    assert_eq!(result.unwrap(), "in time");
}

async fn a_second_reply_is_ignored(bed: Bed) {
    let lab = plain(&bed, Codec::Json).await;
    let mut service = Foreign::new(&bed, "lab.echo").await;
    let mut replies = HashSet::new();
    for number in 0..20 {
        let serve = async {
            let request = service.next().await;
            replies.insert(request.reply.clone().unwrap().to_string());
            service.answer(&request, format!("\"{number}\"")).await;
            service.answer(&request, "\"again\"").await;
        };
        let (result, ()) = futures::join!(lab.echo("x").into_future(), serve);
        assert_eq!(result.unwrap(), number.to_string());
    }
    assert_eq!(replies.len(), 20, "no reply subject is used twice");
    assert_eq!(lab.client().connection().pending_calls(), 0);
}
