//! The example programs, built and started.

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tests::{Ended, Program};

/// Starts an example, with `NATS_URL` set or, if there is none, taken away.
pub(crate) fn start(name: &str, nats_url: Option<&str>, arguments: &[&str]) -> Program {
    let mut command = Command::new(executable(name));
    command.args(arguments).env_remove("NATS_URL").envs(nats_url.map(|url| ("NATS_URL", url)));
    Program::start(&mut command)
}

/// Runs an example to its end.
pub(crate) fn run(name: &str, nats_url: Option<&str>, arguments: &[&str]) -> Ended {
    start(name, nats_url, arguments).end()
}

/// Where an example was built to. All of them are built first, which takes no time if they are up to date.
fn executable(name: &str) -> &'static Path {
    static BUILT: OnceLock<HashMap<String, PathBuf>> = OnceLock::new();
    BUILT.get_or_init(build).get(name).unwrap_or_else(|| panic!("there is no example {name}"))
}

fn build() -> HashMap<String, PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    // All packages, as the README's commands do: with other features turned on, it would build everything again.
    cargo.args(["build", "--workspace", "--examples", "--message-format", "json-render-diagnostics"]);
    cargo.args(["--profile", if cfg!(debug_assertions) { "dev" } else { "release" }]);
    // What cargo tells a test about its package, build scripts below would take for a change of theirs.
    for (name, _) in env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|own| name.to_string_lossy().starts_with(own)) {
            cargo.env_remove(name);
        }
    }
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.stderr(Stdio::inherit()).output().expect("cargo is there: it has built this test");
    assert!(output.status.success(), "the examples do not build");

    let messages = output.stdout.split(|byte| *byte == b'\n');
    let artifacts = messages.filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok());
    let examples = artifacts.filter(|artifact| artifact["target"]["kind"][0] == "example");
    let programs = examples.filter_map(|artifact| {
        let name = artifact["target"]["name"].as_str()?.to_owned();
        Some((name, artifact["executable"].as_str()?.into()))
    });
    programs.collect()
}
