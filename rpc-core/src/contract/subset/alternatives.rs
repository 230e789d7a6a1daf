//! A schema as a choice of shapes.

use serde_json::{Map, Value};

use super::numbers;
use super::shape::{Shape, Unclear};
use crate::contract::keywords::{ALIASES, is_annotation, referred};

/// How many shapes a schema may stand for.
const MOST: usize = 512;
/// How many references may follow each other.
const DEPTH: usize = 32;
/// How many values of JSON are looked at for that: choices of choices may be without end, and each is copied.
const VALUES: usize = 100_000;

/// The shapes that a schema allows.
pub(super) fn of(schema: &Value, definitions: &Map<String, Value>) -> Result<Vec<Shape>, Unclear> {
    let mut shapes = Expansion { definitions, left: VALUES }.expand(schema, DEPTH)?;
    join_enums(&mut shapes);
    drop_repetitions(&mut shapes);
    Ok(shapes)
}

/// The way from a schema to its shapes.
struct Expansion<'a> {
    definitions: &'a Map<String, Value>,
    /// How many more values may be looked at.
    left: usize,
}

impl Expansion<'_> {
    fn expand(&mut self, schema: &Value, depth: usize) -> Result<Vec<Shape>, Unclear> {
        let too_many = || Unclear::new("there are too many alternatives");
        self.left = self.left.checked_sub(count(schema)).ok_or_else(too_many)?;
        let keywords = match schema {
            Value::Bool(true) => return Ok(vec![Shape::new(Map::new())]),
            Value::Bool(false) => return Ok(Vec::new()),
            Value::Object(keywords) => keywords,
            _ => return Err(Unclear::new("there is no schema")),
        };
        let deeper = depth.checked_sub(1).ok_or_else(|| Unclear::new("references lead nowhere"))?;
        let mut shapes = own(keywords);
        if keywords.contains_key("$ref") {
            let definitions = self.definitions;
            let referred = referred(keywords).and_then(|name| definitions.get(&name));
            let referred = referred.ok_or_else(|| Unclear::new("a reference leads nowhere"))?;
            shapes = both(&shapes, &self.expand(referred, deeper)?)?;
        }
        for part in keywords.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            shapes = both(&shapes, &self.expand(part, deeper)?)?;
        }
        for choice in ["anyOf", "oneOf"] {
            let Some(parts) = keywords.get(choice).and_then(Value::as_array) else { continue };
            let mut any = Vec::new();
            for part in parts {
                any.extend(self.expand(part, deeper)?);
            }
            shapes = both(&shapes, &any)?;
        }
        Ok(shapes)
    }
}

/// How many values a value is made of.
fn count(value: &Value) -> usize {
    let parts: usize = match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    };
    1 + parts
}

/// What the keywords of a schema say themselves: a shape for each type.
fn own(schema: &Map<String, Value>) -> Vec<Shape> {
    let mut keywords = Map::new();
    for (keyword, value) in schema {
        let (keyword, value) = match keyword.as_str() {
            "$ref" | "allOf" | "anyOf" | "oneOf" | ALIASES => continue,
            annotation if is_annotation(annotation) => continue,
            "const" => ("enum", Value::Array(vec![value.clone()])),
            // All parts of a schema are one here, so that nothing is left that was not evaluated.
            "unevaluatedProperties" => ("additionalProperties", value.clone()),
            other => (other, value.clone()),
        };
        keywords.insert(keyword.to_owned(), value);
    }
    match keywords.get("type") {
        Some(Value::Array(types)) => {
            types.iter().filter_map(Value::as_str).map(|ty| of_type(&keywords, ty)).collect()
        }
        Some(Value::String(ty)) => vec![of_type(&keywords, ty)],
        _ => match implied_type(&keywords) {
            Some(ty) => vec![of_type(&keywords, ty)],
            None => vec![Shape::new(keywords)],
        },
    }
}

fn implied_type(keywords: &Map<String, Value>) -> Option<&'static str> {
    let has = |names: &[&str]| names.iter().any(|name| keywords.contains_key(*name));
    if has(&["properties", "required", "additionalProperties", "patternProperties"]) {
        Some("object")
    } else if has(&["items", "prefixItems"]) {
        Some("array")
    } else {
        None
    }
}

/// The same for values of one type, without what concerns others.
fn of_type(keywords: &Map<String, Value>, ty: &str) -> Shape {
    let mut kept: Map<String, Value> = keywords
        .iter()
        .filter(|(keyword, value)| concerns(keyword, value, ty))
        .map(|(keyword, value)| (keyword.clone(), value.clone()))
        .collect();
    if let Some(Value::Array(values)) = kept.get_mut("enum") {
        values.retain(|value| is_of_type(value, ty));
    }
    if matches!(ty, "null") {
        kept.clear();
    }
    kept.insert("type".to_owned(), ty.into());
    Shape::new(kept)
}

fn concerns(keyword: &str, value: &Value, ty: &str) -> bool {
    let types: &[&str] = match keyword {
        "properties"
        | "required"
        | "additionalProperties"
        | "patternProperties"
        | "propertyNames"
        | "minProperties"
        | "maxProperties" => &["object"],
        "items" | "prefixItems" | "minItems" | "maxItems" | "uniqueItems" | "contains" => &["array"],
        "minLength" | "maxLength" | "pattern" | "contentEncoding" | "contentMediaType" => &["string"],
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => {
            &["integer", "number"]
        }
        "format" if numbers::is_format(value) => &["integer", "number"],
        "format" => &["integer", "number", "string"],
        _ => return true,
    };
    types.contains(&ty)
}

fn is_of_type(value: &Value, ty: &str) -> bool {
    match value {
        Value::Null => ty == "null",
        Value::Bool(_) => ty == "boolean",
        Value::Number(number) => ty == "number" || (ty == "integer" && !number.is_f64()),
        Value::String(_) => ty == "string",
        Value::Array(_) => ty == "array",
        Value::Object(_) => ty == "object",
    }
}

/// The shapes that are of both lists.
fn both(ones: &[Shape], others: &[Shape]) -> Result<Vec<Shape>, Unclear> {
    if ones.len().saturating_mul(others.len()) > MOST {
        return Err(Unclear::new("there are too many alternatives"));
    }
    let mut shapes = Vec::new();
    for one in ones {
        for other in others {
            shapes.extend(one.and(other)?);
        }
    }
    Ok(shapes)
}

/// Makes one of all shapes that are but a choice of values of one type.
fn join_enums(shapes: &mut Vec<Shape>) {
    let mut joined: Vec<Shape> = Vec::new();
    for shape in shapes.drain(..) {
        let earlier = joined
            .iter_mut()
            .find(|earlier| earlier.is_choice() && shape.is_choice() && earlier.ty() == shape.ty());
        match (earlier.and_then(Shape::choice_mut), shape.choice()) {
            (Some(values), Some(more)) => values.extend(more.iter().cloned()),
            _ => joined.push(shape),
        }
    }
    *shapes = joined;
}

/// Drops shapes that another one says as well.
fn drop_repetitions(shapes: &mut Vec<Shape>) {
    let mut kept: Vec<Shape> = Vec::new();
    let anything = shapes.iter().any(Shape::is_anything);
    for shape in shapes.drain(..) {
        // Who reads anything may still not read bytes.
        let is_said = kept.contains(&shape) || (anything && !shape.is_anything() && !shape.is_bytes());
        if !is_said {
            kept.push(shape);
        }
    }
    *shapes = kept;
}
