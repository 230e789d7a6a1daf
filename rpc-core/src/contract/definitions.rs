//! Definitions of what is read and of what is written, in one list.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::keywords::referred;

/// The definitions that schemas need, by name.
pub(super) type Definitions = Map<String, Value>;

/// Joins the definitions of what a server takes with those of its results. Where one name means two things, that of the results
/// is changed, in the results' schemas too.
pub(super) fn join<'a>(
    taken: impl Iterator<Item = &'a Value>,
    of_taken: &Definitions,
    results: &mut [&mut Value],
    of_results: &Definitions,
) -> Definitions {
    let mut joined = reachable(taken, of_taken);
    let mut added = reachable(results.iter().map(|result| &**result), of_results);
    let renamed = conflicts(&joined, &added);
    for result in results {
        rename(result, &renamed);
    }
    for (name, definition) in &mut added {
        rename(definition, &renamed);
        joined.insert(renamed.get(name).unwrap_or(name).clone(), definition.take());
    }
    joined
}

/// The definitions that these schemas lead to.
fn reachable<'a>(schemas: impl Iterator<Item = &'a Value>, definitions: &Definitions) -> Definitions {
    let mut found = Map::new();
    let mut wanted = BTreeSet::new();
    schemas.for_each(|schema| collect(schema, &mut wanted));
    while let Some(name) = wanted.pop_first() {
        if let Some(definition) = definitions.get(&name).filter(|_| !found.contains_key(&name)) {
            collect(definition, &mut wanted);
            found.insert(name, definition.clone());
        }
    }
    found
}

/// Adds the names that a schema refers to.
fn collect(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(keywords) => {
            names.extend(referred(keywords));
            keywords.values().for_each(|value| collect(value, names));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        _ => {}
    }
}

/// New names for definitions of the results that are others than those of the same name, or that lead to such.
fn conflicts(taken: &Definitions, results: &Definitions) -> BTreeMap<String, String> {
    let mut renamed = BTreeMap::new();
    loop {
        let is_other = |name: &str, definition: &Value| {
            let mut names = BTreeSet::new();
            collect(definition, &mut names);
            taken.get(name).is_some_and(|namesake| namesake != definition)
                || (taken.contains_key(name) && names.iter().any(|name| renamed.contains_key(name)))
        };
        let found = results
            .iter()
            .find(|(name, definition)| !renamed.contains_key(name.as_str()) && is_other(name, definition));
        let Some((name, _)) = found else { return renamed };
        let mut new = format!("{name}_result");
        while taken.contains_key(&new) || results.contains_key(&new) {
            new.push('_');
        }
        renamed.insert(name.clone(), new);
    }
}

fn rename(schema: &mut Value, renamed: &BTreeMap<String, String>) {
    match schema {
        Value::Object(keywords) => {
            if let Some((old, new)) = referred(keywords).and_then(|name| renamed.get_key_value(&name))
                && let Some(Value::String(reference)) = keywords.get_mut("$ref")
            {
                // What is added needs no escape.
                reference.push_str(new.strip_prefix(old.as_str()).unwrap_or_default());
            }
            keywords.values_mut().for_each(|value| rename(value, renamed));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, renamed)),
        _ => {}
    }
}
