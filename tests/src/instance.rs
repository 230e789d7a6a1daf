//! An instance of a service in a process of its own, to be killed and frozen.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::process::Process;

/// A process that serves until it is told to end, or the guard is dropped.
#[derive(Debug)]
pub struct Instance {
    process: Process,
    id: String,
}

impl Instance {
    /// Starts a program of this package, and returns when it serves: `instance` ([`Work`](crate::Work)) or `job_worker`
    /// ([`Chores`](crate::Chores)), in a test `env!("CARGO_BIN_EXE_instance")`. It appends its executions to a ledger, and
    /// what else it has to say to a file beside it.
    ///
    /// # Panics
    /// If it does not start to serve.
    pub fn start(program: &str, url: &str, id: &str, ledger: &Path) -> Self {
        let log_file = log_file(ledger, id);
        let log = File::create(&log_file).expect("the directory of the ledger is writable");
        let mut command = Command::new(program);
        command.arg(url).arg(id).arg(ledger);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut process = Process::spawn(&mut command);
        let output = process.child().stdout.take().expect("the output is piped");
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        if read.is_err() || line != "ready\n" {
            process.kill();
            let log = std::fs::read_to_string(log_file).unwrap_or_default();
            panic!("instance {id} does not start to serve, it says:\n{log}");
        }
        Instance { process, id: id.to_owned() }
    }

    /// The instance's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Freezes it.
    ///
    /// # Panics
    /// If it has ended.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Ends a [`pause`](Self::pause).
    ///
    /// # Panics
    /// If it has ended.
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks it to end, as a deployment does.
    ///
    /// # Panics
    /// If it has ended.
    pub fn terminate(&self) {
        self.process.signal("TERM");
    }

    /// Waits until it ends by itself; `None` if it does not in that time.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        self.process.wait(limit)
    }
}

fn log_file(ledger: &Path, id: &str) -> PathBuf {
    ledger.with_file_name(format!("{id}.log"))
}
