//! Plain calls: each has a message of its own, whose reply subject ends with the call's id.

use std::sync::Arc;
use std::task::Waker;

use tokio::time::Instant;

use super::{Place, Waiter, Waiters};
use crate::connection::Subject;
use crate::connection::outbox::DestinationId;
use crate::connection::slots::Left;

impl Waiters {
    /// Adds a call that leaves at once. Returns the subject that it goes to, and what its reply
    /// subject begins with.
    pub(in crate::connection) fn add_plain(
        &mut self,
        id: u64,
        destination: DestinationId,
        deadline: Instant,
        waker: Waker,
    ) -> Option<(Subject, Arc<str>)> {
        let subject = self.destinations.get_mut(destination)?.subject.clone();
        self.enter(id, Place::Plain(destination), deadline, waker);
        Some((subject, self.reply_prefix(destination)))
    }

    /// Whether this is a plain call that waits for its answer.
    pub(in crate::connection) fn expects_plain(&self, id: u64) -> bool {
        self.calls.get(&id).is_some_and(|waiter| matches!(waiter.place, Place::Plain(_)))
    }

    /// The plain calls that are out to a subject.
    pub(super) fn plain_calls_to(&mut self, subject: &str) -> Vec<u64> {
        let (calls, destinations) = (&self.calls, &mut self.destinations);
        let mut is_out_to = |waiter: &Waiter| match waiter.place {
            Place::Plain(id) if waiter.answer.is_none() => {
                destinations.get_mut(id).is_some_and(|there| *there.subject == *subject)
            }
            _ => false,
        };
        calls.iter().filter(|(_, waiter)| is_out_to(waiter)).map(|(id, _)| *id).collect()
    }

    /// Whether every call of the service of a plain call was answered that is not out any more.
    pub(super) fn no_plain_call_abandoned(&mut self, id: u64) -> bool {
        let Some(Place::Plain(destination)) = self.calls.get(&id).map(|waiter| waiter.place) else {
            return false;
        };
        let pool = self.destinations.get_mut(destination).map(|there| there.pool);
        pool.is_some_and(|pool| self.slots.none_abandoned_in(pool))
    }

    /// Ends a plain call. Its reply subject is not used again.
    pub(super) fn leave_plain(&mut self, destination: DestinationId, left: Left) {
        if left == Left::Abandoned
            && let Some(there) = self.destinations.get_mut(destination)
        {
            self.slots.abandon(there.pool);
        }
    }
}
