//! Fingerprints: short texts that are the same wherever the same travels.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Contract, MethodContract, canonical};
use crate::service::Method;

/// How many bytes of the hash are kept; two hexadecimal digits each.
const LENGTH: usize = 16;

/// Sets the fingerprints of methods of which only names are known.
pub(super) fn by_names(contract: &mut Contract, methods: &[Method]) {
    for (index, method) in methods.iter().enumerate() {
        // The name of a bare argument does not travel.
        let parameters = method.parameters().iter().filter(|_| !method.is_bare()).map(|parameter| {
            let mark = if parameter.is_optional() { "?" } else { "" };
            format!("{}{mark}", parameter.name())
        });
        let mut parameters: Vec<_> = parameters.collect();
        parameters.sort_unstable();
        let (protocol, codecs) = (contract.protocol, contract.codecs.clone());
        if let Some(described) = contract.methods.get_mut(index) {
            let mut shape = json!({
                "protocol": protocol,
                "codecs": codecs,
                "method": described.name,
                "kind": described.kind,
                "bare": described.bare,
                "parameters": parameters,
            });
            add_subject(&mut shape, described);
            described.fingerprint = format!("names:{}", digest(&shape));
        }
    }
}

/// The fingerprints of methods with schemas, in their order. They are those of the server's role.
#[cfg(feature = "schema")]
pub(super) fn by_schema(contract: &Contract) -> Vec<String> {
    let definitions = &contract.definitions;
    let closed =
        |schema: &Option<Value>| schema.as_ref().map(|schema| canonical::closed(schema, definitions));
    let shapes = contract.methods.iter().map(|method| {
        let mut shape = json!({
            "protocol": contract.protocol,
            "codecs": contract.codecs,
            "method": method.name,
            "kind": method.kind,
            "bare": method.bare,
            "parameters": canonical::closed(&method.parameters, definitions),
            "result": closed(&method.result),
            "error": closed(&method.error),
        });
        add_subject(&mut shape, method);
        if let Some(items) = &method.items {
            add(&mut shape, "items", canonical::closed(items, definitions));
        }
        shape
    });
    shapes.map(|shape| format!("schema:{}", digest(&shape))).collect()
}

fn add_subject(shape: &mut Value, method: &MethodContract) {
    if !method.subject.is_empty() {
        add(shape, "subject", method.subject.as_str().into());
    }
}

/// Adds what most methods do not have: those keep the fingerprint that they had before there was such a thing.
fn add(shape: &mut Value, field: &str, value: Value) {
    if let Some(shape) = shape.as_object_mut() {
        shape.insert(field.to_owned(), value);
    }
}

fn digest(shape: &Value) -> String {
    let hash = Sha256::digest(canonical::text(shape));
    hash.iter().take(LENGTH).map(|byte| format!("{byte:02x}")).collect()
}
