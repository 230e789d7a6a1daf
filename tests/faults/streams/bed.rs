//! A NATS server, an instance in this process that counts its handlers, and how streams are read to their ends.

use std::fmt::{Debug, Display};
use std::time::Duration;

use ::tests::{Feeder, FeedsClient, FeedsServer, NatsServer};
use futures::{Stream, StreamExt, stream};
use nats_rpc::{CallError, Connection, ErrorKind, Server, ServerBuilder, Streaming};
use tokio::time::{Instant, sleep, timeout};

/// How soon a loss is known that the broker notices: with the next heartbeat, which comes each second.
pub(super) const TOLD: Duration = Duration::from_millis(1500);

/// How soon one is known that only silence tells: three heartbeats, and the time until somebody looks.
pub(super) const SILENT: Duration = Duration::from_millis(4500);

/// How long anything else may take, on a machine that is busy.
pub(super) const LIMIT: Duration = Duration::from_secs(30);

/// NATS, and what instances in this process have seen.
pub(super) struct Bed {
    pub(super) nats: NatsServer,
    pub(super) feeder: Feeder,
}

impl Bed {
    pub(super) fn start() -> Self {
        Bed { nats: NatsServer::start(), feeder: Feeder::default() }
    }

    pub(super) async fn connect(&self) -> Connection {
        nats_rpc::connect(self.nats.url()).await.unwrap()
    }

    /// An instance in this process.
    pub(super) async fn serve(&self) -> Server {
        self.serve_on(self.connect().await, |builder| builder).await
    }

    /// The same on this connection, configured.
    pub(super) async fn serve_on(
        &self,
        nats: Connection,
        configure: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Server {
        let builder = Server::builder(nats).add(FeedsServer::new(self.feeder.clone()));
        configure(builder).start().await.unwrap()
    }

    /// A client on a connection of its own.
    pub(super) async fn client(&self) -> FeedsClient {
        FeedsClient::new(self.connect().await)
    }

    /// Waits until so many handlers run; returns how long that took.
    #[track_caller]
    pub(super) fn until_running(&self, handlers: usize, limit: Duration) -> impl Future<Output = Duration> {
        let feeder = self.feeder.clone();
        within(limit, format!("{handlers} handlers run"), move || feeder.running() == handlers)
    }
}

/// Waits until something is so; returns how long that took.
///
/// # Panics
/// If it takes longer than that.
#[track_caller]
pub(super) fn within(
    limit: Duration,
    what: impl Display,
    mut is_so: impl FnMut() -> bool,
) -> impl Future<Output = Duration> {
    let (caller, what) = (std::panic::Location::caller(), what.to_string());
    async move {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < limit, "{caller}: not within {limit:?}: {what}");
            sleep(Duration::from_millis(2)).await;
        }
        begun.elapsed()
    }
}

/// What came on a stream up to its end, and how it ended: `None` if it was complete.
#[derive(Debug)]
pub(super) struct Rest<T> {
    pub(super) items: Vec<T>,
    pub(super) failure: Option<ErrorKind>,
}

/// Takes a stream to its end.
#[track_caller]
pub(super) fn rest<T, E: Debug>(
    mut stream: Streaming<T, E>,
    limit: Duration,
) -> impl Future<Output = Rest<T>> {
    let caller = std::panic::Location::caller();
    async move {
        let (mut items, mut failure) = (Vec::new(), None);
        let read = async {
            while let Some(item) = stream.next().await {
                match item {
                    Ok(item) => items.push(item),
                    Err(error) => failure = Some(kind(&error)),
                }
            }
        };
        let ended = timeout(limit, read).await;
        assert!(ended.is_ok(), "{caller}: the stream has not ended within {limit:?}, after {}", items.len());
        Rest { items, failure }
    }
}

/// What kind of error a call has failed with.
#[track_caller]
pub(super) fn kind<E: Debug>(error: &CallError<E>) -> ErrorKind {
    match error {
        CallError::Rpc(error) => error.kind(),
        CallError::Service(error) => panic!("an error of the service's own: {error:?}"),
    }
}

/// Numbers without an end, one each ten milliseconds.
pub(super) fn endless() -> impl Stream<Item = u64> + Send + 'static {
    stream::unfold(0, async |number| {
        sleep(Duration::from_millis(10)).await;
        Some((number, number + 1))
    })
}

/// Asserts that numbers came from this one on, without a gap.
#[track_caller]
pub(super) fn assert_in_order(items: &[u64], from: u64) {
    let wrong = (from..).zip(items).find(|(expected, item)| expected != *item);
    assert_eq!(wrong, None, "the number that had to come, and the one that came");
}
