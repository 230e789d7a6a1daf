//! Lists and tuples that are written against such that are read.

use serde_json::Value;

use super::shape::Shape;
use super::{Comparison, Finding};

const ANYTHING: Value = Value::Bool(true);

impl Comparison<'_> {
    pub(super) fn arrays(&mut self, place: &str, written: &Shape, read: &Shape) -> Vec<Finding> {
        let (writes, reads) = (Items::of(written), Items::of(read));
        if writes.fewest < reads.fewest || writes.most > reads.most {
            let message = format!("{writes} may be written, where {reads} are read");
            return vec![Finding::breaking(place, message)];
        }
        let mut found = Vec::new();
        if writes.fewest > reads.fewest || writes.most < reads.most {
            found
                .push(Finding::compatible(place, format!("{writes} are written, where {reads} can be read")));
        }
        let is_set = |shape: &Shape| shape.get("uniqueItems") == Some(&Value::Bool(true));
        match (is_set(written), is_set(read)) {
            (false, true) => {
                let message = "an item may be written more than once, and is read once".to_owned();
                found.push(Finding::compatible(place, message));
            }
            (true, false) => {
                let message = "each item is written once, and could be read more often".to_owned();
                found.push(Finding::compatible(place, message));
            }
            _ => {}
        }
        let positions = writes.first.len().max(reads.first.len());
        for position in 0..positions {
            let place = format!("{place}.{position}");
            found.extend(self.compare(&place, writes.at(position), reads.at(position)));
        }
        if writes.most > positions {
            found.extend(self.compare(&format!("{place}.items"), writes.others, reads.others));
        }
        found
    }
}

/// What a list may hold.
struct Items<'a> {
    /// Those that have a place of their own.
    first: &'a [Value],
    others: &'a Value,
    fewest: usize,
    most: usize,
}

impl<'a> Items<'a> {
    fn of(shape: &'a Shape) -> Self {
        let first = shape.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let others = shape.get("items").unwrap_or(&ANYTHING);
        let length = |keyword| {
            let length = shape.get(keyword).and_then(Value::as_u64)?;
            Some(usize::try_from(length).unwrap_or(usize::MAX))
        };
        let closed = (*others == Value::Bool(false)).then_some(first.len());
        let most = length("maxItems").or(closed).unwrap_or(usize::MAX);
        Items { first, others, fewest: length("minItems").unwrap_or(0), most }
    }

    fn at(&self, position: usize) -> &'a Value {
        self.first.get(position).unwrap_or(self.others)
    }
}

impl std::fmt::Display for Items<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.fewest, self.most) {
            (0, usize::MAX) => f.write_str("any number of items"),
            (fewest, usize::MAX) => write!(f, "at least {fewest} items"),
            (fewest, most) if fewest == most => write!(f, "{most} items"),
            (fewest, most) => write!(f, "{fewest} to {most} items"),
        }
    }
}
