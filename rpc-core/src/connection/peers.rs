//! The instances that have accepted calls of this connection, and whether they are still there.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use slab::Slab;
use tokio::time::Instant;

use super::Subject;

/// How long an instance, or a caller that has a stream open at one, may say nothing: three heartbeats.
pub(crate) const LONGEST_SILENCE: Duration = Duration::from_secs(3);

/// Names one of them.
pub(super) type PeerId = usize;

/// An instance, as calls of one service know it.
#[derive(Debug)]
pub(super) struct Peer {
    /// Where it hears about the calls that it has.
    pub(super) control: Subject,
    /// Where it is heard.
    pub(super) reply: Subject,
    pub(super) instance: Box<str>,
    /// When it was heard last.
    heard: Instant,
    /// Whether the broker does not let us tell it anything.
    is_denied: bool,
    calls: HashSet<u64>,
}

/// All of them. One is kept as long as it has a call.
#[derive(Debug, Default)]
pub(super) struct Peers {
    all: Slab<Peer>,
    by_control: HashMap<Box<str>, PeerId>,
}

impl Peers {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn get(&self, peer: PeerId) -> Option<&Peer> {
        self.all.get(peer)
    }

    /// The one that is heard about on this subject.
    pub(super) fn find(&self, control: &str) -> Option<PeerId> {
        self.by_control.get(control).copied()
    }

    /// Notes that an instance has a call. `reply` makes the subject at which it is heard.
    pub(super) fn open(
        &mut self,
        call: u64,
        control: &Subject,
        instance: &str,
        now: Instant,
        reply: impl FnOnce() -> Subject,
    ) -> PeerId {
        let peer = match self.by_control.get(control.as_str()) {
            Some(peer) => *peer,
            None => {
                let (control, instance) = (control.clone(), Box::from(instance));
                let name = Box::from(control.as_str());
                let peer = self.all.insert(Peer {
                    control,
                    reply: reply(),
                    instance,
                    heard: now,
                    is_denied: false,
                    calls: HashSet::new(),
                });
                self.by_control.insert(name, peer);
                peer
            }
        };
        if let Some(peer) = self.all.get_mut(peer) {
            peer.calls.insert(call);
        }
        peer
    }

    /// Notes that an instance has a call no more.
    pub(super) fn close(&mut self, call: u64, peer: PeerId) {
        let Some(there) = self.all.get_mut(peer) else { return };
        there.calls.remove(&call);
        if there.calls.is_empty() {
            self.by_control.remove(there.control.as_str());
            self.all.remove(peer);
        }
    }

    /// Notes that an instance was heard.
    pub(super) fn hear(&mut self, control: &str, now: Instant) {
        if let Some(peer) = self.by_control.get(control).and_then(|peer| self.all.get_mut(*peer)) {
            peer.heard = now;
        }
    }

    /// Notes that the broker refused what was sent to an instance: it is not tried again.
    pub(super) fn deny(&mut self, control: &str) {
        if let Some(peer) = self.by_control.get(control).and_then(|peer| self.all.get_mut(*peer)) {
            peer.is_denied = true;
        }
    }

    /// Notes that this process was the one which heard nothing for a while: it may have been stopped itself.
    pub(super) fn forgive(&mut self, now: Instant) {
        self.all.iter_mut().for_each(|(_, peer)| peer.heard = now);
    }

    /// Those that have said nothing for too long.
    pub(super) fn silent(&self, now: Instant) -> Vec<PeerId> {
        let is_silent = |peer: &Peer| now.duration_since(peer.heard) >= LONGEST_SILENCE;
        self.all.iter().filter(|(_, peer)| is_silent(peer)).map(|(peer, _)| peer).collect()
    }

    /// Who is meant when the broker says that a message to an instance reached nobody. Servers before 2.12 do not say
    /// where the message went: then it must be the only one that is heard there.
    pub(super) fn unreached(&self, reply: &str, went_to: Option<&str>) -> Option<PeerId> {
        if let Some(control) = went_to {
            return self.by_control.get(control).copied();
        }
        let mut there = self.all.iter().filter(|(_, peer)| *peer.reply == *reply);
        let (peer, _) = there.next()?;
        there.next().is_none().then_some(peer)
    }

    /// The calls that an instance has, in a fixed order.
    pub(super) fn calls(&self, peer: PeerId) -> Vec<u64> {
        let mut calls: Vec<u64> =
            self.all.get(peer).map(|peer| peer.calls.iter().copied().collect()).unwrap_or_default();
        calls.sort_unstable();
        calls
    }

    /// Those that can be told something.
    pub(super) fn reachable(&self) -> impl Iterator<Item = &Peer> {
        self.all.iter().map(|(_, peer)| peer).filter(|peer| !peer.is_denied)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(peers: &mut Peers, call: u64, control: &'static str) -> PeerId {
        let reply = || Subject::from_static("_INBOX.x._a");
        peers.open(call, &Subject::from_static(control), "a", Instant::now(), reply)
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_is_kept_as_long_as_it_has_a_call() {
        let mut peers = Peers::default();
        let peer = open(&mut peers, 1, "lab._ctl.a.1");
        assert_eq!(open(&mut peers, 2, "lab._ctl.a.1"), peer);
        assert_eq!(peers.calls(peer), [1, 2]);
        peers.close(1, peer);
        assert!(!peers.is_empty());
        peers.close(2, peer);
        assert!(peers.is_empty() && peers.by_control.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_counted_from_the_last_word() {
        let mut peers = Peers::default();
        let peer = open(&mut peers, 1, "lab._ctl.a.1");
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
    async fn who_was_not_reached_must_be_certain() {
        let mut peers = Peers::default();
        let one = open(&mut peers, 1, "lab._ctl.a.1");
        assert_eq!(peers.unreached("_INBOX.x._a", None), Some(one));
        let other = open(&mut peers, 2, "shelf._ctl.a.1");
        assert_eq!(peers.unreached("_INBOX.x._a", None), None);
        assert_eq!(peers.unreached("_INBOX.x._a", Some("shelf._ctl.a.1")), Some(other));
        assert_eq!(peers.unreached("_INBOX.x._b", None), None);
    }
}
