//! One shape that a value may have, without references and of one type.

use std::fmt;

use serde_json::{Map, Value};

use crate::contract::keywords::BYTES;

/// One of the shapes that a value may have; without keywords, any.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    keywords: Map<String, Value>,
}

/// Why a schema cannot be understood.
#[derive(Debug)]
pub(super) struct Unclear(String);

impl Unclear {
    pub(super) fn new(why: &str) -> Self {
        Unclear(why.to_owned())
    }
}

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Shape {
    /// The shape of these keywords, which are about one type.
    pub(super) fn new(keywords: Map<String, Value>) -> Self {
        Shape { keywords }
    }

    pub(super) fn get(&self, keyword: &str) -> Option<&Value> {
        self.keywords.get(keyword)
    }

    pub(super) fn all(&self) -> &Map<String, Value> {
        &self.keywords
    }

    pub(super) fn keywords(&self) -> impl Iterator<Item = &str> {
        self.keywords.keys().map(String::as_str)
    }

    /// Whether every value is of this shape.
    pub(super) fn is_anything(&self) -> bool {
        self.keywords.is_empty()
    }

    /// Whether it is a string of bytes, which is no string in MessagePack.
    pub(super) fn is_bytes(&self) -> bool {
        self.keywords.contains_key(BYTES)
    }

    pub(super) fn ty(&self) -> Option<&str> {
        self.get("type").and_then(Value::as_str)
    }

    /// The values that it is restricted to.
    pub(super) fn choice(&self) -> Option<&Vec<Value>> {
        self.get("enum").and_then(Value::as_array)
    }

    pub(super) fn choice_mut(&mut self) -> Option<&mut Vec<Value>> {
        self.keywords.get_mut("enum").and_then(Value::as_array_mut)
    }

    /// The named schemas below a keyword.
    pub(super) fn named<'a>(&'a self, keyword: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let named = self.get(keyword).and_then(Value::as_object);
        named.into_iter().flatten().map(|(name, schema)| (name.as_str(), schema))
    }

    pub(super) fn requires(&self, name: &str) -> bool {
        self.required().any(|required| required == name)
    }

    pub(super) fn required(&self) -> impl Iterator<Item = &str> {
        self.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// Whether it is but a choice of values of one type.
    pub(super) fn is_choice(&self) -> bool {
        self.keywords.len() == 2 && self.choice().is_some() && self.ty().is_some()
    }

    /// Whether both are meant to be the same alternative: the same variant of an enum, or of one type.
    pub(super) fn is_akin_to(&self, other: &Shape) -> bool {
        let is_numeric = |shape: &Shape| matches!(shape.ty(), Some("integer" | "number"));
        let same_type = self.ty() == other.ty() || (is_numeric(self) && is_numeric(other));
        same_type && self.tag() == other.tag()
    }

    /// What tells a variant of an enum from the others.
    pub(super) fn tag(&self) -> Option<(&str, Option<&Value>)> {
        let constant = self.named("properties").find_map(|(name, schema)| {
            let value = schema.get("const").filter(|_| self.requires(name))?;
            Some((name, Some(value)))
        });
        let mut required = self.required();
        let wrapper = match (required.next(), required.next(), self.get("additionalProperties")) {
            (Some(name), None, Some(Value::Bool(false))) => Some((name, None)),
            _ => None,
        };
        constant.or(wrapper)
    }

    /// The shape of what has both shapes; none if nothing has.
    pub(super) fn and(&self, other: &Shape) -> Result<Option<Shape>, Unclear> {
        let mut keywords = self.keywords.clone();
        for (keyword, new) in &other.keywords {
            let Some(old) = keywords.get_mut(keyword) else {
                keywords.insert(keyword.clone(), new.clone());
                continue;
            };
            if old == new {
                continue;
            }
            match (keyword.as_str(), old, new) {
                ("type", old, new) => {
                    let types = [old.as_str(), new.as_str()];
                    if types.iter().any(|ty| !matches!(ty, Some("integer" | "number"))) {
                        return Ok(None);
                    }
                    *old = "integer".into();
                }
                ("required", Value::Array(old), Value::Array(new)) => old.extend(new.iter().cloned()),
                ("enum", Value::Array(old), Value::Array(new)) => {
                    old.retain(|value| new.contains(value));
                    if old.is_empty() {
                        return Ok(None);
                    }
                }
                ("properties" | "patternProperties", Value::Object(old), Value::Object(new)) => {
                    for (name, schema) in new {
                        let merged = old.get(name).map_or_else(|| schema.clone(), |old| all_of(old, schema));
                        old.insert(name.clone(), merged);
                    }
                }
                // One part of the whole refuses what it does not know, which the others may.
                ("additionalProperties", old, new) => {
                    *old = if *old == Value::Bool(false) || *new == Value::Bool(false) {
                        Value::Bool(false)
                    } else {
                        all_of(old, new)
                    };
                }
                ("items", old, new) => *old = all_of(old, new),
                (keyword, ..) => return Err(Unclear::new(&format!("`{keyword}` is given twice"))),
            }
        }
        Ok(Some(Shape { keywords }))
    }
}

fn all_of(one: &Value, other: &Value) -> Value {
    if one == other { one.clone() } else { serde_json::json!({ "allOf": [one, other] }) }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::values::describe(self, f)
    }
}
