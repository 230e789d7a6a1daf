//! A child process that ends with its guard, and the signals that a test sends to it.

use std::fs;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// How often a condition outside of this process is looked at.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A process that this one has started. It is killed when the guard is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// Once it has been waited for, its id may be another process'.
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts it.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", command.get_program().display()));
        Process { child, status: None }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The child itself, for what it prints.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, if it has.
    pub(crate) fn status(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("a child can be waited for");
        }
        self.status
    }

    /// Waits until it ends by itself; `None` if it does not in that time.
    pub(crate) fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let started = Instant::now();
        while self.status().is_none() && started.elapsed() < limit {
            thread::sleep(POLL_INTERVAL);
        }
        self.status
    }

    /// Freezes it: its connections stay open, and nothing moves on them.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
        // The signal reaches thread after thread, and one that runs meanwhile could still answer.
        while !is_stopped(self.id()) {
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Ends a pause.
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    /// Sends a signal, by its name without `SIG`.
    ///
    /// # Panics
    /// If the process is gone.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.id().to_string();
        assert!(self.status.is_none(), "process {pid} takes no signal, it has ended");
        let status =
            Command::new("kill").args(["-s", name, &pid]).status().expect("the command `kill` exists");
        assert!(status.success(), "process {pid} takes no signal");
    }

    /// Ends it at once, as a crash would; its connections are reset or closed by the system.
    pub(crate) fn kill(&mut self) {
        if self.status().is_none() {
            // Fails only if the process has ended already, which is what is wanted.
            let _ = self.child.kill();
            self.status = self.child.wait().ok();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether all threads of a process have stopped; without `/proc` there is nothing to wait for.
fn is_stopped(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return true };
    threads.flatten().all(|thread| match fs::read_to_string(thread.path().join("stat")) {
        // `4053 (nats-server) T …`, or Z of one that has ended.
        Ok(stat) => stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with(['T', 'Z', 'X'])),
        Err(_) => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_has_ended_takes_no_signal() {
        let mut process = Process::spawn(Command::new("sleep").arg("60"));
        assert!(process.status().is_none());
        process.kill();
        assert!(!process.status().unwrap().success());
        assert!(std::panic::catch_unwind(|| process.signal("CONT")).is_err());
    }

    #[test]
    fn one_that_ends_by_itself_is_waited_for() {
        let mut process = Process::spawn(&mut Command::new("true"));
        assert!(process.wait(Duration::from_secs(30)).unwrap().success());
        let mut process = Process::spawn(Command::new("sleep").arg("60"));
        assert!(process.wait(Duration::from_millis(20)).is_none());
    }
}
