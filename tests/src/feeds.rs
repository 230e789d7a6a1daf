//! The service that fault tests of streams call: how far each side of a stream has come is counted.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use nats_rpc::{ErrorKind, Incoming};

/// How many bytes an item of [`Feeds::blocks`] has.
pub const BLOCK: usize = 64 * 1024;

/// Streams of numbers, which begin at one that the caller chooses, and of blocks of bytes.
#[nats_rpc::service]
pub trait Feeds {
    /// So many numbers, as fast as they are taken.
    fn numbers(&self, from: u64, count: u64) -> impl Stream<Item = u64>;
    /// So many blocks of [`BLOCK`] bytes, as fast as they are taken. Each byte says which block it is.
    fn blocks(&self, count: u64) -> impl Stream<Item = Bytes>;
    /// Numbers without an end, one after so many milliseconds; with 0 there is never one.
    fn ticks(&self, from: u64, every_ms: u64) -> impl Stream<Item = u64>;
    /// Takes all numbers, each after so many milliseconds, and returns how many there were.
    async fn count(&self, each_ms: u64, numbers: Incoming<u64>) -> u64;
    /// The same of blocks.
    async fn store(&self, each_ms: u64, blocks: Incoming<Bytes>) -> u64;
    /// Takes nothing of what it is sent.
    async fn ignore(&self, numbers: Incoming<u64>) -> u64;
    /// Sends each number back.
    fn echo(&self, numbers: Incoming<u64>) -> impl Stream<Item = u64>;
}

/// An instance of the service. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Feeder {
    /// How far the side that sends is before the one that takes.
    pub lag: Lag,
    running: Arc<AtomicUsize>,
    failures: Arc<Mutex<Vec<ErrorKind>>>,
}

/// How many items the sending side of a stream was asked for, and the receiving one has taken.
#[derive(Debug, Clone, Default)]
pub struct Lag(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    asked: AtomicU64,
    taken: AtomicU64,
    most: AtomicU64,
}

impl Lag {
    /// One more was asked for.
    pub fn ask(&self) {
        let asked = self.0.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let ahead = asked.saturating_sub(self.0.taken.load(Ordering::SeqCst));
        self.0.most.fetch_max(ahead, Ordering::SeqCst);
    }

    /// One more was taken.
    pub fn take(&self) {
        self.0.taken.fetch_add(1, Ordering::SeqCst);
    }

    /// How many were asked for.
    pub fn asked(&self) -> u64 {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// How many were taken.
    pub fn taken(&self) -> u64 {
        self.0.taken.load(Ordering::SeqCst)
    }

    /// By how many the sending side was ahead, at most.
    pub fn most(&self) -> u64 {
        self.0.most.load(Ordering::SeqCst)
    }
}

/// A handler that runs until this is dropped.
#[derive(Debug)]
struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Feeder {
    /// How many of its handlers run.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// The errors that streams of callers have ended with.
    pub fn failures(&self) -> Vec<ErrorKind> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn run(&self) -> Running {
        self.running.fetch_add(1, Ordering::SeqCst);
        Running(Arc::clone(&self.running))
    }

    fn send<T>(&self, numbers: impl Iterator<Item = u64>, make: impl Fn(u64) -> T) -> impl Stream<Item = T> {
        let (running, lag) = (self.run(), self.lag.clone());
        stream::iter(numbers).map(move |number| {
            let _running = &running;
            lag.ask();
            make(number)
        })
    }

    async fn take<T>(&self, each_ms: u64, mut items: Incoming<T>) -> u64 {
        let _running = self.run();
        let mut count = 0;
        while let Some(item) = items.next().await {
            match item {
                Ok(_) => count += 1,
                Err(error) => {
                    self.fail(error.kind());
                    break;
                }
            }
            self.lag.take();
            if each_ms > 0 {
                tokio::time::sleep(Duration::from_millis(each_ms)).await;
            }
        }
        count
    }

    fn fail(&self, kind: ErrorKind) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(kind);
    }
}

/// The block of this number.
pub fn block(number: u64) -> Bytes {
    vec![number.to_le_bytes()[0]; BLOCK].into()
}

impl Feeds for Feeder {
    fn numbers(&self, from: u64, count: u64) -> impl Stream<Item = u64> {
        self.send(from..from + count, |number| number)
    }

    fn blocks(&self, count: u64) -> impl Stream<Item = Bytes> {
        self.send(0..count, block)
    }

    fn ticks(&self, from: u64, every_ms: u64) -> impl Stream<Item = u64> {
        let lag = self.lag.clone();
        stream::unfold((self.run(), from), move |(running, number)| {
            let lag = lag.clone();
            async move {
                if every_ms == 0 {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(Duration::from_millis(every_ms)).await;
                lag.ask();
                Some((number, (running, number + 1)))
            }
        })
    }

    async fn count(&self, each_ms: u64, numbers: Incoming<u64>) -> u64 {
        self.take(each_ms, numbers).await
    }

    async fn store(&self, each_ms: u64, blocks: Incoming<Bytes>) -> u64 {
        self.take(each_ms, blocks).await
    }

    async fn ignore(&self, mut numbers: Incoming<u64>) -> u64 {
        let _running = self.run();
        let first = numbers.next().await;
        std::future::pending::<()>().await;
        first.map_or(0, |_| 1)
    }

    fn echo(&self, numbers: Incoming<u64>) -> impl Stream<Item = u64> {
        let (running, feeder) = (self.run(), self.clone());
        numbers.filter_map(move |number| {
            let _running = &running;
            feeder.lag.take();
            let number = number.map_err(|error| feeder.fail(error.kind())).ok();
            async move { number }
        })
    }
}
