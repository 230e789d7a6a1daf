//! From a submission to its result.

use std::convert::Infallible;
use std::time::Duration;

use futures::StreamExt;
use nats_rpc::jobs::{Job, JobStatus};
use nats_rpc::{CallError, ErrorKind, Execution, Progress};

use super::bed::{Bed, MillClient, settings, until};
use crate::bed::eventually;

#[tokio::test]
async fn a_job_has_a_receipt_a_status_and_a_result() {
    for bed in [Bed::new(), Bed::oldest()] {
        let server = bed.serve().await;
        let mill = bed.client().await;
        let job = mill.grind(21).submit().await.unwrap();
        assert_eq!(job.result().await, Ok(42));
        assert_eq!(job.result().await, Ok(42), "as often as one likes");
        assert_eq!(job.status().await, Ok(JobStatus::Done));
        assert_eq!(job.id().service(), "mill");
        assert_eq!(bed.seen.jobs.lock().unwrap()[..], [(job.id().to_string(), 1)], "what the handler knows");
        assert_eq!(mill.grind(4).await, Ok(8), "it can be called as well");
        server.shutdown().await;
    }
}

#[tokio::test]
async fn an_error_of_the_service_is_a_result_like_any_other() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let job = bed.client().await.grind(13).submit().await.unwrap();
    assert_eq!(job.result().await, Err(CallError::Service("mouldy".to_owned())));
    let JobStatus::Failed { attempts, reason, .. } = job.status().await.unwrap() else { panic!() };
    assert_eq!((attempts, reason.message(), reason.code()), (1, "mouldy", 422));
}

#[tokio::test]
async fn a_job_waits_for_a_worker_and_is_found_again_by_its_id() {
    let bed = Bed::new();
    bed.serve().await.shutdown().await;
    let mill = bed.client().await;
    let job = mill.wait().submit().await.unwrap();
    assert!(matches!(job.status().await.unwrap(), JobStatus::Queued { attempts: 0, last_error: None, .. }));
    let id = job.id().to_string();
    drop((job, mill));

    let _server = bed.server_builder().await.id("worker-1").start().await.unwrap();
    let job = Job::<u64, Infallible>::open(&bed.plain_client().await, &id).unwrap();
    let is_running = |status: &JobStatus| matches!(status, JobStatus::Running { progress: Some(_), .. });
    let JobStatus::Running { attempt, instance, progress, .. } = until(&job, "it runs", is_running).await
    else {
        panic!()
    };
    let reported = Progress::of(1, 2).with_message("waiting");
    assert_eq!((attempt, instance.as_str(), progress), (1, "worker-1", Some(reported.clone())));
    let reports = tokio::spawn(job.progress().collect::<Vec<_>>());
    tokio::time::sleep(Duration::from_millis(100)).await;
    bed.seen.let_go();
    assert_eq!(job.result().await, Ok(1));
    assert_eq!(reports.await.unwrap(), [reported]);
}

#[tokio::test]
async fn a_job_that_takes_longer_than_its_worker_may_be_silent_is_executed_once() {
    let bed = Bed::new();
    let _servers = [bed.serve().await, bed.serve().await];
    let job = bed.client().await.wait().submit().await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(bed.seen.started(), 1, "four times the acknowledgement time");
    bed.seen.let_go();
    assert_eq!(job.result().await, Ok(1));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(bed.seen.started(), 1);
}

#[tokio::test]
async fn attempts_that_fail_are_made_again_up_to_a_limit() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let mill = bed.client().await;
    assert_eq!(mill.flaky("a", 2).submit().await.unwrap().result().await, Ok(3));
    assert_eq!(mill.moody("b", 2).submit().await.unwrap().result().await, Ok(3));

    let failed = mill.flaky("c", 9).submit().await.unwrap().result().await;
    let Err(CallError::Rpc(error)) = failed else { panic!() };
    assert_eq!((error.kind(), error.execution()), (ErrorKind::Internal, Execution::MaybeExecuted));
    // What its last attempt returned is what its submitter gets.
    let moody = mill.moody("d", 9).submit().await.unwrap();
    assert_eq!(moody.result().await, Err(CallError::Service("mood 3".to_owned())));
}

#[tokio::test]
async fn a_shutdown_finishes_what_it_can_and_gives_the_rest_back() {
    let bed = Bed::new();
    let server = bed.server_builder().await.grace(Duration::from_millis(300)).start().await.unwrap();
    let mill = bed.client().await;
    let job = mill.wait().submit().await.unwrap();
    eventually("it runs", || bed.seen.started() == 1).await;
    server.shutdown().await;
    let status = job.status().await.unwrap();
    assert!(
        matches!(status, JobStatus::Queued { attempts: 0, .. }),
        "it has not cost an attempt: {status:?}"
    );
    // It is begun elsewhere at once, and not after the acknowledgement time.
    let _server = bed.server_builder().await.jobs(settings()).start().await.unwrap();
    eventually("it runs again", || bed.seen.started() == 2).await;
    bed.seen.let_go();
    assert_eq!(job.result().await, Ok(1));
}

/// Whoever has no time for the grace time has given up the calls, not the jobs.
#[tokio::test]
async fn a_shutdown_that_is_dropped_gives_its_jobs_back() {
    let bed = Bed::new();
    let long = settings().ack_wait(Duration::from_secs(60));
    let server = bed.server_builder().await.jobs(long).start().await.unwrap();
    let job = bed.client().await.wait().submit().await.unwrap();
    eventually("it runs", || bed.seen.started() == 1).await;
    let stopped = tokio::time::timeout(Duration::from_millis(100), server.shutdown()).await;
    assert!(stopped.is_err());
    until(&job, "it is given back", |status| matches!(status, JobStatus::Queued { attempts: 0, .. })).await;
    bed.seen.let_go();
    let _server = bed.serve().await;
    assert_eq!(job.result().await, Ok(1));
}

#[tokio::test]
async fn jobs_are_spread_and_bounded() {
    let bed = Bed::new();
    let few = || settings().concurrency(2);
    let _servers = [
        bed.server_builder().await.jobs(few()).start().await.unwrap(),
        bed.server_builder().await.jobs(few()).start().await.unwrap(),
    ];
    let mill = bed.client().await;
    let mut jobs = Vec::new();
    for _ in 0..10 {
        jobs.push(mill.wait().submit().await.unwrap());
    }
    eventually("as many run as may", || bed.seen.running() == 4).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(bed.seen.started(), 4);
    bed.seen.let_go();
    for job in &jobs {
        assert_eq!(job.result().await, Ok(1));
    }
    assert_eq!(bed.seen.started(), 10);
}

#[tokio::test]
async fn bytes_and_both_codecs_are_kept_as_they_travel() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    for codec in [nats_rpc::Codec::MessagePack, nats_rpc::Codec::Json] {
        let client = nats_rpc::Client::builder(bed.connect().await).codec(codec).build().unwrap();
        let job = MillClient::new(&client).bytes(1000).submit().await.unwrap();
        assert_eq!(job.result().await.unwrap(), vec![7; 1000]);
        let again = Job::<Vec<u8>, Infallible>::open_bytes(&client, job.id().to_string()).unwrap();
        assert_eq!(again.result().await.unwrap(), vec![7; 1000]);
    }
}

#[tokio::test]
async fn it_goes_on_through_a_restart_of_nats() {
    let mut bed = Bed::new();
    let server = bed.serve().await;
    let mill = bed.client().await;
    let waiting = mill.wait().submit().await.unwrap();
    eventually("it runs", || bed.seen.started() == 1).await;
    let result = tokio::spawn({
        let waiting = waiting.clone();
        async move { waiting.result().await }
    });
    bed.nats.kill();
    tokio::time::sleep(Duration::from_millis(200)).await;
    bed.seen.let_go();
    bed.nats.restart();
    assert!(result.await.unwrap().is_ok());
    assert_eq!(mill.grind(3).submit().await.unwrap().result().await, Ok(6));
    server.shutdown().await;
}

/// A place without a handler for it would hold up what others could execute.
#[tokio::test]
async fn no_more_jobs_are_begun_than_handlers_may_run() {
    let bed = Bed::new();
    let _server = bed.server_builder().await.max_in_flight(2).start().await.unwrap();
    let mill = bed.client().await;
    let mut jobs = Vec::new();
    for _ in 0..6 {
        jobs.push(mill.wait().submit().await.unwrap());
    }
    eventually("two run", || bed.seen.running() == 2).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut running = 0;
    for job in &jobs {
        running += usize::from(matches!(job.status().await.unwrap(), JobStatus::Running { .. }));
    }
    assert_eq!(running, 2);
    bed.seen.let_go();
    for job in &jobs {
        assert_eq!(job.result().await, Ok(1));
    }
}
