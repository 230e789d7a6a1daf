//! What is taken on is counted where it has to be, and given back.

use super::*;
use crate::wire::reply_prefixes::ReplyPrefixes;

fn own(bytes: usize) -> Held {
    Held::own(None, bytes)
}

#[test]
fn calls_and_bytes_are_bounded_and_given_back() {
    let limits = Limits { in_flight: 1, queued: 1, bytes: 100, ..Limits::default() };
    let admitted = Admitted::by(&limits);
    assert_eq!(admitted.enter(&own(60)), Ok(()));
    assert!(admitted.enter(&own(60)).unwrap_err().contains("bytes"));
    assert_eq!(admitted.enter(&own(40)), Ok(()));
    assert!(admitted.enter(&own(0)).unwrap_err().contains("2 calls"));
    admitted.leave(&own(60));
    assert_eq!(admitted.enter(&own(60)), Ok(()));
}

#[test]
fn the_memory_of_a_message_counts_once_and_until_its_last_call() {
    let admitted = Arc::new(Admitted::by(&Limits { bytes: 100, ..Limits::default() }));
    let held = Held::shared(&admitted, None, 60);
    assert_eq!(admitted.enter(&held), Ok(()));
    assert_eq!(admitted.enter(&held), Ok(()));
    let other = Held::shared(&admitted, None, 60);
    assert!(admitted.enter(&other).unwrap_err().contains("60 bytes"));
    drop(other);
    admitted.leave(&held);
    assert!(admitted.enter(&own(50)).is_err());
    admitted.leave(&held);
    drop(held);
    assert_eq!(admitted.enter(&own(50)), Ok(()));
}

#[test]
fn a_method_with_limits_counts_for_itself_and_for_the_server() {
    let admitted = Arc::new(Admitted::by(&Limits { bytes: 100, ..Limits::default() }));
    let limits = MethodLimits::new().max_in_flight(1).max_bytes(50);
    let quota = Arc::new(Quota::new(&limits));
    let of_method = |bytes| Held::own(Some(&quota), bytes);
    assert_eq!(admitted.enter(&of_method(20)), Ok(()));
    assert!(admitted.enter(&of_method(40)).unwrap_err().contains("the method"), "over its bytes");
    assert_eq!(admitted.enter(&of_method(20)), Ok(()), "as many may wait as may run");
    assert!(admitted.enter(&of_method(0)).unwrap_err().contains("2 calls of the method"));
    assert!(admitted.enter(&own(80)).unwrap_err().contains("the server"), "the server counts them too");
    assert_eq!(admitted.enter(&own(60)), Ok(()), "others are not concerned");
    admitted.leave(&own(60));
    admitted.leave(&of_method(20));
    admitted.leave(&of_method(20));
    let shared = Held::shared(&admitted, Some(&quota), 50);
    assert_eq!((admitted.enter(&shared), admitted.enter(&shared)), (Ok(()), Ok(())));
    admitted.leave(&shared);
    admitted.leave(&shared);
    drop(shared);
    for level in levels(&admitted, Some(&quota), None) {
        assert_eq!((level.calls(), level.bytes.load(Ordering::Relaxed)), (0, 0));
    }
}

#[test]
fn a_caller_counts_for_itself_and_for_the_server() {
    let limits = Limits { in_flight: 8, queued: 0, bytes: 80, ..Limits::default() };
    let prefixes = ReplyPrefixes::new(vec!["_INBOX".into(), "web".into()]).unwrap();
    let (callers, admitted) = (Callers::new(Some(&prefixes), &limits), Arc::new(Admitted::by(&limits)));
    let of = |reply, bytes| {
        let mut held = own(bytes);
        held.identify(&callers, Some(reply));
        held
    };
    assert_eq!(admitted.enter(&of("_INBOX.a", 50)), Ok(()));
    assert!(admitted.enter(&of("_INBOX.b", 30)).unwrap_err().contains("of the caller"));
    assert_eq!(admitted.enter(&of("web.a", 30)), Ok(()), "others have theirs");
    admitted.leave(&of("web.a", 30));
    assert!(!callers.are_crowded());
    for _ in 0..6 {
        assert_eq!(admitted.enter(&of("_INBOX.b", 0)), Ok(()));
    }
    assert!(callers.are_crowded(), "it has seven of the eight places");
    assert!(admitted.enter(&of("_INBOX.b", 0)).unwrap_err().contains("7 calls of the caller"));
    admitted.leave(&of("_INBOX.a", 50));
    assert!(!callers.are_crowded());
    admitted.leave(&of("_INBOX.b", 0));
    // The calls of one message have one caller, whoever of them is asked.
    let shared = Held::shared(&admitted, None, 50);
    let (mut one, other) = (shared.clone(), shared);
    one.identify(&callers, Some("_INBOX.a"));
    admitted.add(&one);
    assert!(admitted.enter(&of("_INBOX.b", 30)).unwrap_err().contains("50 bytes"));
    admitted.leave(&one);
    drop((one, other));
    assert_eq!(admitted.enter(&of("_INBOX.b", 30)), Ok(()));
}
