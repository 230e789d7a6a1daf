//! Shapes in words.

use std::fmt;

use serde_json::Value;

use super::shape::Shape;

/// How many values are named at most.
const NAMED: usize = 5;

/// Writes what a person would call values of this shape.
pub(super) fn describe(shape: &Shape, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(values) = shape.choice() {
        return f.write_str(&listed(values));
    }
    let format = shape.get("format").and_then(Value::as_str);
    match (shape.ty(), format) {
        (Some("string"), _) if shape.is_bytes() => f.write_str("bytes"),
        (Some("null"), _) => f.write_str("null"),
        (Some("boolean"), _) => f.write_str("a boolean"),
        (Some("array"), _) => f.write_str("a list"),
        (Some("object"), _) => object(shape, f),
        (Some(ty @ "integer"), Some(format)) => write!(f, "an {ty} ({format})"),
        (Some(ty @ "integer"), None) => write!(f, "an {ty}"),
        (Some(ty), Some(format)) => write!(f, "a {ty} ({format})"),
        (Some(ty), None) => write!(f, "a {ty}"),
        (None, _) => f.write_str("any value"),
    }
}

/// A list of values, such as ``"a" or "b"``.
pub(super) fn listed(values: &[Value]) -> String {
    let named: Vec<_> = values.iter().take(NAMED).map(Value::to_string).collect();
    let more = if values.len() > NAMED { " or others" } else { "" };
    format!("{}{more}", named.join(" or "))
}

fn object(shape: &Shape, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match shape.tag() {
        Some((name, Some(value))) => write!(f, "an object with `{name}` = {value}"),
        Some((name, None)) => write!(f, "an object with `{name}`"),
        None if shape.get("properties").is_none() && shape.get("additionalProperties").is_some() => {
            f.write_str("a map")
        }
        None => f.write_str("an object"),
    }
}
