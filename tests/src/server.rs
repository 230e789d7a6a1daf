//! A real `nats-server` that lives as long as its guard.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::binary::Version;

/// How long a server may take to start; only a machine in trouble comes near it.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How often a condition outside of this process is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A running `nats-server` on a loopback port and in a directory of its own.
///
/// It is stopped, and its directory removed, when the guard is dropped. A `static` is never dropped: keep
/// guards in local variables.
#[derive(Debug)]
pub struct NatsServer {
    process: Child,
    port: u16,
    url: String,
    directory: TempDir,
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
        self.port
    }

    /// The id of the server's process.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// The directory of this server, for files that its configuration names.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        read_log(self.directory.path())
    }

    /// Freezes the server: its connections stay open, and nothing moves on them.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn pause(&self) {
        self.signal("STOP");
        // The signal reaches thread after thread, and one that runs meanwhile could still answer.
        while !is_stopped(self.process.id()) {
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Ends a [`pause`](Self::pause).
    ///
    /// # Panics
    /// If the process is gone.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// Ends the server at once, as a crash would; its connections are reset or closed by the system.
    pub fn kill(&mut self) {
        // Fails only if the process has ended already, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        let status =
            Command::new("kill").args(["-s", name, &pid]).status().expect("the command `kill` exists");
        assert!(status.success(), "nats-server (process {pid}) takes no signal, its log:\n{}", self.log());
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
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
        let directory =
            tempfile::Builder::new().prefix("nats-server-").tempdir().expect("a temporary directory");
        let mut process = self.spawn(directory.path());
        match await_port(&mut process, directory.path()) {
            Ok(port) => NatsServer { process, port, url: format!("nats://127.0.0.1:{port}"), directory },
            Err(cause) => {
                let _ = process.kill();
                let _ = process.wait();
                panic!("nats-server {} {cause}, its log:\n{}", self.version, read_log(directory.path()));
            }
        }
    }

    fn spawn(&self, directory: &Path) -> Child {
        let config = directory.join("nats-server.conf");
        fs::write(&config, &self.config).expect("the directory of the server is writable");
        let log = File::create(log_file(directory)).expect("the directory of the server is writable");

        let program = self.version.program();
        let mut command = Command::new(program);
        // Port -1 lets the server choose a free one, which no other process can take in between.
        command.args(["--addr", "127.0.0.1", "--port", "-1"]);
        command.arg("--ports_file_dir").arg(directory);
        command.arg("--config").arg(config);
        if self.jetstream {
            command.arg("--jetstream").arg("--store_dir").arg(directory.join("jetstream"));
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.spawn().unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()))
    }
}

/// Waits until the server has said which port it took and lets someone connect there.
fn await_port(process: &mut Child, directory: &Path) -> Result<u16, String> {
    let started = Instant::now();
    loop {
        if let Some(status) = process.try_wait().expect("a child can be waited for") {
            return Err(format!("ended while starting, {status}"));
        }
        if let Some(port) = read_port(directory)
            && TcpStream::connect(("127.0.0.1", port)).is_ok()
        {
            return Ok(port);
        }
        if started.elapsed() > START_LIMIT {
            return Err(format!("accepts no connections after {START_LIMIT:?}"));
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// The port in the ports file, `{"nats":["nats://127.0.0.1:46633"], …}`, if it is there and complete.
fn read_port(directory: &Path) -> Option<u16> {
    // Its name is made of the program's name, which `NATS_SERVER` may have changed, and the process id.
    let is_ports_file = |path: &Path| path.extension().is_some_and(|extension| extension == "ports");
    let mut entries = fs::read_dir(directory).ok()?.flatten();
    let ports_file = entries.find(|entry| is_ports_file(&entry.path()))?.path();
    let ports: serde_json::Value = serde_json::from_slice(&fs::read(ports_file).ok()?).ok()?;
    let (_, port) = ports.pointer("/nats/0")?.as_str()?.rsplit_once(':')?;
    port.parse().ok()
}

/// Whether all threads of a process have stopped; without `/proc` there is nothing to wait for.
fn is_stopped(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return true };
    threads.flatten().all(|thread| match fs::read_to_string(thread.path().join("stat")) {
        // `4053 (nats-server) T …`
        Ok(stat) => stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T')),
        Err(_) => true,
    })
}

fn log_file(directory: &Path) -> PathBuf {
    directory.join("nats-server.log")
}

fn read_log(directory: &Path) -> String {
    fs::read_to_string(log_file(directory)).unwrap_or_else(|error| format!("(no log: {error})"))
}

#[cfg(test)]
mod tests {
    use std::io::{self, BufRead, BufReader, ErrorKind, Write};

    use super::*;

    /// A raw connection that has read the server's greeting.
    struct Client {
        stream: BufReader<TcpStream>,
        info: serde_json::Value,
    }

    impl Client {
        fn connect(server: &NatsServer) -> Client {
            let stream = TcpStream::connect(("127.0.0.1", server.client_port())).unwrap();
            stream.set_read_timeout(Some(START_LIMIT)).unwrap();
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            let info = serde_json::from_str(line.strip_prefix("INFO ").unwrap()).unwrap();
            Client { stream, info }
        }

        /// The next line, empty at the end of the connection.
        fn line(&mut self) -> io::Result<String> {
            let mut line = String::new();
            match self.stream.read_line(&mut line) {
                Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(String::new()),
                result => result.map(|_| line),
            }
        }
    }

    #[test]
    fn each_server_has_its_own_port_and_directory() {
        let (one, other) = (NatsServer::start(), NatsServer::start());
        assert_ne!(one.client_port(), other.client_port());
        assert_ne!(one.directory(), other.directory());
        assert_eq!(one.url(), format!("nats://127.0.0.1:{}", one.client_port()));
    }

    #[test]
    fn a_server_is_what_was_asked_for() {
        let plain = NatsServer::start();
        let info = Client::connect(&plain).info;
        assert_eq!(info["max_payload"], 1024 * 1024);
        assert_eq!(info["jetstream"], serde_json::Value::Null);

        let special = NatsServer::builder()
            .version(Version::Oldest)
            .jetstream()
            .max_payload(4096)
            .config("server_name: special")
            .start();
        let info = Client::connect(&special).info;
        assert_eq!(info["jetstream"], true);
        assert_eq!(info["max_payload"], 4096);
        assert_eq!(info["server_name"], "special");
        if std::env::var_os("NATS_SERVER_OLDEST").is_none() {
            assert_eq!(info["version"], Version::Oldest.number());
        }
    }

    #[test]
    fn a_dropped_server_is_gone_with_its_directory() {
        let server = NatsServer::start();
        let mut client = Client::connect(&server);
        let directory = server.directory().to_owned();
        drop(server);
        assert_eq!(client.line().unwrap(), "");
        assert!(!directory.exists());
    }

    #[test]
    fn a_killed_server_is_gone_and_its_log_is_still_there() {
        let mut server = NatsServer::start();
        let mut client = Client::connect(&server);
        server.kill();
        assert_eq!(client.line().unwrap(), "");
        assert!(server.log().contains("Server is ready"));
    }

    #[test]
    fn a_paused_server_answers_after_it_is_resumed() {
        let server = NatsServer::start();
        let mut client = Client::connect(&server);
        server.pause();
        client.stream.get_mut().set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        client.stream.get_mut().write_all(b"PING\r\n").unwrap();
        let silence = client.line().unwrap_err().kind();
        assert!(matches!(silence, ErrorKind::WouldBlock | ErrorKind::TimedOut));

        server.resume();
        client.stream.get_mut().set_read_timeout(Some(START_LIMIT)).unwrap();
        assert_eq!(client.line().unwrap(), "PONG\r\n");
    }

    #[test]
    #[should_panic(expected = "ended while starting, exit status: 1, its log:\nnats-server: Parse error")]
    fn a_server_that_does_not_start_shows_its_log() {
        NatsServer::builder().config("nonsense: {").start();
    }
}
