//! The service that most cases call, whose handlers tell what ran.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use nats_rpc::Context;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// What every case calls.
#[nats_rpc::service]
pub(crate) trait Lab {
    async fn echo(&self, text: &str) -> String;
    async fn divide(&self, a: f64, b: f64) -> Result<f64, MathError>;
    /// Runs until the test says so.
    async fn wait(&self) -> u64;
    async fn sleep(&self, ms: u64) -> u64;
    async fn panic(&self, text: &str) -> String;
    /// So many bytes.
    async fn bytes(&self, count: u64) -> Vec<u8>;
    async fn reverse(&self, bytes: &[u8]) -> Bytes;
    async fn nest(&self, tree: Tree) -> u64;
    /// Something that JSON cannot write.
    async fn unwritable(&self) -> HashMap<(u8, u8), u8>;
    async fn count(&self, map: HashMap<(u8, u8), u8>) -> usize;
    async fn context(&self, cx: &Context) -> Seen;
    async fn all_optional(&self, limit: Option<u32>) -> u32;
    #[rpc(bare)]
    async fn bare(&self, text: &str) -> String;
    #[rpc(oneway)]
    async fn note(&self, line: &str);
    #[rpc(oneway, timeout = "50ms")]
    async fn brief(&self);
    #[rpc(timeout = "150ms")]
    async fn hasty(&self) -> u64;
}

/// The service's own error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum MathError {
    #[error("division by {0}")]
    DivisionBy(u8),
}

/// A value that can be nested without end.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Tree {
    Leaf,
    Node(Box<Tree>),
}

/// What a handler saw of its context.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) subject: String,
    pub(crate) method: String,
    pub(crate) attempt: u32,
    pub(crate) tenant: Option<String>,
    pub(crate) traceparent: Option<String>,
    pub(crate) remaining_ms: u64,
    pub(crate) ambient: bool,
}

/// The service; its clones share what they count.
#[derive(Clone, Default)]
pub(crate) struct Bench {
    pub(crate) name: &'static str,
    pub(crate) ledger: Arc<Ledger>,
}

/// What ran.
#[derive(Default)]
pub(crate) struct Ledger {
    /// How many handlers were started.
    pub(crate) started: AtomicUsize,
    /// How many ran to their end.
    pub(crate) finished: AtomicUsize,
    /// How many do not run any more, whether they came to their end or not.
    over: AtomicUsize,
    /// Told when a handler starts.
    pub(crate) begun: Notify,
    /// Lets [`Lab::wait`] end.
    pub(crate) release: Notify,
}

impl Ledger {
    pub(crate) fn started(&self) -> usize {
        self.started.load(Ordering::SeqCst)
    }

    pub(crate) fn finished(&self) -> usize {
        self.finished.load(Ordering::SeqCst)
    }

    pub(crate) fn running(&self) -> usize {
        self.started() - self.over.load(Ordering::SeqCst)
    }

    fn start(&self) -> Finish<'_> {
        self.started.fetch_add(1, Ordering::SeqCst);
        self.begun.notify_one();
        Finish(self)
    }
}

/// Counts a handler as finished, unless it is aborted.
struct Finish<'a>(&'a Ledger);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.0.over.fetch_add(1, Ordering::SeqCst);
    }
}

impl Finish<'_> {
    fn done<T>(self, value: T) -> T {
        self.0.finished.fetch_add(1, Ordering::SeqCst);
        value
    }
}

impl Lab for Bench {
    async fn echo(&self, text: &str) -> String {
        self.ledger.start().done(text.to_owned())
    }

    async fn divide(&self, a: f64, b: f64) -> Result<f64, MathError> {
        self.ledger.start().done(if b == 0.0 { Err(MathError::DivisionBy(0)) } else { Ok(a / b) })
    }

    async fn wait(&self) -> u64 {
        let run = self.ledger.start();
        self.ledger.release.notified().await;
        run.done(1)
    }

    async fn sleep(&self, ms: u64) -> u64 {
        let run = self.ledger.start();
        tokio::time::sleep(Duration::from_millis(ms)).await;
        run.done(ms)
    }

    async fn panic(&self, text: &str) -> String {
        let _run = self.ledger.start();
        panic!("{text}")
    }

    async fn bytes(&self, count: u64) -> Vec<u8> {
        self.ledger.start().done(vec![7; usize::try_from(count).unwrap()])
    }

    async fn reverse(&self, bytes: &[u8]) -> Bytes {
        self.ledger.start().done(bytes.iter().rev().copied().collect())
    }

    async fn nest(&self, tree: Tree) -> u64 {
        let mut depth = 0;
        let mut tree = &tree;
        while let Tree::Node(inner) = tree {
            (depth, tree) = (depth + 1, inner);
        }
        self.ledger.start().done(depth)
    }

    async fn unwritable(&self) -> HashMap<(u8, u8), u8> {
        self.ledger.start().done([((1, 2), 3)].into())
    }

    async fn count(&self, map: HashMap<(u8, u8), u8>) -> usize {
        self.ledger.start().done(map.len())
    }

    async fn context(&self, cx: &Context) -> Seen {
        cx.set_header("answered-by", self.name);
        let header = |name| cx.headers().get(name).map(str::to_owned);
        self.ledger.start().done(Seen {
            subject: cx.subject().to_owned(),
            method: cx.method().to_owned(),
            attempt: cx.attempt(),
            tenant: header("tenant"),
            traceparent: header("traceparent"),
            remaining_ms: u64::try_from(cx.remaining().as_millis()).unwrap(),
            ambient: Context::current().is_some_and(|ambient| ambient.subject() == cx.subject()),
        })
    }

    async fn all_optional(&self, limit: Option<u32>) -> u32 {
        self.ledger.start().done(limit.unwrap_or(10))
    }

    async fn bare(&self, text: &str) -> String {
        self.ledger.start().done(text.to_uppercase())
    }

    async fn note(&self, _line: &str) {
        self.ledger.start().done(());
    }

    async fn brief(&self) {
        let run = self.ledger.start();
        self.ledger.release.notified().await;
        run.done(());
    }

    async fn hasty(&self) -> u64 {
        let run = self.ledger.start();
        self.ledger.release.notified().await;
        run.done(1)
    }
}
