//! A service whose methods stream, and which tells what became of its handlers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use nats_rpc::{Context, Error, ErrorKind, Incoming, Server};
use serde::{Deserialize, Serialize};

use crate::bed::Bed;

#[nats_rpc::service]
pub(crate) trait River {
    /// So many numbers from 0 on.
    fn numbers(&self, count: u64) -> impl Stream<Item = u64>;
    /// The same, with a failure behind them.
    fn failing(&self, count: u64) -> impl Stream<Item = Result<u64, Dry>>;
    /// Fails before there is a stream, or not.
    async fn guarded(&self, word: &str) -> Result<impl Stream<Item = Result<String, Dry>>, Dry>;
    /// Opens after so long.
    async fn late(&self, ms: u64) -> Result<impl Stream<Item = u64>, Dry>;
    /// So many bytes in each of so many chunks.
    fn chunks(&self, count: u64, size: u64) -> impl Stream<Item = Bytes>;
    /// Nothing, until it is dropped.
    fn silent(&self) -> impl Stream<Item = u64>;
    /// Panics behind so many numbers.
    fn panicking(&self, count: u64) -> impl Stream<Item = u64>;
    /// What the handler knows, as texts.
    fn context(&self, cx: &Context) -> impl Stream<Item = String>;
    async fn sum(&self, start: u64, numbers: Incoming<u64>) -> Result<u64, Dry>;
    /// The lengths of all chunks together.
    async fn measure(&self, chunks: Incoming<Bytes>) -> u64;
    /// Takes so many and answers.
    async fn first(&self, count: usize, words: Incoming<String>) -> Vec<String>;
    /// Answers without taking any.
    async fn uninterested(&self, words: Incoming<String>) -> Result<(), Dry>;
    /// Takes what it gets and says how it ended.
    async fn account(&self, words: Incoming<String>) -> (u64, Option<String>);
    fn double(&self, numbers: Incoming<u64>) -> impl Stream<Item = Result<u64, Dry>>;
    async fn ordinary(&self) -> u64;
}

/// The service's own error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("dry after {0}")]
pub(crate) struct Dry(pub(crate) u64);

/// The service; its clones share what they count.
#[derive(Clone, Default)]
pub(crate) struct Bank(pub(crate) Arc<Gauge>);

/// What is open, and what was asked for.
#[derive(Default)]
pub(crate) struct Gauge {
    open: AtomicI64,
    pub(crate) yielded: AtomicUsize,
}

impl Gauge {
    pub(crate) fn open(&self) -> i64 {
        self.open.load(Ordering::SeqCst)
    }

    fn enter(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Ordering::SeqCst);
        Open(Arc::clone(self))
    }
}

/// A handler, or its stream, as long as it is there.
struct Open(Arc<Gauge>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Bank {
    /// A stream that counts as open, and whose items are counted as they are asked for.
    fn counted<S: Stream>(&self, items: S) -> impl Stream<Item = S::Item> + use<S> {
        let open = self.0.enter();
        items.inspect(move |_| _ = open.0.yielded.fetch_add(1, Ordering::SeqCst))
    }
}

impl River for Bank {
    fn numbers(&self, count: u64) -> impl Stream<Item = u64> {
        self.counted(stream::iter(0..count))
    }

    fn failing(&self, count: u64) -> impl Stream<Item = Result<u64, Dry>> {
        let numbers = stream::iter((0..count).map(Ok));
        self.counted(numbers.chain(stream::once(async move { Err(Dry(count)) })).chain(stream::pending()))
    }

    async fn guarded(&self, word: &str) -> Result<impl Stream<Item = Result<String, Dry>>, Dry> {
        if word == "no" {
            return Err(Dry(0));
        }
        Ok(self.counted(stream::iter([Ok(format!("{word}!")), Err(Dry(1))])))
    }

    async fn late(&self, ms: u64) -> Result<impl Stream<Item = u64>, Dry> {
        let _open = self.0.enter();
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok(stream::iter([ms]))
    }

    fn chunks(&self, count: u64, size: u64) -> impl Stream<Item = Bytes> {
        let size = usize::try_from(size).unwrap();
        self.counted(stream::iter(0..count).map(move |n| vec![u8::try_from(n % 256).unwrap(); size].into()))
    }

    fn silent(&self) -> impl Stream<Item = u64> {
        self.counted(stream::pending())
    }

    fn panicking(&self, count: u64) -> impl Stream<Item = u64> {
        self.counted(stream::iter(0..=count).inspect(move |n| assert!(*n < count, "the secret of the bank")))
    }

    fn context(&self, cx: &Context) -> impl Stream<Item = String> {
        cx.set_header("river", "deep");
        let has_deadline = cx.remaining() < Duration::from_secs(24 * 3600);
        let tenant = cx.headers().get("tenant").unwrap_or("none").to_owned();
        stream::iter([cx.method().to_owned(), tenant, has_deadline.to_string()])
            .chain(stream::once(async { Context::current().map_or("none".into(), |cx| cx.method().into()) }))
    }

    async fn sum(&self, start: u64, mut numbers: Incoming<u64>) -> Result<u64, Dry> {
        let _open = self.0.enter();
        let mut sum = start;
        while let Some(number) = numbers.next().await {
            sum += number.map_err(|_| Dry(sum))?;
        }
        Ok(sum)
    }

    async fn measure(&self, mut chunks: Incoming<Bytes>) -> u64 {
        let _open = self.0.enter();
        let mut length = 0;
        while let Some(Ok(chunk)) = chunks.next().await {
            length += chunk.len() as u64;
        }
        length
    }

    async fn first(&self, count: usize, words: Incoming<String>) -> Vec<String> {
        words.take(count).filter_map(|word| async { word.ok() }).collect().await
    }

    async fn uninterested(&self, _words: Incoming<String>) -> Result<(), Dry> {
        Err(Dry(7))
    }

    async fn account(&self, mut words: Incoming<String>) -> (u64, Option<String>) {
        let _open = self.0.enter();
        let mut count = 0;
        while let Some(word) = words.next().await {
            match word {
                Ok(_) => count += 1,
                Err(error) => return (count, Some(error.kind().to_string())),
            }
        }
        (count, None)
    }

    fn double(&self, numbers: Incoming<u64>) -> impl Stream<Item = Result<u64, Dry>> {
        self.counted(numbers.map(|number| number.map(|number| 2 * number).map_err(|_| Dry(0))))
    }

    async fn ordinary(&self) -> u64 {
        1
    }
}

/// A server of the service on this bed, and a client.
pub(crate) struct Banks {
    pub(crate) bed: Bed,
    pub(crate) bank: Bank,
    pub(crate) server: Server,
    pub(crate) client: RiverClient,
}

impl Banks {
    pub(crate) async fn of(bed: Bed) -> Self {
        Self::with(bed, |server| server).await
    }

    pub(crate) async fn with(
        bed: Bed,
        configure: impl FnOnce(nats_rpc::ServerBuilder) -> nats_rpc::ServerBuilder,
    ) -> Self {
        let bank = Bank::default();
        let builder = bed.server_builder().await.add(RiverServer::new(bank.clone()));
        let server = configure(builder).start().await.unwrap();
        let client = RiverClient::new(bed.connect().await);
        Banks { bed, bank, server, client }
    }

    /// Waits until no handler and no stream is left at the server.
    pub(crate) async fn until_none_is_open(&self) {
        crate::bed::eventually("all streams are dropped", || self.bank.0.open() == 0).await;
    }
}

/// The last thing that a stream yields, and how many values came before.
pub(crate) async fn drained<T, E>(
    mut stream: nats_rpc::Streaming<T, E>,
) -> (usize, Option<nats_rpc::CallError<E>>) {
    let mut count = 0;
    while let Some(item) = stream.next().await {
        match item {
            Ok(_) => count += 1,
            Err(error) => {
                assert!(stream.next().await.is_none(), "an error is the last item");
                return (count, Some(error));
            }
        }
    }
    (count, None)
}

/// The kind of an error of the call path.
pub(crate) fn kind<E: std::fmt::Debug>(error: Option<nats_rpc::CallError<E>>) -> ErrorKind {
    rpc(error).kind()
}

pub(crate) fn rpc<E: std::fmt::Debug>(error: Option<nats_rpc::CallError<E>>) -> Error {
    match error {
        Some(nats_rpc::CallError::Rpc(error)) => error,
        other => panic!("expected an error of the call path, got {other:?}"),
    }
}
