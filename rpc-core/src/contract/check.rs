//! A client against a server, method by method.

use serde_json::{Map, Value, json};

use super::subset::{Comparison, Finding, View};
use super::{Basis, Contract, Difference, MethodContract, Report};

impl Contract {
    /// Compares what a client writes and reads with what a server reads and writes.
    ///
    /// The client's contract is to be of [`Role::Client`](super::Role::Client), as the client's trait gives it. If only
    /// published contracts are at hand, which are of the server's role, parameters with a default count as ones that the client
    /// may leave out.
    ///
    /// If either side knows names only, nothing else is compared, and the report says so.
    pub fn check(client: &Contract, server: &Contract) -> Report {
        let basis = match (client.basis, server.basis) {
            (Basis::Schema, Basis::Schema) => Basis::Schema,
            _ => Basis::Names,
        };
        let mut differences = Vec::new();
        differences.extend(protocol(client, server).map(|found| found.of_method("")));
        for method in &client.methods {
            let found = match server.method(&method.name) {
                Some(served) => Pair { client, server, basis }.compare(method, served),
                None => vec![Finding::breaking("", "the server does not have this method".to_owned())],
            };
            differences.extend(found.into_iter().map(|found| found.of_method(&method.name)));
        }
        for method in server.methods.iter().filter(|method| client.method(&method.name).is_none()) {
            let found = Finding::compatible("", "the client does not know this method".to_owned());
            differences.push(found.of_method(&method.name));
        }
        Report { basis, differences }
    }
}

/// Whether the two sides speak at all.
fn protocol(client: &Contract, server: &Contract) -> Option<Finding> {
    if client.protocol != server.protocol {
        let (own, other) = (client.protocol, server.protocol);
        let message =
            format!("the client speaks version {own} of the protocol, and the server version {other}");
        return Some(Finding::breaking("protocol", message));
    }
    let shared = client.codecs.iter().any(|codec| server.codecs.contains(codec));
    let message = || "the client has no codec that the server understands".to_owned();
    (!shared).then(|| Finding::breaking("codecs", message()))
}

/// The contracts that two methods of one name are from.
struct Pair<'a> {
    client: &'a Contract,
    server: &'a Contract,
    basis: Basis,
}

impl Pair<'_> {
    fn compare(&self, client: &MethodContract, server: &MethodContract) -> Vec<Finding> {
        if client.kind != server.kind {
            let message =
                format!("the client calls it as {}, and the server has it as {}", client.kind, server.kind);
            return vec![Finding::breaking("", message)];
        }
        if client.tail() != server.tail() {
            let (sent, heard) = (client.tail(), server.tail());
            let message = format!("the client sends it to {sent:?}, and the server listens on {heard:?}");
            return vec![Finding::breaking("subject", message)];
        }
        if client.bare != server.bare {
            let message = "its argument is the whole message on one side only".to_owned();
            return vec![Finding::breaking("parameters", message)];
        }
        let mut found = Vec::new();
        if client.idempotent && !server.idempotent {
            let message =
                "the client may execute it twice, which the server does not call harmless".to_owned();
            found.push(Finding::compatible("", message));
        }
        match self.basis {
            Basis::Names if client.bare => {}
            Basis::Names => {
                let (written, read) = (names(&client.parameters), names(&server.parameters));
                let empty = Map::new();
                found.extend(shapes("parameters", View::new(&written, &empty), View::new(&read, &empty)));
            }
            Basis::Schema => self.compare_shapes(client, server, &mut found),
        }
        found
    }

    fn compare_shapes(&self, client: &MethodContract, server: &MethodContract, found: &mut Vec<Finding>) {
        let at_client = |schema| View::new(schema, &self.client.definitions);
        let at_server = |schema| View::new(schema, &self.server.definitions);
        found.extend(shapes("parameters", at_client(&client.parameters), at_server(&server.parameters)));
        match (&client.items, &server.items) {
            (Some(written), Some(read)) => {
                found.extend(shapes("items", at_client(written), at_server(read)));
            }
            (None, None) => {}
            _ => found.push(Finding::breaking("items", "only one side says what is streamed".to_owned())),
        }
        match (&client.result, &server.result) {
            (Some(read), Some(written)) => {
                found.extend(shapes("result", at_server(written), at_client(read)));
            }
            (None, None) => {}
            _ => found.push(Finding::breaking("result", "only one side says what it answers".to_owned())),
        }
        match (&client.error, &server.error) {
            (Some(read), Some(written)) => found.extend(shapes("error", at_server(written), at_client(read))),
            (None, None) => {}
            (None, Some(_)) => {
                let message =
                    "the server may answer with an error of its own, which the client does not know";
                found.push(Finding::breaking("error", message.to_owned()));
            }
            (Some(_), None) => {
                let message = "the client knows an error that the server does not answer with".to_owned();
                found.push(Finding::compatible("error", message));
            }
        }
    }
}

fn shapes(place: &str, written: View<'_>, read: View<'_>) -> Vec<Finding> {
    Comparison::new(written, read).run(place)
}

/// The schema of parameters with their names alone.
fn names(parameters: &Value) -> Value {
    let properties = parameters.get("properties").and_then(Value::as_object);
    let names: Map<String, Value> =
        properties.into_iter().flatten().map(|(name, _)| (name.clone(), Value::Bool(true))).collect();
    let required = parameters.get("required").cloned().unwrap_or_else(|| json!([]));
    json!({ "type": "object", "properties": names, "required": required })
}

impl Finding {
    fn of_method(self, method: &str) -> Difference {
        let Finding { place, impact, message } = self;
        Difference { method: method.to_owned(), place, impact, message }
    }
}
