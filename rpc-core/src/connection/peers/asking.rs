//! Instances of which is not known yet where they can be told something.
//!
//! A call may have got to its instance by a mapping, or from another account. Then the instance
//! says that it hears below a subject which is not the caller's own, and at which a caller must not
//! publish what somebody else names. So the caller tries what it may publish to, and the instance
//! confirms what has arrived.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::BytesMut;
use tokio::time::Instant;

use super::{PeerId, Peers};
use crate::connection::{OutboundMessage, Subject};
use crate::wire::frame::write_heartbeat;

/// How long a confirmation may take, which is a round trip.
const LONGEST: Duration = Duration::from_secs(1);

/// How many calls that nobody waits for any more are remembered of one instance, until it can be
/// told so.
const MAX_OWED: usize = 1024;

/// What is tried, and what is tried after that.
#[derive(Debug)]
pub(super) struct Asked {
    number: u64,
    since: Instant,
    others: VecDeque<Subject>,
    /// The calls that are to be cancelled there.
    cancels: Vec<u64>,
}

impl Asked {
    pub(super) fn new(others: VecDeque<Subject>) -> Self {
        Asked { number: 0, since: Instant::now(), others, cancels: Vec::new() }
    }

    pub(super) fn is_owed_nothing(&self) -> bool {
        self.cancels.is_empty()
    }
}

impl Peers {
    /// Whether an instance has to confirm yet that it hears where it is told something.
    pub(in crate::connection) fn is_asked(&self, peer: PeerId) -> bool {
        self.all.get(peer).is_some_and(|peer| peer.asked.is_some())
    }

    /// Asks an instance at the next subject at which it may hear. `None` if there is no other: then
    /// it cannot be told anything.
    pub(in crate::connection) fn ask_next(&mut self, peer: PeerId) -> Option<OutboundMessage> {
        let there = self.all.get(peer)?;
        let (inbox, instance) = (there.inbox.clone(), there.instance.clone());
        let reply = self.reply(&inbox, &instance);
        let number = self.replies;
        let there = self.all.get_mut(peer)?;
        let asked = there.asked.as_mut()?;
        there.control = asked.others.pop_front();
        let Some(subject) = there.control.clone() else {
            there.asked = None;
            self.forget_unused(peer);
            return None;
        };
        (asked.number, asked.since, there.reply) = (number, Instant::now(), reply.clone());
        let mut bytes = BytesMut::new();
        write_heartbeat(&mut bytes, Some(number), None);
        Some(OutboundMessage { subject, reply: Some(reply), payload: bytes.freeze(), headers: None })
    }

    /// An instance confirms at this reply subject that it hears where it was asked. Returns it,
    /// with the calls that are to be cancelled there.
    pub(in crate::connection) fn confirm(&mut self, reply: &str, number: u64) -> Option<(PeerId, Vec<u64>)> {
        let (peer, there) = self.all.iter_mut().find(|(_, peer)| *peer.reply == *reply)?;
        let asked = there.asked.take_if(|asked| asked.number == number)?;
        Some((peer, asked.cancels))
    }

    /// Notes that a call is to be cancelled at an instance once that can be told so. Says whether
    /// it cannot yet.
    pub(in crate::connection) fn owe_cancel(&mut self, peer: PeerId, call: u64) -> bool {
        let asked = self.all.get_mut(peer).and_then(|peer| peer.asked.as_mut());
        let Some(asked) = asked else { return false };
        if asked.cancels.len() < MAX_OWED {
            asked.cancels.push(call);
        }
        true
    }

    /// The instances that have not confirmed in time, and those that are asked at a subject which
    /// the broker does not let us publish to.
    pub(in crate::connection) fn unconfirmed(&self, now: Instant, denied: Option<&str>) -> Vec<PeerId> {
        let is_late = |asked: &Asked| now.duration_since(asked.since) >= LONGEST;
        let all = self.all.iter().filter(|(_, peer)| {
            let is_denied = denied.is_some() && peer.control.as_deref() == denied;
            peer.asked.as_ref().is_some_and(|asked| is_late(asked) || is_denied)
        });
        all.map(|(peer, _)| peer).collect()
    }
}
