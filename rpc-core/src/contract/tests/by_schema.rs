//! Contracts that are made of types.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::contract::description::Description;
use crate::contract::stand_ins::{AsBytes, ByOwnCodec};
use crate::contract::{Basis, Contract, Role};
use crate::service::{Method, Parameter, ServiceDescriptor};

const TAKES_ONE: &[Method] = &[Method::unary("call").with_parameters(&[Parameter::required("value")])];
static SERVICE: ServiceDescriptor = ServiceDescriptor::new("service", TAKES_ONE);

/// The contract of a method that takes and answers a type.
fn of<T: JsonSchema>(role: Role) -> Contract {
    let mut description = Description::new(&SERVICE);
    description.method().parameter::<T>(&[]).result::<T>();
    description.finish(role)
}

fn fingerprint<T: JsonSchema>() -> String {
    of::<T>(Role::Server).method("call").unwrap().fingerprint.clone()
}

#[derive(JsonSchema, Serialize, Deserialize)]
struct Account {
    id: u64,
    #[serde(default)]
    tags: Vec<String>,
    state: State,
}

#[derive(JsonSchema, Serialize, Deserialize)]
enum State {
    Open,
    Closed { at: u32 },
}

mod explained {
    use super::*;

    /// An account.
    #[derive(JsonSchema, Serialize, Deserialize)]
    pub(super) struct Renamed {
        /// What is being done.
        state: Progress,
        #[schemars(title = "Labels", example = ["a"])]
        #[serde(default)]
        tags: Vec<String>,
        /// Who it is.
        id: u64,
    }

    #[derive(JsonSchema, Serialize, Deserialize)]
    #[schemars(rename = "State")]
    enum Progress {
        /// Not yet.
        Open,
        /// Done.
        Closed {
            /// When.
            at: u32,
        },
    }
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the type matters")]
struct Tree {
    children: Vec<Tree>,
}

#[test]
fn a_type_is_read_and_written_in_its_own_way() {
    let server = of::<Account>(Role::Server);
    let client = of::<Account>(Role::Client);
    let required = |contract: &Contract, name: &str| contract.definitions[name]["required"].clone();
    let reference = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });

    assert_eq!(server.basis, Basis::Schema);
    assert_eq!(server.methods[0].parameters["properties"]["value"], reference("Account"));
    assert_eq!(required(&server, "Account"), json!(["id", "state"]));
    assert_eq!(server.methods[0].result, Some(reference("Account_result")));
    assert_eq!(required(&server, "Account_result"), json!(["id", "tags", "state"]));
    // What is the same in both directions is there once.
    assert!(server.definitions.contains_key("State") && !server.definitions.contains_key("State_result"));

    assert_eq!(required(&client, "Account"), json!(["id", "tags", "state"]));
    assert_eq!(required(&client, "Account_result"), json!(["id", "state"]));
    assert!(Contract::check(&client, &server).differences.is_empty());
}

#[test]
fn no_type_differs_from_itself() {
    #[track_caller]
    fn check<T: JsonSchema>() {
        let report = Contract::check(&of::<T>(Role::Client), &of::<T>(Role::Server));
        assert!(report.differences.is_empty(), "{report}");
    }
    check::<()>();
    check::<Option<Account>>();
    check::<BTreeMap<String, Vec<(u8, State)>>>();
    check::<HashMap<u32, Tree>>();
    check::<Result<u128, char>>();
    check::<[f32; 3]>();
    check::<Value>();
    check::<std::num::NonZeroI8>();
    check::<AsBytes>();
    check::<Option<AsBytes>>();
    check::<ByOwnCodec>();
}

#[test]
fn bytes_in_a_struct_are_read_in_more_ways_than_they_are_written() {
    let report = Contract::check(&of::<Bytes>(Role::Client), &of::<Bytes>(Role::Server));
    assert!(report.is_compatible(), "{report}");
}

#[test]
fn fingerprints_stay_as_they_are() {
    assert_eq!(
        [
            fingerprint::<String>(),
            fingerprint::<Account>(),
            fingerprint::<Tree>(),
            fingerprint::<Option<AsBytes>>(),
        ],
        [
            "schema:db80abac2fe30183ad1df23157ca8640",
            "schema:04ed74c23ac3b7b1c48f96caa8dc3d7f",
            "schema:050d00d67fcefca3bbb034980a2eb875",
            "schema:ab15f6aa4652c17ae4c356977ab14d47",
        ]
    );
}

#[test]
fn a_fingerprint_knows_no_names_of_types_and_no_documentation() {
    assert_eq!(fingerprint::<Account>(), fingerprint::<explained::Renamed>());
    assert_ne!(fingerprint::<Account>(), fingerprint::<Tree>());
    assert_ne!(fingerprint::<u32>(), fingerprint::<u64>());
}

#[test]
fn both_sides_of_a_trait_have_the_same_fingerprints() {
    assert_eq!(of::<Account>(Role::Client).methods[0].fingerprint, fingerprint::<Account>());
}

#[test]
fn a_fingerprint_does_not_depend_on_the_other_methods() {
    const ONE: Method = Method::unary("one").with_parameters(&[Parameter::required("value")]);
    const TWO: Method = Method::unary("two").with_parameters(&[Parameter::required("value")]);
    static FIRST_ONE: ServiceDescriptor = ServiceDescriptor::new("service", &[ONE, TWO]);
    static FIRST_TWO: ServiceDescriptor = ServiceDescriptor::new("service", &[TWO, ONE]);

    mod other {
        #[derive(schemars::JsonSchema)]
        #[expect(dead_code, reason = "only the type matters")]
        pub(super) struct Account {
            name: String,
        }
    }

    // Two types of one name, which is given to the first of them.
    let mut one_first = Description::new(&FIRST_ONE);
    one_first.method().parameter::<Account>(&[]).result::<other::Account>();
    one_first.method().parameter::<other::Account>(&[]).result::<Account>();
    let mut two_first = Description::new(&FIRST_TWO);
    two_first.method().parameter::<other::Account>(&[]).result::<Account>();
    two_first.method().parameter::<Account>(&[]).result::<other::Account>();

    let (left, right) = (one_first.finish(Role::Server), two_first.finish(Role::Server));
    for name in ["one", "two"] {
        assert_eq!(left.method(name).unwrap().fingerprint, right.method(name).unwrap().fingerprint);
    }
    assert!(Contract::check(&one_first.finish(Role::Client), &right).differences.is_empty());
}

#[test]
fn an_alias_is_listed_and_read() {
    let mut aliased = Description::new(&SERVICE);
    aliased.method().parameter::<String>(&["old"]).result::<()>();
    let server = aliased.finish(Role::Server);
    let schema = &server.methods[0].parameters["properties"]["value"];
    assert_eq!(schema, &json!({ "type": "string", "x-nats-rpc-aliases": ["old"] }));
}

#[test]
fn bytes_and_own_codecs_are_marked() {
    let schema = |contract: Contract| contract.methods[0].parameters["properties"]["value"].clone();
    assert_eq!(
        schema(of::<AsBytes>(Role::Server)),
        json!({ "type": "string", "contentEncoding": "base64", "x-nats-rpc-bytes": true })
    );
    let own = schema(of::<ByOwnCodec>(Role::Server));
    assert!(own["$comment"].is_string() && own.as_object().unwrap().len() == 1, "{own}");
}

const BOTH_WAYS: &[Method] =
    &[Method::bidi_streaming("call").with_parameters(&[Parameter::required("value")])];
static STREAMING: ServiceDescriptor = ServiceDescriptor::new("service", BOTH_WAYS);

/// The contract of a method that takes a stream of a type, and answers with a stream of another.
fn streaming<I: JsonSchema, R: JsonSchema>(role: Role) -> Contract {
    let mut description = Description::new(&STREAMING);
    description.method().parameter::<String>(&[]).items::<I>().result::<R>();
    description.finish(role)
}

#[test]
fn items_are_read_and_written_like_parameters() {
    let server = streaming::<Account, Account>(Role::Server);
    let client = streaming::<Account, Account>(Role::Client);
    let required = |contract: &Contract, name: &str| contract.definitions[name]["required"].clone();
    let reference = |name: &str| Some(json!({ "$ref": format!("#/$defs/{name}") }));

    assert_eq!(server.methods[0].kind, "bidi_streaming");
    assert_eq!(server.methods[0].items, reference("Account"));
    assert_eq!(server.methods[0].result, reference("Account_result"));
    assert_eq!(required(&server, "Account"), json!(["id", "state"]), "what may be missing from an item");
    assert_eq!(required(&client, "Account"), json!(["id", "tags", "state"]), "what every item has");
    assert!(Contract::check(&client, &server).differences.is_empty());
    assert_eq!(server.methods[0].fingerprint, client.methods[0].fingerprint);
}

#[test]
fn items_are_compared_from_the_client_to_the_server() {
    let check = |client: Contract, server: Contract| {
        let report = Contract::check(&client, &server);
        let places = report.differences.iter().map(|difference| difference.place.clone()).collect();
        (report.is_compatible(), places)
    };
    let items = vec!["items".to_owned()];
    let wider = check(streaming::<u8, ()>(Role::Client), streaming::<u16, ()>(Role::Server));
    assert_eq!(wider, (true, items.clone()));
    let narrower = check(streaming::<u16, ()>(Role::Client), streaming::<u8, ()>(Role::Server));
    assert_eq!(narrower, (false, items.clone()));

    let mut without = streaming::<u8, ()>(Role::Server);
    without.methods[0].items = None;
    assert_eq!(check(streaming::<u8, ()>(Role::Client), without), (false, items));
}

#[test]
fn items_are_part_of_the_fingerprint() {
    let fingerprint = |contract: Contract| contract.methods[0].fingerprint.clone();
    let account = fingerprint(streaming::<Account, ()>(Role::Server));
    assert_eq!(account, "schema:07ef26d4fbdc6569c3212697bf0b8b42");
    assert_eq!(account, fingerprint(streaming::<explained::Renamed, ()>(Role::Server)));
    assert_ne!(account, fingerprint(streaming::<Tree, ()>(Role::Server)));
}
