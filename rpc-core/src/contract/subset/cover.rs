//! One shape against another.

use serde_json::Value;

use super::shape::Shape;
use super::{Comparison, Finding, numbers, values};
use crate::contract::keywords::BYTES;

/// Keywords that only leave values out: a writer may, a reader that does must leave out the same.
const RESTRICTIONS: [&str; 8] = [
    "contains",
    "maxProperties",
    "minProperties",
    "multipleOf",
    "not",
    "pattern",
    "propertyNames",
    "dependentRequired",
];

/// Keywords that have rules of their own.
const UNDERSTOOD: [&str; 19] = [
    "additionalProperties",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "patternProperties",
    "prefixItems",
    "properties",
    "required",
    "type",
    "uniqueItems",
    BYTES,
];

impl Comparison<'_> {
    /// What differs where values of one shape are written, and of another read.
    pub(super) fn cover(&mut self, place: &str, written: &Shape, read: &Shape) -> Vec<Finding> {
        let breaking = |message: String| vec![Finding::breaking(place, message)];
        if written.is_bytes() != read.is_bytes() {
            return breaking(format!("{written} may be written, where {read} is read"));
        }
        if read.is_anything() {
            return self.read_anything(place, written);
        }
        if let Some(keyword) = not_understood(written, read) {
            return breaking(format!("`{keyword}` differs, and what that means is not known"));
        }
        let is_number = |shape: &Shape| shape.ty() == Some("number");
        if written.ty() != read.ty() && !(written.ty() == Some("integer") && is_number(read)) {
            return breaking(format!("{written} may be written, where {read} is read"));
        }
        let mut found = self.choices(place, written, read);
        found.extend(match written.ty() {
            Some("object") => self.objects(place, written, read),
            Some("array") => self.arrays(place, written, read),
            Some("integer" | "number") => numbers::compare(place, written, read),
            Some("string") => texts(place, written, read),
            _ => None.into_iter().collect(),
        });
        found
    }

    /// The values that both sides are restricted to.
    fn choices(&self, place: &str, written: &Shape, read: &Shape) -> Vec<Finding> {
        let (written, readable) = match (written.choice(), read.choice()) {
            (_, None) => return Vec::new(),
            (None, Some(readable)) => {
                let message =
                    format!("{written} may be written, where only {} can be read", values::listed(readable));
                return vec![Finding::breaking(place, message)];
            }
            (Some(written), Some(readable)) => (written, readable),
        };
        let without = |values: &[Value], others: &[Value]| -> Vec<Value> {
            values.iter().filter(|value| !others.contains(value)).cloned().collect()
        };
        let (lost, unused) = (without(written, readable), without(readable, written));
        let lost = (!lost.is_empty()).then(|| {
            Finding::breaking(place, format!("{} may be written, and cannot be read", values::listed(&lost)))
        });
        let unused = (!unused.is_empty()).then(|| {
            Finding::compatible(
                place,
                format!("{} can be read, and is never written", values::listed(&unused)),
            )
        });
        lost.into_iter().chain(unused).collect()
    }
}

/// The first keyword that is not the same on both sides and that has no rule.
fn not_understood<'a>(written: &'a Shape, read: &'a Shape) -> Option<&'a str> {
    let differs = |keyword: &&str| written.get(keyword) != read.get(keyword);
    let is_reading = read.keywords().filter(|keyword| !UNDERSTOOD.contains(keyword));
    let is_writing =
        written.keywords().filter(|keyword| !UNDERSTOOD.contains(keyword) && !RESTRICTIONS.contains(keyword));
    is_reading.chain(is_writing).find(differs)
}

/// Strings that are written against strings that are read.
fn texts(place: &str, written: &Shape, read: &Shape) -> Vec<Finding> {
    let (own, other) = (written.get("format"), read.get("format"));
    if own != other {
        let message = format!("{written} may be written, where {read} is read, which may look different");
        return vec![Finding::breaking(place, message)];
    }
    // A choice has been compared already.
    if written.choice().is_some() {
        return Vec::new();
    }
    let length = |shape: &Shape, keyword: &str| shape.get(keyword).and_then(Value::as_u64);
    let shortest = |shape: &Shape| length(shape, "minLength").unwrap_or(0);
    let longest = |shape: &Shape| length(shape, "maxLength").unwrap_or(u64::MAX);
    if shortest(written) < shortest(read) || longest(written) > longest(read) {
        return vec![Finding::breaking(
            place,
            "strings may be written of lengths that are not read".to_owned(),
        )];
    }
    if shortest(written) > shortest(read) || longest(written) < longest(read) {
        return vec![Finding::compatible(
            place,
            "strings are read of lengths that are never written".to_owned(),
        )];
    }
    Vec::new()
}
