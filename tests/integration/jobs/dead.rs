//! Jobs that have failed for good.

use futures::TryStreamExt;
use nats_rpc::ErrorKind;
use nats_rpc::async_nats::jetstream;
use nats_rpc::jobs::{DeadLetter, DeadLetters, JobStatus};

use super::bed::{Bed, until};

async fn letters(bed: &Bed) -> (DeadLetters, Vec<DeadLetter>) {
    let dead = DeadLetters::of(&bed.plain_client().await, "mill").await.unwrap();
    let all = dead.list().try_collect().await.unwrap();
    (dead, all)
}

#[tokio::test]
async fn what_has_failed_in_all_attempts_is_kept_and_can_be_replayed() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let mill = bed.client().await;
    let job = mill.flaky("a", 3).header("tenant", "acme").submit().await.unwrap();
    assert!(job.result().await.is_err());
    let (dead, all) = letters(&bed).await;
    let [letter] = &all[..] else { panic!("{all:?}") };
    assert_eq!(
        (letter.job.clone(), letter.attempts, letter.subject.as_str()),
        (job.id().clone(), 3, "mill._job.flaky")
    );
    assert_eq!(letter.reason.kind(), ErrorKind::Internal);
    assert!(letter.time.elapsed().unwrap() < std::time::Duration::from_secs(60));

    dead.replay(letter).await.unwrap();
    // The fourth attempt succeeds.
    let status = until(&job, "it is done", |status| matches!(status, JobStatus::Done)).await;
    assert_eq!(status, JobStatus::Done);
    assert_eq!(job.result().await, Ok(4));
    assert!(letters(&bed).await.1.is_empty());
}

/// Two people may look after the same dead letters, and one of them be slow.
#[tokio::test]
async fn a_letter_that_was_replayed_before_does_not_bring_the_job_back_that_has_failed_again() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let job = bed.client().await.flaky("a", 99).submit().await.unwrap();
    assert!(job.result().await.is_err());
    let (dead, first) = letters(&bed).await;
    dead.replay(&first[0]).await.unwrap();
    let begin = std::time::Instant::now();
    let second = loop {
        let all = letters(&bed).await.1;
        if all.iter().any(|letter| letter.sequence != first[0].sequence) {
            break all;
        }
        assert!(begin.elapsed().as_secs() < 20, "{all:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    until(&job, "it has failed again", |status| matches!(status, JobStatus::Failed { attempts: 3, .. }))
        .await;

    dead.replay(&first[0]).await.unwrap();
    let status = job.status().await.unwrap();
    assert!(matches!(status, JobStatus::Failed { attempts: 3, .. }), "{status:?}");
    let third = letters(&bed).await.1;
    assert_eq!(third.len(), 1);
    assert_eq!(third[0].sequence, second.last().unwrap().sequence);
    assert_eq!(bed.seen.started(), 6);
}

#[tokio::test]
async fn a_poison_job_does_not_hold_up_the_others() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let mill = bed.client().await;
    let poison = mill.flaky("a", 9).submit().await.unwrap();
    for corn in 20..40 {
        assert_eq!(mill.grind(corn).submit().await.unwrap().result().await, Ok(corn * 2));
    }
    assert!(poison.result().await.is_err());
    let (dead, all) = letters(&bed).await;
    assert_eq!(all.len(), 1);
    dead.discard(&all[0]).await.unwrap();
    dead.discard(&all[0]).await.unwrap();
    assert!(letters(&bed).await.1.is_empty());
    assert!(matches!(poison.status().await.unwrap(), JobStatus::Failed { attempts: 3, .. }));
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_at_once() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let nats = jetstream::new(bed.connect().await.nats().unwrap());
    for payload in [&b"\xC1\x01\xFF"[..], b"#", br#"{"corn":"none"}"#, b"\xC1\x09"] {
        nats.publish("mill._job.grind", payload.into()).await.unwrap().await.unwrap();
    }
    let begin = std::time::Instant::now();
    let all = loop {
        let (_, all) = letters(&bed).await;
        if all.len() == 4 {
            break all;
        }
        assert!(begin.elapsed().as_secs() < 20, "{all:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    for letter in &all {
        assert_eq!((letter.reason.kind(), letter.attempts), (ErrorKind::InvalidArgument, 1), "{letter:?}");
        assert!(letter.job.to_string().starts_with("mill.seq-"), "{letter:?}");
    }
    assert_eq!(bed.seen.started(), 0);
}

/// What was as large as a message may be, goes without the headers that it had.
#[tokio::test]
async fn what_is_as_large_as_may_be_is_kept() {
    let bed = Bed::new();
    let _server = bed.serve().await;
    let nats = jetstream::new(bed.connect().await.nats().unwrap());
    let body = vec![b'x'; 1024 * 1024 - 1200];
    let message = jetstream::message::PublishMessage::build().payload(body.clone().into());
    let message = message.header("Note", "x".repeat(1100).as_str());
    nats.send_publish("mill._job.grind", message).await.unwrap().await.unwrap();
    let begin = std::time::Instant::now();
    let letter = loop {
        if let Some(letter) = letters(&bed).await.1.pop() {
            break letter;
        }
        assert!(begin.elapsed().as_secs() < 20, "it is lost");
    };
    assert!(letter.payload == body);
    assert!(letter.headers.get("Note").is_none());
}
