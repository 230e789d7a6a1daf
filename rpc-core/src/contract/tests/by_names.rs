//! Contracts of which only names are known.

use serde_json::json;

use crate::contract::{Basis, Contract, Impact, Role};
use crate::service::{Method, Parameter, ServiceDescriptor};

const METHODS: &[Method] = &[
    Method::unary("hello")
        .with_description("Says hello.")
        .with_parameters(&[Parameter::required("name"), Parameter::optional("greeting")]),
    Method::oneway("log").with_parameters(&[Parameter::required("line")]),
    Method::unary("raw").bare().idempotent().with_parameters(&[Parameter::required("body")]),
];
static GREETER: ServiceDescriptor = ServiceDescriptor::new("greeter", METHODS).with_version("1.2.0");

fn greeter(role: Role) -> Contract {
    Contract::from_descriptor(&GREETER, role)
}

/// What differs when the server has these methods.
fn against(methods: &'static [Method]) -> Vec<(String, String, Impact)> {
    let server = Contract::from_descriptor(&ServiceDescriptor::new("greeter", methods), Role::Server);
    let report = Contract::check(&greeter(Role::Client), &server);
    assert_eq!(report.basis, Basis::Names);
    report.differences.into_iter().map(|found| (found.method, found.place, found.impact)).collect()
}

fn found(method: &str, place: &str, impact: Impact) -> (String, String, Impact) {
    (method.to_owned(), place.to_owned(), impact)
}

#[test]
fn it_says_what_the_description_says() {
    let contract = greeter(Role::Server);
    let hello = contract.method("hello").unwrap();
    assert_eq!((contract.protocol, contract.basis), (1, Basis::Names));
    assert_eq!(hello.description, "Says hello.");
    assert_eq!(
        hello.parameters,
        json!({ "type": "object", "properties": { "name": true, "greeting": true }, "required": ["name"] })
    );
    assert_eq!(contract.method("raw").unwrap().parameters, json!(true));
    assert_eq!(contract.method("log").unwrap().kind, "oneway");
}

#[test]
fn fingerprints_stay_as_they_are() {
    let fingerprints: Vec<_> =
        greeter(Role::Server).methods.into_iter().map(|method| method.fingerprint).collect();
    assert_eq!(
        fingerprints,
        [
            "names:bc07dc51a855ef90cd2b28c0184c15bd",
            "names:852d5ca7ed04d67bc249992ff70e7557",
            "names:745fd026e71a2b2248a01ef1f376398b",
        ]
    );
    let fingerprints =
        |role| -> Vec<_> { greeter(role).methods.into_iter().map(|method| method.fingerprint).collect() };
    assert_eq!(fingerprints(Role::Client), fingerprints(Role::Server));
}

#[test]
fn a_contract_survives_json_and_what_is_not_known_is_passed_over() {
    let contract = greeter(Role::Server);
    let mut json = serde_json::to_value(&contract).unwrap();
    assert_eq!(serde_json::from_value::<Contract>(json.clone()).unwrap(), contract);
    json["later"] = json!({ "more": true });
    json["basis"] = json!("proof");
    json["methods"][0]["later"] = json!(1);
    assert_eq!(serde_json::from_value::<Contract>(json).unwrap(), contract);
    let least: Contract = serde_json::from_value(json!({ "service": "greeter" })).unwrap();
    assert!(least.methods.is_empty());
}

#[test]
fn the_same_does_not_differ() {
    assert_eq!(against(METHODS), []);
}

#[test]
fn methods_and_names_are_compared() {
    use Impact::{Breaking, Compatible};
    const LONGER: &[Method] = &[METHODS[0], METHODS[1], METHODS[2], Method::unary("new")];
    const OTHERS: &[Method] = &[
        Method::oneway("hello"),
        Method::oneway("log").with_parameters(&[Parameter::required("text")]),
        Method::unary("raw").with_parameters(&[Parameter::required("body")]),
    ];

    assert_eq!(against(&METHODS[..2]), [found("raw", "", Breaking)]);
    assert_eq!(against(LONGER), [found("new", "", Compatible)]);
    assert_eq!(
        against(OTHERS),
        [
            found("hello", "", Breaking),
            found("log", "parameters.line", Compatible),
            found("log", "parameters.text", Breaking),
            found("raw", "parameters", Breaking),
        ]
    );
}

#[test]
fn a_peer_of_another_protocol_is_not_compatible() {
    let mut server = greeter(Role::Server);
    server.protocol = 2;
    assert!(!Contract::check(&greeter(Role::Client), &server).is_compatible());
    server.protocol = 1;
    server.codecs = vec!["cbor".to_owned()];
    assert!(!Contract::check(&greeter(Role::Client), &server).is_compatible());
}

#[test]
fn a_report_is_shown_with_a_line_for_each_difference() {
    let server = Contract::from_descriptor(&ServiceDescriptor::new("greeter", &METHODS[..1]), Role::Server);
    let report = Contract::check(&greeter(Role::Client), &server);
    assert_eq!(
        report.to_string(),
        "breaking, compared by names only, types were not compared\n  \
         breaking: log: the server does not have this method\n  \
         breaking: raw: the server does not have this method"
    );
}

#[test]
fn a_method_that_listens_elsewhere_is_another() {
    const MOVED: &[Method] = &[
        Method::unary("hello").with_subject("v2.hello"),
        Method::oneway("log").with_parameters(&[Parameter::required("line")]),
        Method::unary("raw").bare().idempotent().with_parameters(&[Parameter::required("body")]),
    ];
    assert_eq!(against(MOVED), [found("hello", "subject", Impact::Breaking)]);
    const GET: &[Method] = &[Method::unary("get").with_subject("get.{id}")];
    const RENAMED: &[Method] = &[Method::unary("get").with_subject("get.{number}")];
    let contract =
        |methods| Contract::from_descriptor(&ServiceDescriptor::new("orders", methods), Role::Server);
    assert_eq!(contract(GET), contract(RENAMED), "what a parameter is called does not travel");
    assert_eq!(contract(GET).method("get").unwrap().subject, "get.*");
}

#[test]
fn a_method_with_streams_says_in_which_directions() {
    const STREAMS: &[Method] = &[
        Method::server_streaming("watch"),
        Method::client_streaming("upload"),
        Method::bidi_streaming("talk").with_parameters(&[Parameter::required("about")]),
    ];
    const SINGLE: &[Method] = &[Method::unary("watch"), Method::server_streaming("upload"), STREAMS[2]];
    let contract = |methods, role| Contract::from_descriptor(&ServiceDescriptor::new("feed", methods), role);

    let feed = contract(STREAMS, Role::Server);
    let said: Vec<_> = feed.methods.iter().map(|method| (method.kind.as_str(), &method.items)).collect();
    assert_eq!(said, [("server_streaming", &None), ("client_streaming", &None), ("bidi_streaming", &None)]);
    let report = Contract::check(&contract(SINGLE, Role::Client), &feed);
    let found: Vec<_> = report.differences.iter().map(|found| (&*found.method, found.impact)).collect();
    assert_eq!(found, [("watch", Impact::Breaking), ("upload", Impact::Breaking)]);
    assert_eq!(
        report.differences[0].message,
        "the client calls it as unary, and the server has it as server_streaming"
    );
}
