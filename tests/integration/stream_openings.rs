//! Streams that come to nothing early: their handlers end as well.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::{Stream, StreamExt, TryStreamExt, stream};
use nats_rpc::{CallError, ErrorKind, Incoming};
use tokio::sync::Notify;

use crate::bed::{Bed, eventually};
use crate::wires::on_every_wire;

on_every_wire! {
    tagged what_is_not_open_in_time_is_aborted,
    a_handler_does_not_take_a_cancel_for_the_end_of_its_items,
    a_handler_that_takes_items_may_open_its_results_late,
}

#[nats_rpc::service]
trait Slow {
    fn silence(&self) -> impl Stream<Item = u64>;
    #[rpc(timeout = "400ms")]
    async fn never_opens(&self) -> Result<impl Stream<Item = u64>, String>;
    #[rpc(timeout = "400ms")]
    async fn never_takes(&self, items: Incoming<u64>) -> u64;
    async fn take(&self, items: Incoming<u64>) -> u64;
    #[rpc(timeout = "400ms")]
    async fn take_first(&self, items: Incoming<u64>) -> Result<impl Stream<Item = u64>, String>;
}

#[derive(Clone, Default)]
struct Snail {
    running: Arc<AtomicUsize>,
    began: Arc<Notify>,
    ended: Arc<AtomicUsize>,
}

/// Counts the handlers that are there.
struct Running(Arc<AtomicUsize>);

impl Snail {
    fn run(&self) -> Running {
        self.running.fetch_add(1, Ordering::SeqCst);
        Running(Arc::clone(&self.running))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Slow for Snail {
    fn silence(&self) -> impl Stream<Item = u64> {
        stream::pending()
    }

    async fn never_opens(&self) -> Result<impl Stream<Item = u64>, String> {
        let _running = self.run();
        pending::<()>().await;
        Ok(stream::empty())
    }

    async fn never_takes(&self, _items: Incoming<u64>) -> u64 {
        let _running = self.run();
        pending().await
    }

    async fn take(&self, mut items: Incoming<u64>) -> u64 {
        let _running = self.run();
        let mut sum = 0;
        while let Some(Ok(item)) = items.next().await {
            sum += item;
            self.began.notify_one();
        }
        self.ended.fetch_add(1, Ordering::SeqCst);
        sum
    }

    async fn take_first(&self, items: Incoming<u64>) -> Result<impl Stream<Item = u64>, String> {
        let items: Vec<u64> = items.try_collect().await.map_err(|error| error.to_string())?;
        Ok(stream::iter(items))
    }
}

async fn what_is_not_open_in_time_is_aborted(bed: Bed) {
    let snail = Snail::default();
    let service = SlowServer::new(snail.clone());
    let _server = bed.server_builder().await.add(service).start().await.unwrap();
    let slow = SlowClient::new(bed.connect().await);
    // Its caller goes on to say that it is there.
    let mut silence = slow.silence().await.unwrap();

    let begin = Instant::now();
    let opened = slow.never_opens().await;
    assert!(matches!(opened, Err(CallError::Rpc(error)) if error.kind() == ErrorKind::DeadlineExceeded));
    let taken = slow.never_takes(stream::iter(0..3)).await;
    assert!(matches!(taken, Err(CallError::Rpc(error)) if error.kind() == ErrorKind::DeadlineExceeded));
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    eventually("both handlers are dropped", || snail.running.load(Ordering::SeqCst) == 0).await;
    tokio::select! {
        biased;
        item = silence.next() => panic!("the other stream goes on: {item:?}"),
        () = std::future::ready(()) => {}
    }
}

/// Also at once, when a handler is polled without a word to its caller.
async fn a_handler_does_not_take_a_cancel_for_the_end_of_its_items(bed: Bed) {
    let snail = Snail::default();
    let service = SlowServer::new(snail.clone());
    let _server = bed.server_builder().await.add(service).start().await.unwrap();
    let slow = SlowClient::new(bed.connect().await);
    let call = tokio::spawn(slow.take(stream::iter([1]).chain(stream::pending())).into_future());
    snail.began.notified().await;
    call.abort();
    eventually("the handler is dropped", || snail.running.load(Ordering::SeqCst) == 0).await;
    assert_eq!(snail.ended.load(Ordering::SeqCst), 0);
}

async fn a_handler_that_takes_items_may_open_its_results_late(bed: Bed) {
    let service = SlowServer::new(Snail::default());
    let _server = bed.server_builder().await.add(service).start().await.unwrap();
    let slow = SlowClient::new(bed.connect().await);
    let items = stream::iter(0..4).then(async |item| {
        tokio::time::sleep(Duration::from_millis(200)).await;
        item
    });
    let results = slow.take_first(items).await.unwrap();
    assert_eq!(results.try_collect::<Vec<_>>().await.unwrap(), [0, 1, 2, 3]);
}
