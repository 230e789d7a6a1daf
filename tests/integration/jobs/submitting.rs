//! What a receipt promises, and what is refused.

use std::time::Duration;

use nats_rpc::jobs::{Job, JobStatus};
use nats_rpc::{Client, Context, Error, ErrorKind, Execution, Server, memory::Broker};
use tokio::time::Instant;

use super::bed::{Bed, MillClient, MillServer, Windmill, settings};

fn assert_refused<T: std::fmt::Debug>(result: Result<T, Error>, kind: ErrorKind) -> Error {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.execution()), (kind, Execution::NotExecuted), "{error}");
    error
}

#[tokio::test]
async fn a_key_stands_for_one_job() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let mill = bed.client().await;
    let job = mill.grind(1).submit().key("order-17").await.unwrap();
    assert_eq!(job.result().await, Ok(2));
    let other = bed.client().await;
    let many = futures::future::join_all(
        (0..20).map(|_| async { other.grind(1).submit().key("order-17").await.unwrap().id().clone() }),
    );
    assert!(many.await.iter().all(|id| id == job.id()));
    assert_eq!(bed.seen.started(), 1);
    assert_refused(other.grind(2).submit().key("order-17").await, ErrorKind::InvalidArgument);
    assert_refused(mill.grind(2).submit().key("").await, ErrorKind::InvalidArgument);
    let another = other.grind(2).submit().key("order 18, with any text: *>. ü").await.unwrap();
    assert_eq!(another.result().await, Ok(4));
}

#[tokio::test]
async fn submissions_of_one_key_at_the_same_time_are_one_job() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let mill = bed.client().await;
    for round in 0..20 {
        let all =
            (0..8).map(|_| async { mill.grind(5).submit().key(format!("round {round}")).await.unwrap() });
        let jobs = futures::future::join_all(all).await;
        for job in &jobs {
            assert_eq!(job.result().await, Ok(10));
        }
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(bed.seen.started(), 20);
}

#[tokio::test]
async fn only_durable_methods_on_jetstream_can_be_submitted() {
    let nats = Broker::new().connect();
    let server = Server::builder(&nats).add(MillServer::new(Windmill::default())).start().await.unwrap();
    let mill = MillClient::new(&nats);
    assert_eq!(mill.grind(2).await, Ok(4));
    assert_refused(mill.grind(2).submit().await, ErrorKind::Unimplemented);
    server.shutdown().await;

    let bed = Bed::new();
    let mill = bed.client().await;
    assert_refused(mill.now().submit().await, ErrorKind::Unimplemented);
    let error = assert_refused(mill.grind(2).submit().await, ErrorKind::NoResponders);
    assert!(error.message().contains("rpc_jobs_mill"), "{error}");
    let _server = bed.serve().await;
    assert_eq!(mill.grind(2).submit().await.unwrap().result().await, Ok(4));
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let mill = bed.client().await;
    assert_refused(mill.flaky(&"x".repeat(1_100_000), 0).submit().await, ErrorKind::PayloadTooLarge);
    // It has not used up its key, and what fits only without its headers does not fit.
    for length in [1_100_000, 1024 * 1024 - 40] {
        let refused = mill.flaky(&"x".repeat(length), 0).submit().key("large").await;
        assert_refused(refused, ErrorKind::PayloadTooLarge);
    }
    let job = mill.flaky("small", 0).submit().key("large").await.unwrap();
    assert_eq!(job.result().await, Ok(1));
    // A result that does not fit is one more way to fail.
    let job = mill.bytes(1_000_000).submit().await.unwrap();
    let error: Error = job.result().await.unwrap_err().into();
    assert_eq!((error.kind(), error.execution()), (ErrorKind::PayloadTooLarge, Execution::Executed));
}

#[tokio::test]
async fn a_key_stands_for_another_job_when_nothing_is_kept_of_the_first() {
    let bed = Bed::new();
    let settings = settings().keep(Duration::from_secs(1));
    let _server = bed.server_builder().await.jobs(settings).start().await.unwrap();
    let mill = bed.client().await;
    for run in 1..=2 {
        let job = mill.grind(2).submit().key("often").await.unwrap();
        assert_eq!(job.result().await, Ok(4));
        assert_eq!(bed.seen.started(), run);
        let begun = Instant::now();
        while job.status().await.is_ok() {
            assert!(begun.elapsed() < Duration::from_secs(20), "nothing is forgotten");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn without_an_answer_a_submission_ends_with_its_time() {
    let mut bed = Bed::new();
    let _server = bed.serve().await;
    let mill = bed.client().await;
    mill.grind(1).submit().await.unwrap();
    bed.nats.kill();
    let begun = Instant::now();
    let error = mill.grind(1).timeout(Duration::from_millis(700)).submit().await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(
        (error.kind(), error.execution()),
        (ErrorKind::DeadlineExceeded, Execution::NotExecuted),
        "{error}"
    );
    // It comes back in time.
    let submission =
        tokio::spawn(async move { mill.grind(4).timeout(Duration::from_secs(20)).submit().await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    bed.nats.restart();
    assert_eq!(submission.await.unwrap().unwrap().result().await, Ok(8));
}

#[tokio::test]
async fn a_job_that_nobody_knows_is_told_so() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let client = bed.plain_client().await;
    let job = Job::<u64, String>::open(&client, "mill.neverSubmitted").unwrap();
    assert_eq!(job.status().await.unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert!(job.result().await.is_err() && job.cancel().await.is_err());
    assert!(Job::<u64, String>::open(&client, "mill").is_err());
    let elsewhere = Job::<u64, String>::open(&client, "shop.x").unwrap();
    assert_eq!(elsewhere.status().await.unwrap_err().kind(), ErrorKind::NoResponders);
}

/// A service whose handler submits a job and is done.
#[nats_rpc::service]
trait Desk {
    async fn order(&self, cx: &Context, corn: u64) -> String;
}

struct Clerk(MillClient);

impl Desk for Clerk {
    async fn order(&self, _cx: &Context, corn: u64) -> String {
        self.0.grind(corn).submit().await.unwrap().id().to_string()
    }
}

#[tokio::test]
async fn a_job_outlives_the_call_that_it_was_submitted_in_and_keeps_its_trace() {
    let bed = Bed::new();
    let _mill = bed.serve().await;
    let desk = Server::builder(bed.connect().await).add(DeskServer::new(Clerk(bed.client().await)));
    let _desk = desk.start().await.unwrap();
    let client = DeskClient::new(bed.connect().await);
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let id = client.order(4).header("traceparent", trace).timeout(Duration::from_secs(2)).await.unwrap();
    let job = Job::<u64, String>::open(bed.connect().await, id).unwrap();
    assert_eq!(job.result().await, Ok(8));
    assert_eq!(bed.seen.traces.lock().unwrap()[..], [Some(trace.to_owned())]);
}

#[tokio::test]
async fn layers_see_submissions() {
    use nats_rpc::middleware::{ClientRequest, ClientService, from_fn};
    let bed = Bed::new();
    let _server = bed.serve().await;
    let refuse = from_fn(|request: ClientRequest, next: ClientService| async move {
        assert!(!request.expects_reply());
        match request.headers().get("tenant") {
            Some(_) => next.run(request).await,
            None => Err(Error::new(ErrorKind::Unauthenticated, "say whose it is")),
        }
    });
    let mill = MillClient::new(Client::builder(bed.connect().await).layer(refuse).build().unwrap());
    assert_refused(mill.grind(1).submit().await, ErrorKind::Unauthenticated);
    let job = mill.grind(1).header("tenant", "acme").submit().await.unwrap();
    assert_eq!(job.result().await, Ok(2));
    assert_eq!(job.status().await, Ok(JobStatus::Done));
}
