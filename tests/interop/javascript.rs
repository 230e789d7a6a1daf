//! Node.js with the official client of NATS, its services, and MessagePack.

use std::path::Path;
use std::process::Command;

use tests::Node;

/// The versions that the tests run with.
const TRANSPORT_NODE: &str = "3.4.0";
const SERVICES: &str = "3.0.0-25";
const MSGPACK: &str = "3.1.3";

/// The command that runs one of the scripts of this suite.
pub(crate) fn command(script: &str) -> Command {
    let node = Node::new()
        .package("@nats-io/transport-node", TRANSPORT_NODE)
        .package("@nats-io/services", SERVICES)
        .package("@msgpack/msgpack", MSGPACK);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/javascript");
    node.command(&folder.join(script).with_extension("js"))
}
