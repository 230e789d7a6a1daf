//! Structs, maps, lists and enums.

use std::slice::from_ref;

use serde_json::{Value, json};

use super::{Breaking, Compatible, Same, check, int, of_type};

#[test]
fn objects() {
    let with = |properties: Value, required: Value| json!({ "type": "object", "properties": properties, "required": required });
    let one = with(json!({ "a": { "type": "string" } }), json!(["a"]));
    let one_or_none = with(json!({ "a": { "type": "string" } }), json!([]));
    let two = with(json!({ "a": { "type": "string" }, "b": true }), json!(["a"]));
    let both = with(json!({ "a": { "type": "string" }, "b": true }), json!(["a", "b"]));
    let mut strict = one.clone();
    strict["additionalProperties"] = json!(false);
    let other = with(json!({ "a": { "type": "integer" } }), json!(["a"]));
    let renamed = with(json!({ "b": { "type": "string", "x-nats-rpc-aliases": ["a"] } }), json!(["b"]));
    let named_so = with(json!({ "b": { "type": "string" } }), json!(["b"]));
    check(&[
        (one.clone(), two.clone(), Compatible),
        (one.clone(), both.clone(), Breaking),
        (both.clone(), two.clone(), Same),
        (two.clone(), both.clone(), Breaking),
        (both.clone(), one.clone(), Compatible),
        (both, strict.clone(), Breaking),
        (one.clone(), strict, Same),
        (one_or_none.clone(), one.clone(), Breaking),
        (one.clone(), one_or_none, Same),
        (one.clone(), other, Breaking),
        (one.clone(), renamed.clone(), Compatible),
        (named_so.clone(), renamed, Same),
        (one.clone(), named_so, Breaking),
        (of_type("object"), one, Breaking),
    ]);
}

#[test]
fn maps() {
    let map = |values: Value| json!({ "type": "object", "additionalProperties": values });
    let from = |pattern: &str, values: Value| json!({ "type": "object", "additionalProperties": false, "patternProperties": { pattern: values } });
    let (unsigned, signed) = (r"^\d+$", r"^-?\d+$");
    let record = json!({ "type": "object", "properties": { "a": int("uint8") }, "required": ["a"] });
    let lenient = json!({ "type": "object", "properties": { "a": int("uint8") } });
    check(&[
        (map(int("uint8")), map(int("uint8")), Same),
        (map(int("uint8")), map(int("uint16")), Compatible),
        (map(int("uint16")), map(int("uint8")), Breaking),
        (map(json!(true)), map(json!(true)), Same),
        (record.clone(), map(int("uint8")), Compatible),
        (record.clone(), map(of_type("string")), Breaking),
        (map(int("uint8")), record, Breaking),
        (map(int("uint8")), lenient.clone(), Compatible),
        (map(of_type("string")), lenient, Breaking),
        (from(unsigned, int("uint8")), from(unsigned, int("uint8")), Same),
        (from(unsigned, json!(true)), from(signed, json!(true)), Same),
        (from(signed, json!(true)), from(unsigned, json!(true)), Breaking),
        (from(unsigned, int("uint8")), map(int("uint8")), Breaking),
        (map(int("uint8")), from(unsigned, int("uint8")), Breaking),
    ]);
}

#[test]
fn lists() {
    let list = |items: Value| json!({ "type": "array", "items": items });
    let tuple = |items: Value| {
        let length = items.as_array().map_or(0, Vec::len);
        json!({ "type": "array", "prefixItems": items, "minItems": length, "maxItems": length })
    };
    let set = json!({ "type": "array", "items": int("uint8"), "uniqueItems": true });
    check(&[
        (list(int("uint8")), list(int("uint8")), Same),
        (list(int("uint8")), list(int("uint16")), Compatible),
        (list(int("uint16")), list(int("uint8")), Breaking),
        (
            tuple(json!([int("uint8"), of_type("string")])),
            tuple(json!([int("uint8"), of_type("string")])),
            Same,
        ),
        (tuple(json!([int("uint8")])), tuple(json!([int("uint8"), int("uint8")])), Breaking),
        (tuple(json!([int("uint8"), int("uint8")])), list(int("uint8")), Compatible),
        (tuple(json!([int("uint8"), of_type("string")])), list(int("uint8")), Breaking),
        (list(int("uint8")), tuple(json!([int("uint8")])), Breaking),
        (list(int("uint8")), set.clone(), Compatible),
        (set, list(int("uint8")), Compatible),
    ]);
}

#[test]
fn variants() {
    let external = |name: &str, content: Value| json!({ "type": "object", "properties": { name: content }, "required": [name], "additionalProperties": false });
    let internal = |name: &str, field: Value| {
        let tag = json!({ "type": "string", "const": name });
        json!({ "type": "object", "properties": { "type": tag, "x": field }, "required": ["type", "x"] })
    };
    let tagged_reference = json!({
        "type": "object",
        "properties": { "type": { "const": "P" } },
        "required": ["type"],
        "$ref": "#/$defs/Point",
    });
    let one_of = |shapes: &[Value]| json!({ "oneOf": shapes });
    let (a, b) = (external("A", int("uint8")), external("B", of_type("string")));
    let (i, j) = (internal("I", int("uint8")), internal("J", int("uint8")));
    check(&[
        (one_of(from_ref(&a)), one_of(&[a.clone(), b.clone()]), Compatible),
        (one_of(&[a.clone(), b.clone()]), one_of(&[b.clone(), a.clone()]), Same),
        (one_of(&[a.clone(), b.clone()]), one_of(from_ref(&a)), Breaking),
        (one_of(&[a.clone(), b.clone()]), one_of(&[external("A", int("uint16")), b.clone()]), Compatible),
        (one_of(&[external("A", int("uint16")), b.clone()]), one_of(&[a.clone(), b]), Breaking),
        (one_of(&[i.clone(), j.clone()]), one_of(&[j.clone(), i.clone()]), Same),
        (one_of(&[i.clone(), j.clone()]), one_of(from_ref(&i)), Breaking),
        (one_of(from_ref(&i)), one_of(&[i.clone(), j]), Compatible),
        (one_of(&[tagged_reference.clone(), i.clone()]), one_of(&[i, tagged_reference]), Same),
        (json!({ "anyOf": [a, { "type": "null" }] }), json!({ "anyOf": [{ "type": "null" }] }), Breaking),
    ]);
}

#[test]
fn flattened_parts_are_one_object() {
    let flattened = json!({
        "type": "object",
        "properties": { "id": int("uint8") },
        "required": ["id"],
        "oneOf": [
            { "type": "object", "properties": { "A": of_type("null") }, "required": ["A"] },
            { "type": "object", "properties": { "B": of_type("string") }, "required": ["B"] },
        ],
    });
    let plain = |name: &str, ty: &str| json!({ "type": "object", "properties": { "id": int("uint8"), name: of_type(ty) }, "required": ["id", name] });
    check(&[
        (plain("B", "string"), flattened.clone(), Compatible),
        (plain("C", "string"), flattened.clone(), Breaking),
        (flattened, plain("A", "null"), Breaking),
    ]);
}
