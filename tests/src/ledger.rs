//! Where a service writes down what it executes, so that it is known after its process was killed.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// The wall clock of a test, which stands still while tokio's does.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    start_ms: u64,
}

impl Clock {
    /// A clock that is right.
    pub fn start() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock::at(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
    }

    /// A clock that says now that it is so many milliseconds after 1970.
    pub fn at(unix_ms: u64) -> Self {
        Clock { start: Instant::now(), start_ms: unix_ms }
    }

    /// Milliseconds after 1970.
    pub fn unix_ms(self) -> u64 {
        self.unix_ms_of(Instant::now())
    }

    /// A moment in milliseconds after 1970.
    pub fn unix_ms_of(self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.start).as_millis();
        self.start_ms.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }
}

/// The start of a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The call's id.
    pub id: u64,
    /// The instance's id.
    pub instance: Arc<str>,
    /// Milliseconds after 1970.
    pub unix_ms: u64,
}

/// Where executions are written down.
#[derive(Debug, Clone)]
pub struct Ledger {
    clock: Clock,
    place: Arc<Place>,
}

#[derive(Debug)]
enum Place {
    Memory(Mutex<Vec<Start>>),
    File(File),
}

impl Ledger {
    /// A ledger for instances in this process.
    pub fn in_memory(clock: Clock) -> Self {
        Ledger { clock, place: Arc::new(Place::Memory(Mutex::default())) }
    }

    /// A ledger in a file, to which all is appended. What was written is there when the process is killed.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn in_file(path: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.unwrap_or_else(|error| panic!("no ledger {}: {error}", path.display()));
        Ledger { clock: Clock::start(), place: Arc::new(Place::File(file)) }
    }

    /// What is in a file that other processes write.
    ///
    /// # Panics
    /// If the file cannot be read, or was not written by a ledger.
    pub fn read_file(path: &Path) -> Vec<Start> {
        let text = std::fs::read_to_string(path);
        let text = text.unwrap_or_else(|error| panic!("no ledger {}: {error}", path.display()));
        let lines =
            text.lines().map(|line| parse(line).unwrap_or_else(|| panic!("not a ledger's: {line:?}")));
        lines.collect()
    }

    /// What was written down in this process.
    pub fn starts(&self) -> Vec<Start> {
        match &*self.place {
            Place::Memory(entries) => entries.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            Place::File(_) => Vec::new(),
        }
    }

    pub(crate) fn write(&self, id: u64, instance: &Arc<str>) {
        let unix_ms = self.clock.unix_ms();
        match &*self.place {
            Place::Memory(entries) => {
                let entry = Start { id, instance: Arc::clone(instance), unix_ms };
                entries.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
            }
            Place::File(file) => {
                // In one piece: lines of several processes do not mix, and what is killed leaves no half of one.
                let line = format!("{id} {instance} {unix_ms}\n");
                let mut file: &File = file;
                file.write_all(line.as_bytes()).expect("the ledger can be written");
            }
        }
    }
}

fn parse(line: &str) -> Option<Start> {
    let mut words = line.split(' ');
    let (id, instance, unix_ms) = (words.next()?, words.next()?, words.next()?);
    let entry = Start { id: id.parse().ok()?, instance: instance.into(), unix_ms: unix_ms.parse().ok()? };
    words.next().is_none().then_some(entry)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_clock_stands_still_with_tokios() {
        let clock = Clock::at(1000);
        tokio::time::advance(Duration::from_millis(20)).await;
        assert_eq!(clock.unix_ms(), 1020);
    }

    #[test]
    fn what_a_ledger_has_not_written_is_told_apart() {
        assert!(parse("1 one").is_none() && parse("1 one 2 3").is_none() && parse("x one 2").is_none());
    }
}
