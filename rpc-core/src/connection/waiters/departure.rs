//! How calls that wait become messages that are out.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::{Place, Waiter, Waiters};
use crate::connection::outbox::{Batch, DestinationId};
use crate::connection::slots::{Sent, Token};
use crate::connection::{OutboundMessage, Subject};

impl Waiters {
    /// Makes a message of the calls that wait longest for a destination: of those whose callers still wait.
    pub(super) fn form(
        &mut self,
        id: DestinationId,
        now: Instant,
        fresh: impl Fn() -> (Token, Subject),
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
            self.slots.join(slot, call.id);
        }
        message.map(|(_, batch)| batch)
    }

    /// Makes messages of the calls that may leave now, no more than so many. Returns when others may, if any are held
    /// back: now, if there were too many.
    pub(in crate::connection) fn form_due(
        &mut self,
        most: usize,
        fresh: impl Fn() -> (Token, Subject),
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
