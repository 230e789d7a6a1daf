//! What a server answers through an import, frame by frame, to a caller that is made by hand.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use nats_rpc::{Connection, Subscription};
use rmpv::Value;
use tests::Version;

use crate::accounts::{Accounts, Responses};
use crate::bed::{eventually, outbound};
use crate::on_both_versions;
use crate::wire::{call, read_frames, write_frames};

on_both_versions! {
    calls_of_one_message_are_answered_in_one,
    what_is_unfinished_when_one_expires_is_given_up,
    an_answer_that_does_not_fit_says_so,
    calls_that_know_better_are_answered_each_by_itself,
    a_trial_runs_nothing_and_is_answered_twice,
}

/// The place in a frame of a call's flags and budget, of the code and the execution in an error, of
/// the instance in a success, and of the mark that the answer goes to another account.
const FLAGS: usize = 2;
const BUDGET: usize = 3;
const CODE: usize = 2;
const EXECUTION: usize = 3;
const INSTANCE: usize = 5;
const MARK_OF_SUCCESS: usize = 6;
const MARK_OF_ERROR: usize = 11;

const SEVERAL_VERIFIED: u64 = 1 << 7;
const TRIAL: u64 = 1 << 9;
const WANTS_INSTANCE: u64 = 1 << 5;

/// A caller in the account that imports the services.
struct Importer {
    connection: Connection,
    inbox: String,
    replies: Subscription,
}

impl Importer {
    async fn new(accounts: &Accounts) -> Self {
        let connection = accounts.caller().await;
        let inbox = format!("_INBOX.{}", uuid::Uuid::new_v4().simple());
        let replies = connection.subscribe(format!("{inbox}.*"), None).await.unwrap();
        Importer { connection, inbox, replies }
    }

    async fn send(&self, subject: &str, frames: impl IntoIterator<Item = Value>) {
        let reply = format!("{}.slot", self.inbox);
        self.connection.publish(outbound(subject, Some(&reply), write_frames(frames))).await.unwrap();
    }

    async fn next(&mut self) -> Bytes {
        let next = tokio::time::timeout(Duration::from_secs(20), self.replies.next());
        next.await.expect("an answer comes").unwrap().payload
    }

    /// Nothing more comes.
    async fn assert_silence(&mut self) {
        let more = tokio::time::timeout(Duration::from_millis(300), self.replies.next()).await;
        assert!(more.is_err(), "{more:?}");
    }
}

/// A frame with another element in a place.
fn with(frame: Value, place: usize, element: u64) -> Value {
    let Value::Array(mut elements) = frame else { panic!("{frame}") };
    elements[place] = element.into();
    Value::Array(elements)
}

fn sleep(number: u8, ms: usize) -> Value {
    call(number, "ms", ms)
}

/// The answers by the numbers of their calls.
fn sorted(payload: &[u8]) -> Vec<Value> {
    let mut frames = read_frames(payload);
    frames.sort_by_key(|frame| frame[1].as_slice().unwrap().to_vec());
    frames
}

async fn calls_of_one_message_are_answered_in_one(version: Version) {
    let accounts = Accounts::new(version, Responses::One);
    let _server = accounts.serve("a").await;
    let mut importer = Importer::new(&accounts).await;
    importer.send("lab.sleep", [sleep(1, 0), sleep(2, 300), sleep(3, 600)]).await;
    let answers = sorted(&importer.next().await);
    assert_eq!(answers.len(), 3, "{answers:?}");
    for (answer, number) in answers.iter().zip(1..) {
        assert_eq!((&answer[0], &answer[1]), (&2.into(), &Value::Binary(vec![number; 8])), "{answer}");
        assert_eq!(answer[MARK_OF_SUCCESS], true.into(), "{answer}");
    }
    importer.assert_silence().await;
}

async fn what_is_unfinished_when_one_expires_is_given_up(version: Version) {
    let accounts = Accounts::new(version, Responses::One);
    let server = accounts.serve("a").await;
    let mut importer = Importer::new(&accounts).await;
    let begun = Instant::now();
    importer.send("lab.sleep", [sleep(1, 0), with(sleep(2, 60_000), BUDGET, 500), sleep(3, 60_000)]).await;
    let answers = sorted(&importer.next().await);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(answers.len(), 3, "{answers:?}");
    assert_eq!(answers[0][0], 2.into(), "{answers:?}");
    for late in &answers[1..] {
        assert_eq!((&late[CODE], &late[EXECUTION]), (&408.into(), &1.into()), "{late}");
        assert_eq!(late[MARK_OF_ERROR], true.into(), "{late}");
    }
    let counters = server.counters();
    assert_eq!((counters.started, accounts.ledger.finished()), (3, 1), "nothing of it runs on");
    eventually("its handlers are dropped", || accounts.ledger.running() == 0).await;
}

async fn an_answer_that_does_not_fit_says_so(version: Version) {
    let accounts = Accounts::new(version, Responses::One);
    let _server = accounts.serve("a").await;
    let mut importer = Importer::new(&accounts).await;
    importer.send("lab.bytes", [call(1, "count", 600_000), call(2, "count", 600_000)]).await;
    let answers = sorted(&importer.next().await);
    let (fits, does_not) = if answers[0][0] == 2.into() { (0, 1) } else { (1, 0) };
    assert_eq!((answers.len(), &answers[fits][0]), (2, &2.into()));
    let refused = &answers[does_not];
    assert_eq!(refused[0], 3.into(), "both have come");
    assert_eq!((&refused[CODE], &refused[EXECUTION]), (&413.into(), &2.into()), "{refused}");
}

async fn calls_that_know_better_are_answered_each_by_itself(version: Version) {
    let accounts = Accounts::new(version, Responses::Many);
    let _server = accounts.serve("a").await;
    let mut importer = Importer::new(&accounts).await;
    let calls = [sleep(1, 0), sleep(2, 200)].map(|call| with(call, FLAGS, SEVERAL_VERIFIED));
    importer.send("lab.sleep", calls).await;
    for number in [1, 2] {
        let answers = read_frames(&importer.next().await);
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert_eq!(answers[0][1], Value::Binary(vec![number; 8]));
        assert_eq!(answers[0][MARK_OF_SUCCESS], true.into());
    }
    assert_eq!(importer.next().await, "", "that is the end of the answers");
    importer.assert_silence().await;
}

async fn a_trial_runs_nothing_and_is_answered_twice(version: Version) {
    for (responses, replies) in [(Responses::One, 1), (Responses::Many, 2)] {
        let accounts = Accounts::new(version, responses);
        let server = accounts.serve("a").await;
        let mut importer = Importer::new(&accounts).await;
        importer.send("lab.sleep", [with(sleep(1, 0), FLAGS, TRIAL | WANTS_INSTANCE)]).await;
        for _ in 0..replies {
            let answers = read_frames(&importer.next().await);
            assert_eq!((answers.len(), &answers[0][0]), (1, &2.into()), "{answers:?}");
            assert_eq!(answers[0][INSTANCE], "a".into(), "{answers:?}");
            assert_eq!(answers[0][MARK_OF_SUCCESS], true.into(), "{answers:?}");
        }
        if replies == 2 {
            assert_eq!(importer.next().await, "", "that is the end of the answers");
        }
        importer.assert_silence().await;
        let counters = server.counters();
        assert_eq!((counters.started, counters.received, accounts.ledger.started()), (0, 0, 0));
    }
}
