//! Jobs of programs that know nothing of this library.

use futures::StreamExt;
use nats_rpc::async_nats::jetstream;
use nats_rpc::async_nats::jetstream::message::PublishMessage;
use nats_rpc::jobs::{DeadLetters, Job, JobStatus};
use nats_rpc::{ErrorKind, Execution};

use super::bed::{Bed, until};
use crate::bed::eventually;

#[tokio::test]
async fn a_message_of_plain_json_is_a_job() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let nats = jetstream::new(bed.connect().await.nats().unwrap());
    let stored = nats.publish("mill._job.grind", r#"{"corn": 5}"#.into()).await.unwrap().await.unwrap();
    let id = format!("mill.seq-{}", stored.sequence);
    eventually("it ran", || bed.seen.started() == 1).await;
    let job = Job::<u64, String>::open(&bed.plain_client().await, id).unwrap();
    // Its record is made when it is begun.
    until(&job, "it is done", |status| matches!(status, JobStatus::Done)).await;
    assert_eq!(job.result().await, Ok(10));
}

/// What it reads is JSON that any KV client shows.
#[tokio::test]
async fn the_status_of_a_job_is_json_in_a_bucket() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let client = nats_rpc::Client::builder(bed.connect().await).codec(nats_rpc::Codec::Json).build().unwrap();
    let job = super::bed::MillClient::new(&client).grind(5).submit().await.unwrap();
    job.result().await.unwrap();
    let nats = jetstream::new(bed.connect().await.nats().unwrap());
    let bucket = nats.get_key_value("rpc_jobs_mill").await.unwrap();
    let token = job.id().to_string().replace("mill.", "");
    let record: serde_json::Value =
        serde_json::from_slice(&bucket.get(token).await.unwrap().unwrap()).unwrap();
    assert_eq!(
        (&record["state"], &record["method"], &record["attempts"]),
        (&"done".into(), &"grind".into(), &1.into())
    );
    assert_eq!(record["body"], "MTA=");
}

/// An id stands for one job. What comes for another one under it is told apart from a duplicate, and not lost.
#[tokio::test]
async fn an_id_that_is_taken_by_a_job_of_another_method_is_told_so() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let nats = jetstream::new(bed.connect().await.nats().unwrap());
    let publish = async |method: &str, body: &'static str| {
        let message = PublishMessage::build().payload(body.into()).header("Nats-Rpc-Job", "order-17");
        nats.send_publish(format!("mill._job.{method}"), message).await.unwrap().await.unwrap()
    };
    publish("grind", r#"{"corn": 5}"#).await;
    let job = Job::<u64, String>::open(&bed.plain_client().await, "mill.order-17").unwrap();
    eventually("it ran", || bed.seen.started() == 1).await;
    until(&job, "it is done", |status| matches!(status, JobStatus::Done)).await;
    publish("moody", r#"{"name": "x", "moods": 0}"#).await;

    let dead = DeadLetters::of(&bed.plain_client().await, "mill").await.unwrap();
    let begun = std::time::Instant::now();
    let letter = loop {
        if let Some(letter) = dead.list().next().await {
            break letter.unwrap();
        }
        assert!(begun.elapsed().as_secs() < 20, "it is lost");
    };
    assert_eq!(
        (letter.subject.as_str(), letter.reason.kind()),
        ("mill._job.moody", ErrorKind::InvalidArgument)
    );
    assert_eq!(letter.reason.execution(), Execution::NotExecuted);
    assert_eq!(job.result().await, Ok(10), "the first is as it was");
    assert_eq!(bed.seen.started(), 1);
}
