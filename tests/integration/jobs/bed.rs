//! A NATS server with JetStream, and a service whose jobs tell what ran.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use nats_rpc::jobs::{Job, JobSettings, JobStatus};
use nats_rpc::{Client, Connection, Context, Progress, Server, ServerBuilder};
use tests::NatsServer;
use tokio::sync::Notify;

/// What is done in the background.
#[nats_rpc::service]
pub(super) trait Mill {
    #[rpc(durable)]
    async fn grind(&self, cx: &Context, corn: u64) -> Result<u64, String>;
    /// Runs until the test says so, and reports progress.
    #[rpc(durable)]
    async fn wait(&self, cx: &Context) -> u64;
    /// Fails so many times, then succeeds.
    #[rpc(durable)]
    async fn flaky(&self, cx: &Context, name: &str, failures: u32) -> u32;
    /// Fails with its own error, and asks for another attempt so many times.
    #[rpc(durable)]
    async fn moody(&self, cx: &Context, name: &str, moods: u32) -> Result<u32, String>;
    #[rpc(durable)]
    async fn bytes(&self, count: u64) -> Bytes;
    #[rpc(durable, no_cancel)]
    async fn stubborn(&self) -> u64;
    /// Ends when it is told that nobody wants it any more.
    #[rpc(durable, no_cancel)]
    async fn tidy(&self, cx: &Context) -> u64;
    /// Not durable.
    async fn now(&self) -> u64;
}

#[derive(Clone, Default)]
pub(super) struct Windmill {
    pub(super) seen: Arc<Seen>,
}

/// What ran.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) started: AtomicUsize,
    pub(super) finished: AtomicUsize,
    pub(super) running: AtomicUsize,
    pub(super) release: Notify,
    pub(super) released: AtomicBool,
    tries: Mutex<HashMap<String, u32>>,
    pub(super) jobs: Mutex<Vec<(String, u32)>>,
    pub(super) traces: Mutex<Vec<Option<String>>>,
}

impl Seen {
    pub(super) fn started(&self) -> usize {
        self.started.load(Ordering::SeqCst)
    }

    pub(super) fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// Ends all that waits, and will wait.
    pub(super) fn let_go(&self) {
        self.released.store(true, Ordering::SeqCst);
        self.release.notify_waiters();
    }

    async fn released(&self) {
        let released = self.release.notified();
        if !self.released.load(Ordering::SeqCst) {
            released.await;
        }
    }

    fn start(&self, cx: &Context) -> Running<'_> {
        self.started.fetch_add(1, Ordering::SeqCst);
        self.running.fetch_add(1, Ordering::SeqCst);
        self.jobs.lock().unwrap().push((cx.job_id().unwrap_or_default(), cx.attempt()));
        self.traces.lock().unwrap().push(cx.headers().get("traceparent").map(str::to_owned));
        Running(self)
    }

    fn tried(&self, name: &str) -> u32 {
        let mut tries = self.tries.lock().unwrap();
        let tries = tries.entry(name.to_owned()).or_default();
        *tries += 1;
        *tries
    }
}

struct Running<'a>(&'a Seen);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Mill for Windmill {
    async fn grind(&self, cx: &Context, corn: u64) -> Result<u64, String> {
        let _running = self.seen.start(cx);
        self.seen.finished.fetch_add(1, Ordering::SeqCst);
        if corn == 13 { Err("mouldy".to_owned()) } else { Ok(corn * 2) }
    }

    async fn wait(&self, cx: &Context) -> u64 {
        let _running = self.seen.start(cx);
        cx.report_progress(Progress::of(1, 2).with_message("waiting"));
        self.seen.released().await;
        self.seen.finished.fetch_add(1, Ordering::SeqCst);
        u64::from(cx.attempt())
    }

    async fn flaky(&self, cx: &Context, name: &str, failures: u32) -> u32 {
        let _running = self.seen.start(cx);
        let tried = self.seen.tried(name);
        assert!(tried > failures, "attempt {tried} fails");
        tried
    }

    async fn moody(&self, cx: &Context, name: &str, moods: u32) -> Result<u32, String> {
        let _running = self.seen.start(cx);
        let tried = self.seen.tried(name);
        if tried > moods {
            return Ok(tried);
        }
        cx.retry_job(Some(Duration::from_millis(20)));
        Err(format!("mood {tried}"))
    }

    async fn bytes(&self, count: u64) -> Bytes {
        vec![7; usize::try_from(count).unwrap()].into()
    }

    async fn stubborn(&self) -> u64 {
        self.seen.started.fetch_add(1, Ordering::SeqCst);
        self.seen.released().await;
        7
    }

    async fn tidy(&self, cx: &Context) -> u64 {
        let _running = self.seen.start(cx);
        cx.cancelled().await;
        9
    }

    async fn now(&self) -> u64 {
        1
    }
}

pub(super) struct Bed {
    pub(super) nats: NatsServer,
    pub(super) seen: Arc<Seen>,
}

/// Quick to try again, and to notice that a worker is gone.
pub(super) fn settings() -> JobSettings {
    JobSettings::new()
        .ack_wait(Duration::from_secs(1))
        .attempts(3)
        .backoff(Duration::from_millis(20), Duration::from_millis(100))
}

impl Bed {
    pub(super) fn new() -> Self {
        Bed { nats: NatsServer::builder().jetstream().start(), seen: Arc::default() }
    }

    pub(super) fn oldest() -> Self {
        let nats = NatsServer::builder().version(tests::Version::Oldest).jetstream().start();
        Bed { nats, seen: Arc::default() }
    }

    pub(super) async fn connect(&self) -> Connection {
        nats_rpc::connect(self.nats.url()).await.unwrap()
    }

    pub(super) async fn server_builder(&self) -> ServerBuilder {
        let mill = MillServer::new(Windmill { seen: Arc::clone(&self.seen) });
        Server::builder(self.connect().await).jobs(settings()).add(mill)
    }

    pub(super) async fn serve(&self) -> Server {
        self.server_builder().await.start().await.unwrap()
    }

    pub(super) async fn client(&self) -> MillClient {
        MillClient::new(self.connect().await)
    }

    pub(super) async fn plain_client(&self) -> Client {
        self.connect().await.into()
    }
}

/// Waits until a job is where it should be.
pub(super) async fn until<T, E>(
    job: &Job<T, E>,
    what: &str,
    is_there: impl Fn(&JobStatus) -> bool,
) -> JobStatus {
    let begin = std::time::Instant::now();
    loop {
        let status = job.status().await.unwrap();
        if is_there(&status) {
            return status;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{what}: {status:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
