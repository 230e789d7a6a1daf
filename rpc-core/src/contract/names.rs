//! The contract that a description alone makes: names, and what may be missing.

use serde_json::{Map, Value, json};

use super::{Basis, Contract, MethodContract, Role, fingerprint};
use crate::service::{Method, MethodKind, ServiceDescriptor};

/// The version of the wire protocol that this package speaks.
const PROTOCOL: u32 = 1;
/// The names of the codecs that every server understands.
const CODECS: [&str; 2] = ["msgpack", "json"];

impl Contract {
    /// What a description alone tells: the names of methods and parameters, without the types.
    pub fn from_descriptor(descriptor: &ServiceDescriptor, role: Role) -> Self {
        let mut contract = Contract {
            service: descriptor.name().to_owned(),
            version: descriptor.version().to_owned(),
            description: descriptor.description().to_owned(),
            protocol: PROTOCOL,
            codecs: CODECS.map(str::to_owned).into(),
            role,
            basis: Basis::Names,
            definitions: Map::new(),
            methods: descriptor.methods().iter().map(|method| MethodContract::named(method, role)).collect(),
        };
        fingerprint::by_names(&mut contract, descriptor.methods());
        contract
    }
}

impl MethodContract {
    fn named(method: &Method, role: Role) -> Self {
        let anything = method.parameters().iter().map(|_| Value::Bool(true)).collect();
        MethodContract {
            name: method.name().to_owned(),
            kind: kind(method.kind()).to_owned(),
            idempotent: method.is_idempotent(),
            bare: method.is_bare(),
            description: method.description().to_owned(),
            parameters: parameters(method, anything, role),
            result: None,
            error: None,
            fingerprint: String::new(),
        }
    }
}

/// The name of a kind in contracts and in what discovery shows.
pub(crate) fn kind(kind: MethodKind) -> &'static str {
    match kind {
        MethodKind::Unary => "unary",
        MethodKind::Oneway => "oneway",
    }
}

/// The schema of the arguments of a method, given one for each parameter. A client always writes all of them.
pub(super) fn parameters(method: &Method, mut schemas: Vec<Value>, role: Role) -> Value {
    if method.is_bare() {
        return schemas.pop().unwrap_or(Value::Bool(true));
    }
    let always = |optional: bool| !optional || role == Role::Client;
    let required: Vec<_> = method
        .parameters()
        .iter()
        .filter(|parameter| always(parameter.is_optional()))
        .map(|parameter| parameter.name())
        .collect();
    let names = method.parameters().iter().map(|parameter| parameter.name().to_owned());
    let properties: Map<String, Value> = names.zip(schemas).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}
