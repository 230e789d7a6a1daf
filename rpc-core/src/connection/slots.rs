//! Reply subjects, reused: a NATS server caches routes by literal subject, so that a fresh one for each call is slow.

use std::collections::HashMap;
use std::sync::Arc;

use slab::Slab;
use tokio::time::Instant;

use super::Subject;
use super::outbox::DestinationId;

/// A slot's last token: random, so that it cannot be guessed.
pub(super) type Token = [u8; 8];

/// All slots of an inbox. A slot stands for one message that is out, and for the calls in it. When
/// all of them were answered, the slot waits in its pool for the next message to the same service;
/// when not, the slot is retired, since an answer without an id (a 503) may still come for it.
#[derive(Default)]
pub(super) struct Slots {
    slots: Slab<Slot>,
    by_token: HashMap<Token, usize>,
    pools: Slab<Pool>,
}

/// The slots of one service.
struct Pool {
    /// What its reply subjects begin with: a token of the service's own behind the inbox of the
    /// connection, so that no other service knows where the instances of this one are heard.
    prefix: Arc<str>,
    /// Below which subjects the service hears too, besides its own.
    also_served_below: Vec<Box<str>>,
    free: Vec<usize>,
    /// Whether a call of the service has ever been given up without an answer: it may still be refused, or run.
    abandoned: bool,
}

struct Slot {
    token: Token,
    reply: Subject,
    pool: usize,
    /// What became of the message; `None` while the slot is free.
    sent: Option<Sent>,
    /// The calls of the message, those that have left it included.
    calls: Vec<u64>,
    /// How many have not.
    left: usize,
    /// Whether one of them was answered, and whether one has left without that.
    answered: bool,
    unanswered: bool,
}

/// A message that is out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) destination: DestinationId,
    /// Its number among those to the destination.
    pub(super) number: u64,
    pub(super) at: Instant,
}

impl Slots {
    /// Makes a pool for one service.
    pub(super) fn add_pool(&mut self, prefix: &str) -> usize {
        self.pools.insert(Pool {
            prefix: prefix.into(),
            also_served_below: Vec::new(),
            free: Vec::new(),
            abandoned: false,
        })
    }

    /// What the reply subjects of a service begin with.
    pub(super) fn prefix(&self, pool: usize) -> Arc<str> {
        self.pools.get(pool).map(|pool| Arc::clone(&pool.prefix)).unwrap_or_default()
    }

    /// Notes below which subjects a service hears too.
    pub(super) fn serve_below(&mut self, pool: usize, subjects: &[Box<str>]) {
        let Some(pool) = self.pools.get_mut(pool) else { return };
        for subject in subjects {
            if !pool.also_served_below.contains(subject) {
                pool.also_served_below.push(subject.clone());
            }
        }
    }

    /// Below which subjects a service hears too.
    pub(super) fn also_served_below(&self, pool: usize) -> &[Box<str>] {
        self.pools.get(pool).map(|pool| &*pool.also_served_below).unwrap_or_default()
    }

    /// Forgets a pool; its slots that are still out are retired as they come back.
    pub(super) fn remove_pool(&mut self, pool: usize) {
        for slot in self.pools.try_remove(pool).map(|pool| pool.free).unwrap_or_default() {
            self.retire(slot);
        }
    }

    /// A slot for a message, with its reply subject. `fresh` makes a token and its subject, which
    /// begins with what it is given, when the pool has none.
    pub(super) fn lease(
        &mut self,
        pool: usize,
        sent: Sent,
        fresh: impl FnOnce(&str) -> (Token, Subject),
    ) -> (usize, Subject) {
        let free = self.pools.get_mut(pool).and_then(|pool| pool.free.pop());
        if let Some(index) = free
            && let Some(slot) = self.slots.get_mut(index)
        {
            slot.sent = Some(sent);
            return (index, slot.reply.clone());
        }
        let (token, reply) = fresh(&self.prefix(pool));
        let slot = Slot {
            token,
            reply: reply.clone(),
            pool,
            sent: Some(sent),
            calls: Vec::new(),
            left: 0,
            answered: false,
            unanswered: false,
        };
        let index = self.slots.insert(slot);
        self.by_token.insert(token, index);
        (index, reply)
    }

    /// Adds a call to the message of a slot.
    pub(super) fn join(&mut self, index: usize, call: u64) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.calls.push(call);
            slot.left += 1;
        }
    }

    /// Takes a call out, which an answer has or has not come for. Returns the message if it is the first one that leaves.
    pub(super) fn leave(&mut self, index: usize, how: Left) -> Option<Sent> {
        let slot = self.slots.get_mut(index)?;
        let first = if slot.left == slot.calls.len() { slot.sent } else { None };
        slot.left = slot.left.saturating_sub(1);
        slot.answered |= how == Left::Answered;
        slot.unanswered |= how != Left::Answered;
        if how == Left::Abandoned
            && let Some(pool) = self.pools.get_mut(slot.pool)
        {
            pool.abandoned = true;
        }
        if slot.left > 0 {
            return first;
        }
        slot.answered = false;
        let unanswered = std::mem::take(&mut slot.unanswered);
        slot.sent = None;
        slot.calls.clear();
        match self.pools.get_mut(slot.pool) {
            Some(pool) if !unanswered => pool.free.push(index),
            _ => self.retire(index),
        }
        first
    }

    /// Whether every call of a slot's service was answered that is not out any more.
    pub(super) fn none_abandoned(&self, index: usize) -> bool {
        self.slots.get(index).is_some_and(|slot| self.none_abandoned_in(slot.pool))
    }

    /// The same by the service's pool.
    pub(super) fn none_abandoned_in(&self, pool: usize) -> bool {
        self.pools.get(pool).is_some_and(|pool| !pool.abandoned)
    }

    /// Notes that a call of a service was given up without an answer.
    pub(super) fn abandon(&mut self, pool: usize) {
        if let Some(pool) = self.pools.get_mut(pool) {
            pool.abandoned = true;
        }
    }

    /// All messages that are out, by slot.
    pub(super) fn out(&self) -> impl Iterator<Item = (usize, Sent)> {
        self.slots.iter().filter_map(|(index, slot)| Some((index, slot.sent?)))
    }

    /// The message of a slot.
    pub(super) fn sent(&self, index: usize) -> Option<Sent> {
        self.slots.get(index)?.sent
    }

    /// The calls of a message, those that have left it included.
    pub(super) fn calls(&self, index: usize) -> &[u64] {
        self.slots.get(index).map(|slot| &*slot.calls).unwrap_or_default()
    }

    /// Whether an answer to a message has come, which proves that the broker took it.
    pub(super) fn is_answered(&self, index: usize) -> bool {
        self.slots.get(index).is_some_and(|slot| slot.answered)
    }

    fn retire(&mut self, index: usize) {
        if let Some(slot) = self.slots.try_remove(index) {
            self.by_token.remove(&slot.token);
        }
    }

    /// The message that a token stands for: its slot, and where it went.
    pub(super) fn find(&self, token: &[u8]) -> Option<(usize, Sent)> {
        let index = *self.by_token.get(&Token::try_from(token).ok()?)?;
        Some((index, self.slots.get(index)?.sent?))
    }

    /// How many slots there are, free ones included.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }
}

/// How a call left its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// With a reply.
    Answered,
    /// Without one, but with certainty that none will come.
    Refused,
    /// Given up: what becomes of it is not known.
    Abandoned,
}

#[cfg(test)]
mod tests {
    use super::super::outbox::{Destinations, Place};
    use super::*;

    fn fresh(name: u8) -> (Token, Subject) {
        ([name; 8], Subject::from(format!("_INBOX.x.{}", char::from(name).to_string().repeat(8))))
    }

    fn lease(slots: &mut Slots, pool: usize, name: u8) -> (usize, Subject) {
        let place = Place { subject: "s.one".into(), service: 1, pool, most: 1 };
        let destination = Destinations::default().keep(place);
        let sent = Sent { destination, number: 0, at: Instant::now() };
        slots.lease(pool, sent, |_| fresh(name))
    }

    #[tokio::test]
    async fn an_answered_slot_is_reused_by_its_pool_only() {
        let mut slots = Slots::default();
        let (mine, other) = (slots.add_pool("_INBOX.x.m"), slots.add_pool("_INBOX.x.o"));
        let (a, reply) = lease(&mut slots, mine, b'a');
        slots.join(a, 1);
        slots.leave(a, Left::Answered);
        let (b, _) = lease(&mut slots, other, b'b');
        assert_ne!(a, b);
        let (again, same) = lease(&mut slots, mine, b'c');
        assert_eq!((a, reply), (again, same));
    }

    #[tokio::test]
    async fn an_unanswered_slot_is_retired() {
        let mut slots = Slots::default();
        let pool = slots.add_pool("_INBOX.x.s");
        let (a, _) = lease(&mut slots, pool, b'a');
        slots.join(a, 1);
        slots.leave(a, Left::Abandoned);
        assert_eq!(slots.len(), 0);
        assert!(slots.find(b"aaaaaaaa").is_none());
    }

    #[tokio::test]
    async fn a_token_names_its_message_until_the_last_call_has_left() {
        let mut slots = Slots::default();
        let pool = slots.add_pool("_INBOX.x.s");
        let (a, _) = lease(&mut slots, pool, b'a');
        slots.join(a, 1);
        slots.join(a, 2);
        let (found, _) = slots.find(b"aaaaaaaa").unwrap();
        assert_eq!(slots.calls(found), [1, 2]);
        assert!(slots.find(b"short").is_none());
        assert!(slots.leave(a, Left::Answered).is_some(), "the first that leaves");
        assert!(slots.find(b"aaaaaaaa").is_some());
        assert!(slots.leave(a, Left::Abandoned).is_none());
        assert!(slots.find(b"aaaaaaaa").is_none());
        assert_eq!(slots.len(), 0, "something may still come for the call that was given up");
        let (b, _) = lease(&mut slots, pool, b'b');
        slots.join(b, 3);
        slots.leave(b, Left::Answered);
        assert_eq!(slots.len(), 1, "all of its calls were answered");
        slots.remove_pool(pool);
        assert_eq!(slots.len(), 0);
    }
}
