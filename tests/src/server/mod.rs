//! A real `nats-server` that lives as long as its guard.

#[cfg(test)]
mod tests;

use std::fs::{self, OpenOptions};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::binary::Version;
use crate::port::ReservedPort;
use crate::process::{POLL_INTERVAL, Process};

/// How long a server may take to start; only a machine in trouble comes near it.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A running `nats-server` on a loopback port and in a directory of its own.
///
/// It is stopped, and its directory removed, when the guard is dropped. A `static` is never dropped: keep
/// guards in local variables.
#[derive(Debug)]
pub struct NatsServer {
    // Dropped, and so stopped, before its directory is removed.
    process: Process,
    port: ReservedPort,
    url: String,
    directory: TempDir,
    version: Version,
    jetstream: bool,
}

impl NatsServer {
    /// Starts a server of the current version with the defaults of `nats-server`.
    ///
    /// # Panics
    /// As [`NatsServerBuilder::start`].
    pub fn start() -> Self {
        NatsServer::builder().start()
    }

    /// Starts with choosing what the server shall be like.
    pub fn builder() -> NatsServerBuilder {
        NatsServerBuilder::default()
    }

    /// Where clients connect to: `nats://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port that clients connect to.
    pub fn client_port(&self) -> u16 {
        self.port.number()
    }

    /// The id of the server's process.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// The directory of this server, for files that its configuration names.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What the server has logged so far, before a restart too.
    pub fn log(&self) -> String {
        read_log(self.directory.path())
    }

    /// Freezes the server: its connections stay open, and nothing moves on them.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Ends a [`pause`](Self::pause).
    ///
    /// # Panics
    /// If the process is gone.
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Ends the server at once, as a crash would; its connections are reset or closed by the system. Its port stays
    /// its own.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts the server again after a [`kill`](Self::kill), which it gets if it still runs: with the same configuration,
    /// on the same port, with the files that it has left.
    ///
    /// # Panics
    /// If it does not start, with its log.
    pub fn restart(&mut self) {
        self.process.kill();
        self.process = spawn(self.version, self.jetstream, self.directory.path(), &self.port);
    }

    /// Sends the server into lame-duck mode: it tells its clients, takes no new ones, and lets those that do not leave by
    /// themselves go one by one. Then it ends.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn lame_duck(&self) {
        self.process.signal("USR2");
    }

    /// Replaces the lines that the server was [configured](NatsServerBuilder::config) with, while it runs.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn reconfigure(&self, lines: &str) {
        fs::write(config_file(self.directory.path()), lines)
            .expect("the directory of the server is writable");
        self.process.signal("HUP");
    }

    /// Waits until the server ends by itself; `None` if it does not in that time.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        self.process.wait(limit)
    }
}

/// What a [`NatsServer`] shall be like; see [`NatsServer::builder`].
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct NatsServerBuilder {
    version: Version,
    jetstream: bool,
    config: String,
}

impl NatsServerBuilder {
    /// Runs this version instead of [`Version::Current`].
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Turns JetStream on; its files are in the server's directory.
    pub fn jetstream(mut self) -> Self {
        self.jetstream = true;
        self
    }

    /// Refuses messages over so many bytes, headers included, instead of over 1 MiB.
    pub fn max_payload(self, bytes: usize) -> Self {
        self.config(&format!("max_payload: {bytes}"))
    }

    /// Appends lines to the configuration file, in the language of `nats-server`.
    pub fn config(mut self, lines: &str) -> Self {
        self.config.push_str(lines);
        self.config.push('\n');
        self
    }

    /// Starts the server, and returns when it accepts connections.
    ///
    /// # Panics
    /// If there is no `nats-server` and it cannot be installed, or if it does not start; then with its log.
    pub fn start(self) -> NatsServer {
        let NatsServerBuilder { version, jetstream, config } = self;
        let directory =
            tempfile::Builder::new().prefix("nats-server-").tempdir().expect("a temporary directory");
        fs::write(config_file(directory.path()), config).expect("the directory of the server is writable");
        let port = ReservedPort::new();
        let process = spawn(version, jetstream, directory.path(), &port);
        let url = format!("nats://127.0.0.1:{}", port.number());
        NatsServer { process, port, url, directory, version, jetstream }
    }
}

/// Starts a server in its directory, and waits until it accepts connections.
fn spawn(version: Version, jetstream: bool, directory: &Path, port: &ReservedPort) -> Process {
    let log = OpenOptions::new().create(true).append(true).open(log_file(directory));
    let log = log.expect("the directory of the server is writable");
    let mut command = Command::new(version.program());
    command.args(["--addr", "127.0.0.1", "--port", &port.number().to_string()]);
    command.arg("--config").arg(config_file(directory));
    if jetstream {
        command.arg("--jetstream").arg("--store_dir").arg(directory.join("jetstream"));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let mut process = Process::spawn(&mut command);
    if let Err(cause) = await_connection(&mut process, port) {
        process.kill();
        panic!("nats-server {version} {cause}, its log:\n{}", read_log(directory));
    }
    process
}

/// Waits until the server lets someone connect.
fn await_connection(process: &mut Process, port: &ReservedPort) -> Result<(), String> {
    let started = Instant::now();
    loop {
        if let Some(status) = process.status() {
            return Err(format!("ended while starting, {status}"));
        }
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port.number())).is_ok() {
            return Ok(());
        }
        if started.elapsed() > START_LIMIT {
            return Err(format!("accepts no connections after {START_LIMIT:?}"));
        }
        thread::sleep(POLL_INTERVAL);
    }
}

fn config_file(directory: &Path) -> PathBuf {
    directory.join("nats-server.conf")
}

fn log_file(directory: &Path) -> PathBuf {
    directory.join("nats-server.log")
}

fn read_log(directory: &Path) -> String {
    fs::read_to_string(log_file(directory)).unwrap_or_else(|error| format!("(no log: {error})"))
}
