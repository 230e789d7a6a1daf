//! What a service promises on the wire, as data: to publish it, to tell versions of it apart, and to compare them.
//!
//! A [`Contract`] is made of a trait. With `#[nats_rpc::service(schema)]` it holds a JSON Schema for all that travels; else it
//! holds names only. [`Contract::check`] compares the contract that a client was built with and that of a server, and reports
//! each difference as compatible or breaking, by the rules of `docs/compatibility.md`.
//!
//! ```
//! # #[cfg(feature = "schema")] {
//! use nats_rpc::ServiceClient as _;
//! use nats_rpc::contract::{Contract, Role};
//!
//! mod old {
//!     #[nats_rpc::service(schema, version = "1.0.0")]
//!     pub trait Greeter {
//!         async fn hello(&self, name: &str) -> String;
//!     }
//! }
//!
//! mod new {
//!     #[nats_rpc::service(schema, version = "1.1.0")]
//!     pub trait Greeter {
//!         async fn hello(&self, name: &str, #[serde(default)] polite: bool) -> String;
//!     }
//! }
//!
//! let client = old::GreeterClient::contract(Role::Client);
//! let server = new::GreeterClient::contract(Role::Server);
//! let report = Contract::check(&client, &server);
//! assert!(report.is_compatible());
//! assert_eq!(report.differences[0].place, "parameters.polite");
//! # }
//! ```

mod canonical;
mod check;
#[cfg(feature = "schema")]
mod definitions;
#[cfg(feature = "schema")]
pub(crate) mod description;
mod fingerprint;
mod instances;
mod keywords;
mod names;
mod report;
pub(crate) mod stand_ins;
mod subset;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::instances::{CheckReport, InstanceReport, Verdict};
pub(crate) use self::names::kind_name;
pub use self::report::{Difference, Impact, Report};

/// What a service promises on the wire: its methods, and the shape of what they take and answer.
///
/// As JSON it is what a service publishes. Fields that are not known are passed over when it is read, and what is missing
/// but the service's name is taken to be empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Contract {
    /// The service's name.
    pub service: String,
    /// The service's version.
    #[serde(default)]
    pub version: String,
    /// The description for humans.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The version of the wire protocol.
    #[serde(default)]
    pub protocol: u32,
    /// The encodings that are understood: `msgpack` and `json`.
    #[serde(default)]
    pub codecs: Vec<String>,
    /// The side whose view this is.
    #[serde(default)]
    pub role: Role,
    /// What is known of the methods.
    #[serde(default)]
    pub basis: Basis,
    /// The schemas that others refer to as `#/$defs/<name>`.
    #[serde(rename = "$defs", default, skip_serializing_if = "Map::is_empty")]
    pub definitions: Map<String, Value>,
    /// The methods, in the order of the trait.
    #[serde(default)]
    pub methods: Vec<MethodContract>,
}

/// What a method takes and answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MethodContract {
    /// The name on the wire.
    pub name: String,
    /// How it is called and how it answers: `unary`, `oneway`, `server_streaming`, `client_streaming` or `bidi_streaming`.
    pub kind: String,
    /// What its subject has behind that of the service, with `*` for each parameter; empty if that is its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Whether it may be executed twice without harm.
    #[serde(default)]
    pub idempotent: bool,
    /// Whether its single argument is the whole message.
    #[serde(default)]
    pub bare: bool,
    /// The description for humans.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// A JSON Schema of the arguments: an object with a property for each, unless the method is bare.
    #[serde(default = "anything")]
    pub parameters: Value,
    /// A JSON Schema of one of the items that the caller streams; none of a method that takes no stream, and none where only
    /// names are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Value>,
    /// A JSON Schema of the result, or of one of the results that are streamed; none of a oneway method, and none where only
    /// names are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// A JSON Schema of the service's own error; none if the method cannot fail, and where only names are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
    /// `schema:` or `names:`, and 32 hexadecimal digits that are the same wherever the same travels. It is that of the
    /// server's role in both roles.
    #[serde(default)]
    pub fingerprint: String,
}

/// What is known of a service's methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Basis {
    /// The shape of all that travels.
    Schema,
    /// The names of methods and parameters.
    #[default]
    #[serde(other)]
    Names,
}

/// The side whose view a contract is: a type may be written in another shape than it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// Parameters and items as they are written, results and errors as they are read.
    Client,
    /// Parameters and items as they are read, results and errors as they are written. This is what is published.
    #[default]
    #[serde(other)]
    Server,
}

impl Contract {
    /// The method of this name on the wire.
    pub fn method(&self, name: &str) -> Option<&MethodContract> {
        self.methods.iter().find(|method| method.name == name)
    }
}

impl MethodContract {
    /// What its subject has behind that of the service.
    pub(crate) fn tail(&self) -> &str {
        if self.subject.is_empty() { &self.name } else { &self.subject }
    }
}

fn anything() -> Value {
    Value::Bool(true)
}
