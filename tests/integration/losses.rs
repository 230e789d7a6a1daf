//! Many calls at a time while what they stand on goes away.

use std::time::{Duration, Instant};

use nats_rpc::{CallError, Connection, ErrorKind, Execution, Server, ServiceClient};
use tests::{NatsServer, Version};

use crate::bed::{Bed, Bench, LabClient, LabServer};
use crate::on_every_broker;
use crate::peer::warm_up;
use crate::wire::Numbers;

on_every_broker! {
    calls_that_are_dropped_anywhere_leave_nothing_behind,
}

#[tokio::test]
async fn calls_resolve_when_nats_is_killed() {
    all_calls_resolve(Version::Current).await;
}

#[tokio::test]
async fn calls_resolve_when_the_oldest_nats_is_killed() {
    all_calls_resolve(Version::Oldest).await;
}

/// A thousand callers keep calling while the NATS server is killed, half of them a handler that does not end.
async fn all_calls_resolve(version: Version) {
    const TIMEOUT: Duration = Duration::from_secs(2);
    let mut nats = NatsServer::builder().version(version).start();
    let connect = async || -> Connection { nats_rpc::connect(nats.url()).await.unwrap() };
    let bench = Bench::default();
    let ledger = bench.ledger.clone();
    let _server = Server::builder(connect().await).add(LabServer::new(bench)).start().await.unwrap();
    let lab = LabClient::new(connect().await);
    warm_up(&lab).await;
    let before = ledger.started();
    let callers = (0..1000).map(|number| {
        let lab = lab.clone();
        tokio::spawn(async move {
            loop {
                let begin = Instant::now();
                let result = if number % 2 == 0 {
                    lab.wait().timeout(TIMEOUT).await.map(drop)
                } else {
                    lab.echo("on and on").timeout(TIMEOUT).await.map(drop)
                };
                if let Err(error) = result {
                    return (begin.elapsed(), error);
                }
            }
        })
    });
    let callers: Vec<_> = callers.collect();
    // All handlers that do not end have begun, and others come and go.
    while ledger.started() < before + 2000 {
        ledger.begun.notified().await;
    }
    nats.kill();
    for caller in callers {
        let ended = tokio::time::timeout(Duration::from_secs(30), caller).await;
        let (time, error) = ended.expect("no call hangs").unwrap();
        assert!(time < TIMEOUT + Duration::from_secs(5), "{time:?}");
        let CallError::Rpc(error) = error;
        let (kind, execution) = (error.kind(), error.execution());
        let expected = match kind {
            ErrorKind::DeadlineExceeded => true,
            // Made when the connection was known to be lost, or out when it was lost.
            ErrorKind::Unavailable => execution != Execution::Executed,
            _ => false,
        };
        assert!(expected, "{error}");
    }
    assert_eq!(lab.client().in_flight(), 0);
}

async fn calls_that_are_dropped_anywhere_leave_nothing_behind(bed: Bed) {
    let server = bed.server_builder().await.max_in_flight(20_000).add(bed.service()).start().await.unwrap();
    let lab = bed.client().await;
    warm_up(&lab).await;
    let mut numbers = Numbers::new();
    let mut calls = Vec::new();
    let (mut made, mut answered) = (0, 0);
    while made < 10_000 || !calls.is_empty() {
        for _ in 0..numbers.below(100).min(10_000 - made) {
            calls.push(Box::pin(lab.echo("dropped")));
            made += 1;
        }
        // Some are polled, some dropped: unpolled, before they left, when they are out, when the answer is there.
        for _ in 0..numbers.below(200) {
            if calls.is_empty() {
                break;
            }
            let which = numbers.below(calls.len());
            if numbers.below(4) == 0 || futures::poll!(&mut calls[which]).is_ready() {
                let call = calls.swap_remove(which);
                drop(call);
                answered += 1;
            }
        }
        if numbers.below(3) == 0 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(answered, 10_000);
    assert_eq!(lab.client().in_flight(), 0);
    assert_eq!(lab.echo("alive").await.unwrap(), "alive");
    // Who has been given up is not run twice, and does not stay: the server is idle in the end.
    assert!(bed.ledger.started() <= 10_000 + 100 + 1);
    server.shutdown().await;
    assert_eq!(bed.ledger.started(), bed.ledger.finished());
}

/// The same with callers on several threads, which the calls meet in every state.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_that_are_aborted_on_several_threads_leave_nothing_behind() {
    for bed in [Bed::memory(), Bed::nats()] {
        let server =
            bed.server_builder().await.max_in_flight(20_000).add(bed.service()).start().await.unwrap();
        let lab = bed.client().await;
        warm_up(&lab).await;
        let mut numbers = Numbers::new();
        let callers = (0..10_000).map(|_| tokio::spawn(lab.echo("aborted").timeout(Duration::from_secs(60))));
        let callers: Vec<_> = callers.collect();
        for caller in callers.iter().filter(|_| numbers.below(2) == 0) {
            caller.abort();
        }
        for caller in callers {
            match caller.await {
                Ok(answer) => assert_eq!(answer.unwrap(), "aborted"),
                Err(aborted) => assert!(aborted.is_cancelled(), "{aborted}"),
            }
        }
        assert_eq!(lab.client().in_flight(), 0);
        assert_eq!(lab.echo("alive").await.unwrap(), "alive");
        server.shutdown().await;
        assert_eq!(bed.ledger.started(), bed.ledger.finished());
    }
}
