//! Clients in other languages find our services, read their statistics, and call them.

use serde_json::{Value, json};
use tests::schema_mistakes;

use crate::bed::{Bed, Language};
use crate::in_every_language;

in_every_language! {
    every_instance_is_found,
    instances_are_found_by_name_and_id,
    statistics_agree_with_the_calls_that_were_made,
    values_are_those_of_the_language,
    the_service_s_own_error_is_an_error_with_a_body,
    refusals_are_errors_that_say_why,
    any_text_can_be_an_error,
    nobody_there_is_no_responders,
    a_request_needs_no_header,
}

/// Makes these calls, one after the other.
async fn call(language: Language, bed: &Bed, calls: Value) -> Vec<Value> {
    let Value::Array(answers) = language.run("call", bed, &[&calls.to_string()]).await else { panic!() };
    answers
}

/// A field of each of these answers, in order.
fn each<'a>(answers: &'a Value, field: &str) -> Vec<&'a str> {
    let mut found: Vec<_> =
        answers.as_array().unwrap().iter().map(|answer| answer["read"][field].as_str().unwrap()).collect();
    found.sort_unstable();
    found
}

async fn every_instance_is_found(language: Language) {
    let bed = Bed::new();
    let _one = bed.instance("one").await.metadata("zone", "eu").start().await.unwrap();
    let _two = bed.instance("two").await.metadata("zone", "us").start().await.unwrap();
    let found = language.run("discover", &bed, &["2"]).await;
    for verb in ["PING", "INFO", "STATS"] {
        assert_eq!(each(&found[verb], "id"), ["one", "two"], "{verb}");
        assert_eq!(each(&found[verb], "name"), ["greeter", "greeter"]);
        assert_eq!(each(&found[verb], "version"), ["1.2.3", "1.2.3"]);
        for answer in found[verb].as_array().unwrap() {
            let zone = if answer["read"]["id"] == "one" { "eu" } else { "us" };
            assert_eq!(answer["read"]["metadata"]["zone"], zone, "{verb}");
            assert_eq!(schema_mistakes(verb, &answer["raw"]), [""; 0], "{verb}");
        }
    }
    let info = &found["INFO"][0]["read"];
    assert_eq!(info["description"], "Greets.");
    let hello = &info["endpoints"][0];
    assert_eq!((&hello["name"], &hello["subject"]), (&json!("hello"), &json!("greeter.hello")));
    assert_eq!(hello["queue_group"], "q");
    assert_eq!(hello["metadata"]["nats-rpc.parameters"], "name");
}

async fn instances_are_found_by_name_and_id(language: Language) {
    let bed = Bed::new();
    let _one = bed.instance("one").await.start().await.unwrap();
    let _two = bed.instance("two").await.start().await.unwrap();
    let by_name = language.run("discover", &bed, &["2", "greeter"]).await;
    let by_id = language.run("discover", &bed, &["1", "greeter", "two"]).await;
    for verb in ["PING", "INFO", "STATS"] {
        assert_eq!(each(&by_name[verb], "id"), ["one", "two"], "{verb}");
        assert_eq!(each(&by_id[verb], "id"), ["two"], "{verb}");
    }
}

async fn statistics_agree_with_the_calls_that_were_made(language: Language) {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let hello = |name: &str| json!({"subject": "greeter.hello", "codec": "json", "value": {"name": name}});
    let add = json!({"subject": "greeter.add", "codec": "msgpack", "value": {"a": 1, "b": 2}});
    call(language, &bed, json!([hello("Ann"), hello("Bob"), hello("Godot"), add])).await;
    let found = language.run("discover", &bed, &["1"]).await;
    let stats = &found["STATS"][0]["read"];
    let of = |name: &str| {
        let endpoints = stats["endpoints"].as_array().unwrap();
        endpoints.iter().find(|endpoint| endpoint["name"] == name).unwrap()
    };
    let counts = |name: &str| {
        let endpoint = of(name);
        (endpoint["num_requests"].as_u64().unwrap(), endpoint["num_errors"].as_u64().unwrap())
    };
    assert_eq!((counts("hello"), counts("add"), counts("shout")), ((3, 1), (1, 0), (0, 0)));
    assert_eq!(of("hello")["last_error"], "422:Godot is not in");
    assert_eq!(of("add")["last_error"], "");
    let (total, average) = (&of("hello")["processing_time"], &of("hello")["average_processing_time"]);
    assert_eq!(total.as_u64().unwrap() / 3, average.as_u64().unwrap());
    assert_eq!(of("hello")["data"]["handled"], 3);
    assert!(stats["started"].as_str().unwrap().ends_with('Z'));
    assert_eq!(schema_mistakes("STATS", &found["STATS"][0]["raw"]), [""; 0]);
}

async fn values_are_those_of_the_language(language: Language) {
    let bed = Bed::new();
    let _server = bed.serve().await;
    for codec in ["json", "msgpack"] {
        let content_type = format!("application/{codec}");
        // Bytes are themselves in MessagePack, and base64 in JSON.
        let (bytes, reversed) = match codec {
            "json" => (json!("AQID"), json!("AwIB")),
            _ => (json!({"hex": "010203"}), json!({"hex": "030201"})),
        };
        let answers = call(
            language,
            &bed,
            json!([
                {"subject": "greeter.hello", "codec": codec, "value": {"name": "Zoë 🙂"}},
                {"subject": "greeter.add", "codec": codec, "value": [40, 2]},
                {"subject": "greeter.add", "codec": codec, "value": {"a": -5_000_000_000_i64, "b": 1}},
                {"subject": "greeter.reverse", "codec": codec, "value": {"bytes": bytes}},
                {"subject": "greeter.shout", "codec": codec, "value": "quiet"},
                {"subject": "greeter.tenant", "codec": codec, "value": {}},
                {"subject": "greeter.tenant", "codec": codec, "value": {},
                 "headers": {"tenant": "acme", "Content-Type": content_type}},
            ]),
        )
        .await;
        assert!(answers.iter().all(|answer| answer["error"].is_null()), "{answers:?}");
        let values: Vec<_> = answers.iter().map(|answer| answer["value"].clone()).collect();
        let expected = json!(["Hello, Zoë 🙂!", 42, -4_999_999_999_i64, reversed, "QUIET", null, "acme"]);
        assert_eq!(Value::from(values), expected, "{codec}");
        assert_eq!(answers[0]["headers"], json!({}));
        assert_eq!(answers[6]["headers"], json!({"answered-by": "rust", "Content-Type": content_type}));
    }
}

async fn the_service_s_own_error_is_an_error_with_a_body(language: Language) {
    let bed = Bed::new();
    let _server = bed.serve().await;
    for codec in ["json", "msgpack"] {
        let godot = json!({"subject": "greeter.hello", "codec": codec, "value": {"name": "Godot"}});
        let answer = &call(language, &bed, json!([godot])).await[0];
        assert_eq!(answer["error"], json!({"code": 422, "text": "Godot is not in"}), "{codec}");
        assert_eq!(answer["value"], json!({"Absent": "Godot"}), "{codec}");
        assert_eq!(answer["headers"]["Nats-Rpc-Execution"], "2", "{codec}");
    }
}

/// A header has one line, and its letters are UTF-8.
async fn any_text_can_be_an_error(language: Language) {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let name = "Godot\r\nForged: 1\n\n Zoë 🙂";
    let godot = json!({"subject": "greeter.hello", "codec": "json", "value": {"name": name}});
    let answer = &call(language, &bed, json!([godot])).await[0];
    assert_eq!(answer["error"]["text"], "Godot  Forged: 1   Zoë 🙂 is not in");
    assert_eq!(answer["value"], json!({ "Absent": name }));
    assert_eq!(answer["headers"].as_object().unwrap().len(), 3, "{answer}");
}

async fn refusals_are_errors_that_say_why(language: Language) {
    let bed = Bed::new();
    let _server = bed.instance("one").await.max_request(1000).start().await.unwrap();
    let requests = json!([
        {"subject": "greeter.hello", "codec": "json", "value": {"nom": "Ann"}},
        {"subject": "greeter.hello", "codec": "msgpack", "value": {"name": 7}},
        {"subject": "greeter.hello", "codec": "raw", "value": "nonsense"},
        {"subject": "greeter.hello", "codec": "json", "value": {"name": "x".repeat(2000)}},
        {"subject": "greeter.wait", "codec": "json", "value": {}, "headers": {"Nats-Rpc-Timeout-Ms": "50"}},
        {"subject": "greeter.fail", "codec": "json", "value": {}},
    ]);
    let answers = call(language, &bed, requests).await;
    let found = answers.iter().map(|answer| (answer["error"]["code"].as_u64().unwrap(), &answer["headers"]));
    let found: Vec<_> =
        found.map(|(code, headers)| (code, headers["Nats-Rpc-Execution"].as_str().unwrap())).collect();
    assert_eq!(found, [(400, "0"), (400, "0"), (400, "0"), (413, "0"), (408, "1"), (500, "1")]);
    for answer in &answers {
        let text = answer["error"]["text"].as_str().unwrap();
        assert!(!text.is_empty() && !text.contains("broken"), "{text}");
        assert_eq!(answer["value"], Value::Null, "{answer}");
    }
    assert!(answers[0]["error"]["text"].as_str().unwrap().contains("name"), "{}", answers[0]);
}

async fn nobody_there_is_no_responders(language: Language) {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let requests = json!([
        {"subject": "greeter.missing", "codec": "json", "value": {}},
        {"subject": "nobody.hello", "codec": "json", "value": {}},
    ]);
    let answers = call(language, &bed, requests).await;
    assert!(answers.iter().all(|answer| answer["failed"] == "no responders"), "{answers:?}");
}

/// As `nats req greeter.hello '{"name":"Ann"}'` makes it.
async fn a_request_needs_no_header(language: Language) {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let request = json!({"subject": "greeter.hello", "codec": "raw", "value": r#"{"name":"Ann"}"#});
    let answers = call(language, &bed, json!([request])).await;
    assert_eq!(answers, [json!({"value": "Hello, Ann!", "headers": {}, "error": null})]);
}
