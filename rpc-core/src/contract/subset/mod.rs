//! Whether all that one schema lets be written can be read by another.
//!
//! Schemas are taken for what serde writes and reads, which is narrower than what JSON Schema says: an object holds the
//! properties that are listed, unless others are mentioned, and a reader passes over those it does not know, unless it
//! refuses them.

mod alternatives;
mod anything;
mod arrays;
mod cover;
mod numbers;
mod objects;
mod shape;
#[cfg(test)]
mod tests;
mod values;

use serde_json::{Map, Value};

use self::shape::Shape;
use super::Impact;
use super::keywords::referred;

/// How many pairs of shapes are compared at most: the other side's contract may be made to take for ever.
const STEPS: usize = 50_000;
/// How deep they may be nested: as values may be.
const DEPTH: usize = 64;

/// A difference at a place of a method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) place: String,
    pub(super) impact: Impact,
    pub(super) message: String,
}

impl Finding {
    pub(super) fn compatible(place: &str, message: String) -> Self {
        Finding { place: place.to_owned(), impact: Impact::Compatible, message }
    }

    pub(super) fn breaking(place: &str, message: String) -> Self {
        Finding { place: place.to_owned(), impact: Impact::Breaking, message }
    }
}

/// A schema, and what its references mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    schema: &'a Value,
    definitions: &'a Map<String, Value>,
}

impl<'a> View<'a> {
    pub(super) fn new(schema: &'a Value, definitions: &'a Map<String, Value>) -> Self {
        View { schema, definitions }
    }
}

/// One comparison of what is written with what is read.
pub(super) struct Comparison<'a> {
    written: View<'a>,
    read: View<'a>,
    steps: usize,
    /// How deep the comparison is.
    depth: usize,
    /// The pairs of definitions that are being compared: where types are recursive, they are met again.
    open: Vec<(String, String)>,
    /// Those that do not differ at all.
    equal: Vec<(String, String)>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(written: View<'a>, read: View<'a>) -> Self {
        Comparison { written, read, steps: STEPS, depth: 0, open: Vec::new(), equal: Vec::new() }
    }

    /// What differs, with paths from this place.
    pub(super) fn run(mut self, place: &str) -> Vec<Finding> {
        self.compare(place, self.written.schema, self.read.schema)
    }

    /// What differs at a place.
    fn compare(&mut self, place: &str, written: &Value, read: &Value) -> Vec<Finding> {
        if self.steps == 0 || self.depth == DEPTH {
            let message = "this is too large or too deeply nested to be compared".to_owned();
            return vec![Finding::breaking(place, message)];
        }
        self.steps -= 1;
        let pair = names(written, read);
        if let Some(pair) = &pair {
            if self.open.contains(pair) || self.equal.contains(pair) {
                return Vec::new();
            }
            self.open.push(pair.clone());
        }
        self.depth += 1;
        let found = self.shapes(place, written, read);
        self.depth -= 1;
        if let Some(pair) = pair {
            self.open.pop();
            // Within a recursive type, another pair may have been taken for equal that is not.
            if found.is_empty() && self.open.is_empty() {
                self.equal.push(pair);
            }
        }
        found
    }

    fn shapes(&mut self, place: &str, written: &Value, read: &Value) -> Vec<Finding> {
        let known = (
            alternatives::of(written, self.written.definitions),
            alternatives::of(read, self.read.definitions),
        );
        match known {
            (Ok(written), Ok(read)) => match (written.as_slice(), read.as_slice()) {
                ([written], [read]) => self.cover(place, written, read),
                (written, read) => {
                    self.steps = self.steps.saturating_sub(written.len() * read.len());
                    self.assign(place, written, read)
                }
            },
            _ if written == read && self.written.definitions == self.read.definitions => Vec::new(),
            (Err(unclear), _) | (_, Err(unclear)) => {
                vec![Finding::breaking(place, format!("{unclear}, so that this cannot be compared"))]
            }
        }
    }

    /// Finds an alternative that reads each of those that may be written.
    fn assign(&mut self, place: &str, written: &[Shape], read: &[Shape]) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut is_used = vec![false; read.len()];
        for shape in written {
            let mut best: Option<(usize, Vec<Finding>)> = None;
            for (index, reader) in read.iter().enumerate() {
                let findings = self.cover(place, shape, reader);
                let is_better = |(best, findings): &(usize, Vec<Finding>), new: &[Finding]| {
                    let relation =
                        |index: usize| read.get(index).is_some_and(|reader| shape.is_akin_to(reader));
                    rank(new, relation(index)) < rank(findings, relation(*best))
                };
                if best.as_ref().is_none_or(|best| is_better(best, &findings)) {
                    best = Some((index, findings));
                }
            }
            match best {
                Some((index, findings))
                    if !breaks(&findings)
                        || read.get(index).is_some_and(|reader| shape.is_akin_to(reader)) =>
                {
                    is_used.get_mut(index).into_iter().for_each(|used| *used = true);
                    found.extend(findings);
                }
                _ => found
                    .push(Finding::breaking(place, format!("{shape} may be written, and cannot be read"))),
            }
        }
        let unused = read.iter().zip(is_used).filter(|(_, is_used)| !is_used);
        let message = |reader: &Shape| format!("{reader} can be read, and is never written");
        found.extend(unused.map(|(reader, _)| Finding::compatible(place, message(reader))));
        found
    }
}

/// The smaller, the better does an alternative fit: it reads all, or is at least what was meant.
fn rank(findings: &[Finding], is_akin: bool) -> (bool, bool, usize) {
    (breaks(findings), !is_akin, findings.len())
}

fn breaks(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.impact == Impact::Breaking)
}

/// The names of both definitions, if both are nothing but references.
fn names(written: &Value, read: &Value) -> Option<(String, String)> {
    let name = |schema: &Value| schema.as_object().filter(|keywords| keywords.len() == 1).and_then(referred);
    Some((name(written)?, name(read)?))
}
