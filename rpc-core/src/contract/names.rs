//! The contract that a description alone makes: names, and what may be missing.

use serde_json::{Map, Value, json};

use super::{Basis, Contract, MethodContract, Role, fingerprint};
use crate::discovery::{EndpointInfo, ServiceInfo, metadata};
use crate::service::{Method, MethodKind, ServiceDescriptor};
use crate::wire::frame::VERSION;
use crate::wire::template::Template;

/// The version of the wire protocol that this package speaks.
const PROTOCOL: u32 = VERSION as u32;
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

impl Contract {
    /// What an instance says of itself when it is discovered, without the types; none if it is not one of this framework.
    /// `service` is how many tokens its subject has.
    pub(crate) fn from_info(info: &ServiceInfo, service: usize) -> Option<Self> {
        let said = |name| info.endpoints.iter().find_map(|endpoint| endpoint.metadata.get(name));
        let protocol = said(metadata::PROTOCOL);
        if protocol.is_none() && !info.metadata.contains_key(metadata::CONTRACT) {
            return None;
        }
        let codecs = said(metadata::CODECS).map_or_else(|| CODECS.join(","), String::clone);
        Some(Contract {
            service: info.name.clone(),
            version: info.version.clone(),
            description: info.description.clone(),
            // A service without methods does not say.
            protocol: protocol.map_or(PROTOCOL, |protocol| protocol.parse().unwrap_or_default()),
            codecs: codecs.split(',').map(str::to_owned).collect(),
            role: Role::Server,
            basis: Basis::Names,
            definitions: Map::new(),
            methods: info
                .endpoints
                .iter()
                .map(|endpoint| MethodContract::discovered(endpoint, service))
                .collect(),
        })
    }
}

impl MethodContract {
    fn discovered(endpoint: &EndpointInfo, service: usize) -> Self {
        let said = |name| endpoint.metadata.get(name).map(String::as_str).unwrap_or_default();
        let bare = said(metadata::BARE) == "true";
        let listed = said(metadata::PARAMETERS).split(',').filter(|name| !name.is_empty());
        let required: Vec<_> = listed.clone().filter(|name| !name.ends_with('?')).collect();
        let names = listed.map(|name| name.trim_end_matches('?').to_owned());
        let properties: Map<String, Value> = names.map(|name| (name, Value::Bool(true))).collect();
        let parameters = json!({ "type": "object", "properties": properties, "required": required });
        let tail = endpoint.subject.split('.').skip(service).collect::<Vec<_>>().join(".");
        MethodContract {
            subject: if tail == endpoint.name { String::new() } else { tail },
            name: endpoint.name.clone(),
            kind: said(metadata::KIND).to_owned(),
            // It is not said, and shall not be held against it.
            idempotent: true,
            bare,
            description: String::new(),
            parameters: if bare { Value::Bool(true) } else { parameters },
            items: None,
            result: None,
            error: None,
            fingerprint: said(metadata::FINGERPRINT).to_owned(),
        }
    }

    fn named(method: &Method, role: Role) -> Self {
        let anything = method.parameters().iter().map(|_| Value::Bool(true)).collect();
        MethodContract {
            name: method.name().to_owned(),
            kind: kind_name(method.kind()).to_owned(),
            subject: subject(method),
            idempotent: method.is_idempotent(),
            bare: method.is_bare(),
            description: method.description().to_owned(),
            parameters: parameters(method, anything, role),
            items: None,
            result: None,
            error: None,
            fingerprint: String::new(),
        }
    }
}

/// What the subject of a method has behind that of the service, unless it is its name. What parameters are called there is nobody's business.
fn subject(method: &Method) -> String {
    let template = Template::parse("the method's subject", method.subject());
    let pattern = template.and_then(|template| template.pattern(&[])).unwrap_or_default();
    if pattern == method.name() { String::new() } else { pattern }
}

/// The name of a kind in contracts and in what discovery shows.
pub(crate) fn kind_name(kind: MethodKind) -> &'static str {
    match kind {
        MethodKind::Unary => "unary",
        MethodKind::Oneway => "oneway",
        MethodKind::ServerStreaming => "server_streaming",
        MethodKind::ClientStreaming => "client_streaming",
        MethodKind::BidiStreaming => "bidi_streaming",
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
