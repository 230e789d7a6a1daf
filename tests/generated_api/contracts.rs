//! What `#[service(schema)]` makes of a trait, and what is there without it.

use futures::Stream;
use nats_rpc::contract::{Basis, Contract, MethodContract, Role};
use nats_rpc::schemars::JsonSchema;
use nats_rpc::{Context, Incoming, Service as _, ServiceClient as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "nats_rpc::schemars")]
pub(crate) struct Point {
    x: f64,
    #[serde(default)]
    y: f64,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[schemars(crate = "nats_rpc::schemars")]
#[error("off the map")]
pub(crate) struct OffTheMap;

/// What has no schema, and needs none where functions of the user's write and read it.
pub(crate) struct Undescribed;

#[cfg(not(test))]
pub(crate) struct Absent;

/// Keeps points.
#[nats_rpc::service(schema, name = "map", version = "1.4.0")]
pub(crate) trait Atlas {
    /// Adds a point.
    #[rpc(idempotent)]
    async fn add(&self, cx: &Context, name: &str, point: &Point, tags: &[String]) -> Result<u32, OffTheMap>;
    async fn bytes(&self, one: &[u8], two: Vec<u8>, three: Option<bytes::Bytes>) -> Option<Vec<u8>>;
    async fn own(&self, #[serde(with = "undescribed")] value: Undescribed);
    async fn aliased(
        &self,
        #[serde(alias = "label", alias = "title")] name: Option<String>,
        #[serde(default)] n: u8,
    );
    #[rpc(bare)]
    async fn bare(&self, points: &[Point]) -> Point;
    #[rpc(oneway)]
    async fn log(&self, role: &str);
    #[rpc(subject = "moved.{by}")]
    async fn moved(&self, name: &str, by: Uuid);
    #[cfg(not(test))]
    async fn never(&self, absent: Absent);
}

mod undescribed {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Undescribed;

    pub(crate) fn serialize<S: Serializer>(_: &Undescribed, serializer: S) -> Result<S::Ok, S::Error> {
        ().serialize(serializer)
    }

    pub(crate) fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Undescribed, D::Error> {
        <()>::deserialize(deserializer).map(|()| Undescribed)
    }
}

struct Here;

impl Atlas for Here {
    async fn add(&self, _: &Context, _: &str, _: &Point, _: &[String]) -> Result<u32, OffTheMap> {
        Ok(1)
    }

    async fn bytes(&self, _: &[u8], _: Vec<u8>, three: Option<bytes::Bytes>) -> Option<Vec<u8>> {
        three.map(Vec::from)
    }

    async fn own(&self, _: Undescribed) {}

    async fn aliased(&self, _: Option<String>, _: u8) {}

    async fn bare(&self, _: &[Point]) -> Point {
        Point { x: 0.0, y: 0.0 }
    }

    async fn log(&self, _: &str) {}

    async fn moved(&self, _: &str, _: Uuid) {}
}

/// Streams points.
#[nats_rpc::service(schema, name = "track", version = "1.0.0")]
pub(crate) trait Track {
    fn read(&self, from: u8) -> impl Stream<Item = Result<Point, OffTheMap>>;
    async fn open(&self) -> Result<impl Stream<Item = Option<Vec<u8>>>, OffTheMap>;
    async fn write(&self, name: &str, points: Incoming<Point>) -> u8;
    fn copy(&self, chunks: Incoming<bytes::Bytes>) -> impl Stream<Item = Point>;
}

pub(crate) trait Entry: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {}
impl<T: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static> Entry for T {}

#[nats_rpc::service(schema, name = "shelf")]
pub(crate) trait Shelf<K: Entry, V = String>
where
    V: Entry,
{
    async fn get(&self, key: &K) -> Option<V>;
}

#[nats_rpc::service]
pub(crate) trait Plain {
    async fn hello(&self, name: &str, greeting: Option<String>) -> String;
}

fn atlas() -> Contract {
    AtlasClient::contract(Role::Server)
}

fn method(name: &str) -> MethodContract {
    atlas().method(name).expect("the method is there").clone()
}

fn parameter(name: &str, parameter: &str) -> Value {
    method(name).parameters["properties"][parameter].clone()
}

#[test]
fn client_and_server_have_the_same_contract() {
    let contract = atlas();
    assert_eq!(contract, AtlasServer::new(Here).contract());
    assert_eq!(
        (contract.service.as_str(), contract.version.as_str(), contract.description.as_str(), contract.basis),
        ("map", "1.4.0", "Keeps points.", Basis::Schema)
    );
    let methods: Vec<_> = contract.methods.iter().map(|method| method.name.as_str()).collect();
    assert_eq!(methods, ["add", "bytes", "own", "aliased", "bare", "log", "moved"]);
    let report = Contract::check(&AtlasClient::contract(Role::Client), &contract);
    assert!(report.is_compatible(), "{report}");
}

#[test]
fn what_travels_decides() {
    let point = json!({ "$ref": "#/$defs/Point" });
    assert_eq!(parameter("add", "name"), json!({ "type": "string" }));
    assert_eq!(parameter("add", "point"), point);
    assert_eq!(parameter("add", "tags"), json!({ "type": "array", "items": { "type": "string" } }));
    assert_eq!(method("add").parameters["required"], json!(["name", "point", "tags"]));
    assert_eq!(method("bare").parameters, json!({ "type": "array", "items": point }));
    assert_eq!(atlas().definitions["Point"]["required"], json!(["x"]));
}

/// So its type, which has no schema, does not have to be described.
#[test]
fn what_is_in_the_subject_is_not_in_the_contract_of_the_body() {
    assert_eq!(
        method("moved").parameters,
        json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] })
    );
}

#[test]
fn results_and_errors_are_described() {
    let add = method("add");
    assert_eq!((add.description.as_str(), add.idempotent), ("Adds a point.", true));
    assert_eq!(add.result, Some(json!({ "type": "integer", "format": "uint32", "minimum": 0 })));
    assert_eq!(add.error, Some(json!({ "$ref": "#/$defs/OffTheMap" })));
    assert_eq!(method("own").result, Some(json!({ "type": "null" })));
    assert_eq!(method("own").error, None);
    let log = method("log");
    assert_eq!((log.kind.as_str(), log.result, log.error), ("oneway", None, None));
}

#[test]
fn what_is_streamed_is_described_by_its_items() {
    let contract = TrackClient::contract(Role::Server);
    let method = |name: &str| contract.method(name).expect("the method is there").clone();
    let reference = |name: &str| Some(json!({ "$ref": format!("#/$defs/{name}") }));
    let bytes = json!({ "type": "string", "contentEncoding": "base64", "x-nats-rpc-bytes": true });

    let read = method("read");
    assert_eq!((read.kind.as_str(), &read.items), ("server_streaming", &None));
    assert_eq!((read.result, read.error), (reference("Point_result"), reference("OffTheMap")));
    let open = method("open");
    let mut optional = bytes.clone();
    optional["type"] = json!(["string", "null"]);
    assert_eq!((open.result, open.error), (Some(optional), reference("OffTheMap")));
    let write = method("write");
    assert_eq!((write.kind.as_str(), write.items), ("client_streaming", reference("Point")));
    assert_eq!(write.parameters["required"], json!(["name"]), "what is streamed is no parameter");
    let copy = method("copy");
    assert_eq!((copy.kind.as_str(), copy.items), ("bidi_streaming", Some(bytes)));
    assert_eq!((copy.result, copy.error), (reference("Point_result"), None));
    // Items are read like parameters: what has a default may be missing.
    assert_eq!(contract.definitions["Point"]["required"], json!(["x"]));
    assert!(Contract::check(&TrackClient::contract(Role::Client), &contract).differences.is_empty());
}

#[test]
fn bytes_are_marked() {
    let bytes = json!({ "type": "string", "contentEncoding": "base64", "x-nats-rpc-bytes": true });
    let mut optional = bytes.clone();
    optional["type"] = json!(["string", "null"]);
    assert_eq!(parameter("bytes", "one"), bytes);
    assert_eq!(parameter("bytes", "two"), bytes);
    assert_eq!(parameter("bytes", "three"), optional);
    assert_eq!(method("bytes").parameters["required"], json!(["one", "two"]));
    assert_eq!(method("bytes").result, Some(optional));
}

#[test]
fn options_of_parameters_count() {
    let own = parameter("own", "value");
    assert!(own["$comment"].is_string() && own.get("type").is_none(), "{own}");
    let aliased = parameter("aliased", "name");
    assert_eq!(aliased, json!({ "type": ["string", "null"], "x-nats-rpc-aliases": ["label", "title"] }));
    assert_eq!(method("aliased").parameters["required"], json!([]));
    // A client writes all it has.
    let client = AtlasClient::contract(Role::Client);
    assert_eq!(client.method("aliased").unwrap().parameters["required"], json!(["name", "n"]));
}

#[test]
fn a_generic_service_has_the_contract_of_its_types() {
    let words = ShelfClient::<String, String>::contract(Role::Server);
    let numbers = ShelfClient::<u8, u16>::contract(Role::Server);
    assert_eq!(words.methods[0].parameters["properties"]["key"], json!({ "type": "string" }));
    assert_ne!(words.methods[0].fingerprint, numbers.methods[0].fingerprint);
    assert!(
        !Contract::check(&ShelfClient::<String, String>::contract(Role::Client), &numbers).is_compatible()
    );
}

#[test]
fn without_schemas_names_are_known() {
    let contract = PlainClient::contract(Role::Server);
    assert_eq!(contract.basis, Basis::Names);
    assert_eq!(
        contract.methods[0].parameters,
        json!({ "type": "object", "properties": { "name": true, "greeting": true }, "required": ["name"] })
    );
    assert!(contract.methods[0].fingerprint.starts_with("names:"));
}
