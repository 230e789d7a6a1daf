//! Jobs of programs that know nothing of this library.

use nats_rpc::async_nats::jetstream;
use nats_rpc::jobs::{Job, JobStatus};

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
