//! Python with nats-py, whose `nats.micro` has services, and with msgpack.

use std::path::Path;
use std::process::Command;

use tests::Python;

/// The command that runs one of the scripts of this suite.
pub(crate) fn command(script: &str) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/nats_py");
    Python::with_nats().command(&folder.join(script).with_extension("py"))
}
