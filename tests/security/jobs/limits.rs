//! What the permissions of the section cannot separate, and what an account does about it: as it is said there.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::join;
use nats_rpc::async_nats::HeaderMap;
use nats_rpc::async_nats::jetstream::{self, kv};
use nats_rpc::async_nats::message::OutboundMessage;
use nats_rpc::jobs::{Job, JobStatus};
use nats_rpc::{Connection, ConnectionEvent, ErrorKind};
use tests::Version;

use super::bed::{LONG, Media, Studio, VideoClient, until};
use crate::bed::{eventually, publish, soon};
use crate::document;

const VERSIONS: [Version; 2] = [Version::Current, Version::Oldest];

/// A job that runs until the test says so.
async fn running(video: &VideoClient) -> Job<u64, Infallible> {
    let job = video.transcode(LONG).submit().await.unwrap();
    until(&job, "it runs", |status| matches!(status, JobStatus::Running { .. })).await;
    job
}

async fn bucket(connection: &Connection) -> kv::Store {
    jetstream::new(connection.nats().unwrap()).get_key_value("rpc_jobs_video").await.unwrap()
}

fn key(job: &Job<u64, Infallible>) -> String {
    job.id().to_string().split_once('.').unwrap().1.to_owned()
}

#[tokio::test]
async fn who_may_write_a_status_may_change_and_remove_all() {
    for version in VERSIONS {
        let media = Media::deployed(version).await;
        let _worker = media.serve().await;
        let (job, other) = (running(&media.client("web").await).await, media.connect("web").await);
        let bucket = bucket(&other).await;
        let entry = bucket.entry(key(&job)).await.unwrap().unwrap();
        let mut record: serde_json::Value = serde_json::from_slice(&entry.value).unwrap();
        record["state"] = "cancelled".into();
        bucket.put(key(&job), record.to_string().into()).await.unwrap();
        assert_eq!(job.status().await.unwrap(), JobStatus::Cancelled);

        let mut headers = HeaderMap::new();
        headers.insert("Nats-Rollup", "all");
        let subject = "$KV.rpc_jobs_video.x".into();
        let payload = "{}".into();
        other
            .publish(OutboundMessage { subject, reply: None, payload, headers: Some(headers) })
            .await
            .unwrap();
        let begun = Instant::now();
        while job.status().await.is_ok() {
            assert!(begun.elapsed() < Duration::from_secs(20), "nothing is known of it any more");
        }
    }
}

#[tokio::test]
async fn who_may_read_the_bucket_may_read_all() {
    for version in VERSIONS {
        let media = Media::deployed(version).await;
        let _worker = media.serve().await;
        let job = media.client("web").await.transcode("cat.mp4").submit().await.unwrap();
        soon(job.result()).await.unwrap();
        let board = media.connect("board").await;
        let ids = bucket(&board).await.stream.info_with_subjects(">").await.unwrap();
        let ids: Vec<_> = ids.map(Result::unwrap).collect().await;
        assert_eq!(ids, [(format!("$KV.rpc_jobs_video.{}", key(&job)), 1)]);
        let found = Job::<u64, Infallible>::open(&board, job.id().to_string()).unwrap();
        assert_eq!(soon(found.result()).await, Ok(40));
    }
}

/// Has JetStream answer where the user may not publish: arguments of its choice, to two methods.
async fn ask_for_answers_elsewhere(web: &Connection) {
    let bucket = bucket(web).await;
    bucket.put("x", r#"{"film":"cat.mp4"}"#.into()).await.unwrap();
    for target in ["video._job.remove", "video.forget"] {
        let question = "$JS.API.DIRECT.GET.KV_rpc_jobs_video.$KV.rpc_jobs_video.x";
        publish(web, question, Some(target), "").await;
    }
    // What follows comes behind it.
    bucket.entry("x").await.unwrap().unwrap();
}

fn ran(studio: &Studio) -> (usize, usize) {
    (studio.removed.load(Ordering::SeqCst), studio.forgotten.load(Ordering::SeqCst))
}

#[tokio::test]
async fn jetstream_answers_wherever_it_is_asked_to() {
    for version in VERSIONS {
        let media = Media::deployed(version).await;
        let _worker = media.serve().await;
        ask_for_answers_elsewhere(&media.connect("web").await).await;
        eventually("both ran", || ran(&media.studio) == (1, 1)).await;
    }
}

#[tokio::test]
async fn it_does_not_from_an_account_of_their_own() {
    for version in VERSIONS {
        let media = Media::of(version, document::config(&["imports:", "MEDIA"]));
        let _worker = media.serve().await;
        let connection = media.connect("web").await;
        ask_for_answers_elsewhere(&connection).await;

        // All the same, jobs are submitted, watched, cancelled and found again.
        let video = VideoClient::new(connection);
        let job = video.transcode("cat.mp4").submit().key("order-17").await.unwrap();
        assert_eq!(soon(job.result()).await, Ok(40));
        let long = running(&video).await;
        let begun = Instant::now();
        long.cancel().await.unwrap();
        until(&long, "it is cancelled", |status| *status == JobStatus::Cancelled).await;
        assert!(begun.elapsed() < Duration::from_secs(5), "its worker has heard it");
        let error = video.remove("cat.mp4").submit().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert!(error.message().contains("video._job.remove"), "{error}");
        assert_eq!(ran(&media.studio), (0, 0));
    }
}

/// Without the last entry of its list, who hears of changes would hear no more once there were many.
#[tokio::test]
async fn who_hears_of_many_changes_says_that_it_does() {
    for version in VERSIONS {
        let media = Media::of(version, &super::bed::config().replace("\"$JS.FC.KV_rpc_jobs_video.>\"", ""));
        media.deploy().await.unwrap();
        let (sender, mut refused) = tokio::sync::mpsc::unbounded_channel();
        let board = media.connect("board").await;
        board.on_event(move |event| {
            if let ConnectionEvent::PublishDenied(subject) = event {
                let _ = sender.send(subject.clone());
            }
        });
        let mut watch = bucket(&board).await.watch_with_history("x").await.unwrap();
        let bucket = bucket(&media.connect("web").await).await;
        let many = async {
            for _ in 0..30 {
                bucket.put("x", vec![b'x'; 200_000].into()).await.unwrap();
            }
        };
        let hear = async {
            while watch.next().await.is_some() {}
            panic!("it goes on");
        };
        let refused =
            async { while !refused.recv().await.unwrap().starts_with("$JS.FC.KV_rpc_jobs_video.") {} };
        tokio::select! {
            _ = join(many, hear) => {}
            () = soon(refused) => {}
        }
    }
}
