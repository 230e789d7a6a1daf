//! What the answers to a trial tell.

use bytes::BytesMut;

use super::*;
use crate::wire::frame::{Id, ReplyTail, write_success};

/// An answer of an instance to a caller in another account.
fn answer(instance: &str) -> Message {
    let mut bytes = BytesMut::new();
    let tail = ReplyTail { headers: &Headers::new(), instance: Some(instance), is_across_accounts: true };
    write_success(&mut bytes, &Id::new(1), 0, &tail, |_| Ok(())).unwrap();
    Message {
        subject: "_INBOX.x".into(),
        reply: None,
        payload: bytes.freeze(),
        headers: None,
        status: None,
        description: None,
        length: 0,
    }
}

/// A trial that is out, with its id.
fn begun() -> (Bed, u64) {
    let mut bed = bed();
    bed.waiters.begin_trial(bed.destination, &Random::system(), Instant::now());
    let id = *bed.waiters.trials.keys().next().unwrap();
    (bed, id)
}

impl Bed {
    fn verdict(&mut self) -> Result<Verdict, Instant> {
        self.waiters.verdict(self.destination, &Random::system(), Instant::now())
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_answer_of_the_same_instance_shows_that_several_arrive() {
    let (mut bed, id) = begun();
    for instance in ["a", "b"] {
        assert!(bed.waiters.take_trial(id, &answer(instance), Instant::now()));
        assert!(bed.verdict().is_err(), "it is waited for");
    }
    assert!(bed.waiters.take_trial(id, &answer("b"), Instant::now()));
    assert_eq!(bed.verdict(), Ok(Verdict::Several));
}

/// Two instances answer at the same time. A NATS server that lets one reply through may let one of
/// each through then.
#[tokio::test(start_paused = true)]
async fn one_answer_of_each_of_two_instances_shows_nothing() {
    let (mut bed, id) = begun();
    for instance in ["a", "b"] {
        assert!(bed.waiters.take_trial(id, &answer(instance), Instant::now()));
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(bed.verdict(), Ok(Verdict::One));
    assert!(!bed.waiters.several_were_verified(bed.destination));
}
