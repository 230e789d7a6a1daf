//! The end of a server that has much to do: every call is done, or its caller learns at once that it was not.

use std::convert::Infallible;
use std::time::Duration;

use nats_rpc::{Call, CallError, ErrorKind, Execution, Retry};

use crate::bed::Bed;
use crate::on_every_broker;

on_every_broker! {
    what_waits_for_a_place_moves_on_at_a_shutdown,
    a_short_queue_is_worked_off_at_a_shutdown,
    a_oneway_call_that_waits_has_the_whole_grace_time,
    a_shutdown_without_grace_answers_what_is_on_its_way,
    dropping_a_busy_server_answers_all_its_calls,
}

async fn what_waits_for_a_place_moves_on_at_a_shutdown(bed: Bed) {
    let server = bed.server_builder().await.max_in_flight(1).add(bed.service()).start().await.unwrap();
    let lab = bed.client().await;
    let running = tokio::spawn(lab.wait());
    bed.ledger.begun.notified().await;
    let queued = tokio::spawn(lab.wait());
    // It has arrived: a message behind it on the same connection has.
    lab.note("").acked().await.unwrap();
    let other = bed.serve().await;
    let shutdown = tokio::spawn(server.shutdown());
    // The handler of the first still runs, in the grace time of half a minute.
    bed.ledger.begun.notified().await;
    assert_eq!(other.counters().started, 1);
    bed.ledger.release.notify_waiters();
    assert_eq!((running.await.unwrap().unwrap(), queued.await.unwrap().unwrap()), (1, 1));
    shutdown.await.unwrap();
    assert_eq!(bed.ledger.finished(), 3, "each was executed once, and so was the note");
}

async fn a_short_queue_is_worked_off_at_a_shutdown(bed: Bed) {
    let server = bed.server_builder().await.max_in_flight(1).add(bed.service()).start().await.unwrap();
    let lab = bed.client().await;
    let mut calls = Vec::new();
    for _ in 0..10 {
        let mut call = Box::pin(lab.sleep(1).retry(Retry::off()).into_future());
        let sent = futures::poll!(&mut call);
        assert!(sent.is_pending());
        calls.push(tokio::spawn(call));
    }
    // They have arrived: a message behind them on the same connection has.
    lab.note("").acked().await.unwrap();
    server.shutdown().await;
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

async fn a_oneway_call_that_waits_has_the_whole_grace_time(bed: Bed) {
    let server = bed.server_builder().await.max_in_flight(1).add(bed.service()).start().await.unwrap();
    let lab = bed.client().await;
    let running = tokio::spawn(lab.wait());
    bed.ledger.begun.notified().await;
    lab.note("somebody has it").acked().await.unwrap();
    let mut shutdown = tokio::spawn(server.shutdown());
    // Longer than calls may wait that can go elsewhere.
    assert!(tokio::time::timeout(Duration::from_millis(400), &mut shutdown).await.is_err());
    bed.ledger.release.notify_one();
    running.await.unwrap().unwrap();
    shutdown.await.unwrap();
    assert_eq!(bed.ledger.finished(), 2);
}

async fn a_shutdown_without_grace_answers_what_is_on_its_way(bed: Bed) {
    let server = bed.server_builder().await.grace(Duration::ZERO).add(bed.service()).start().await.unwrap();
    let lab = bed.client().await;
    let calls: Vec<_> = (0..200).map(|_| tokio::spawn(patient(lab.echo("there?")))).collect();
    while bed.ledger.started() == 0 {
        tokio::task::yield_now().await;
    }
    server.shutdown().await;
    assert_answered(&bed, calls).await;
}

async fn dropping_a_busy_server_answers_all_its_calls(bed: Bed) {
    let builder = bed.server_builder().await.max_in_flight(4).max_queued(10).add(bed.service());
    let server = builder.start().await.unwrap();
    let lab = bed.client().await;
    let mut calls: Vec<_> = (0..40).map(|_| tokio::spawn(patient(lab.wait()))).collect();
    while bed.ledger.started() < 4 {
        tokio::task::yield_now().await;
    }
    // Some of these are on their way.
    calls.extend((0..40).map(|_| tokio::spawn(patient(lab.wait()))));
    tokio::task::yield_now().await;
    drop(server);
    assert_answered(&bed, calls).await;
    assert_eq!((bed.ledger.started(), bed.ledger.finished()), (4, 0));
}

/// A call that is sent once and would wait for a long time.
fn patient<T>(call: Call<T, Infallible>) -> Call<T, Infallible> {
    call.retry(Retry::off()).timeout(Duration::from_secs(60))
}

/// No call waits for its deadline, and those that say that they were not executed were not.
async fn assert_answered<T: Send + 'static>(
    bed: &Bed,
    calls: Vec<tokio::task::JoinHandle<Result<T, CallError<Infallible>>>>,
) {
    let mut executed = 0;
    for call in calls {
        let answer = tokio::time::timeout(Duration::from_secs(30), call).await;
        match answer.expect("it is answered").unwrap() {
            Err(CallError::Rpc(error)) if error.execution() == Execution::NotExecuted => {
                use ErrorKind::{NoResponders, Overloaded, Unavailable};
                assert!(matches!(error.kind(), Unavailable | NoResponders | Overloaded), "{error}");
            }
            Err(CallError::Rpc(error)) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                executed += 1;
            }
            _ => executed += 1,
        }
    }
    assert_eq!(executed, bed.ledger.started());
}

/// A handler that never comes to an `.await` cannot be aborted; the shutdown ends without it. Here it blocks the only thread
/// that the server has.
#[tokio::test]
async fn a_handler_that_blocks_holds_up_no_shutdown() {
    let bed = Bed::memory();
    let (begun, mut has_begun) = tokio::sync::mpsc::unbounded_channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let blocking = Blocking { begun, released: released.into() };
    let builder =
        bed.server_builder().await.grace(Duration::from_millis(50)).add(BlockerServer::new(blocking));
    let one_thread =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let server = one_thread.spawn(builder.start()).await.unwrap().unwrap();
    let blocker = BlockerClient::new(bed.connect().await);
    let call = tokio::spawn(patient(blocker.block()));
    has_begun.recv().await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), server.shutdown()).await.expect("the grace time bounds it");
    drop(release);
    call.await.unwrap().expect("it came to its end by itself");
    one_thread.shutdown_background();
}

#[nats_rpc::service]
trait Blocker {
    #[rpc(spawn)]
    async fn block(&self);
}

struct Blocking {
    begun: tokio::sync::mpsc::UnboundedSender<()>,
    released: std::sync::Mutex<std::sync::mpsc::Receiver<()>>,
}

impl Blocker for Blocking {
    async fn block(&self) {
        self.begun.send(()).unwrap();
        let _ = self.released.lock().unwrap().recv();
    }
}
