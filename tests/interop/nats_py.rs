//! Python with nats-py, whose `nats.micro` has services, and with msgpack.

use std::path::Path;
use std::process::Command;

use tests::Python;

/// The versions that the tests run with.
const NATS_PY: &str = "2.16.0";
const MSGPACK: &str = "1.2.4";

/// Python with both.
pub(crate) fn python() -> Python {
    Python::new().package("nats-py", NATS_PY).package("msgpack", MSGPACK)
}

/// The command that runs one of the scripts of this suite.
pub(crate) fn command(script: &str) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/nats_py");
    python().command(&folder.join(script).with_extension("py"))
}
