//! Structs and maps that are written against such that are read.

use serde_json::Value;

use super::shape::Shape;
use super::{Comparison, Finding};
use crate::contract::keywords::ALIASES;

const ANYTHING: Value = Value::Bool(true);

/// The keys of maps from unsigned and from signed integers, as text.
pub(super) const UNSIGNED: &str = r"^\d+$";
pub(super) const SIGNED: &str = r"^-?\d+$";

impl Comparison<'_> {
    pub(super) fn objects(&mut self, place: &str, written: &Shape, read: &Shape) -> Vec<Finding> {
        let mut found = Vec::new();
        for (name, schema) in written.named("properties") {
            found.extend(self.property(&below(place, name), name, schema, written, read));
        }
        for (name, schema) in read.named("properties") {
            let is_written = written.named("properties").any(|(written, _)| reads(name, schema, written));
            if !is_written {
                found.extend(self.unwritten(&below(place, name), name, schema, written, read));
            }
        }
        let is_listed = |name: &&str| read.named("properties").any(|(listed, _)| listed == *name);
        for name in read.required().filter(|name| !is_listed(name) && !written.requires(name)) {
            found.push(Finding::breaking(&below(place, name), "it is needed, and may be missing".to_owned()));
        }
        found.extend(self.entries(place, written, read));
        found.extend(self.numbered(place, written, read));
        found
    }

    /// A property that is written.
    fn property(
        &mut self,
        place: &str,
        name: &str,
        schema: &Value,
        written: &Shape,
        read: &Shape,
    ) -> Vec<Finding> {
        let reader = read.named("properties").find(|(known, schema)| reads(known, schema, name));
        if let Some((known, reader)) = reader {
            let mut found = self.compare(place, schema, &without_aliases(reader));
            if known != name {
                found.push(Finding::compatible(
                    place,
                    format!("it is read as `{known}`, of which this is an alias"),
                ));
            }
            if read.requires(known) && !written.requires(name) {
                found.push(Finding::breaking(place, "it is needed, and may be missing".to_owned()));
            }
            return found;
        }
        match others(read) {
            None if read.named("patternProperties").next().is_some() => {
                vec![Finding::breaking(
                    place,
                    "it is written where only numbers are read as names".to_owned(),
                )]
            }
            None => {
                vec![Finding::compatible(place, "it is written, and the reader passes over it".to_owned())]
            }
            Some(Value::Bool(false)) => {
                vec![Finding::breaking(
                    place,
                    "it is written, and the reader refuses what it does not know".to_owned(),
                )]
            }
            Some(values) => {
                let mut found = self.compare(place, schema, values);
                found.push(Finding::compatible(place, "it is read as one entry among others".to_owned()));
                found
            }
        }
    }

    /// A property that is read and that is not written under its name.
    fn unwritten(
        &mut self,
        place: &str,
        name: &str,
        schema: &Value,
        written: &Shape,
        read: &Shape,
    ) -> Vec<Finding> {
        let mut found = match others(written) {
            None | Some(Value::Bool(false)) => Vec::new(),
            Some(values) => self.compare(place, values, schema),
        };
        if read.requires(name) {
            found.push(Finding::breaking(place, "it is needed, and is not written".to_owned()));
        } else if found.is_empty() {
            found.push(Finding::compatible(
                place,
                "it is not written, and the reader does without".to_owned(),
            ));
        }
        found
    }

    /// What stands under names that are not listed.
    fn entries(&mut self, place: &str, written: &Shape, read: &Shape) -> Vec<Finding> {
        let Some(values) = others(written).filter(|values| **values != Value::Bool(false)) else {
            return Vec::new();
        };
        let place = below(place, "*");
        match others(read) {
            Some(Value::Bool(false)) => {
                let message =
                    "other names may be written, and the reader refuses what it does not know".to_owned();
                vec![Finding::breaking(&place, message)]
            }
            Some(read) => self.compare(&place, values, read),
            None => {
                let message = "other names may be written, and the reader passes over them".to_owned();
                vec![Finding::compatible(&place, message)]
            }
        }
    }

    /// Maps from integers, whose keys are numbers in MessagePack, and numbers as text in JSON.
    fn numbered(&mut self, place: &str, written: &Shape, read: &Shape) -> Vec<Finding> {
        let place = below(place, "*");
        let mut found = Vec::new();
        for (pattern, values) in written.named("patternProperties") {
            let reader = read
                .named("patternProperties")
                .find(|(known, _)| *known == pattern || (*known == SIGNED && pattern == UNSIGNED));
            found.extend(match reader {
                Some((_, reader)) => self.compare(&place, values, reader),
                None => vec![Finding::breaking(
                    &place,
                    format!("names like {pattern} may be written, and are not read"),
                )],
            });
        }
        let is_map = others(written).is_some_and(|values| *values != Value::Bool(false));
        if is_map && read.named("patternProperties").next().is_some() {
            found.push(Finding::breaking(
                &place,
                "any name may be written, where only some are read".to_owned(),
            ));
        }
        found
    }
}

/// The schema of what stands under names that are not listed, if that is said.
fn others(shape: &Shape) -> Option<&Value> {
    match shape.get("additionalProperties") {
        // A map from numbers is no struct that refuses unknown names.
        Some(Value::Bool(false)) if shape.named("patternProperties").next().is_some() => None,
        Some(Value::Bool(true)) => Some(&ANYTHING),
        other => other,
    }
}

/// Whether a property is read under this name.
fn reads(known: &str, schema: &Value, name: &str) -> bool {
    let aliases = schema.get(ALIASES).and_then(Value::as_array);
    known == name || aliases.into_iter().flatten().any(|alias| alias == name)
}

/// The schema as it is where there are no aliases: a reference stays one.
fn without_aliases(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(keywords) = schema.as_object_mut() {
        keywords.retain(|keyword, _| keyword != ALIASES);
    }
    schema
}

fn below(place: &str, name: &str) -> String {
    format!("{place}.{name}")
}
