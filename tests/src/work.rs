//! The service that fault tests call: each of its executions is written down before anything else happens.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, sleep};

/// What the handlers of [`Work::slow`] take.
pub const SLOW: Duration = Duration::from_millis(20);

/// Methods that differ in how long they take and in whether they may be executed twice. Each returns the id of its call.
#[nats_rpc::service]
pub trait Work {
    /// Takes no time.
    async fn quick(&self, id: u64) -> u64;
    /// The same, to be sent again at will.
    #[rpc(idempotent)]
    async fn quick_again(&self, id: u64) -> u64;
    /// Takes [`SLOW`].
    async fn slow(&self, id: u64) -> u64;
    /// The same, to be sent again at will.
    #[rpc(idempotent)]
    async fn slow_again(&self, id: u64) -> u64;
    /// Takes so many milliseconds.
    async fn long(&self, id: u64, ms: u64) -> u64;
    /// The same, to be sent again at will.
    #[rpc(idempotent)]
    async fn long_again(&self, id: u64, ms: u64) -> u64;
}

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

    fn write(&self, id: u64, instance: &Arc<str>) {
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

/// An instance of the service.
#[derive(Debug, Clone)]
pub struct Worker {
    instance: Arc<str>,
    ledger: Ledger,
    running: Arc<AtomicUsize>,
}

/// A handler that runs until this is dropped.
struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Worker {
    /// An instance that writes to a ledger.
    pub fn new(instance: &str, ledger: &Ledger) -> Self {
        Worker { instance: instance.into(), ledger: ledger.clone(), running: Arc::default() }
    }

    /// How many of its handlers run.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    async fn work(&self, id: u64, time: Duration) -> u64 {
        self.running.fetch_add(1, Ordering::SeqCst);
        let _running = Running(&self.running);
        self.ledger.write(id, &self.instance);
        if !time.is_zero() {
            sleep(time).await;
        }
        id
    }
}

impl Work for Worker {
    async fn quick(&self, id: u64) -> u64 {
        self.work(id, Duration::ZERO).await
    }

    async fn quick_again(&self, id: u64) -> u64 {
        self.work(id, Duration::ZERO).await
    }

    async fn slow(&self, id: u64) -> u64 {
        self.work(id, SLOW).await
    }

    async fn slow_again(&self, id: u64) -> u64 {
        self.work(id, SLOW).await
    }

    async fn long(&self, id: u64, ms: u64) -> u64 {
        self.work(id, Duration::from_millis(ms)).await
    }

    async fn long_again(&self, id: u64, ms: u64) -> u64 {
        self.work(id, Duration::from_millis(ms)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_to_a_file_is_read_from_it_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger");
        let before = Clock::start().unix_ms();
        let (one, two) =
            (Worker::new("one", &Ledger::in_file(&path)), Worker::new("two", &Ledger::in_file(&path)));
        assert_eq!((one.quick(7).await, two.slow(8).await, one.long_again(7, 1).await), (7, 8, 7));
        let entries = Ledger::read_file(&path);
        let read: Vec<_> = entries.iter().map(|entry| (entry.id, &*entry.instance)).collect();
        assert_eq!(read, [(7, "one"), (8, "two"), (7, "one")]);
        assert!(entries.iter().all(|entry| (before..before + 60_000).contains(&entry.unix_ms)));
    }

    #[tokio::test]
    async fn an_execution_is_written_down_before_the_handler_takes_its_time() {
        let ledger = Ledger::in_memory(Clock::at(1000));
        let worker = Worker::new("one", &ledger);
        assert!(tokio::time::timeout(Duration::from_millis(1), worker.long(1, 60_000)).await.is_err());
        assert_eq!(ledger.starts().len(), 1);
        assert_eq!(worker.running(), 0, "it was dropped");
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_stands_still_with_tokios() {
        let clock = Clock::at(1000);
        tokio::time::advance(Duration::from_millis(20)).await;
        assert_eq!(clock.unix_ms(), 1020);
        assert!(parse("1 one").is_none() && parse("1 one 2 3").is_none() && parse("x one 2").is_none());
    }
}
