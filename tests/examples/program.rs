//! An example program that runs next to the test, and what it prints.

use std::collections::HashMap;
use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a line may take to come; only a machine in trouble comes near it.
const LIMIT: Duration = Duration::from_secs(30);

/// A running example. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    process: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    errors: Option<JoinHandle<String>>,
}

/// What a program has left behind at its end.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) lines: Vec<String>,
    pub(crate) errors: String,
}

impl Program {
    /// Starts an example, with `NATS_URL` set or, if there is none, taken away.
    pub(crate) fn start(name: &str, nats_url: Option<&str>, arguments: &[&str]) -> Self {
        let mut command = Command::new(executable(name));
        command.args(arguments).env_remove("NATS_URL").envs(nats_url.map(|url| ("NATS_URL", url)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));

        let (stdout, mut stderr) = (process.stdout.take().unwrap(), process.stderr.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            // Nobody listens any more when the test has ended.
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let errors = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        Program { name: name.to_owned(), process, lines, seen: Vec::new(), errors: Some(errors) }
    }

    /// Runs an example to its end.
    pub(crate) fn run(name: &str, nats_url: Option<&str>, arguments: &[&str]) -> Ended {
        Program::start(name, nats_url, arguments).end()
    }

    /// Waits for a line with this text.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        while !self.seen.last().is_some_and(|line| line.contains(text)) {
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) => self.seen.push(line),
                Err(cause) => self.fail(&format!("no line with {text:?} came: {cause}")),
            }
        }
    }

    /// Asks it to end, as the system or a process manager does.
    pub(crate) fn terminate(&self) {
        let pid = self.process.id().to_string();
        let status =
            Command::new("kill").args(["-s", "TERM", &pid]).status().expect("the command `kill` exists");
        assert!(status.success(), "{} takes no signal", self.name);
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        loop {
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => self.fail("it does not end"),
            }
        }
        // Its standard output is closed, so it is about to end.
        let status = self.process.wait().expect("a child can be waited for");
        Ended { status, lines: std::mem::take(&mut self.seen), errors: self.errors() }
    }

    /// Ends the test with all that the program has said.
    #[track_caller]
    fn fail(&mut self, cause: &str) -> ! {
        self.kill();
        let errors = self.errors();
        panic!("{}: {cause}\n{}\n{errors}", self.name, self.seen.join("\n"));
    }

    /// What an ended program has written to its standard error.
    fn errors(&mut self) -> String {
        self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default()
    }

    fn kill(&mut self) {
        // Fails only if the process has ended already, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
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
