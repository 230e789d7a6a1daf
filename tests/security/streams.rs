//! What streams need: the control subjects, by the lists that are printed, and nothing else.

use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt, stream};
use nats_rpc::{CallError, ErrorKind, Execution, Incoming, Server};
use tests::Version;
use tokio::time::Instant;

use crate::bed::{Estate, PATIENT, eventually, failure, soon};

/// A later version of the service, with streams.
#[nats_rpc::service(name = "greeter")]
trait Choir {
    async fn hello(&self, name: &str) -> String;
    fn sing(&self) -> impl Stream<Item = u64>;
    async fn learn(&self, verses: Incoming<u64>) -> u64;
}

struct Singers;

impl Choir for Singers {
    async fn hello(&self, name: &str) -> String {
        if name == PATIENT {
            std::future::pending::<()>().await;
        }
        format!("Hello, {name}!")
    }

    fn sing(&self) -> impl Stream<Item = u64> {
        stream::iter(0..)
    }

    async fn learn(&self, verses: Incoming<u64>) -> u64 {
        verses.count().await as u64
    }
}

/// The methods in the place of one that is printed.
const METHODS: (&str, &str) = ("\"greeter.forget\"", "\"greeter.sing\", \"greeter.learn\"");

/// The same beside one that is printed.
const SUNG: (&str, &str) = ("\"greeter.hello\"", "\"greeter.hello\", \"greeter.sing\", \"greeter.learn\"");

async fn serve(estate: &Estate) -> Server {
    let service = ChoirServer::new(Singers);
    Server::builder(estate.connect("greeter").await).add(service).start().await.unwrap()
}

async fn streams_need_no_more_than_what_is_printed(version: Version) {
    let estate = Estate::changed_on(version, &[METHODS]);
    let server = serve(&estate).await;
    let choir = ChoirClient::new(estate.connect("batch").await);
    // More than a window, so that there have to be grants.
    let song = soon(async { choir.sing().await.unwrap().take(10_000).try_collect::<Vec<_>>().await });
    assert!(song.await.unwrap().into_iter().eq(0..10_000));
    assert_eq!(soon(choir.learn(stream::iter(0..10_000)).into_future()).await.unwrap(), 10_000);
    eventually("the song that was cut short is over", || server.counters().cancelled == 1).await;
}

async fn without_control_subjects_they_fail_at_once_and_by_name(version: Version) {
    let estate = Estate::changed_on(version, &[METHODS, (", \"greeter._ctl.*.*\"", "")]);
    let server = serve(&estate).await;
    let choir = ChoirClient::new(estate.connect("batch").await);
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

/// By the accounts that are printed: streams, cancelled calls, gathers and discovery.
async fn another_account_has_all_that_is_printed(version: Version) {
    let estate = Estate::accounts(version, &[SUNG]);
    let server = serve(&estate).await;
    let choir = ChoirClient::new(estate.connect("web").await);
    // More than a window, so that there have to be grants.
    let song = soon(async { choir.sing().await.unwrap().take(10_000).try_collect::<Vec<_>>().await });
    assert!(song.await.unwrap().into_iter().eq(0..10_000));
    assert_eq!(soon(choir.learn(stream::iter(0..10_000)).into_future()).await.unwrap(), 10_000);
    eventually("the song that was cut short is over", || server.counters().cancelled == 1).await;

    let begun = server.counters().started;
    let call = tokio::spawn(choir.hello(PATIENT).into_future());
    eventually("it runs", || server.counters().started == begun + 1).await;
    // The instance says that it has it after a quarter of a second.
    tokio::time::sleep(Duration::from_millis(500)).await;
    call.abort();
    eventually("the call is cancelled", || server.counters().cancelled == 2).await;

    let _other = serve(&estate).await;
    let answers = choir.hello("Ann").gather().expecting_all();
    let answers: Vec<_> = soon(answers.collect()).await;
    assert_eq!(answers.len(), 2, "{answers:?}");
}

/// A reply more than one would be lost, and nobody would be told.
async fn another_account_that_gets_one_reply_is_refused_streams(version: Version) {
    let estate = Estate::accounts(version, &[SUNG, (", response_type: stream", "")]);
    let _server = serve(&estate).await;
    let choir = ChoirClient::new(estate.connect("web").await);
    assert_eq!(soon(choir.hello("Ann").into_future()).await.unwrap(), "Hello, Ann!");
    let errors = [
        failure(soon(choir.learn(stream::iter(0..3)).into_future()).await),
        failure(soon(choir.sing().into_future()).await.map(|_| ())),
    ];
    for error in errors {
        let what = (error.kind(), error.execution());
        assert_eq!(what, (ErrorKind::Unimplemented, Execution::NotExecuted), "{error}");
        assert!(error.message().contains("response_type: stream"), "{error}");
    }
}

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
    another_account_has_all_that_is_printed,
    another_account_that_gets_one_reply_is_refused_streams,
}
