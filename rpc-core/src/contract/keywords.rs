//! The keywords of JSON Schema, by what they mean for what travels.

use serde_json::{Map, Value};

/// Marks a string that is `bin` in MessagePack and base64 in JSON.
pub(super) const BYTES: &str = "x-nats-rpc-bytes";

/// Lists other names under which a property is read.
pub(super) const ALIASES: &str = "x-nats-rpc-aliases";

/// How a reference to a definition begins.
const REFERENCE: &str = "#/$defs/";

/// Whether a keyword speaks to humans only, and changes nothing of what travels.
pub(super) fn is_annotation(keyword: &str) -> bool {
    const ANNOTATIONS: [&str; 10] = [
        "$comment",
        "$id",
        "$schema",
        "default",
        "deprecated",
        "description",
        "examples",
        "readOnly",
        "title",
        "writeOnly",
    ];
    ANNOTATIONS.contains(&keyword)
}

/// The name of the definition that a schema refers to.
pub(super) fn referred(schema: &Map<String, Value>) -> Option<String> {
    let encoded = schema.get("$ref")?.as_str()?.strip_prefix(REFERENCE)?;
    Some(decode(encoded)?.replace("~1", "/").replace("~0", "~"))
}

/// The text without the escapes of a URI.
fn decode(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?.trim_start(), 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}
