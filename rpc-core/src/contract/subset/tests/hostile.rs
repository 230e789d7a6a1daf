//! Contracts that are made to take for ever.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::super::{Comparison, View};

/// A schema with its definitions.
type Whole<'a> = (&'a Value, &'a Map<String, Value>);

#[track_caller]
fn ends_soon(own: Whole<'_>, hostile: Whole<'_>) {
    let view = |(schema, definitions)| View::new(schema, definitions);
    let began = Instant::now();
    Comparison::new(view(hostile), view(own)).run("it");
    Comparison::new(view(own), view(hostile)).run("it");
    // Without a limit, they take longer than anybody would wait; a busy machine takes seconds.
    assert!(began.elapsed() < Duration::from_secs(120), "it takes {:?}", began.elapsed());
}

/// A contract comes from the network: however often its choices refer to others, it is given up soon.
#[test]
fn choices_of_choices_without_end() {
    for leaf in [json!(false), json!(true), json!({ "type": "string" })] {
        for choice in ["anyOf", "allOf"] {
            let mut definitions = Map::from_iter([("0".to_owned(), leaf.clone())]);
            for level in 1..16_usize {
                let below = json!({ "$ref": format!("#/$defs/{}", level - 1) });
                definitions.insert(level.to_string(), json!({ choice: vec![below; 100] }));
            }
            let (hostile, plain) = (json!({ "$ref": "#/$defs/15" }), json!({ "type": "string" }));
            ends_soon((&plain, &Map::new()), (&hostile, &definitions));
        }
    }
}

/// Many alternatives at each level of a recursive type.
#[test]
fn alternatives_of_a_recursive_type() {
    let own = json!({ "J": { "anyOf": [
        { "type": "array", "items": { "$ref": "#/$defs/J" } },
        { "type": "object", "additionalProperties": { "$ref": "#/$defs/J" } },
        { "type": "string" },
    ] } });
    let own = own.as_object().cloned().unwrap_or_default();
    let mut hostile = Map::new();
    for level in 0..60 {
        let below = json!({ "$ref": format!("#/$defs/{}", (level + 1) % 60) });
        let lists = (0..500).map(|least| json!({ "type": "array", "items": below, "minItems": least }));
        hostile.insert(level.to_string(), json!({ "anyOf": lists.collect::<Vec<_>>() }));
    }
    ends_soon((&json!({ "$ref": "#/$defs/J" }), &own), (&json!({ "$ref": "#/$defs/0" }), &hostile));
}

/// One large choice that is named again and again.
#[test]
fn a_large_choice_many_times() {
    let values: Vec<_> = (0..20_000).map(|number| number.to_string()).collect();
    let hostile = Map::from_iter([("E".to_owned(), json!({ "type": "string", "enum": values }))]);
    let choice = json!({ "anyOf": vec![json!({ "$ref": "#/$defs/E" }); 5_000] });
    ends_soon((&json!({ "type": "string" }), &Map::new()), (&choice, &hostile));
}
