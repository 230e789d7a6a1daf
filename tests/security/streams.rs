//! What streams need: the control subjects, by the lists that are printed, and nothing else.

use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt, stream};
use nats_rpc::async_nats::ConnectOptions;
use nats_rpc::{CallError, Connection, ErrorKind, Execution, Incoming, Server, connect_with};
use tests::{NatsServer, Version};
use tokio::time::Instant;

use crate::bed::{Estate, eventually, failure, soon};

/// A later version of the service, with streams.
#[nats_rpc::service(name = "greeter")]
trait Choir {
    fn sing(&self) -> impl Stream<Item = u64>;
    async fn learn(&self, verses: Incoming<u64>) -> u64;
}

struct Singers;

impl Choir for Singers {
    fn sing(&self) -> impl Stream<Item = u64> {
        stream::iter(0..)
    }

    async fn learn(&self, verses: Incoming<u64>) -> u64 {
        verses.count().await as u64
    }
}

/// The methods in the place of one that is printed.
const METHODS: (&str, &str) = ("\"greeter.forget\"", "\"greeter.sing\", \"greeter.learn\"");

async fn serve(estate: &Estate) -> (Server, Connection) {
    let service = ChoirServer::new(Singers);
    let server = Server::builder(estate.connect("greeter").await).add(service).start().await.unwrap();
    (server, estate.connect("batch").await)
}

async fn streams_need_no_more_than_what_is_printed(version: Version) {
    let estate = Estate::changed_on(version, &[METHODS]);
    let (server, connection) = serve(&estate).await;
    let choir = ChoirClient::new(&connection);
    // More than a window, so that there have to be grants.
    let song = soon(async { choir.sing().await.unwrap().take(10_000).try_collect::<Vec<_>>().await });
    assert!(song.await.unwrap().into_iter().eq(0..10_000));
    assert_eq!(soon(choir.learn(stream::iter(0..10_000)).into_future()).await.unwrap(), 10_000);
    eventually("the song that was cut short is over", || server.counters().cancelled == 1).await;
}

async fn without_control_subjects_they_fail_at_once_and_by_name(version: Version) {
    let estate = Estate::changed_on(version, &[METHODS, (", \"greeter._ctl.*.*\"", "")]);
    let (server, connection) = serve(&estate).await;
    let choir = ChoirClient::new(&connection);
    let begun = Instant::now();
    let mut song = soon(choir.sing().into_future()).await.unwrap();
    let error = loop {
        match soon(song.next()).await.unwrap() {
            Ok(_) => {}
            Err(CallError::Rpc(error)) => break error,
            Err(CallError::Service(never)) => match never {},
        }
    };
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(error.message().contains("greeter._ctl."), "{error}");
    let error = failure(soon(choir.learn(stream::pending()).into_future()).await);
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(error.message().contains("greeter._ctl."), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    // It does not hear that nobody waits; but that it hears nothing.
    eventually("the service ends them", || server.counters().cancelled == 2).await;
}

/// The NATS server lets one reply through, and no control messages.
async fn another_account_has_no_streams(version: Version) {
    let server = NatsServer::builder().version(version).config(ACCOUNTS).start();
    let connect = async |user: &str| {
        let options = ConnectOptions::with_user_and_password(user.to_owned(), user.to_owned());
        connect_with(options, server.url()).await.unwrap()
    };
    let service = ChoirServer::new(Singers);
    let _server = Server::builder(connect("greeter").await).add(service).start().await.unwrap();
    let choir = ChoirClient::new(connect("web").await);
    let error = failure(soon(choir.learn(stream::iter(0..3)).into_future()).await);
    assert_eq!((error.kind(), error.execution()), (ErrorKind::Unimplemented, Execution::NotExecuted));
    let error = failure(soon(choir.sing().into_future()).await.map(|_| ()));
    assert_eq!((error.kind(), error.execution()), (ErrorKind::Unimplemented, Execution::NotExecuted));
}

const ACCOUNTS: &str = r#"
accounts {
  SERVICES { users: [ { user: greeter, password: greeter } ], exports: [ { service: "greeter.>" } ] }
  WEB { users: [ { user: web, password: web } ], imports: [ { service: { account: SERVICES, subject: "greeter.>" } } ] }
}
"#;

macro_rules! on_both_versions {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            #[tokio::test]
            async fn on_nats_server() {
                super::$case(tests::Version::Current).await;
            }

            #[tokio::test]
            async fn on_the_oldest_nats_server() {
                super::$case(tests::Version::Oldest).await;
            }
        })+
    };
}

on_both_versions! {
    streams_need_no_more_than_what_is_printed,
    without_control_subjects_they_fail_at_once_and_by_name,
    another_account_has_no_streams,
}
