//! Runs JavaScript, for clients and services that do not know `nats-rpc`, with packages from npm.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::install::{npm_install, target_dir};

/// Node.js with some packages of exact versions, in folders of their own below the target directory.
///
/// ```no_run
/// let node = tests::Node::new().package("@msgpack/msgpack", "3.1.3");
/// let mut script = node.command("interop/javascript/call.js".as_ref());
/// let printed = tests::Program::start(script.arg("nats://127.0.0.1:4222")).succeed();
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Node {
    path: OsString,
}

impl Node {
    /// Node.js with nothing but what comes with it.
    pub fn new() -> Self {
        Node::default()
    }

    /// Adds a package of npm, and what it depends on; installs it if it is not there yet. Scripts that are CommonJS find it with
    /// `require`.
    ///
    /// # Panics
    /// If it cannot be installed, with the line that does it by hand.
    pub fn package(mut self, name: &str, version: &str) -> Self {
        let place = target_dir().join("node").join(format!("{}-{version}", name.replace(['@', '/'], "_")));
        let requirement = format!("{name}@{version}");
        if let Err(cause) = npm_install(&requirement, &place) {
            let place = place.display();
            panic!(
                "installing {requirement} failed. By hand, with Node.js and npm:\n\n    \
                 npm install --prefix '{place}' {requirement}\n\n{cause}"
            );
        }
        let folders = env::split_paths(&self.path).filter(|folder| !folder.as_os_str().is_empty());
        self.path = env::join_paths(folders.chain([place.join("node_modules")]))
            .expect("no colon in the path of the target directory");
        self
    }

    /// The command that runs a script, to add arguments to and start.
    pub fn command(&self, script: &Path) -> Command {
        let mut command = Command::new("node");
        command.arg(script).env("NODE_PATH", &self.path);
        command
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::Program;

    fn run(node: &Node, code: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script.js");
        fs::write(&script, code).unwrap();
        Program::start(node.command(&script).args(["one", "two"])).succeed()
    }

    #[test]
    fn a_script_gets_its_arguments_and_its_output_is_returned() {
        assert_eq!(run(&Node::new(), "console.log(process.argv.slice(2).join('+'))"), ["one+two"]);
    }

    #[test]
    fn a_package_is_found_in_exactly_its_version() {
        let node = Node::new().package("@msgpack/msgpack", "3.1.3");
        let code = "require('@msgpack/msgpack').encode(1);
            console.log(require.resolve('@msgpack/msgpack').includes('msgpack-3.1.3'))";
        assert_eq!(run(&node, code), ["true"]);
    }

    #[test]
    #[should_panic(expected = "Error: because")]
    fn a_script_that_fails_shows_why() {
        run(&Node::new(), "throw new Error('because')");
    }

    #[test]
    #[should_panic(expected = "npm install --prefix")]
    fn a_package_that_cannot_be_had_shows_how_to_install_it() {
        let _ = Node::new().package("@msgpack/msgpack", "0.0.0-none");
    }
}
