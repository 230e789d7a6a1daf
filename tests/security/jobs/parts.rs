//! What each user does, and what it is refused.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use futures::future::join;
use nats_rpc::async_nats::jetstream;
use nats_rpc::jobs::{DeadLetters, Job, JobSettings, JobStatus};
use nats_rpc::{Connection, Error, ErrorKind, Execution, Server};
use tests::Version;

use super::bed::{CURSED, LONG, Media, until};
use crate::bed::{Refusals, eventually, soon};

/// Makes two tests of each case, one for each version of nats-server.
macro_rules! on_both_versions {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            use tests::Version::{Current, Oldest};

            #[tokio::test]
            async fn on_nats_server() {
                super::$case(Current).await;
            }

            #[tokio::test]
            async fn on_the_oldest_nats_server() {
                super::$case(Oldest).await;
            }
        })+
    };
}

on_both_versions! {
    jobs_are_made_room_for_by_one_and_executed_by_another,
    workers_make_nothing,
    who_submits_submits_one_method,
    who_reads_changes_nothing,
    dead_letters_are_looked_after,
    nobody_removes_or_empties_a_stream,
}

/// Asserts that the NATS server has refused something to this subject, and that this was told at once.
#[track_caller]
fn assert_refused(begun: Instant, error: &Error, subject: &str) {
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(error.message().contains(subject), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(4), "at once, and not after {:?}", begun.elapsed());
}

async fn jobs_are_made_room_for_by_one_and_executed_by_another(version: Version) {
    let media = Media::empty(version);
    let connection = media.connect("deploy").await;
    let mut refusals = Refusals::of(&connection);
    let deploying = Server::builder(connection).add(media.service()).start().await.unwrap();
    let job = media.client("web").await.transcode("cat.mp4").submit().await.unwrap();
    // It asks for jobs, and gets none.
    let asked = "$JS.API.CONSUMER.MSG.NEXT.RPC_JOBS_video.";
    while !format!("{:?}", refusals.next().await).contains(asked) {}
    assert!(matches!(job.status().await.unwrap(), JobStatus::Queued { attempts: 0, .. }));
    deploying.shutdown().await;
    // Another time, it finds that all is there.
    media.deploy().await.unwrap();

    let worker = media.serve().await;
    assert_eq!(soon(job.result()).await, Ok(40));
    worker.shutdown().await;
}

async fn workers_make_nothing(version: Version) {
    let media = Media::empty(version);
    let begun = Instant::now();
    let error = media.serve_on(media.connect("video").await).await.unwrap_err();
    assert_refused(begun, &error, "\"$JS.API.STREAM.CREATE.RPC_JOBS_video\"");
    media.deploy().await.unwrap();

    let _worker = media.serve().await;
    // What is there stays as it is, whatever their settings are.
    let settings = JobSettings::new().ack_wait(Duration::from_secs(60));
    let other = Server::builder(media.connect("video").await).jobs(settings).add(media.service());
    other.start().await.unwrap().shutdown().await;

    // They execute jobs, and submit none.
    let begun = Instant::now();
    let error = media.client("video").await.transcode("cat.mp4").submit().await.unwrap_err();
    assert_refused(begun, &error, "\"video._job.transcode\"");
    let begun = Instant::now();
    let dead = DeadLetters::of(media.connect("video").await, "video").await.unwrap();
    let error = dead.list().try_collect::<Vec<_>>().await.unwrap_err();
    assert_refused(begun, &error, "\"$JS.API.DIRECT.GET.RPC_DEAD_video\"");
}

async fn who_submits_submits_one_method(version: Version) {
    let media = Media::deployed(version).await;
    let worker = media.serve().await;
    let video = media.client("web").await;
    let job = video.transcode("cat.mp4").submit().key("order-17").await.unwrap();
    assert_eq!(soon(job.result()).await, Ok(40));
    assert_eq!(job.status().await.unwrap(), JobStatus::Done);
    let again = video.transcode("cat.mp4").submit().key("order-17").await.unwrap();
    assert_eq!(again.id(), job.id());

    let long = video.transcode(LONG).submit().await.unwrap();
    until(&long, "it runs", |status| matches!(status, JobStatus::Running { .. })).await;
    let begun = Instant::now();
    long.cancel().await.unwrap();
    until(&long, "it is cancelled", |status| *status == JobStatus::Cancelled).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "its worker has heard it");

    let begun = Instant::now();
    let error = video.remove("cat.mp4").timeout(Duration::from_secs(60)).submit().await.unwrap_err();
    assert_refused(begun, &error, "\"video._job.remove\"");
    let begun = Instant::now();
    let error = DeadLetters::of(media.connect("web").await, "video").await.unwrap_err();
    assert_refused(begun, &error, "\"$JS.API.STREAM.INFO.RPC_DEAD_video\"");
    let begun = Instant::now();
    let error = media.serve_on(media.connect("web").await).await.unwrap_err();
    assert_refused(begun, &error, "\"video.");
    worker.shutdown().await;
    assert_eq!(media.studio.removed.load(Ordering::SeqCst), 0);
}

async fn who_reads_changes_nothing(version: Version) {
    let media = Media::deployed(version).await;
    let _worker = media.serve().await;
    let long = media.client("web").await.transcode(LONG).submit().await.unwrap();
    let board = media.connect("board").await;
    let job = Job::<u64, Infallible>::open(&board, long.id().to_string()).unwrap();
    until(&job, "it runs", |status| matches!(status, JobStatus::Running { .. })).await;

    let begun = Instant::now();
    let error = job.cancel().await.unwrap_err();
    assert_refused(begun, &error, &format!("\"$KV.rpc_jobs_video.{}\"", token(&job)));
    let begun = Instant::now();
    let error = super::bed::VideoClient::new(&board).transcode("x").submit().await.unwrap_err();
    assert_refused(begun, &error, "\"$KV.rpc_jobs_video.");
    assert_eq!(error.execution(), Execution::NotExecuted);

    // What is refused to one question does not fail another.
    let asked = futures::future::join_all((0..50).map(async |_| join(job.cancel(), job.status()).await));
    assert!(soon(asked).await.iter().all(|(cancelled, status)| cancelled.is_err() && status.is_ok()));

    media.studio.release.notify_one();
    assert_eq!(soon(job.result()).await, Ok(40));
}

async fn dead_letters_are_looked_after(version: Version) {
    let media = Media::deployed(version).await;
    let _worker = media.serve().await;
    let video = media.client("web").await;
    let mut jobs = Vec::new();
    for _ in 0..2 {
        let job = video.transcode(CURSED).submit().await.unwrap();
        soon(job.result()).await.unwrap_err();
        jobs.push(job);
    }
    let dead = DeadLetters::of(media.connect("support").await, "video").await.unwrap();
    let letters = dead.list().try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(letters.len(), 2);
    dead.replay(&letters[0]).await.unwrap();
    dead.discard(&letters[1]).await.unwrap();
    // It fails once more.
    let letters = async || dead.list().try_collect::<Vec<_>>().await.unwrap();
    let begun = Instant::now();
    while letters().await.len() != 1 {
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
    let begun = Instant::now();
    let error = media.serve_on(media.connect("support").await).await.unwrap_err();
    assert_refused(begun, &error, "\"video.");
}

async fn nobody_removes_or_empties_a_stream(version: Version) {
    let media = Media::deployed(version).await;
    for user in super::bed::USERS {
        let connection = media.connect(user).await;
        let mut refusals = Refusals::of(&connection);
        for stream in ["RPC_JOBS_video", "RPC_DEAD_video", "KV_rpc_jobs_video"] {
            for question in ["DELETE", "PURGE", "UPDATE", "MSG.GET"] {
                let subject = format!("$JS.API.STREAM.{question}.{stream}");
                crate::bed::publish(&connection, &subject, None, "{}").await;
                assert!(format!("{:?}", refusals.next().await).contains(&subject), "{user}");
            }
        }
        for subject in ["$JS.API.STREAM.CREATE.OTHER", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST"] {
            crate::bed::publish(&connection, subject, None, "{}").await;
            assert!(format!("{:?}", refusals.next().await).contains(subject), "{user}");
        }
    }
    assert_eq!(streams(&media.connect("deploy").await).await, 3);
}

/// How many of the three are there.
async fn streams(connection: &Connection) -> usize {
    let jetstream = jetstream::new(connection.nats().unwrap());
    let mut there = 0;
    for stream in ["RPC_JOBS_video", "RPC_DEAD_video", "KV_rpc_jobs_video"] {
        there += usize::from(jetstream.get_stream(stream).await.is_ok());
    }
    there
}

fn token<T, E>(job: &Job<T, E>) -> String {
    job.id().to_string().split_once('.').unwrap().1.to_owned()
}

#[tokio::test]
async fn who_may_not_ask_what_the_account_may_is_told_so() {
    let config = super::bed::config().replace("\"$JS.API.INFO\"", "");
    let media = Media::of(Version::Current, &config);
    let begun = Instant::now();
    assert_refused(begun, &media.deploy().await.unwrap_err(), "\"$JS.API.INFO\"");
}

#[tokio::test]
async fn a_worker_that_may_not_listen_for_cancels_executes_jobs_and_finds_them() {
    let config = super::bed::config();
    let listens = "\"$JS.API.CONSUMER.CREATE.KV_rpc_jobs_video\", ";
    assert_eq!(config.matches(listens).count(), 2);
    let media = Media::of(Version::Current, &config.replace(listens, ""));
    media.deploy().await.unwrap();
    let _worker = media.serve().await;
    let video = media.client("web").await;
    for _ in 0..20 {
        let job = video.transcode("cat.mp4").submit().await.unwrap();
        until(&job, "it is done", |status| *status == JobStatus::Done).await;
    }
    let transcoded = &media.studio.transcoded;
    eventually("each is executed once", || transcoded.load(Ordering::SeqCst) == 20).await;
    let long = video.transcode(LONG).submit().await.unwrap();
    until(&long, "it runs", |status| matches!(status, JobStatus::Running { .. })).await;
    long.cancel().await.unwrap();
    until(&long, "it is found", |status| *status == JobStatus::Cancelled).await;
    // It has asked once, and has not gone on doing so. So have those who have deployed.
    let log = media.nats.log();
    let refused = log.lines().filter(|line| line.contains("$JS.API.CONSUMER.CREATE.KV_rpc_jobs_video"));
    assert!(refused.count() <= 2, "{log}");
}
