//! A program that runs next to the test, and what it prints.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a line may take to come; only a machine in trouble comes near it.
const LIMIT: Duration = Duration::from_secs(30);

/// A running program. It is killed when it is dropped.
#[derive(Debug)]
pub struct Program {
    name: String,
    process: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    seen: Vec<String>,
    errors: Option<JoinHandle<String>>,
}

/// What a program has left behind at its end.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub lines: Vec<String>,
    /// What it wrote to its standard error.
    pub errors: String,
}

impl Program {
    /// Starts it. Its standard input ends with the guard, or when its [end](Self::end) is waited for.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(command: &mut Command) -> Self {
        let words = [command.get_program()].into_iter().chain(command.get_args());
        let name = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));

        let stdout = process.stdout.take().expect("it is piped");
        let mut stderr = process.stderr.take().expect("it is piped");
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
        let input = process.stdin.take();
        Program { name, process, input, lines, seen: Vec::new(), errors: Some(errors) }
    }

    /// Waits for a line with this text, which the last line that was waited for may be, and returns it.
    ///
    /// # Panics
    /// If none comes within half a minute, with what has come.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> &str {
        while !self.seen.last().is_some_and(|line| line.contains(text)) {
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) => self.seen.push(line),
                Err(cause) => self.fail(&format!("no line with {text:?} came: {cause}")),
            }
        }
        self.seen.last().map_or("", String::as_str)
    }

    /// Writes a line to its standard input.
    ///
    /// # Panics
    /// If it does not read any more.
    #[track_caller]
    pub fn tell(&mut self, line: &str) {
        let input = self.input.as_mut().expect("it is piped");
        if let Err(cause) = writeln!(input, "{line}") {
            self.fail(&format!("it does not listen: {cause}"));
        }
    }

    /// Asks it to end, as the system or a process manager does.
    ///
    /// # Panics
    /// If it has ended.
    pub fn terminate(&self) {
        let pid = self.process.id().to_string();
        let status =
            Command::new("kill").args(["-s", "TERM", &pid]).status().expect("the command `kill` exists");
        assert!(status.success(), "{} takes no signal", self.name);
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// If nothing comes from it for half a minute.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        self.input = None;
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

    /// Waits until it has ended by itself, without an error, and returns what it printed.
    ///
    /// # Panics
    /// If nothing comes from it for half a minute, or if it fails, with what it wrote to its standard error.
    #[track_caller]
    pub fn succeed(self) -> Vec<String> {
        let name = self.name.clone();
        let Ended { status, lines, errors } = self.end();
        assert!(status.success(), "{name} failed, {status}\n{}\n{errors}", lines.join("\n"));
        lines
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
