//! What is written against any value that is read.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::objects::{SIGNED, UNSIGNED};
use super::shape::Shape;
use super::{Comparison, Finding};
use crate::contract::keywords::{BYTES, referred};

/// Formats that are bytes in MessagePack, or of a shape of their own.
const OTHERWISE: [&str; 6] = ["int128", "uint128", "uuid", "ip", "ipv4", "ipv6"];

impl Comparison<'_> {
    /// A value of any kind is made of what JSON has. In MessagePack some types are written as something else, which may be deep
    /// inside of what is written.
    pub(super) fn read_anything(&self, place: &str, written: &Shape) -> Vec<Finding> {
        if written.is_anything() {
            return Vec::new();
        }
        let mut search = Search { definitions: self.written.definitions, met: BTreeSet::new() };
        if search.keywords(written.all()) {
            let message = format!(
                "any value can be read, and {written} may be written with parts that look different in MessagePack"
            );
            return vec![Finding::breaking(place, message)];
        }
        vec![Finding::compatible(place, format!("any value can be read, where {written} is written"))]
    }
}

/// A search for what is written otherwise in MessagePack.
struct Search<'a> {
    definitions: &'a Map<String, Value>,
    /// The names of definitions that were searched.
    met: BTreeSet<String>,
}

impl Search<'_> {
    fn schema(&mut self, schema: &Value) -> bool {
        schema.as_object().is_some_and(|keywords| self.keywords(keywords))
    }

    fn keywords(&mut self, keywords: &Map<String, Value>) -> bool {
        keywords.iter().any(|(keyword, value)| match keyword.as_str() {
            BYTES => true,
            "format" => value.as_str().is_some_and(|format| OTHERWISE.contains(&format)),
            "patternProperties" => {
                let patterns = value.as_object();
                patterns.is_some_and(|map| map.contains_key(SIGNED) || map.contains_key(UNSIGNED))
                    || self.named(value)
            }
            "properties" => self.named(value),
            "prefixItems" | "allOf" | "anyOf" | "oneOf" => {
                value.as_array().is_some_and(|schemas| schemas.iter().any(|schema| self.schema(schema)))
            }
            "additionalProperties" | "unevaluatedProperties" | "items" => self.schema(value),
            "$ref" => self.reference(keywords),
            _ => false,
        })
    }

    fn named(&mut self, schemas: &Value) -> bool {
        schemas.as_object().is_some_and(|schemas| schemas.values().any(|schema| self.schema(schema)))
    }

    fn reference(&mut self, keywords: &Map<String, Value>) -> bool {
        let definitions = self.definitions;
        let definition = referred(keywords)
            .filter(|name| self.met.insert(name.clone()))
            .and_then(|name| definitions.get(&name));
        definition.is_some_and(|definition| self.schema(definition))
    }
}
