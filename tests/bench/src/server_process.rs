//! The process of the servers, as the client sees it.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Result;
use crate::peers::PeerName;
use crate::serve::{READY, START_COUNT, STOP_COUNT};

/// This program once more, with the servers; it ends when this is dropped.
pub(crate) struct ServerProcess {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl ServerProcess {
    /// Starts the process, and returns the addresses of the servers, in the order of the peers.
    pub(crate) fn start(nats: &str, peers: &[PeerName]) -> Result<(Self, Vec<String>)> {
        let peers: Vec<String> = peers.iter().map(|peer| peer.flag()).collect();
        let mut child = Command::new(env::current_exe()?)
            .args(["serve", "--nats", nats, "--peers", &peers.join(",")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take().ok_or("the server process has no standard input")?;
        let stdout = child.stdout.take().ok_or("the server process has no standard output")?;
        let mut process = ServerProcess { child, stdin, stdout: BufReader::new(stdout) };
        let mut addresses = Vec::new();
        loop {
            match process.line()? {
                line if line == READY => return Ok((process, addresses)),
                line => addresses.push(line),
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Lets the process count its allocations.
    pub(crate) fn start_count(&mut self) -> Result<()> {
        self.ask(START_COUNT).map(drop)
    }

    /// How many allocations there were since [`start_count`](Self::start_count).
    pub(crate) fn stop_count(&mut self) -> Result<u64> {
        Ok(self.ask(STOP_COUNT)?.parse()?)
    }

    fn ask(&mut self, line: &str) -> Result<String> {
        writeln!(self.stdin, "{line}")?;
        self.line()
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line)? == 0 {
            return Err("the server process has ended early; it says why above".into());
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Fails only if the process has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
