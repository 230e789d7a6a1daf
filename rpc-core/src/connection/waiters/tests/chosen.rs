//! Calls that have chosen where they go: to all instances, or to a subject of their own.

use super::*;
use crate::connection::outbox::Place as Destined;

fn chosen(bed: &mut Bed, number: usize) -> DestinationId {
    let subject = format!("lab._at.i{number}.echo").into();
    bed.waiters.pin(Destined { subject, service: "lab".len(), pool: 0, most: 512 })
}

/// A call to it that is out.
fn out(bed: &mut Bed, id: u64, destination: DestinationId) {
    let now = Instant::now();
    let payload = Bytes::from_static(&[0xC1, 1, 1]);
    let deadline = now + Duration::from_secs(60);
    let waker = Waker::noop().clone();
    bed.waiters.add(Expected { id, destination, payload, now, deadline, waker }, 1000, fresh);
    bed.flush();
}

#[tokio::test]
async fn destinations_that_are_not_in_use_are_forgotten_once_there_are_many() {
    let mut bed = bed();
    let (pinned, busy) = (chosen(&mut bed, 0), chosen(&mut bed, 1));
    out(&mut bed, 1, busy);
    bed.waiters.destinations.unpin(busy);
    for number in 2..3000 {
        let destination = chosen(&mut bed, number);
        bed.waiters.destinations.unpin(destination);
    }
    assert!(bed.waiters.destinations.len() < 1100, "{}", bed.waiters.destinations.len());
    let mut subject = |id| bed.waiters.destinations.get_mut(id).map(|there| there.subject.to_string());
    assert_eq!(subject(pinned).as_deref(), Some("lab._at.i0.echo"));
    assert_eq!(subject(busy).as_deref(), Some("lab._at.i1.echo"));
    assert_eq!(subject(bed.destination).as_deref(), Some(SENT), "that of a stub stays");
}

fn message(bytes: usize) -> Part {
    Part::Reply(Box::new(Message {
        subject: "_INBOX.x".into(),
        reply: None,
        payload: vec![0; bytes].into(),
        headers: None,
        status: None,
        description: None,
        length: bytes,
    }))
}

fn next(bed: &mut Bed) -> Option<Next> {
    let mut replaced = None;
    match bed.waiters.poll_gathering(7, &Context::from_waker(Waker::noop()), &mut replaced) {
        Poll::Ready(next) => Some(next),
        Poll::Pending => None,
    }
}

#[tokio::test]
async fn what_comes_for_a_gather_is_kept_up_to_a_limit_and_then_it_ends() {
    let mut bed = bed();
    let deadline = Instant::now() + Duration::from_secs(60);
    assert!(bed.waiters.add_gathering(7, bed.destination, deadline, true).is_some());
    assert!(bed.waiters.add_gathering(7, bed.destination, deadline, true).is_none(), "it is out already");
    for _ in 0..65 {
        bed.waiters.gather(7, message(1024 * 1024));
    }
    let mut kept = 0;
    while let Some(Next::Part(_)) = next(&mut bed) {
        kept += 1;
        if kept == 64 {
            break;
        }
    }
    assert_eq!(kept, 64, "64 MiB");
    let Some(Next::End(Answer::Lost(error))) = next(&mut bed) else { panic!("it has ended") };
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert_eq!(bed.waiters.len(), 0);
}

#[tokio::test]
async fn a_gather_that_was_given_up_keeps_nothing_and_is_gone_at_its_deadline() {
    let mut bed = bed();
    let now = Instant::now();
    bed.waiters.add_gathering(7, bed.destination, now + Duration::from_secs(1), true);
    bed.waiters.gather(7, message(10));
    drop(bed.waiters.forget(7));
    assert!(bed.waiters.gather(7, message(10)).is_none());
    assert!(bed.waiters.gathers(7), "for those that say later that they have it");
    let mut wake = Vec::new();
    bed.waiters.sweep(now + Duration::from_secs(2), &mut wake);
    assert_eq!((bed.waiters.len(), bed.waiters.given_up), (0, 0));
}

#[tokio::test]
async fn a_gather_that_was_answered_does_not_make_a_later_refusal_doubtful() {
    for (answered, given_up) in [(true, false), (true, true), (false, false), (false, true)] {
        let mut bed = bed();
        let now = Instant::now();
        bed.waiters.add_gathering(7, bed.destination, now + Duration::from_secs(1), true);
        if answered {
            bed.waiters.gather(7, message(10));
        }
        if given_up {
            drop(bed.waiters.forget(7));
        }
        let mut wake = Vec::new();
        bed.waiters.sweep(now + Duration::from_secs(2), &mut wake);
        bed.waiters.add_plain(8, bed.destination, now + Duration::from_secs(60), Waker::noop().clone());
        bed.waiters.deny(SENT, &mut wake);
        let answer = bed.waiters.poll(8, &Context::from_waker(Waker::noop()), &mut None);
        let Poll::Ready(Answer::Denied(execution)) = answer else { panic!("{answer:?}") };
        assert_eq!(
            execution == Execution::NotExecuted,
            answered,
            "answered: {answered}, given up: {given_up}"
        );
    }
}
