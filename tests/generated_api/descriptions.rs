//! What the description of a service says about its methods.

use std::collections::BTreeMap;

use nats_rpc::{Method, ServiceClient as _};

/// Keeps entries,
/// for a while.
#[nats_rpc::service]
pub(crate) trait Store {
    /// Writes an entry,
    /// whatever was there.
    ///
    /// This is more than the description holds.
    async fn put(
        &self,
        key: &str,
        #[serde(rename = "value")] bytes: &[u8],
        ttl: Option<u32>,
        #[serde(default)] tags: &[String],
        r#type: &Option<String>,
    );
    async fn check(&self, checksum: Option<bytes::Bytes>, #[serde(with = "as_is")] checked: Option<u8>);
    #[rpc(bare)]
    async fn restore(&self, entries: Option<BTreeMap<String, String>>);
    async fn size(&self) -> u64;
    #[rpc(subject = "entry.{key}.get", durable)]
    async fn get(&self, key: &str, ttl: Option<u32>) -> String;
    #[rpc(oneway, broadcast)]
    async fn forget(&self, key: &str);
}

mod as_is {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &Option<u8>, serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    pub(crate) fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Option<u8>, D::Error> {
        Option::deserialize(deserializer)
    }
}

fn method(name: &str) -> Method {
    let methods = StoreClient::descriptor().methods();
    *methods.iter().find(|method| method.name() == name).expect("the method is described")
}

fn parameters(name: &str) -> Vec<(&'static str, bool)> {
    method(name).parameters().iter().map(|parameter| (parameter.name(), parameter.is_optional())).collect()
}

#[test]
fn a_method_is_described_by_the_first_paragraph_of_its_documentation() {
    assert_eq!(StoreClient::descriptor().description(), "Keeps entries, for a while.");
    assert_eq!(method("put").description(), "Writes an entry, whatever was there.");
    assert_eq!(method("size").description(), "");
}

#[test]
fn parameters_are_named_as_on_the_wire_and_in_order_with_what_may_be_missing() {
    assert_eq!(
        parameters("put"),
        [("key", false), ("value", false), ("ttl", true), ("tags", true), ("type", true),]
    );
    assert_eq!(parameters("check"), [("checksum", true), ("checked", false)]);
    assert!(parameters("size").is_empty());
}

#[test]
fn options_are_described() {
    let (get, forget) = (method("get"), method("forget"));
    assert_eq!((get.subject(), get.is_durable(), get.is_broadcast()), ("entry.{key}.get", true, false));
    assert_eq!((forget.subject(), forget.is_durable(), forget.is_broadcast()), ("forget", false, true));
    assert_eq!(parameters("get"), [("ttl", true)]);
}

#[test]
fn the_argument_of_a_bare_method_is_the_message_and_cannot_be_missing() {
    assert!(method("restore").is_bare());
    assert_eq!(parameters("restore"), [("entries", false)]);
}
