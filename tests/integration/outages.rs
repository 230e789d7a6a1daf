//! What calls and connections do while NATS is not there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nats_rpc::async_nats::ConnectOptions;
use nats_rpc::{Connection, ConnectionEvent, ErrorKind, Execution, Retry, Server, connect, connect_with};
use tests::{NatsServer, Proxy};

use crate::bed::{Bench, LabClient, LabServer, Ledger, assert_failed, eventually, outbound};
use crate::events::Events;

/// A service and a client of it, on connections of their own.
struct Bed {
    nats: NatsServer,
    lab: LabClient,
    connection: Connection,
    events: Events,
    ledger: Arc<Ledger>,
    _server: Server,
}

impl Bed {
    async fn new() -> Self {
        let nats = NatsServer::start();
        let (serving, connection) = (connect(nats.url()).await.unwrap(), connect(nats.url()).await.unwrap());
        Bed::on(nats, serving, connection).await
    }

    async fn on(nats: NatsServer, serving: Connection, connection: Connection) -> Self {
        let bench = Bench::default();
        let ledger = Arc::clone(&bench.ledger);
        let server = Server::builder(serving).add(LabServer::new(bench)).start().await.unwrap();
        let events = Events::of(&connection);
        let lab = LabClient::new(&connection);
        assert_eq!(lab.echo("seen").await.unwrap(), "seen");
        Bed { nats, lab, connection, events, ledger, _server: server }
    }

    async fn started(&self, calls: usize) {
        eventually("the handlers start", || self.ledger.started() == calls).await;
    }

    async fn event(&mut self, wanted: ConnectionEvent) {
        self.events.wait_for(wanted).await;
    }
}

#[tokio::test]
async fn calls_that_are_out_fail_as_soon_as_the_connection_is_lost() {
    let mut bed = Bed::new().await;
    let calls: Vec<_> =
        (0..10).map(|_| tokio::spawn(bed.lab.wait().timeout(Duration::from_secs(60)))).collect();
    bed.started(11).await;
    let begin = Instant::now();
    bed.nats.kill();
    for call in calls {
        assert_failed(call.await.unwrap(), ErrorKind::Unavailable, Execution::MaybeExecuted);
    }
    assert!(begin.elapsed() < Duration::from_secs(2), "at once: {:?}", begin.elapsed());
    bed.event(ConnectionEvent::Disconnected).await;
}

/// What a listener does is its own business.
#[tokio::test]
async fn calls_learn_of_a_loss_whatever_a_listener_does() {
    let mut bed = Bed::new().await;
    bed.connection.on_event(|_| panic!("as a test has it"));
    bed.nats.kill();
    bed.event(ConnectionEvent::Disconnected).await;
    bed.nats.restart();
    bed.event(ConnectionEvent::Connected).await;
    assert_eq!(bed.lab.echo("back").await.unwrap(), "back");
    let call = tokio::spawn(bed.lab.wait().timeout(Duration::from_secs(60)));
    bed.started(3).await;
    bed.nats.kill();
    let lost =
        tokio::time::timeout(Duration::from_secs(20), call).await.expect("it fails with its connection");
    assert_failed(lost.unwrap(), ErrorKind::Unavailable, Execution::MaybeExecuted);
}

/// async-nats keeps only so many events, and drops what comes when there is no room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_is_noticed_among_ever_so_many_events() {
    let denied =
        "authorization { users: [{ user: a, password: a, permissions: { publish: { deny: \"no.>\" } } }] }";
    let mut nats = NatsServer::builder().config(denied).start();
    let options = ConnectOptions::with_user_and_password("a".to_owned(), "a".to_owned());
    let connection = connect_with(options, nats.url()).await.unwrap();
    let _never_answers = connection.subscribe("lab.wait", None).await.unwrap();
    connection.flush().await.unwrap();
    let call = tokio::spawn(LabClient::new(&connection).wait().timeout(Duration::from_secs(60)));
    let flood = tokio::spawn(async move {
        loop {
            for _ in 0..100 {
                let _ = connection.publish(outbound("no.way", None, "")).await;
            }
            tokio::task::yield_now().await;
        }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    nats.kill();
    let lost =
        tokio::time::timeout(Duration::from_secs(10), call).await.expect("it fails with its connection");
    assert_failed(lost.unwrap(), ErrorKind::Unavailable, Execution::MaybeExecuted);
    flood.abort();
}

#[tokio::test]
async fn calls_wait_for_the_connection_if_their_service_is_known() {
    let mut bed = Bed::new().await;
    bed.nats.kill();
    bed.event(ConnectionEvent::Disconnected).await;
    let known: Vec<_> = (0..100).map(|_| tokio::spawn(bed.lab.echo("waits"))).collect();
    let off = bed.lab.echo("does not").retry(Retry::off()).await;
    assert_failed(off, ErrorKind::Unavailable, Execution::NotExecuted);
    let begin = Instant::now();
    let unknown = crate::dropped_calls::FrontClient::new(&bed.connection).pass_on().await;
    assert_failed(unknown, ErrorKind::Unavailable, Execution::NotExecuted);
    assert!(begin.elapsed() < Duration::from_secs(1), "at once: {:?}", begin.elapsed());
    bed.nats.restart();
    for call in known {
        assert_eq!(call.await.unwrap().unwrap(), "waits");
    }
    bed.event(ConnectionEvent::Connected).await;
}

#[tokio::test]
async fn calls_do_not_wait_for_the_connection_longer_than_two_seconds_or_their_deadline() {
    let mut bed = Bed::new().await;
    bed.nats.kill();
    bed.event(ConnectionEvent::Disconnected).await;
    for (timeout, expected) in [(300, 300), (60_000, 2000)] {
        let begin = Instant::now();
        let result = bed.lab.echo("").timeout(Duration::from_millis(timeout)).await;
        assert_failed(result, ErrorKind::Unavailable, Execution::NotExecuted);
        let time = begin.elapsed();
        assert!(time <= Duration::from_millis(expected + 1000), "{time:?} with {timeout} ms");
    }
    // Those that were dropped meanwhile, and those that failed, are not sent later.
    let dropped = tokio::spawn(bed.lab.echo("dropped"));
    tokio::time::sleep(Duration::from_millis(50)).await;
    dropped.abort();
    let note = tokio::spawn(bed.lab.note("a oneway call waits too"));
    tokio::time::sleep(Duration::from_millis(50)).await;
    bed.nats.restart();
    note.await.unwrap().unwrap();
    assert_eq!(bed.lab.echo("again").await.unwrap(), "again");
    bed.lab.note("").acked().await.unwrap();
    // The first, the last two, and the note if the service was back before its caller.
    assert!((3..=4).contains(&bed.ledger.started()), "{} were started", bed.ledger.started());
}

#[tokio::test]
async fn replies_that_are_ready_during_an_outage_are_sent_after_it() {
    let nats = NatsServer::start();
    let proxy = Proxy::start(nats.client_port());
    let serving = connect(proxy.url()).await.unwrap();
    let calling = connect(nats.url()).await.unwrap();
    let mut events = Events::of(&serving);
    let bed = Bed::on(nats, serving, calling).await;
    let call = tokio::spawn(bed.lab.wait().timeout(Duration::from_secs(60)));
    bed.started(2).await;
    // Only the service is cut off, for less time than its caller needs to notice.
    proxy.black_hole();
    proxy.reset();
    assert_eq!(events.next().await, ConnectionEvent::Disconnected);
    bed.ledger.release.notify_one();
    eventually("the handler ends", || bed.ledger.finished() == 2).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    proxy.pass();
    call.await.unwrap().unwrap();
}

fn config(password: &str) -> String {
    format!("authorization {{ user: lab, password: {password} }}\n")
}

#[tokio::test]
async fn credentials_that_are_not_valid_any_more_fail_the_calls_as_such() {
    let nats = NatsServer::builder().config(&config("first")).start();
    let connect = async || {
        let options = ConnectOptions::with_user_and_password("lab".to_owned(), "first".to_owned());
        connect_with(options, nats.url()).await.unwrap()
    };
    let (serving, calling) = (connect().await, connect().await);
    let mut bed = Bed::on(nats, serving, calling).await;
    let out = tokio::spawn(bed.lab.wait().timeout(Duration::from_secs(60)));
    bed.started(2).await;
    bed.nats.reconfigure(&config("second"));
    // The server closes the connection without a word; why, it says when one comes back.
    assert_failed(out.await.unwrap(), ErrorKind::Unavailable, Execution::MaybeExecuted);
    bed.event(ConnectionEvent::Unauthenticated).await;
    let begin = Instant::now();
    let result = bed.lab.echo("").timeout(Duration::from_secs(60)).await;
    assert_failed(result, ErrorKind::Unauthenticated, Execution::NotExecuted);
    assert!(begin.elapsed() < Duration::from_secs(5), "at once");
    bed.nats.reconfigure(&config("first"));
    bed.event(ConnectionEvent::Connected).await;
    assert_eq!(bed.lab.echo("welcome back").await.unwrap(), "welcome back");
}

#[tokio::test]
async fn the_first_connection_is_waited_for() {
    let mut nats = NatsServer::start();
    let url = nats.url().to_owned();
    nats.kill();
    let connecting = tokio::spawn(async move { connect(url).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    nats.restart();
    connecting.await.unwrap().unwrap();
}
