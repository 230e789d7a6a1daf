//! A generated client calls services that were not written with this library.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nats_rpc::{CallError, Client, Codec, ErrorKind, Execution, Retry, ServiceClient};
use serde_json::{Value, json};

use crate::bed::{Bed, LabClient, MathError, assert_failed, eventually, header};
use crate::foreign::{Foreign, plain};
use crate::on_every_broker;
use crate::retries::ShelfClient;

on_every_broker! {
    a_request_is_the_arguments_and_its_headers_say_the_rest,
    a_request_in_message_pack_is_packed,
    no_arguments_are_an_empty_map,
    a_bare_argument_is_the_whole_request,
    the_codec_that_a_reply_names_decides,
    an_empty_reply_is_nothing,
    an_error_has_the_code_and_the_text_of_the_service,
    the_errors_of_this_library_mean_what_they_mean_in_frames,
    an_error_that_may_pass_is_tried_again_only_if_nothing_ran,
    an_idempotent_call_may_be_hedged,
    a_reply_that_cannot_be_read_is_a_protocol_error,
    headers_of_a_reply_are_handed_on,
    a_late_reply_is_not_that_of_another_call,
    a_second_reply_is_ignored,
    a_thousand_calls_at_once_each_get_their_own_answer,
    nobody_there_shows_at_once,
    a_service_that_goes_away_is_waited_for,
    a_call_that_is_dropped_leaves_nothing_behind,
    oneway_calls_are_published_without_a_reply,
    a_receipt_is_whatever_comes,
    what_is_too_large_with_its_headers_is_not_sent,
}

const NOT: Execution = Execution::NotExecuted;
const MAYBE: Execution = Execution::MaybeExecuted;

fn read(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap()
}

async fn a_request_is_the_arguments_and_its_headers_say_the_rest(bed: Bed) {
    let lab = plain(&bed, Codec::Json).await;
    let mut service = Foreign::new(&bed, "lab.divide").await;
    let call = lab.divide(1.0, 4.0).header("tenant", "acme").timeout(Duration::from_millis(20_000));
    let serve = async {
        let request = service.next().await;
        assert_eq!(read(&request.payload), json!({"a": 1.0, "b": 4.0}));
        assert_eq!(header(&request, "Content-Type"), Some("application/json"));
        assert_eq!(header(&request, "Nats-Rpc-Timeout-Ms"), Some("20000"));
        assert_eq!(header(&request, "tenant"), Some("acme"));
        service.answer(&request, "0.25").await;
    };
    let (result, ()) = futures::join!(call.into_future(), serve);
    assert_eq!(result.unwrap(), 0.25);
}

async fn a_request_in_message_pack_is_packed(bed: Bed) {
    let lab = plain(&bed, Codec::MessagePack).await;
    let mut service = Foreign::new(&bed, "lab.echo").await;
    let serve = async {
        let request = service.next().await;
        assert_eq!(request.payload, &b"\x81\xA4text\xA2hi"[..]);
        assert_eq!(header(&request, "Content-Type"), Some("application/msgpack"));
        service.answer(&request, &b"\xA2ho"[..]).await;
    };
    let (result, ()) = futures::join!(lab.echo("hi").into_future(), serve);
    assert_eq!(result.unwrap(), "ho");
}

async fn no_arguments_are_an_empty_map(bed: Bed) {
    let mut service = Foreign::new(&bed, "lab.hasty").await;
    for (codec, empty, seven) in [(Codec::Json, &b"{}"[..], &b"7"[..]), (Codec::MessagePack, &[0x80], &[7])] {
        let lab = plain(&bed, codec).await;
        let serve = async {
            let request = service.next().await;
            assert_eq!(request.payload, empty);
            assert_eq!(header(&request, "Nats-Rpc-Timeout-Ms"), Some("150"), "that of the method");
            service.answer(&request, seven).await;
        };
        // The method's own time is short for a busy machine.
        let (result, ()) = futures::join!(lab.hasty().into_future(), serve);
        if let Ok(value) = result {
            assert_eq!(value, 7);
        }
    }
}

async fn a_bare_argument_is_the_whole_request(bed: Bed) {
    let lab = plain(&bed, Codec::Json).await;
    let mut service = Foreign::new(&bed, "lab.bare").await;
    let serve = async {
        let request = service.next().await;
        assert_eq!(request.payload, "\"quiet\"");
        service.answer(&request, "\"loud\"").await;
    };
    let (result, ()) = futures::join!(lab.bare("quiet").into_future(), serve);
    assert_eq!(result.unwrap(), "loud");
}

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

async fn an_error_that_may_pass_is_tried_again_only_if_nothing_ran(bed: Bed) {
    let shelf = ShelfClient::new(plain(&bed, Codec::Json).await.client());
    let mut service = Foreign::new(&bed, "shelf.buy").await;
    let draining = [
        ("Nats-Service-Error-Code", "503"),
        ("Nats-Service-Error", "going away"),
        ("Nats-Rpc-Execution", "0"),
    ];
    let serve = async {
        let first = service.next().await;
        service.answer_with(&first, &draining, "").await;
        let second = service.next().await;
        assert_eq!(first.payload, second.payload);
        assert_ne!(first.reply, second.reply);
        // The same from a service that says nothing about its handler is final.
        service.answer_with(&second, &draining[..2], "").await;
    };
    let (result, ()) = futures::join!(shelf.buy("it").into_future(), serve);
    assert_failed(result, ErrorKind::Remote, MAYBE);
}

async fn an_idempotent_call_may_be_hedged(bed: Bed) {
    let shelf = ShelfClient::new(plain(&bed, Codec::Json).await.client());
    let mut service = Foreign::new(&bed, "shelf.find").await;
    let call = shelf.find("it").retry(Retry::new().hedge_after(Duration::from_millis(20)));
    let serve = async {
        let (_slow, quick) = (service.next().await, service.next().await);
        service.answer(&quick, "\"it\"").await;
    };
    let (result, ()) = futures::join!(call.into_future(), serve);
    assert_eq!(result.unwrap(), "it");
    assert_eq!(shelf.client().connection().pending_calls(), 0);
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

async fn a_thousand_calls_at_once_each_get_their_own_answer(bed: Bed) {
    let lab = plain(&bed, Codec::Json).await;
    let service = Foreign::new(&bed, "lab.echo").await;
    service.keep_answering(|request| read(request)["text"].to_string().into());
    let texts: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    let calls = texts.iter().map(|text| lab.echo(text).timeout(Duration::from_secs(20)));
    let answers = futures::future::join_all(calls).await;
    let answers: Vec<String> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, texts);
    assert_eq!((lab.client().in_flight(), lab.client().connection().pending_calls()), (0, 0));
}

async fn nobody_there_shows_at_once(bed: Bed) {
    let lab = plain(&bed, Codec::Json).await;
    let begin = Instant::now();
    assert_failed(lab.echo("x").timeout(Duration::from_secs(60)).await, ErrorKind::NoResponders, NOT);
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

async fn a_service_that_goes_away_is_waited_for(bed: Bed) {
    let lab = plain(&bed, Codec::Json).await;
    let mut service = Foreign::new(&bed, "lab.echo").await;
    // An error is an answer too.
    let (first, ()) = futures::join!(lab.echo("first").into_future(), service.fail_next("418", "a teapot"));
    assert_failed(first, ErrorKind::Remote, MAYBE);
    drop(service);
    eventually_unserved(&lab).await;
    let waiting = tokio::spawn(lab.echo("waits"));
    Foreign::new(&bed, "lab.echo").await.keep_answering(|_| "\"back\"".into());
    assert_eq!(waiting.await.unwrap().unwrap(), "back");
}

/// Waits until the broker knows that nobody serves any more.
async fn eventually_unserved(lab: &LabClient) {
    loop {
        let probe = lab.echo("gone?").retry(Retry::off()).timeout(Duration::from_millis(500)).await;
        if probe.is_err_and(|error| error.rpc().is_some_and(|error| error.kind() == ErrorKind::NoResponders))
        {
            return;
        }
    }
}

async fn a_call_that_is_dropped_leaves_nothing_behind(bed: Bed) {
    let lab = plain(&bed, Codec::Json).await;
    let mut service = Foreign::new(&bed, "lab.echo").await;
    let call = tokio::spawn(lab.echo("dropped"));
    let request = service.next().await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!((lab.client().in_flight(), lab.client().connection().pending_calls()), (0, 0));
    service.answer(&request, "\"nobody waits\"").await;
    service.keep_answering(|_| "\"x\"".into());
    assert_eq!(lab.echo("x").await.unwrap(), "x");
}

async fn oneway_calls_are_published_without_a_reply(bed: Bed) {
    let lab = plain(&bed, Codec::Json).await;
    let mut service = Foreign::new(&bed, "lab.note").await;
    lab.note("a line").header("tenant", "acme").await.unwrap();
    let request = service.next().await;
    assert_eq!(read(&request.payload), json!({"line": "a line"}));
    assert_eq!((request.reply.as_ref(), header(&request, "tenant")), (None, Some("acme")));
    assert_eq!(header(&request, "Nats-Rpc-Timeout-Ms"), None, "nobody waits for it");
}

async fn a_receipt_is_whatever_comes(bed: Bed) {
    let lab = plain(&bed, Codec::Json).await;
    let mut service = Foreign::new(&bed, "lab.note").await;
    for body in ["", "null", "taken", "{\"stream\":\"LAB\",\"seq\":1}"] {
        let serve = async {
            let request = service.next().await;
            service.answer(&request, body).await;
        };
        let (result, ()) = futures::join!(lab.note("a line").acked().into_future(), serve);
        result.unwrap();
    }
    let (result, ()) =
        futures::join!(lab.note("a line").acked().into_future(), service.fail_next("500", "no paper"));
    assert_failed(result, ErrorKind::Remote, MAYBE);
}

async fn what_is_too_large_with_its_headers_is_not_sent(bed: Bed) {
    let connection = bed.connect().await;
    let limit = connection.max_payload();
    let lab = LabClient::new(Client::builder(&connection).plain().codec(Codec::Json).build().unwrap());
    Foreign::new(&bed, "lab.echo").await.keep_answering(|_| "\"x\"".into());
    let text = |payload: usize| "x".repeat(payload - r#"{"text":""}"#.len());
    assert_eq!(lab.echo(&text(limit - 1000)).await.unwrap(), "x");
    // The payload alone would fit.
    for call in [lab.echo(&text(limit)), lab.echo(&text(limit - 1000)).header("large", "y".repeat(1000))] {
        assert_failed(call.await, ErrorKind::PayloadTooLarge, NOT);
    }
    let cast = lab.note(&text(limit)).await;
    assert_failed(cast, ErrorKind::PayloadTooLarge, NOT);
    assert_failed(lab.echo("x").header("a b", "c").await, ErrorKind::InvalidArgument, NOT);
    assert_eq!(lab.echo("alive").await.unwrap(), "x");
    eventually("nothing is out", || connection.pending_calls() == 0).await;
}
