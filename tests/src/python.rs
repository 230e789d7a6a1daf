//! Runs Python scripts, the clients that do not know `nats-rpc`, with packages from PyPI.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::install::{pip_install, target_dir};

/// Python 3 with some packages of exact versions, in folders of their own below the target directory.
///
/// ```no_run
/// let python = tests::Python::new().package("nats-py", "2.16.0");
/// let printed = python.run("integration/call.py".as_ref(), ["nats://127.0.0.1:4222"]);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Python {
    path: OsString,
}

impl Python {
    /// Python with nothing but its standard library.
    pub fn new() -> Self {
        Python::default()
    }

    /// Python with what it takes to speak with a service: nats-py and msgpack, in the versions that the tests run with.
    ///
    /// # Panics
    /// As [`package`](Self::package).
    pub fn with_nats() -> Self {
        Python::new().package("nats-py", "2.16.0").package("msgpack", "1.2.4")
    }

    /// Adds a package of PyPI, and what it depends on; installs it if it is not there yet.
    ///
    /// # Panics
    /// If it cannot be installed, with the line that does it by hand.
    pub fn package(mut self, name: &str, version: &str) -> Self {
        let place = target_dir().join("python").join(format!("{name}-{version}"));
        let requirement = format!("{name}=={version}");
        if let Err(cause) = pip_install(&requirement, &place) {
            let place = place.display();
            panic!(
                "installing {requirement} failed. By hand:\n\n    \
                 python3 -m pip install --target '{place}' {requirement}\n\n{cause}"
            );
        }
        let folders = env::split_paths(&self.path).filter(|folder| !folder.as_os_str().is_empty());
        self.path =
            env::join_paths(folders.chain([place])).expect("no colon in the path of the target directory");
        self
    }

    /// The value of `PYTHONPATH` with which the packages are found.
    pub fn path(&self) -> &OsString {
        &self.path
    }

    /// The command that runs a script, to add arguments to and start.
    ///
    /// Its output is not buffered, so that a test can wait for a line of it.
    pub fn command(&self, script: &Path) -> Command {
        let mut command = Command::new("python3");
        // Modules beside a script are not compiled into the folder that it is in.
        command.args(["-u", "-B"]).arg(script).env("PYTHONPATH", &self.path).stdin(Stdio::null());
        command
    }

    /// Runs a script to its end and returns what it printed. It is the script's task to have a time limit.
    ///
    /// # Panics
    /// If it fails, with what it wrote to its standard error.
    pub fn run<'a>(&self, script: &Path, arguments: impl IntoIterator<Item = &'a str>) -> String {
        let output = self.command(script).args(arguments).output().expect("python3 is installed");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} failed, {}\n{errors}", script.display(), output.status);
        String::from_utf8(output.stdout).expect("a script prints UTF-8")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn run(python: &Python, code: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script.py");
        fs::write(&script, code).unwrap();
        python.run(&script, ["one", "two"])
    }

    #[test]
    fn a_script_gets_its_arguments_and_its_output_is_returned() {
        assert_eq!(run(&Python::new(), "import sys; print(*sys.argv[1:], sep='+')"), "one+two\n");
    }

    #[test]
    fn a_package_is_found_in_exactly_its_version() {
        let python = Python::with_nats();
        let printed = run(&python, "import importlib.metadata as m, nats; print(m.version('nats-py'))");
        assert_eq!(printed, "2.16.0\n");
    }

    #[test]
    #[should_panic(expected = "ValueError: because")]
    fn a_script_that_fails_shows_why() {
        run(&Python::new(), "raise ValueError('because')");
    }
}
