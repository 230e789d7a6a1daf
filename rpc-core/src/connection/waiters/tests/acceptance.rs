//! What becomes of calls that an instance has accepted, and of the instance.

use super::*;
use crate::connection::waiters::acceptance::{Gone, Heard};
use crate::wire::frame::AcceptedFrame;

pub(super) fn accepted(instance: &str, flags: Flags) -> AcceptedFrame {
    let (credit, headers, control) = (None, Headers::new(), None);
    AcceptedFrame { instance: instance.into(), credit, headers, flags, control }
}

impl Bed {
    pub(super) fn accept(&mut self, id: u64, instance: &str, control: &'static str) {
        self.accept_with(id, &accepted(instance, Flags::default()), control);
    }

    /// Returns how many tasks are woken by it.
    pub(super) fn accept_with(&mut self, id: u64, accepted: &AcceptedFrame, control: &'static str) -> usize {
        let (declared, mut wake) = (&Subject::from_static(control), Vec::new());
        let heard = Heard { declared, at: None };
        self.waiters.accept(id, accepted, &heard, Instant::now(), &mut wake);
        wake.len()
    }

    /// Where instances are told something, and whether it is a cancel.
    pub(super) fn told(&mut self) -> Vec<(String, bool)> {
        let told = self.waiters.control.drain(..);
        told.map(|(message, _)| (message.subject.to_string(), message.payload[3] == 4)).collect()
    }

    pub(super) fn lose(&mut self, gone: Gone) {
        let peers: Vec<_> = (0..10).filter(|peer| self.waiters.peers.get(*peer).is_some()).collect();
        peers.into_iter().for_each(|peer| self.waiters.lose_peer(peer, gone, &mut Vec::new()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_is_cancelled_at_the_instance_that_has_it() {
    let mut bed = bed();
    bed.send(1, 5);
    bed.accept(1, "a", "lab._ctl.a.7");
    assert!(bed.waiters.news.pulse && bed.told().is_empty());
    bed.waiters.forget(1);
    assert_eq!(bed.told(), [("lab._ctl.a.7".to_owned(), true)]);
    assert!(bed.waiters.peers.is_empty() && bed.waiters.calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_dropped_is_cancelled_once_it_is_known_where_it_is() {
    let mut bed = bed();
    bed.send(1, 5);
    bed.waiters.forget(1);
    assert!(bed.told().is_empty());
    // Another one is alone, though the first one is still out.
    assert!(matches!(bed.add(2, 5), Departure::Alone(_)));
    bed.accept(1, "a", "lab._ctl.a.7");
    assert_eq!(bed.told(), [("lab._ctl.a.7".to_owned(), true)]);
    assert_eq!((bed.waiters.calls.len(), bed.waiters.given_up), (1, 0));
    // What is answered or expires without that leaves nothing either.
    for id in [3, 4] {
        bed.send(id, 5);
        bed.waiters.forget(id);
    }
    assert!(!bed.answer(3, success()), "nobody is woken");
    tokio::time::advance(Duration::from_secs(5)).await;
    bed.waiters.sweep(Instant::now(), &mut Vec::new());
    assert_eq!(
        (bed.waiters.calls.len(), bed.waiters.given_up),
        (1, 0),
        "the second, which waits for its caller"
    );
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_gone_fails_its_calls_and_no_others() {
    let mut bed = bed();
    for id in 1..4 {
        bed.send(id, 5);
    }
    bed.accept(1, "a", "lab._ctl.a.7");
    bed.accept(2, "a", "lab._ctl.a.7");
    bed.accept(1, "a", "lab._ctl.a.7");
    bed.lose(Gone::Unreached);
    for id in [1, 2] {
        let Poll::Ready(Answer::Lost(error)) = bed.poll(id) else { panic!("call {id} is lost") };
        assert_eq!((error.kind(), error.execution()), (ErrorKind::Unavailable, Execution::MaybeExecuted));
        assert!(error.message().contains("instance a is gone"), "{error}");
    }
    assert!(bed.poll(3).is_pending());
    assert!(bed.waiters.peers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_instance_of_many_that_is_gone_proves_nothing() {
    let mut bed = bed();
    bed.send(1, 5);
    let one_of_many = Flags::default().with_one_of_many();
    bed.accept_with(1, &accepted("a", one_of_many), "lab._ctl.a.7");
    bed.lose(Gone::Silent);
    assert!(bed.poll(1).is_pending() && bed.waiters.peers.is_empty());
    bed.accept_with(1, &accepted("b", one_of_many), "lab._ctl.b.1");
    assert!(bed.answer(1, success()));
    assert!(bed.waiters.peers.is_empty());
}

/// Else a forged message would have the client publish where it may and its author may not.
#[tokio::test(start_paused = true)]
async fn nothing_is_sent_to_a_subject_that_is_not_the_services_own() {
    let mut bed = bed();
    for (id, control) in
        [(1, "orders.delete"), (2, "$SYS._ctl.a.7"), (3, "lab._ctl.b.7"), (4, "lab._ctl.a.7.8")]
    {
        bed.send(id, 5);
        bed.accept(id, "a", control);
        bed.waiters.forget(id);
        bed.accept(id, "a", control);
    }
    assert!(bed.told().is_empty() && bed.waiters.peers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn instances_that_have_calls_are_told_that_we_are_there() {
    let mut bed = bed();
    bed.send(1, 5);
    bed.accept(1, "a", "lab._ctl.a.7");
    bed.waiters.beat();
    assert_eq!(bed.told(), [("lab._ctl.a.7".to_owned(), false)]);
    // Once is enough to learn that it is not allowed.
    bed.waiters.deny("lab._ctl.a.7", &mut Vec::new());
    bed.waiters.beat();
    assert!(bed.told().is_empty() && bed.poll(1).is_pending());
    bed.answer(1, success());
    assert!(bed.waiters.peers.is_empty());
}

/// Else who answers a call could have its caller send heartbeats to as many subjects as it likes.
#[tokio::test(start_paused = true)]
async fn a_call_has_one_instance_unless_it_is_a_broadcast() {
    let mut bed = bed();
    bed.send(1, 5);
    for control in ["lab._ctl.a.7", "lab._ctl.a.8", "lab._ctl.b.1"] {
        bed.accept(1, "a", control);
    }
    bed.waiters.beat();
    assert_eq!(bed.told().len(), 1);
    bed.send(2, 5);
    let one_of_many = Flags::default().with_one_of_many();
    for (instance, control) in [("b", "lab._ctl.b.7"), ("c", "lab._ctl.c.7")] {
        bed.accept_with(2, &accepted(instance, one_of_many), control);
    }
    bed.waiters.forget(2);
    assert_eq!(bed.told().len(), 2);
}

/// The number of the last question that was sent, and where its answer comes.
fn question(bed: &mut Bed) -> (String, Subject, u64) {
    let (message, _) = bed.waiters.control.pop().unwrap();
    assert_eq!(message.payload[..4], [0xC1, 1, 0x92, 9], "a heartbeat with a number");
    (message.subject.to_string(), message.reply.unwrap(), u64::from(message.payload[4]))
}

/// A mapping has brought the call to another subject than the one that its caller knows.
#[tokio::test(start_paused = true)]
async fn an_instance_elsewhere_confirms_where_it_hears_before_it_is_told_anything_else() {
    let mut bed = bed();
    bed.send(1, 5);
    bed.accept(1, "a", "moved.lab._ctl.a.7");
    let (control, reply, number) = question(&mut bed);
    assert_eq!(control, "lab._ctl.a.7", "below the caller's own subject");
    bed.waiters.beat();
    bed.waiters.forget(1);
    assert!(bed.told().is_empty(), "not yet");
    let now = Instant::now();
    bed.waiters.confirm(&reply, number + 1, now, &mut Vec::new());
    bed.waiters.confirm("_INBOX._a.9", number, now, &mut Vec::new());
    assert!(bed.told().is_empty(), "that was not asked");
    bed.waiters.confirm(&reply, number, now, &mut Vec::new());
    assert_eq!(bed.told(), [("lab._ctl.a.7".to_owned(), true)]);
    assert!(bed.waiters.peers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_listed_is_tried_after_that_and_needs_no_trial_if_the_instance_names_it() {
    let mut bed = bed();
    bed.waiters.slots.serve_below(0, &["east.lab".into(), "west".into()]);
    bed.send(1, 5);
    bed.accept(1, "a", "west.lab._ctl.a.7");
    assert!(bed.told().is_empty(), "it is listed");
    bed.waiters.forget(1);
    assert_eq!(bed.told(), [("west.lab._ctl.a.7".to_owned(), true)]);

    bed.send(2, 5);
    bed.accept(2, "a", "north.lab._ctl.a.8");
    for expected in ["lab._ctl.a.8", "east.lab._ctl.a.8", "west._ctl.a.8"] {
        let (control, reply, _) = question(&mut bed);
        assert_eq!(control, expected);
        if expected == "lab._ctl.a.8" {
            assert!(bed.waiters.unreached(&reply, None, Instant::now(), &mut Vec::new()));
        } else {
            tokio::time::advance(Duration::from_secs(1)).await;
            bed.waiters.look_at_peers(Instant::now(), &mut Vec::new());
        }
    }
    bed.waiters.beat();
    assert!(bed.told().is_empty() && bed.poll(2).is_pending(), "it is not told anything, and waited for");
    bed.waiters.forget(2);
    assert!(bed.told().is_empty() && bed.waiters.peers.is_empty());
}
