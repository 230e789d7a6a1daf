//! One form for all schemas that mean the same on the wire, whatever they are called and however they are explained.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

#[cfg(feature = "schema")]
pub(super) use self::closing::closed;

/// JSON without white space and with sorted keys, after RFC 8785.
pub(super) fn text(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            text.push('{');
            for (index, (key, field)) in sorted(fields).into_iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                // Writing into a string cannot fail.
                let _ = write!(text, "{}:", Value::from(key));
                write(field, text);
            }
            text.push('}');
        }
        scalar => {
            let _ = write!(text, "{scalar}");
        }
    }
}

/// The fields by name. A map of `serde_json` keeps another order if any crate of the program asks it to.
fn sorted(fields: &Map<String, Value>) -> BTreeMap<&str, &Value> {
    fields.iter().map(|(key, field)| (key.as_str(), field)).collect()
}

#[cfg(feature = "schema")]
mod closing {
    use serde_json::{Map, Value, json};

    use super::{sorted, text};
    use crate::contract::keywords::{is_annotation, referred};

    /// A schema with the definitions that it needs, which are numbered in the order in which they are met.
    pub(in crate::contract) fn closed(schema: &Value, definitions: &Map<String, Value>) -> Value {
        let mut closing = Closing { definitions, met: Vec::new() };
        let schema = closing.schema(schema);
        let mut closed = Vec::new();
        // Each may meet further ones.
        while let Some(name) = closing.met.get(closed.len()).cloned() {
            closed.push(definitions.get(&name).map_or(Value::Null, |definition| closing.schema(definition)));
        }
        json!({ "schema": schema, "definitions": closed })
    }

    struct Closing<'a> {
        definitions: &'a Map<String, Value>,
        /// The names of definitions, by number.
        met: Vec<String>,
    }

    impl Closing<'_> {
        fn schema(&mut self, schema: &Value) -> Value {
            let Value::Object(keywords) = schema else { return schema.clone() };
            let mut normal = Map::new();
            for (keyword, value) in sorted(keywords) {
                match keyword {
                    _ if is_annotation(keyword) => {}
                    "$ref" => {
                        normal.insert(keyword.to_owned(), self.reference(keywords, value));
                    }
                    "const" => {
                        normal.insert("enum".to_owned(), json!([value]));
                    }
                    "properties" | "patternProperties" => {
                        normal.insert(keyword.to_owned(), self.named(value));
                    }
                    "oneOf" | "anyOf" => {
                        let alternatives = self.all(value);
                        normal.insert(keyword.to_owned(), Value::Array(with_one_enum(alternatives)));
                    }
                    "allOf" | "prefixItems" => {
                        normal.insert(keyword.to_owned(), Value::Array(self.all(value)));
                    }
                    "required" | "type" | "enum" => {
                        normal.insert(keyword.to_owned(), in_order(value));
                    }
                    _ => {
                        normal.insert(keyword.to_owned(), self.schema(value));
                    }
                }
            }
            if normal.get("required") == Some(&json!([])) {
                normal.remove("required");
            }
            lone_alternative(&normal).unwrap_or(Value::Object(normal))
        }

        fn all(&mut self, schemas: &Value) -> Vec<Value> {
            schemas.as_array().into_iter().flatten().map(|schema| self.schema(schema)).collect()
        }

        fn named(&mut self, schemas: &Value) -> Value {
            let Value::Object(schemas) = schemas else { return schemas.clone() };
            let normal =
                sorted(schemas).into_iter().map(|(name, schema)| (name.to_owned(), self.schema(schema)));
            Value::Object(normal.collect())
        }

        fn reference(&mut self, schema: &Map<String, Value>, written: &Value) -> Value {
            let Some(name) = referred(schema).filter(|name| self.definitions.contains_key(name)) else {
                return written.clone();
            };
            let number = self.met.iter().position(|met| *met == name).unwrap_or_else(|| {
                self.met.push(name);
                self.met.len() - 1
            });
            Value::from(number)
        }
    }

    /// A list whose order means nothing.
    fn in_order(list: &Value) -> Value {
        let Value::Array(items) = list else { return list.clone() };
        let mut items = items.clone();
        items.sort_by_cached_key(text);
        Value::Array(items)
    }

    /// Alternatives with all that are but a choice of strings as one, at the front: a variant with documentation stands alone
    /// otherwise.
    fn with_one_enum(alternatives: Vec<Value>) -> Vec<Value> {
        let mut choices = Vec::new();
        let mut others = Vec::new();
        for alternative in alternatives {
            match choice(&alternative) {
                Some(values) => choices.extend(values.iter().cloned()),
                None => others.push(alternative),
            }
        }
        if !choices.is_empty() {
            others.insert(0, json!({ "type": "string", "enum": in_order(&Value::Array(choices)) }));
        }
        others
    }

    fn choice(schema: &Value) -> Option<&Vec<Value>> {
        let keywords = schema.as_object().filter(|keywords| keywords.len() == 2)?;
        let is_string = keywords.get("type").is_some_and(|ty| ty == "string");
        keywords.get("enum").and_then(Value::as_array).filter(|_| is_string)
    }

    /// The alternative of a schema that is nothing but a choice of one.
    fn lone_alternative(schema: &Map<String, Value>) -> Option<Value> {
        let alternatives = schema.get("oneOf").or_else(|| schema.get("anyOf"))?.as_array()?;
        match alternatives.as_slice() {
            [alone] if schema.len() == 1 => Some(alone.clone()),
            _ => None,
        }
    }
}
