//! The service that fault tests call: each of its executions is written down before anything else happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use crate::ledger::Ledger;

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

/// An instance of the service, and of [`Chores`](crate::Chores).
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

    pub(crate) async fn work(&self, id: u64, time: Duration) -> u64 {
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
    use crate::ledger::Clock;

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
}
