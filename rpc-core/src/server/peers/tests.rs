//! The calls that are open belong to who has made them, and to nobody else.

use futures_util::FutureExt;

use super::*;
use crate::connection::Joining;
use crate::reply::ContentType;

fn peers() -> Arc<Peers> {
    let connection = crate::memory::Broker::new().connect();
    let replier = Arc::new(Replier { connection, instance: "i7".into() });
    Arc::new(Peers::new(replier, 1, Arc::default()))
}

fn open(peers: &Arc<Peers>, reply: &str, format: Format) -> Option<(OpenCall, OutboundMessage)> {
    let (to, audience) = (Some(reply.into()), Audience::One);
    let (replier, joining) = (Arc::clone(&peers.replier), Joining::Lone);
    let path = ReplyPath { replier, to, joining, together: None, format, audience };
    peers.open(
        "s.m",
        &path,
        &ReplyPrefixes::default(),
        CancellationToken::new(),
        &Arc::new(Stats::new("s", "m")),
    )
}

fn framed(id: u64) -> Format {
    Format::Framed { id: Id::new(id), flags: Flags::default() }
}

fn is_empty(peers: &Peers) -> bool {
    let state = peers.lock();
    state.peers.is_empty() && state.tokens.is_empty()
}

/// The token in the subject that a peer is heard on.
fn token(accepted: &OutboundMessage) -> String {
    let (control, token) = accepted.reply.as_deref().unwrap().rsplit_once('.').unwrap();
    assert_eq!(control, "s._ctl.i7");
    token.to_owned()
}

#[test]
fn the_calls_of_an_inbox_have_one_peer_for_as_long_as_there_are_any() {
    let peers = peers();
    let (first, accepted) = open(&peers, "_INBOX.a.1", framed(1)).unwrap();
    let (second, again) = open(&peers, "_INBOX.a.2", framed(2)).unwrap();
    let (_other, other) = open(&peers, "_INBOX.b.1", framed(1)).unwrap();
    assert_eq!([&*accepted.subject, &*other.subject], ["_INBOX.a._i7", "_INBOX.b._i7"]);
    assert_eq!(accepted.subject.as_ptr(), again.subject.as_ptr(), "they can be joined");
    assert_eq!(token(&accepted), token(&again));
    assert_ne!(token(&accepted), token(&other));
    assert!(peers.opened.notified().now_or_never().is_some());
    drop((first, second));
    assert_eq!(peers.addresses().len(), 1);
    let (_third, later) = open(&peers, "_INBOX.a.3", framed(3)).unwrap();
    assert_ne!(token(&accepted), token(&later), "what is said to one that is gone does not hit the next");
}

#[test]
fn a_cancel_hits_the_call_of_its_peer_and_no_other() {
    let peers = peers();
    let (mine, accepted) = open(&peers, "_INBOX.a.1", framed(1)).unwrap();
    let (other, not_mine) = open(&peers, "_INBOX.b.1", framed(1)).unwrap();
    assert!(!peers.cancel(&token(&accepted), &Id::new(2)), "an unknown call");
    assert!(!peers.cancel("1", &Id::new(1)), "an unknown peer");
    assert!(peers.cancel(&token(&accepted), &Id::new(1)));
    assert!(mine.cancellation.is_cancelled() && !other.cancellation.is_cancelled());
    assert!(!peers.cancel(&token(&accepted), &Id::new(1)), "once");
    drop(mine);
    assert!(peers.cancel(&token(&not_mine), &Id::new(1)));
    drop(other);
    assert!(is_empty(&peers));
}

#[test]
fn all_calls_of_a_peer_that_is_gone_are_cancelled() {
    let peers = peers();
    let opened: Vec<_> = (0..3).map(|id| open(&peers, "_INBOX.a.1", framed(id)).unwrap()).collect();
    let (other, _) = open(&peers, "_INBOX.b.1", framed(1)).unwrap();
    let peer = token(&opened[0].1);
    assert_eq!(peers.gone("nobody"), 0);
    assert_eq!(peers.gone(&peer), 3);
    assert!(opened.iter().all(|(call, _)| call.cancellation.is_cancelled()));
    assert!(!other.cancellation.is_cancelled());
    assert_eq!(peers.gone(&peer), 0);
    drop((opened, other));
    assert!(is_empty(&peers));
}

#[test]
fn a_call_that_nobody_can_be_told_of_is_not_opened() {
    let peers = peers();
    let plain = Format::Plain { codec: crate::Codec::Json, content_type: ContentType::Implied };
    assert!(open(&peers, "_INBOX.a.1", plain).is_none());
    assert!(open(&peers, "_R_.a.1", framed(1)).is_none(), "another account takes one reply only");
    assert!(open(&peers, "inbox", framed(1)).is_none(), "it has no place for control messages");
    assert!(open(&peers, "orders.1", framed(1)).is_none(), "that place would be outside of what is allowed");
    assert!(is_empty(&peers));
    let (_first, _) = open(&peers, "_INBOX.a.1", framed(1)).unwrap();
    assert!(open(&peers, "_INBOX.a.2", framed(1)).is_none(), "an id that is open already");
}
