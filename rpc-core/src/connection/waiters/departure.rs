//! How calls leave: alone, or as messages of those that wait.

use std::collections::VecDeque;
use std::task::Waker;

use tokio::time::Instant;

use super::{Departure, Expected, Place, Waiter, Waiters};
use crate::connection::outbox::{Batch, DestinationId, Waiting};
use crate::connection::slots::{Sent, Token};
use crate::connection::{OutboundMessage, Subject};

impl Waiters {
    /// Adds a call, and says how it leaves.
    pub(in crate::connection) fn add(
        &mut self,
        expected: Expected,
        max_bytes: usize,
        fresh: impl Fn(&str) -> (Token, Subject),
    ) -> Departure {
        self.destinations.max_bytes = max_bytes;
        let Expected { id, destination, payload, now, deadline, waker } = expected;
        let is_alone = self.calls.len() == self.given_up;
        self.enter(id, Place::Waiting(destination), deadline, waker);
        let is_first = self.destinations.push(destination, Waiting { id, payload, since: now });
        if is_alone && let Some(batch) = self.form(destination, now, &fresh) {
            // What the destination has besides is of calls that nobody waits for.
            return Departure::Alone(batch.into_message());
        }
        self.news.flusher |= is_first;
        let mut full = Vec::new();
        while self.destinations.get_mut(destination).is_some_and(|there| there.is_full(max_bytes)) {
            full.extend(self.form(destination, now, &fresh));
        }
        if full.is_empty() { Departure::Later } else { Departure::Full(full) }
    }

    /// Counts a call among those that are out or wait to leave.
    #[inline(always)] // on the way of every call
    pub(super) fn enter(&mut self, id: u64, place: Place, deadline: Instant, waker: Waker) {
        self.calls.insert(id, Waiter::new(place, deadline, waker));
        if self.earliest.is_none_or(|earliest| deadline < earliest) {
            self.earliest = Some(deadline);
            self.news.sweeper = true;
        }
    }

    /// Makes a message of the calls that wait longest for a destination: of those whose callers still wait.
    fn form(
        &mut self,
        id: DestinationId,
        now: Instant,
        fresh: impl Fn(&str) -> (Token, Subject),
    ) -> Option<Batch> {
        let max_bytes = self.destinations.max_bytes;
        let destination = self.destinations.get_mut(id)?;
        let limit = destination.limit();
        let mut message: Option<(usize, Batch)> = None;
        while let Some(first) = destination.first() {
            let fits = message
                .as_ref()
                .is_none_or(|(_, batch)| batch.has_room(first.payload.len(), limit, max_bytes));
            if !fits {
                break;
            }
            let Some(call) = destination.take_first() else { break };
            // What has expired may still wait for the sweeper to say so.
            let wanted = |waiter: &&mut Waiter| waiter.answer.is_none() && waiter.deadline > now;
            let Some(waiter) = self.calls.get_mut(&call.id).filter(wanted) else {
                destination.pass_over();
                continue;
            };
            let slot = match &mut message {
                Some((slot, batch)) => {
                    batch.add(call.payload);
                    *slot
                }
                None => {
                    let sent = Sent { destination: id, number: destination.depart(now), at: now };
                    let (slot, reply) = self.slots.lease(destination.pool, sent, &fresh);
                    let subject = destination.subject.clone();
                    let payload = call.payload;
                    let lone = OutboundMessage { subject, reply: Some(reply), payload, headers: None };
                    message = Some((slot, lone.into()));
                    slot
                }
            };
            waiter.place = Place::Out(slot);
            waiter.one_of_many = destination.is_all;
            self.slots.join(slot, call.id);
        }
        message.map(|(_, batch)| batch)
    }

    /// Makes messages of the calls that may leave now, no more than so many. Returns when others may, if any are held
    /// back: now, if there were too many.
    pub(in crate::connection) fn form_due(
        &mut self,
        most: usize,
        fresh: impl Fn(&str) -> (Token, Subject),
        batches: &mut VecDeque<Batch>,
    ) -> Option<Instant> {
        let now = Instant::now();
        loop {
            match self.destinations.next_due(now) {
                Ok(_) if batches.len() >= most => return Some(now),
                Ok(destination) => batches.extend(self.form(destination, now, &fresh)),
                Err(until) => return until,
            }
        }
    }
}
