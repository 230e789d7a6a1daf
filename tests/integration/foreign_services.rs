//! A generated client calls services that were not written with this library.

use std::time::{Duration, Instant};

use nats_rpc::{Client, Codec, ErrorKind, Execution, Retry, ServiceClient};
use serde_json::{Value, json};

use crate::bed::{Bed, LabClient, assert_failed, eventually, header};
use crate::foreign::{Foreign, plain};
use crate::retries::ShelfClient;
use crate::wires::on_every_wire;

on_every_wire! {
    a_request_is_the_arguments_and_its_headers_say_the_rest,
    a_request_in_message_pack_is_packed,
    no_arguments_are_an_empty_map,
    a_bare_argument_is_the_whole_request,
    an_error_that_may_pass_is_tried_again_only_if_nothing_ran,
    an_idempotent_call_may_be_hedged,
    tagged a_thousand_calls_at_once_each_get_their_own_answer,
    tagged nobody_there_shows_at_once,
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
