//! The rules, one row for each: what is written, what is read, and what comes of it.

mod composites;
mod hostile;
mod scalars;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Comparison, Finding, View};
use crate::contract::Impact;

/// What a comparison comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Same,
    Compatible,
    Breaking,
}
use Verdict::{Breaking, Compatible, Same};

/// Types that the rows refer to.
fn definitions() -> Map<String, Value> {
    let definitions = json!({
        "Point": { "type": "object", "properties": { "x": { "type": "integer" } }, "required": ["x"] },
        "Tree": {
            "type": "object",
            "properties": { "children": { "type": "array", "items": { "$ref": "#/$defs/Tree" } } },
            "required": ["children"],
        },
        "Loop": { "$ref": "#/$defs/Loop" },
    });
    definitions.as_object().cloned().unwrap_or_default()
}

fn compare(written: &Value, read: &Value) -> Vec<Finding> {
    let definitions = definitions();
    Comparison::new(View::new(written, &definitions), View::new(read, &definitions)).run("it")
}

fn verdict(written: &Value, read: &Value) -> Verdict {
    let found = compare(written, read);
    match found.iter().map(|finding| finding.impact).max() {
        None => Same,
        Some(Impact::Compatible) => Compatible,
        Some(Impact::Breaking) => Breaking,
    }
}

/// Each row also holds that what is written is what is read, if one shape is for both.
#[track_caller]
fn check(rows: &[(Value, Value, Verdict)]) {
    for (written, read, expected) in rows {
        let found = compare(written, read);
        assert_eq!(
            verdict(written, read),
            *expected,
            "\n{written}\nis read as\n{read}\nand gives {found:#?}"
        );
        for shape in [written, read] {
            assert_ne!(verdict(shape, shape), Compatible, "{shape} differs from itself");
        }
    }
}

fn int(format: &str) -> Value {
    json!({ "type": "integer", "format": format })
}

fn of_type(ty: &str) -> Value {
    json!({ "type": ty })
}

#[test]
fn types() {
    check(&[
        (of_type("string"), of_type("string"), Same),
        (of_type("string"), of_type("integer"), Breaking),
        (of_type("integer"), of_type("number"), Compatible),
        (of_type("number"), of_type("integer"), Breaking),
        (of_type("boolean"), of_type("integer"), Breaking),
        (of_type("string"), json!({ "type": ["string", "null"] }), Compatible),
        (json!({ "type": ["string", "null"] }), of_type("string"), Breaking),
        (of_type("string"), json!(true), Compatible),
        (json!({}), json!(true), Same),
        (json!(true), of_type("string"), Breaking),
        (of_type("null"), json!({ "type": ["null", "string"] }), Compatible),
        (json!(false), of_type("string"), Compatible),
        (of_type("string"), json!(false), Breaking),
    ]);
}

#[test]
fn references() {
    let to = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    let inline = json!({ "type": "object", "properties": { "x": { "type": "integer" } }, "required": ["x"] });
    check(&[
        (to("Point"), inline.clone(), Same),
        (inline, to("Point"), Same),
        (to("Tree"), to("Tree"), Same),
        (to("Tree"), to("Point"), Breaking),
        (to("Nowhere"), of_type("string"), Breaking),
        (to("Loop"), of_type("string"), Breaking),
    ]);
}

#[test]
fn what_is_not_understood_breaks_unless_both_sides_say_it() {
    let odd = |value: u8| json!({ "type": "string", "x-unheard-of": value });
    check(&[
        (odd(1), odd(1), Same),
        (odd(1), odd(2), Breaking),
        (odd(1), of_type("string"), Breaking),
        (of_type("string"), odd(1), Breaking),
        (json!(7), of_type("string"), Breaking),
    ]);
    let found = compare(&odd(1), &of_type("string"));
    assert!(found.iter().any(|finding| finding.message.contains("`x-unheard-of`")), "{found:?}");
}

#[test]
fn a_difference_is_found_where_it_is() {
    let written = json!({ "type": "array", "items": { "$ref": "#/$defs/Point" } });
    let read = json!({ "type": "array", "items": {
        "type": "object", "properties": { "x": { "type": "string" } }, "required": ["x"],
    }});
    let places: Vec<_> = compare(&written, &read).into_iter().map(|finding| finding.place).collect();
    assert_eq!(places, ["it.items.x"]);
}

#[test]
fn a_comparison_ends_whatever_the_other_side_says() {
    // Each definition doubles the number of paths through it.
    let mut definitions = Map::new();
    for level in 0..40 {
        let below = json!({ "$ref": format!("#/$defs/L{}", level + 1) });
        let level_of = json!({ "type": "object", "properties": { "a": below, "b": { "allOf": [below] } } });
        definitions.insert(format!("L{level}"), level_of);
    }
    definitions.insert("L40".to_owned(), of_type("string"));
    let mut other = definitions.clone();
    other.insert("L40".to_owned(), of_type("integer"));
    let schema = json!({ "$ref": "#/$defs/L0" });
    let found = Comparison::new(View::new(&schema, &definitions), View::new(&schema, &other)).run("it");
    assert!(found.iter().any(|finding| finding.message.contains("too large")), "{}", found.len());
}

/// Any schema that a type may have.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(true)),
        Just(of_type("string")),
        Just(of_type("null")),
        Just(json!({ "type": "string", "contentEncoding": "base64", "x-nats-rpc-bytes": true })),
        prop_oneof![Just("int8"), Just("uint64"), Just("int128")].prop_map(int),
        prop::collection::vec("[a-c]", 1..4).prop_map(|values| json!({ "type": "string", "enum": values })),
        Just(json!({ "$ref": "#/$defs/Point" })),
        Just(json!({ "$ref": "#/$defs/Tree" })),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let fields = prop::collection::btree_map("[a-d]", inner.clone(), 0..4);
        prop_oneof![
            (fields, prop::sample::subsequence(vec!["a", "b", "c", "d"], 0..3)).prop_map(|(fields, required)| {
                let required: Vec<_> = required.into_iter().filter(|name| fields.contains_key(*name)).collect();
                json!({ "type": "object", "properties": fields, "required": required })
            }),
            inner.clone().prop_map(|items| json!({ "type": "array", "items": items })),
            inner.clone().prop_map(|values| json!({ "type": "object", "additionalProperties": values })),
            inner.clone().prop_map(|schema| json!({ "anyOf": [schema, { "type": "null" }] })),
            prop::collection::vec(inner, 1..4).prop_map(|items| {
                json!({ "type": "array", "prefixItems": items, "minItems": items.len(), "maxItems": items.len() })
            }),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_differs_from_itself(schema in schemas()) {
        prop_assert_eq!(compare(&schema, &schema), []);
    }

    #[test]
    fn what_takes_all_alternatives_takes_each(one in schemas(), other in schemas()) {
        // Where one of them is any value, that is read, and not everything can be read so.
        let is_wide = verdict(&one, &json!(true)) == Breaking;
        let both = json!({ "anyOf": [one, other] });
        prop_assert!(is_wide || verdict(&one, &both) != Breaking);
    }
}
