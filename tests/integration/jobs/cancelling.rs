//! Jobs that nobody wants any more.

use std::time::Duration;

use nats_rpc::jobs::JobStatus;
use nats_rpc::{CallError, Error, ErrorKind, Execution};

use super::bed::{Bed, until};
use crate::bed::eventually;

fn cancelled<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, CallError<E>>) -> Error {
    match result {
        Err(CallError::Rpc(error)) if error.kind() == ErrorKind::Cancelled => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_job_that_waits_is_never_begun() {
    let bed = Bed::new();
    bed.serve().await.shutdown().await;
    let job = bed.client().await.grind(1).submit().await.unwrap();
    job.cancel().await.unwrap();
    job.cancel().await.unwrap();
    assert_eq!(job.status().await, Ok(JobStatus::Cancelled));
    assert_eq!(cancelled(job.result().await).execution(), Execution::NotExecuted);
    let _server = bed.serve().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(bed.seen.started(), 0);
}

#[tokio::test]
async fn the_handler_of_one_that_runs_is_dropped() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let job = bed.client().await.wait().submit().await.unwrap();
    eventually("it runs", || bed.seen.running() == 1).await;
    job.cancel().await.unwrap();
    assert_eq!(cancelled(job.result().await).execution(), Execution::MaybeExecuted);
    eventually("it does not run", || bed.seen.running() == 0).await;
    assert_eq!(job.status().await, Ok(JobStatus::Cancelled));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(bed.seen.started(), 1, "it is not begun again");
}

#[tokio::test]
async fn one_that_has_ended_stays_as_it_is() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let job = bed.client().await.grind(1).submit().await.unwrap();
    assert_eq!(job.result().await, Ok(2));
    job.cancel().await.unwrap();
    assert_eq!(job.status().await, Ok(JobStatus::Done));
}

#[tokio::test]
async fn a_handler_that_is_not_to_be_cancelled_ends_with_its_result() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let job = bed.client().await.stubborn().submit().await.unwrap();
    until(&job, "it runs", |status| matches!(status, JobStatus::Running { .. })).await;
    eventually("it runs", || bed.seen.started() == 1).await;
    job.cancel().await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    bed.seen.let_go();
    assert_eq!(job.result().await, Ok(7));
}

#[tokio::test]
async fn a_handler_that_is_not_to_be_cancelled_is_told_that_it_was() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let job = bed.client().await.tidy().submit().await.unwrap();
    eventually("it runs", || bed.seen.running() == 1).await;
    job.cancel().await.unwrap();
    assert_eq!(job.result().await, Ok(9));
}

#[tokio::test]
async fn one_that_waits_again_may_have_been_executed_before() {
    let bed = Bed::new();
    let server = bed.server_builder().await.grace(Duration::from_millis(50)).start().await.unwrap();
    let job = bed.client().await.wait().submit().await.unwrap();
    eventually("it runs", || bed.seen.running() == 1).await;
    server.shutdown().await;
    assert!(matches!(job.status().await, Ok(JobStatus::Queued { attempts: 0, .. })));
    job.cancel().await.unwrap();
    assert_eq!(cancelled(job.result().await).execution(), Execution::MaybeExecuted);
}
