//! Calls that share a message, and what they may do to one another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use nats_rpc::memory::Broker;
use nats_rpc::{Method, MethodRegistry, RawCall, Server, Service, ServiceClient, ServiceDescriptor};
use tokio::time::Instant;

#[nats_rpc::service]
trait Mill {
    /// Takes so many milliseconds.
    async fn work(&self, ms: u64) -> u64;
    /// Takes 20 ms.
    #[rpc(oneway)]
    async fn grind(&self);
}

#[derive(Clone, Default)]
struct Wind(Arc<AtomicUsize>);

impl Mill for Wind {
    async fn work(&self, ms: u64) -> u64 {
        if ms > 0 {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        ms
    }

    async fn grind(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A server, and a client whose calls have been measured to be cheap.
async fn proven_cheap() -> (Server, MillClient) {
    let broker = Broker::new();
    let server = Server::builder(broker.connect()).add(MillServer::new(Wind::default()));
    let (server, mill) = (server.start().await.unwrap(), MillClient::new(broker.connect()));
    for _ in 0..100 {
        mill.work(0).await.unwrap();
    }
    (server, mill)
}

/// Two threads make clients of one service on one connection, and drop them.
#[test]
fn stubs_come_and_go_in_several_threads() {
    let broker = Broker::new();
    let serve = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = Server::builder(broker.connect()).add(MillServer::new(Wind::default()));
    let _server = serve.block_on(server.start()).unwrap();
    let connection = broker.connect();
    serve.block_on(async { MillClient::new(&connection).work(0).await.unwrap() });
    let failed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                for _ in 0..20_000 {
                    let mill = MillClient::new(&connection);
                    // A stub that is dropped at once is enough to disturb the other thread.
                    if rand_bit() {
                        continue;
                    }
                    let call = mill.work(0).timeout(Duration::from_millis(500));
                    if let Err(error) = runtime.block_on(call) {
                        eprintln!("{error}");
                        failed.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                }
            });
        }
    });
    assert_eq!(failed.into_inner(), 0, "calls got no answer");
}

fn rand_bit() -> bool {
    uuid::Uuid::new_v4().as_bytes()[0] & 7 != 0
}

/// A receipt is sent before the handler runs and says that it took no time: it is no measurement.
#[tokio::test(start_paused = true)]
async fn heavy_oneway_calls_are_spread_over_the_instances() {
    let broker = Broker::new();
    let (one, other) = (Wind::default(), Wind::default());
    let _one = Server::builder(broker.connect()).add(MillServer::new(one.clone())).start().await.unwrap();
    let _other = Server::builder(broker.connect()).add(MillServer::new(other.clone())).start().await.unwrap();
    let mill = MillClient::new(broker.connect());
    for _ in 0..600 {
        mill.grind().acked().await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    one.0.store(0, Ordering::SeqCst);
    other.0.store(0, Ordering::SeqCst);

    let mut messages = broker.connect().subscribe("mill.grind", None).await.unwrap();
    for receipt in join_all((0..200).map(|_| mill.grind().acked())).await {
        receipt.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut count = 0;
    while futures::FutureExt::now_or_never(messages.next()).is_some() {
        count += 1;
    }
    let share = (one.0.load(Ordering::SeqCst), other.0.load(Ordering::SeqCst));
    assert!(count > 100, "{count} messages carried 200 calls of 20 ms each; the instances got {share:?}");
}

/// What a message waits for is the network, not handlers.
#[tokio::test(start_paused = true)]
async fn a_cheap_call_does_not_wait_for_slow_ones_of_its_method() {
    let (_server, mill) = proven_cheap().await;
    mill.work(3000).await.unwrap();
    let mut calls = Vec::new();
    for _ in 0..4 {
        let mill = mill.clone();
        calls.push(tokio::spawn(async move { mill.work(3000).await }));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let start = Instant::now();
    mill.work(0).await.unwrap();
    let waited = start.elapsed();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert!(
        waited <= Duration::from_millis(5),
        "a call of no time, over a network of no length, took {waited:?}"
    );
}

struct Forgetful;

#[derive(serde::Deserialize)]
struct Say {
    text: String,
}

static FORGETFUL: ServiceDescriptor = ServiceDescriptor::new("forgetful", &[Method::unary("say")]);

impl Service for Forgetful {
    fn descriptor(&self) -> &'static ServiceDescriptor {
        &FORGETFUL
    }

    fn register(&self, registry: &mut MethodRegistry) {
        registry.method("say", |call: RawCall| async move {
            let Say { text } = call.decode()?;
            if text.is_empty() { call.done() } else { call.reply(text) }
        });
    }
}

#[nats_rpc::service(name = "forgetful")]
trait Sayer {
    async fn say(&self, text: &str) -> String;
}

/// An answer that is none is the fault of one handler. The other calls of its message get theirs.
#[tokio::test]
async fn an_empty_reply_to_one_call_harms_no_other() {
    let broker = Broker::new();
    let _server = Server::builder(broker.connect()).add(Forgetful).start().await.unwrap();
    let sayer = SayerClient::new(broker.connect());
    for _ in 0..100 {
        sayer.say("x").await.unwrap();
    }
    // The first leaves alone, the others share a message.
    let (alone, none, good) = tokio::join!(sayer.say("alone"), sayer.say(""), sayer.say("good"));
    assert_eq!(alone.unwrap(), "alone");
    assert!(none.is_err());
    assert_eq!(good.unwrap(), "good");
}

/// What `ClientBuilder::coalesce` says, over a network of no length.
#[tokio::test(start_paused = true)]
async fn a_call_waits_no_longer_than_two_milliseconds_for_others() {
    let (_server, mill) = proven_cheap().await;
    let mut calls = Vec::new();
    for _ in 0..4 {
        let mill = mill.clone();
        calls.push(tokio::spawn(async move { mill.work(3000).await }));
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
    tokio::time::advance(Duration::from_micros(100)).await;
    let start = Instant::now();
    mill.work(0).await.unwrap();
    let waited = start.elapsed();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert!(waited <= Duration::from_millis(2), "{waited:?}");
}

/// A receiving task that has much to do pauses now and then.
#[tokio::test]
async fn large_messages_leave_room_for_other_tasks() {
    let (_server, mill) = proven_cheap().await;
    let nats = mill.client().connection();
    let mut payload = vec![0xC1, 1];
    for id in 0..500_u64 {
        payload.extend([0x99, 0x01, 0xC4, 0x08]);
        payload.extend(id.to_be_bytes());
        payload.extend(b"\xCC\x00\xC0\xC0\x01\xC0\xC0\xC4\x05\x81\xA2ms\x00");
    }
    for _ in 0..200 {
        nats.publish(crate::bed::outbound("mill.work", Some("_INBOX.a.b"), payload.clone())).await.unwrap();
    }
    let (start, mut last, mut longest) = (Instant::now(), Instant::now(), Duration::ZERO);
    while start.elapsed() < Duration::from_secs(2) {
        tokio::task::yield_now().await;
        longest = longest.max(last.elapsed());
        last = Instant::now();
    }
    assert!(longest < Duration::from_millis(250), "for {longest:?} no other task was run");
}
