//! Numbers, strings and choices of them.

use serde_json::json;

use super::{Breaking, Compatible, Same, check, int, of_type};

#[test]
fn integers() {
    check(&[
        (int("int32"), int("int64"), Compatible),
        (int("int64"), int("int32"), Breaking),
        (int("uint32"), int("int64"), Compatible),
        (int("uint64"), int("int64"), Breaking),
        (int("int8"), int("uint8"), Breaking),
        (int("uint"), int("uint64"), Compatible),
        (int("uint64"), of_type("integer"), Compatible),
        (of_type("integer"), int("uint64"), Breaking),
        (int("int64"), json!({ "type": "number", "format": "double" }), Compatible),
        // In MessagePack, 128 bits are written as bytes, and read from any integer.
        (int("uint64"), int("uint128"), Compatible),
        (int("uint128"), int("uint64"), Breaking),
        (int("int64"), int("uint128"), Breaking),
        (int("int64"), int("int128"), Compatible),
        (int("uint128"), int("int128"), Breaking),
        (int("int128"), of_type("number"), Breaking),
        (int("int128"), int("int128"), Same),
        (
            json!({ "type": "integer", "minimum": 1, "maximum": 9 }),
            json!({ "type": "integer", "minimum": 0 }),
            Compatible,
        ),
        (json!({ "type": "integer", "minimum": 0 }), json!({ "type": "integer", "minimum": 1 }), Breaking),
        (
            json!({ "type": "integer", "minimum": 1 }),
            json!({ "type": "integer", "exclusiveMinimum": 0 }),
            Same,
        ),
        (json!({ "type": "integer", "enum": [1, 2] }), int("uint8"), Same),
        (json!({ "type": "integer", "enum": [1, 256] }), json!({ "type": "integer", "enum": [1] }), Breaking),
    ]);
}

#[test]
fn floats() {
    let of = |format: &str| json!({ "type": "number", "format": format });
    check(&[
        (of("float"), of("double"), Compatible),
        // It can be read, with fewer digits.
        (of("double"), of("float"), Compatible),
        (of("decimal"), of("double"), Breaking),
        (
            json!({ "type": "number", "maximum": 0.5 }),
            json!({ "type": "number", "maximum": 1.5 }),
            Compatible,
        ),
        (json!({ "type": "number", "maximum": 2.5 }), json!({ "type": "number", "maximum": 1.5 }), Breaking),
    ]);
}

#[test]
fn strings() {
    let of = |format: &str| json!({ "type": "string", "format": format });
    let bytes = json!({ "type": "string", "contentEncoding": "base64", "x-nats-rpc-bytes": true });
    let character = json!({ "type": "string", "minLength": 1, "maxLength": 1 });
    let pattern = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    check(&[
        (of("uuid"), of("uuid"), Same),
        (of("uuid"), of_type("string"), Breaking),
        (of_type("string"), of("uuid"), Breaking),
        (bytes.clone(), bytes.clone(), Same),
        (bytes.clone(), of_type("string"), Breaking),
        (of_type("string"), bytes.clone(), Breaking),
        (bytes, json!(true), Breaking),
        (character.clone(), of_type("string"), Compatible),
        (of_type("string"), character, Breaking),
        (pattern("^a"), of_type("string"), Same),
        (pattern("^a"), pattern("^b"), Breaking),
        (of_type("string"), pattern("^a"), Breaking),
    ]);
}

#[test]
fn choices() {
    let of = |values: &[&str]| json!({ "type": "string", "enum": values });
    let documented = json!({ "oneOf": [
        { "type": "string", "const": "a", "description": "The first." },
        { "type": "string", "const": "b" },
    ]});
    check(&[
        (of(&["a"]), of(&["a", "b"]), Compatible),
        (of(&["a", "b"]), of(&["a"]), Breaking),
        (of(&["a", "b"]), of(&["b", "a"]), Same),
        (of(&["a", "b"]), documented.clone(), Same),
        (documented, of(&["a"]), Breaking),
        (of(&["a"]), of_type("string"), Same),
        (of_type("string"), of(&["a"]), Breaking),
        (
            json!({ "type": ["string", "null"], "enum": ["a", null] }),
            json!({ "type": ["string", "null"] }),
            Same,
        ),
    ]);
}
