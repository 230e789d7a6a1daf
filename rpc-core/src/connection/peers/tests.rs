//! Who is there, who is gone, and of whom that is not known yet.

use super::*;

const A: Subject = Subject::from_static("lab._ctl.a.1");

fn open(peers: &mut Peers, call: u64, declared: &Subject, control: Option<&Subject>) -> PeerId {
    let controls = Controls::At(control.unwrap_or(declared).clone());
    let peer = NewPeer { declared, controls, at: None, instance: "a", inbox: "_INBOX.x.s" };
    peers.open(call, peer, Instant::now())
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_kept_as_long_as_it_has_a_call() {
    let mut peers = Peers::default();
    let peer = open(&mut peers, 1, &A, Some(&A));
    assert_eq!(open(&mut peers, 2, &A, Some(&A)), peer);
    assert_eq!(peers.calls(peer), [1, 2]);
    peers.close(1, peer);
    assert!(!peers.is_empty());
    peers.close(2, peer);
    assert!(peers.is_empty() && peers.by_name.is_empty());
}

#[tokio::test(start_paused = true)]
async fn silence_is_counted_from_the_last_word() {
    let mut peers = Peers::default();
    let peer = open(&mut peers, 1, &A, Some(&A));
    tokio::time::advance(LONGEST_SILENCE - Duration::from_millis(1)).await;
    assert_eq!(peers.silent(Instant::now()), [0; 0]);
    peers.hear("lab._ctl.a.1", Instant::now());
    peers.hear("lab._ctl.b.1", Instant::now());
    tokio::time::advance(LONGEST_SILENCE).await;
    assert_eq!(peers.silent(Instant::now()), [peer]);
    peers.forgive(Instant::now());
    assert_eq!(peers.silent(Instant::now()), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_reply_subject_tells_who_was_not_reached() {
    let mut peers = Peers::default();
    let one = open(&mut peers, 1, &A, Some(&A));
    let other = open(&mut peers, 2, &"lab._ctl.a.2".into(), Some(&"lab._ctl.a.2".into()));
    let replies = [one, other].map(|peer| peers.get(peer).unwrap().reply.clone());
    let now = Instant::now();
    assert_eq!(peers.unreached(&replies[0], Some("lab._ctl.a.1"), now), Some((one, Unreached::Gone)));
    assert_eq!(peers.unreached(&replies[1], Some("lab._ctl.a.2"), now), Some((other, Unreached::Gone)));
    assert_eq!(peers.unreached("_INBOX.x.s._a", Some("lab._ctl.a.1"), now), None);
    // It was sent where the instance hears, and went elsewhere: another mapping got it.
    let mapped = peers.unreached(&replies[0], Some("canary.lab._ctl.a.1"), now);
    assert_eq!(mapped, Some((one, Unreached::Weighted)));
}

/// Servers before 2.12 do not say where a message went, and nobody knows where one did that was
/// mapped.
#[tokio::test(start_paused = true)]
async fn one_that_is_heard_after_all_has_a_weighted_subject_and_another_is_gone() {
    let mut peers = Peers::default();
    let own = Subject::from("own._ctl.a.1");
    let one = open(&mut peers, 1, &A, Some(&own));
    let other = open(&mut peers, 2, &"lab._ctl.a.2".into(), Some(&"lab._ctl.a.2".into()));
    let replies = [one, other].map(|peer| peers.get(peer).unwrap().reply.clone());
    let went_to = [Some("lab._ctl.a.1"), None];
    for ((reply, went_to), peer) in replies.iter().zip(went_to).zip([one, other]) {
        let unreached = peers.unreached(reply, went_to, Instant::now());
        assert_eq!(unreached, Some((peer, Unreached::Doubted)));
    }
    tokio::time::advance(Duration::from_millis(900)).await;
    assert_eq!(peers.decided(Instant::now()), []);
    peers.hear("lab._ctl.a.1", Instant::now());
    assert_eq!(peers.decided(Instant::now()), [(one, Unreached::Weighted)]);
    peers.give_up_control(one);
    assert_eq!(peers.reachable().count(), 1);
    tokio::time::advance(Duration::from_millis(300)).await;
    assert_eq!(peers.decided(Instant::now()), [(other, Unreached::Gone)]);
}
