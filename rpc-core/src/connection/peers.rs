//! The instances that have accepted calls of this connection, and whether they are still there.

#[cfg(test)]
mod tests;

mod asking;

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use slab::Slab;
use tokio::time::Instant;

use self::asking::Asked;
use super::Subject;

/// How long an instance, or a caller that has a stream open at one, may say nothing: three heartbeats.
pub(crate) const LONGEST_SILENCE: Duration = Duration::from_secs(3);

/// How long one waits for the next heartbeat of an instance that a message did not reach: one of
/// them comes each second.
const DOUBT: Duration = Duration::from_millis(1200);

/// Names one of them.
pub(super) type PeerId = usize;

/// An instance, as calls of one service know it.
#[derive(Debug)]
pub(super) struct Peer {
    /// Where it hears about the calls that it has, as it says. That is its name here.
    pub(super) declared: Subject,
    /// Where it is told something about them: there, or at what is mapped to it. `None` if nothing
    /// that is sent gets there for certain.
    pub(super) control: Option<Subject>,
    /// Whether it has to confirm yet that it hears there.
    asked: Option<Asked>,
    /// What the reply subjects of what it is told begin with, and the one that is used now. No
    /// other instance has the same.
    inbox: Box<str>,
    pub(super) reply: Subject,
    /// Where its messages arrive, if they come from another account: they do not name it.
    pub(super) at: Option<Subject>,
    pub(super) instance: Box<str>,
    /// When it was heard last.
    heard: Instant,
    /// Since when a message has not reached it.
    doubted: Option<Instant>,
    /// Whether the broker does not let us tell it anything.
    is_denied: bool,
    calls: HashSet<u64>,
}

impl Peer {
    /// Whether it is told something where it says that it hears, and not at what is mapped to that.
    pub(super) fn is_direct(&self) -> bool {
        self.control.as_ref() == Some(&self.declared)
    }
}

/// What is known of an instance when it has a call.
pub(super) struct NewPeer<'a> {
    pub(super) declared: &'a Subject,
    /// Where it may be told something: one subject that is certain, or several that have to be
    /// tried.
    pub(super) controls: Controls,
    pub(super) at: Option<Subject>,
    pub(super) instance: &'a str,
    /// What the reply subject of what it is told begins with.
    pub(super) inbox: &'a str,
}

/// Where an instance may be told something.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Controls {
    At(Subject),
    /// It has to confirm that it hears at one of these.
    Perhaps(VecDeque<Subject>),
}

/// Who has sent a message about a call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<'a> {
    /// The instance that hears here.
    Control(&'a Subject),
    /// One of another account, whose NATS server does not tell which: only this subject leads here.
    Across(&'a Subject),
}

/// What a message means that did not reach an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreached {
    /// It is gone.
    Gone,
    /// Its control subject is mapped to several others: what is sent there gets to it or does not.
    Weighted,
    /// It is gone, unless it is heard soon.
    Doubted,
    /// It does not hear where it was asked.
    Unconfirmed,
}

/// All of them. One is kept as long as it has a call.
#[derive(Debug, Default)]
pub(super) struct Peers {
    all: Slab<Peer>,
    by_name: HashMap<Box<str>, PeerId>,
    /// How many reply subjects have been made.
    replies: u64,
}

impl Peers {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn get(&self, peer: PeerId) -> Option<&Peer> {
        self.all.get(peer)
    }

    /// The one with this name.
    pub(super) fn find(&self, declared: &str) -> Option<PeerId> {
        self.by_name.get(declared).copied()
    }

    /// The one that has sent a message.
    pub(super) fn from(&self, origin: Origin<'_>) -> Option<PeerId> {
        match origin {
            Origin::Control(declared) => self.find(declared),
            Origin::Across(at) => {
                self.all.iter().find(|(_, peer)| peer.at.as_ref() == Some(at)).map(|(peer, _)| peer)
            }
        }
    }

    /// Whether an instance has sent a message.
    pub(super) fn is_from(&self, peer: PeerId, origin: Origin<'_>) -> bool {
        self.all.get(peer).is_some_and(|peer| match origin {
            Origin::Control(declared) => peer.declared == *declared,
            Origin::Across(at) => peer.at.as_ref() == Some(at),
        })
    }

    /// A reply subject for what an instance is told: the broker says there that it did not get
    /// there.
    fn reply(&mut self, inbox: &str, instance: &str) -> Subject {
        self.replies += 1;
        format!("{inbox}._{instance}.{}", self.replies).into()
    }

    /// Notes that an instance has a call. One that is new has to be [asked](Self::ask_next) where
    /// that is not certain.
    pub(super) fn open(&mut self, call: u64, peer: NewPeer<'_>, now: Instant) -> PeerId {
        let peer = match self.find(peer.declared) {
            Some(peer) => peer,
            None => self.add(peer, now),
        };
        if let Some(peer) = self.all.get_mut(peer) {
            peer.calls.insert(call);
        }
        peer
    }

    fn add(&mut self, peer: NewPeer<'_>, now: Instant) -> PeerId {
        let NewPeer { declared, controls, at, instance, inbox } = peer;
        let (control, asked) = match controls {
            Controls::At(control) => (Some(control), None),
            Controls::Perhaps(others) => (None, Some(Asked::new(others))),
        };
        let reply = self.reply(inbox, instance);
        let peer = self.all.insert(Peer {
            declared: declared.clone(),
            control,
            asked,
            inbox: inbox.into(),
            reply,
            at,
            instance: instance.into(),
            heard: now,
            doubted: None,
            is_denied: false,
            calls: HashSet::new(),
        });
        self.by_name.insert(declared.as_str().into(), peer);
        peer
    }

    /// Notes that an instance has a call no more. One that has to be told so yet is kept until it
    /// can be.
    pub(super) fn close(&mut self, call: u64, peer: PeerId) {
        let Some(there) = self.all.get_mut(peer) else { return };
        there.calls.remove(&call);
        self.forget_unused(peer);
    }

    /// Forgets an instance that has no call, unless it has to be told something yet.
    pub(super) fn forget_unused(&mut self, peer: PeerId) {
        let Some(there) = self.all.get(peer) else { return };
        if there.calls.is_empty() && there.asked.as_ref().is_none_or(Asked::is_owed_nothing) {
            self.by_name.remove(there.declared.as_str());
            self.all.remove(peer);
        }
    }

    /// Notes that an instance was heard.
    pub(super) fn hear(&mut self, declared: &str, now: Instant) {
        if let Some(peer) = self.find(declared).and_then(|peer| self.all.get_mut(peer)) {
            peer.heard = now;
        }
    }

    /// Notes that the broker refused what was sent to an instance: it is not tried again.
    pub(super) fn deny(&mut self, control: &str) {
        for (_, peer) in &mut self.all {
            peer.is_denied |= peer.control.as_deref() == Some(control);
        }
    }

    /// The instances that are told something at this subject.
    pub(super) fn told_at(&self, control: &str) -> Vec<PeerId> {
        let there = self.all.iter().filter(|(_, peer)| peer.control.as_deref() == Some(control));
        there.map(|(peer, _)| peer).collect()
    }

    /// Notes that nothing that is sent to an instance gets there for certain.
    pub(super) fn give_up_control(&mut self, peer: PeerId) {
        if let Some(peer) = self.all.get_mut(peer) {
            (peer.control, peer.asked, peer.doubted) = (None, None, None);
        }
    }

    /// Notes that this process was the one which heard nothing for a while: it may have been stopped itself.
    pub(super) fn forgive(&mut self, now: Instant) {
        self.all.iter_mut().for_each(|(_, peer)| (peer.heard, peer.doubted) = (now, None));
    }

    /// Those that have said nothing for too long.
    pub(super) fn silent(&self, now: Instant) -> Vec<PeerId> {
        let is_silent = |peer: &Peer| now.duration_since(peer.heard) >= LONGEST_SILENCE;
        self.all.iter().filter(|(_, peer)| is_silent(peer)).map(|(peer, _)| peer).collect()
    }

    /// The broker says at this reply subject that a message to an instance reached nobody; since
    /// 2.12 it also says where the message went. Where an instance hears, nobody does then: it is
    /// gone. Where a message went elsewhere though it was sent to where the instance hears, the
    /// subject is mapped. In any other case, the next heartbeat tells.
    pub(super) fn unreached(
        &mut self,
        reply: &str,
        went_to: Option<&str>,
        now: Instant,
    ) -> Option<(PeerId, Unreached)> {
        let (peer, there) = self.all.iter_mut().find(|(_, peer)| *peer.reply == *reply)?;
        let what = match went_to {
            _ if there.asked.is_some() => Unreached::Unconfirmed,
            Some(went_to) if there.is_direct() && *went_to == *there.declared => Unreached::Gone,
            Some(_) if there.is_direct() => Unreached::Weighted,
            _ => {
                there.doubted.get_or_insert(now);
                Unreached::Doubted
            }
        };
        Some((peer, what))
    }

    /// What has become of those that were doubted.
    pub(super) fn decided(&self, now: Instant) -> Vec<(PeerId, Unreached)> {
        let decide = |peer: &Peer| {
            let since = peer.doubted?;
            if peer.heard > since {
                return Some(Unreached::Weighted);
            }
            (now.duration_since(since) >= DOUBT).then_some(Unreached::Gone)
        };
        self.all.iter().filter_map(|(id, peer)| Some((id, decide(peer)?))).collect()
    }

    /// The calls that an instance has, in a fixed order.
    pub(super) fn calls(&self, peer: PeerId) -> Vec<u64> {
        let mut calls: Vec<u64> =
            self.all.get(peer).map(|peer| peer.calls.iter().copied().collect()).unwrap_or_default();
        calls.sort_unstable();
        calls
    }

    /// Those that can be told something, with the subject for that.
    pub(super) fn reachable(&self) -> impl Iterator<Item = (&Subject, &Peer)> {
        let all = self.all.iter().map(|(_, peer)| peer);
        let can_be_told = all.filter(|peer| !peer.is_denied && peer.asked.is_none());
        can_be_told.filter_map(|peer| Some((peer.control.as_ref()?, peer)))
    }
}
