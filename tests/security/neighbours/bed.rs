//! A service with honest callers, and what they notice.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use nats_rpc::async_nats::ConnectOptions;
use nats_rpc::{Client, Connection, Retry, Server, ServerBuilder, connect_with};
use tests::{NatsServer, Version};
use tokio::task::JoinHandle;

/// What callers have to be able to do, whoever their neighbours are, and what can be misused.
#[nats_rpc::service]
pub(super) trait Desk {
    async fn hello(&self, name: &str) -> String;
    /// Takes a place for a moment.
    async fn work(&self) -> u64;
    fn count(&self, to: u64) -> impl Stream<Item = u64>;
    /// Takes a place for as long as its caller may.
    async fn wait(&self) -> u64;
    /// Takes a stream.
    fn silent(&self) -> impl Stream<Item = u64>;
    /// As much as is taken.
    fn chunks(&self) -> impl Stream<Item = Bytes>;
}

/// Another service, which is not to be trusted.
#[nats_rpc::service]
pub(super) trait Gossip {
    async fn hello(&self, name: &str) -> String;
}

#[derive(Clone, Default)]
pub(super) struct Clerk {
    pub(super) waiting: Arc<AtomicUsize>,
    /// The bytes of all chunks.
    pub(super) yielded: Arc<AtomicUsize>,
}

struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Desk for Clerk {
    async fn hello(&self, name: &str) -> String {
        format!("Hello, {name}!")
    }

    async fn work(&self) -> u64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        1
    }

    fn count(&self, to: u64) -> impl Stream<Item = u64> {
        stream::iter(0..to)
    }

    async fn wait(&self) -> u64 {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _waits = Waits(&self.waiting);
        std::future::pending().await
    }

    fn silent(&self) -> impl Stream<Item = u64> {
        stream::pending()
    }

    fn chunks(&self) -> impl Stream<Item = Bytes> {
        const SIZE: usize = 32 * 1024;
        let (yielded, chunk) = (Arc::clone(&self.yielded), Bytes::from(vec![7; SIZE]));
        stream::repeat_with(move || {
            yielded.fetch_add(SIZE, Ordering::SeqCst);
            chunk.clone()
        })
    }
}

/// Users with inbox prefixes of their own, and two accounts that import the service. Passwords are
/// names.
const CONFIG: &str = r#"
accounts {
  SERVICES {
    users: [
      { user: desk, password: desk }
      { user: web, password: web, permissions: { subscribe: ["_INBOX_web.>"], publish: ["desk.>", "gossip.>"] } }
      { user: gossip, password: gossip, permissions: { subscribe: ["gossip.>"], publish: ["_INBOX_web.>"] } }
      { user: mallory, password: mallory, permissions: { subscribe: ["_INBOX_mallory.>", "*.mallory.>"], publish: ["desk.>"] } }
    ]
    exports: [ { service: "desk.>" } ]
  }
  SHOP {
    users: [ { user: shop, password: shop } ]
    imports: [ { service: { account: SERVICES, subject: "desk.>" } } ]
  }
  EVIL {
    users: [ { user: eve, password: eve } ]
    imports: [ { service: { account: SERVICES, subject: "desk.>" } } ]
  }
}
"#;

/// A NATS server with the service on it.
pub(super) struct Neighbourhood {
    pub(super) nats: NatsServer,
    pub(super) clerk: Clerk,
    pub(super) server: Server,
}

impl Neighbourhood {
    pub(super) async fn new(version: Version) -> Self {
        Neighbourhood::with(version, |builder| builder).await
    }

    pub(super) async fn with(
        version: Version,
        configure: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Self {
        let nats = NatsServer::builder().version(version).config(CONFIG).start();
        let clerk = Clerk::default();
        let builder = Server::builder(connect(&nats, "desk").await).add(DeskServer::new(clerk.clone()));
        let builder =
            builder.reply_prefixes(["_INBOX_desk", "_INBOX_web", "_INBOX_mallory", "_INBOX", "_R_."]);
        let server = configure(builder).start().await.unwrap();
        Neighbourhood { nats, clerk, server }
    }

    /// How many handlers wait.
    pub(super) fn waiting(&self) -> usize {
        self.clerk.waiting.load(Ordering::SeqCst)
    }

    /// A client of a user that asks once, and does not ask again.
    pub(super) async fn client(&self, user: &str) -> DeskClient {
        let connection = connect(&self.nats, user).await;
        DeskClient::new(Client::builder(connection).retry(Retry::off()).build().unwrap())
    }
}

pub(super) async fn connect(nats: &NatsServer, user: &str) -> Connection {
    let options = ConnectOptions::with_user_and_password(user.to_owned(), user.to_owned());
    connect_with(options.custom_inbox_prefix(format!("_INBOX_{user}")), nats.url()).await.unwrap()
}

/// Callers that do what callers do.
pub(super) struct Honest {
    over: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
    times: Arc<Mutex<Vec<Duration>>>,
}

impl Honest {
    /// Two connections of a user. Those of an account of its own have no streams.
    pub(super) async fn start(neighbourhood: &Neighbourhood, user: &str) -> Self {
        let clients = [neighbourhood.client(user).await, neighbourhood.client(user).await];
        Honest::of(&clients, user == "web").await
    }

    /// Two callers with each of these clients.
    pub(super) async fn of(clients: &[DeskClient], streams: bool) -> Self {
        let (over, times) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let call = |client: DeskClient| {
            let (over, times) = (Arc::clone(&over), Arc::clone(&times));
            tokio::spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    let took = round(&client, streams).await;
                    times.lock().unwrap().extend(took);
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            })
        };
        let tasks = clients.iter().flat_map(|client| [client, client]).cloned().map(call).collect();
        let honest = Honest { over, tasks, times };
        honest.goes_on().await;
        honest
    }

    /// Returns when some more was done.
    pub(super) async fn goes_on(&self) {
        let done = || self.times.lock().unwrap().len();
        let enough = done() + 100;
        crate::bed::eventually("honest callers are served", || done() >= enough || self.has_failed()).await;
    }

    fn has_failed(&self) -> bool {
        self.tasks.iter().any(JoinHandle::is_finished)
    }

    /// Nothing has failed, and nothing took long.
    #[expect(clippy::print_stdout, reason = "what neighbours notice is a figure that one may want to read")]
    pub(super) async fn finish(self, beside: &str) {
        self.over.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.unwrap();
        }
        let mut times = std::mem::take(&mut *self.times.lock().unwrap());
        times.sort_unstable();
        let p99 = times[times.len() * 99 / 100];
        println!("beside {beside}: p99 {p99:?}, longest {:?}, of {}", times[times.len() - 1], times.len());
        if cfg!(not(debug_assertions)) && std::env::var_os("NATS_RPC_LONG").is_some() {
            assert!(p99 < Duration::from_millis(25), "beside {beside}: {p99:?}");
        }
    }
}

/// One of each. Returns how long each took.
async fn round(client: &DeskClient, streams: bool) -> Vec<Duration> {
    let mut took = Vec::new();
    let begun = Instant::now();
    assert_eq!(client.hello("Ann").await.unwrap(), "Hello, Ann!");
    took.push(begun.elapsed());
    let begun = Instant::now();
    assert_eq!(client.work().await.unwrap(), 1);
    took.push(begun.elapsed());
    if streams {
        let begun = Instant::now();
        assert_eq!(client.count(3).await.unwrap().count().await, 3);
        took.push(begun.elapsed());
    }
    took
}
