//! Our clients find and call services in other languages.

use std::time::Duration;

use nats_rpc::discovery::discover;
use nats_rpc::{CallError, Codec, ErrorKind, Execution, Retry};
use serde_json::Value;
use tests::schema_mistakes;

use crate::bed::{Bed, GreetError, Language};
use crate::in_every_language;

in_every_language! {
    values_come_back_in_both_codecs,
    errors_have_the_code_and_the_text_of_the_service,
    what_is_not_answered_times_out,
    a_service_that_has_stopped_has_no_responders,
    discovery_lists_services_of_others,
    their_answers_are_those_that_the_schemas_describe,
}

const CODECS: [Codec; 2] = [Codec::Json, Codec::MessagePack];

/// Asserts kind and execution of a failed call; returns its code and text.
#[track_caller]
fn assert_failed<T: std::fmt::Debug>(
    result: Result<T, CallError<impl std::fmt::Debug>>,
    kind: ErrorKind,
    execution: Execution,
) -> (u16, String) {
    match result {
        Err(CallError::Rpc(error)) => {
            assert_eq!((error.kind(), error.execution()), (kind, execution), "{error}");
            (error.code(), error.message().to_owned())
        }
        other => panic!("expected {kind}, got {other:?}"),
    }
}

async fn values_come_back_in_both_codecs(language: Language) {
    let bed = Bed::new();
    let _service = language.serve(&bed).await;
    for codec in CODECS {
        let greeter = bed.plain_client(codec).await;
        assert_eq!(greeter.hello("Zoë 🙂").await.unwrap(), "Hello, Zoë 🙂!");
        assert_eq!(greeter.add(-5_000_000_000, 1).await.unwrap(), -4_999_999_999);
        assert_eq!(greeter.shout("quiet").await.unwrap(), "QUIET");
        assert_eq!(greeter.tenant().await.unwrap(), None);
        let call = greeter.tenant().header("tenant", "acme").detailed();
        let answer = call.await.unwrap();
        let by = if language == Language::Python { "nats-py" } else { "javascript" };
        assert_eq!(answer.headers().get("answered-by"), Some(by));
        assert_eq!(answer.into_inner().as_deref(), Some("acme"));
    }
    // Bytes are themselves in MessagePack only; in JSON, the service would have to know of base64.
    let greeter = bed.plain_client(Codec::MessagePack).await;
    assert_eq!(greeter.reverse(&[1, 2, 3]).await.unwrap()[..], [3, 2, 1]);
}

async fn errors_have_the_code_and_the_text_of_the_service(language: Language) {
    let bed = Bed::new();
    let _service = language.serve(&bed).await;
    for codec in CODECS {
        let greeter = bed.plain_client(codec).await;
        let maybe = Execution::MaybeExecuted;
        for name in ["Godot", "Godot Zoë 🙂"] {
            let absent = assert_failed(greeter.hello(name).await, ErrorKind::Remote, maybe);
            assert_eq!(absent, (404, format!("{name} is not in")));
        }
        // 422 is no error of this trait unless it comes from this library.
        let refused: Result<String, CallError<GreetError>> = greeter.refuse().await;
        assert_eq!(assert_failed(refused, ErrorKind::Remote, maybe), (422, "not ours".to_owned()));
        let (code, text) = assert_failed(greeter.fail().await, ErrorKind::Remote, maybe);
        assert!(code == 500 && text.contains("broken"), "{code} {text}");
    }
}

async fn what_is_not_answered_times_out(language: Language) {
    let bed = Bed::new();
    let _service = language.serve(&bed).await;
    let greeter = bed.plain_client(Codec::Json).await;
    let result = greeter.wait().timeout(Duration::from_millis(100)).await;
    assert_failed(result, ErrorKind::DeadlineExceeded, Execution::MaybeExecuted);
}

async fn a_service_that_has_stopped_has_no_responders(language: Language) {
    let bed = Bed::new();
    let (mut service, _) = language.serve(&bed).await;
    let greeter = bed.plain_client(Codec::Json).await;
    assert_eq!(greeter.add(1, 2).await.unwrap(), 3);
    let stop = move || {
        service.tell("stop");
        service.wait_for("stopped");
        service
    };
    // It is connected until the end of the test.
    let _stopped = tokio::task::spawn_blocking(stop).await.unwrap();
    let result = greeter.add(1, 2).retry(Retry::off()).await;
    assert_failed(result, ErrorKind::NoResponders, Execution::NotExecuted);
    assert!(discover(bed.connect().await).ping().await.unwrap().is_empty());
}

async fn discovery_lists_services_of_others(language: Language) {
    let bed = Bed::new();
    let (_service, id) = language.serve(&bed).await;
    let greeter = bed.plain_client(Codec::Json).await;
    greeter.add(1, 2).await.unwrap();
    greeter.hello("Ann").await.unwrap();
    greeter.hello("Godot").await.unwrap_err();
    let connection = bed.connect().await;

    let pongs = discover(&connection).at_most(1).ping().await.unwrap();
    assert_eq!((&*pongs[0].name, &*pongs[0].id, &*pongs[0].version), ("greeter", &*id, "1.2.3"));
    assert_eq!(pongs[0].metadata["zone"], "eu");
    let infos = discover(&connection).instance("greeter", &*id).await.unwrap();
    assert_eq!((infos.len(), &*infos[0].description), (1, "Greets."));
    let hello = infos[0].endpoints.iter().find(|endpoint| endpoint.name == "hello").unwrap();
    assert_eq!((&*hello.subject, &*hello.queue_group), ("greeter.hello", "q"));
    let stats = discover(&connection).service("greeter").at_most(1).stats().await.unwrap();
    let of = |name: &str| stats[0].endpoints.iter().find(|endpoint| endpoint.name == name).unwrap();
    let numbers = |name: &str| (of(name).num_requests, of(name).num_errors);
    assert_eq!((numbers("hello"), numbers("add"), numbers("shout")), ((2, 1), (1, 0), (0, 0)));
    assert!(of("hello").last_error.contains("Godot is not in"), "{}", of("hello").last_error);
    assert_eq!(of("hello").calls(), None, "it says nothing about calls as we do");
}

async fn their_answers_are_those_that_the_schemas_describe(language: Language) {
    let bed = Bed::new();
    let _service = language.serve(&bed).await;
    let found = language.run("discover", &bed, &["1"]).await;
    for verb in ["PING", "INFO"] {
        assert_eq!(schema_mistakes(verb, &found[verb][0]["raw"]), [""; 0], "{verb}");
    }
    let mut stats = found["STATS"][0]["raw"].clone();
    if language == Language::JavaScript {
        // Of an endpoint without errors, it leaves out what the schema requires.
        let left_out = schema_mistakes("STATS", &stats);
        assert!(
            !left_out.is_empty() && left_out.iter().all(|text| text.contains("last_error")),
            "{left_out:?}"
        );
        for endpoint in stats["endpoints"].as_array_mut().unwrap() {
            endpoint["last_error"] = Value::from("");
        }
    }
    assert_eq!(schema_mistakes("STATS", &stats), [""; 0]);
    for (field, wrong) in
        [("type", "another"), ("name", "a b"), ("id", ""), ("version", "v1.2.3"), ("started", "now")]
    {
        let mut answer = stats.clone();
        answer[field] = Value::from(wrong);
        assert_eq!(schema_mistakes("STATS", &answer).len(), 1, "{field}");
    }
}
