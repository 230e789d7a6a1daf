//! Calls that nobody waits for any more.

use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::{Gathered, Place, Waiter, Waiters};
use crate::connection::peers::PeerId;
use crate::connection::slots::Left;

/// How many calls are remembered that nobody waits for any more, so that they can be cancelled once it is known where
/// they are.
const MAX_GIVEN_UP: usize = 64 * 1024;

/// What a forgotten call leaves. It is not to be dropped under a lock: a waker may own a task.
#[expect(dead_code, reason = "it is only dropped")]
pub(in crate::connection) enum Forgotten {
    Call(Waiter),
    Waker(Option<Waker>),
    Gathering(Gathered, Option<Waker>),
}

impl Waiters {
    /// Forgets a call that nobody waits for any more. One that has not left never will. One that is out is cancelled at the
    /// instance that has it; if that is not known, it is kept until it is, or until it is answered or expires.
    pub(in crate::connection) fn forget(&mut self, id: u64) -> Option<Forgotten> {
        self.end_opening(id);
        let is_full = self.given_up >= MAX_GIVEN_UP;
        let waiter = self.calls.get_mut(&id)?;
        if waiter.gathered.is_some() && waiter.answer.is_none() && !is_full {
            return self.give_up_gathering(id);
        }
        if let Place::Out(slot) = waiter.place
            && waiter.answer.is_none()
            && waiter.peers.is_empty()
            && !is_full
        {
            waiter.given_up = true;
            self.given_up += 1;
            let waker = waiter.waker.take();
            self.close_window(slot);
            return Some(Forgotten::Waker(waker));
        }
        let mut waiter = self.calls.remove(&id)?;
        if waiter.answer.is_none() {
            self.cancel_at_peers(id, &waiter.peers);
            self.leave_peers(id, &mut waiter.peers);
            self.leave(waiter.place, Left::Abandoned, Instant::now(), Duration::ZERO);
        }
        Some(Forgotten::Call(waiter))
    }

    /// Cancels a call at the instances that are known to have it, and keeps it until its deadline for those that say so later.
    fn give_up_gathering(&mut self, id: u64) -> Option<Forgotten> {
        let waiter = self.calls.get_mut(&id)?;
        waiter.given_up = true;
        self.given_up += 1;
        let gathered = waiter.gathered.as_deref_mut()?.take();
        let (waker, mut peers) = (waiter.waker.take(), std::mem::take(&mut waiter.peers));
        self.cancel_at_peers(id, &peers);
        self.leave_peers(id, &mut peers);
        Some(Forgotten::Gathering(gathered, waker))
    }

    pub(super) fn leave_peers(&mut self, id: u64, peers: &mut Vec<PeerId>) {
        peers.drain(..).for_each(|peer| self.peers.close(id, peer));
    }

    /// Lets others leave for a message that nobody waits for any more.
    fn close_window(&mut self, slot: usize) {
        if let Some(sent) = self.slots.sent(slot) {
            self.news.flusher |= self.destinations.close(sent.destination, sent.number, Instant::now());
        }
    }

    /// Ends a call that nobody waits for.
    pub(super) fn remove_given_up(&mut self, id: u64, now: Instant) {
        if let Some(waiter) = self.calls.remove(&id) {
            self.given_up -= 1;
            self.leave(waiter.place, Left::Abandoned, now, Duration::ZERO);
        }
    }
}
