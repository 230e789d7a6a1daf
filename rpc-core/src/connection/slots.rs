//! Reply subjects, reused: a NATS server caches routes by literal subject, so that a fresh one for each call is slow.

use std::collections::HashMap;

use slab::Slab;

use super::Subject;

/// A slot's last token: random, so that it cannot be guessed.
pub(super) type Token = [u8; 8];

/// All slots of an inbox. A slot stands for one message that is out, and for the calls in it. When the message was
/// answered, the slot waits in its pool for the next one to the same service; when it was not, the slot is retired,
/// since an answer without an id (a 503) may still come for it.
#[derive(Default)]
pub(super) struct Slots {
    slots: Slab<Slot>,
    by_token: HashMap<Token, usize>,
    pools: Slab<Pool>,
}

/// The slots of one service.
#[derive(Default)]
struct Pool {
    free: Vec<usize>,
    /// Whether a call of the service has ever been given up without an answer: it may still be refused, or run.
    abandoned: bool,
}

struct Slot {
    token: Token,
    reply: Subject,
    pool: usize,
    /// The subject that the message went to.
    sent: Option<Subject>,
    calls: Vec<u64>,
    answered: bool,
}

impl Slots {
    /// Makes a pool for one service.
    pub(super) fn add_pool(&mut self) -> usize {
        self.pools.insert(Pool::default())
    }

    /// Forgets a pool; its slots that are still out are retired as they come back.
    pub(super) fn remove_pool(&mut self, pool: usize) {
        for slot in self.pools.try_remove(pool).unwrap_or_default().free {
            self.retire(slot);
        }
    }

    /// A slot for a message to `sent`, with its reply subject. `fresh` makes a token and its subject when the pool
    /// has none.
    pub(super) fn lease(
        &mut self,
        pool: usize,
        sent: &Subject,
        fresh: impl FnOnce() -> (Token, Subject),
    ) -> (usize, Subject) {
        let free = self.pools.get_mut(pool).and_then(|pool| pool.free.pop());
        if let Some(index) = free
            && let Some(slot) = self.slots.get_mut(index)
        {
            slot.sent = Some(sent.clone());
            slot.answered = false;
            return (index, slot.reply.clone());
        }
        let (token, reply) = fresh();
        let slot = Slot {
            token,
            reply: reply.clone(),
            pool,
            sent: Some(sent.clone()),
            calls: Vec::new(),
            answered: false,
        };
        let index = self.slots.insert(slot);
        self.by_token.insert(token, index);
        (index, reply)
    }

    /// Adds a call to the message of a slot.
    pub(super) fn join(&mut self, index: usize, call: u64) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.calls.push(call);
        }
    }

    /// Takes a call out, which an answer has or has not come for.
    pub(super) fn leave(&mut self, index: usize, call: u64, answer: Left) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        if let Some(at) = slot.calls.iter().position(|own| *own == call) {
            slot.calls.swap_remove(at);
        }
        slot.answered |= answer == Left::Answered;
        if answer == Left::Abandoned
            && let Some(pool) = self.pools.get_mut(slot.pool)
        {
            pool.abandoned = true;
        }
        if !slot.calls.is_empty() {
            return;
        }
        slot.sent = None;
        let (answered, pool) = (slot.answered, slot.pool);
        match self.pools.get_mut(pool) {
            Some(pool) if answered => pool.free.push(index),
            _ => self.retire(index),
        }
    }

    /// Whether every call of a slot's service was answered that is not out any more.
    pub(super) fn none_abandoned(&self, index: usize) -> bool {
        let slot = self.slots.get(index);
        slot.and_then(|slot| self.pools.get(slot.pool)).is_some_and(|pool| !pool.abandoned)
    }

    /// The calls of all messages that went to a subject.
    pub(super) fn calls_to(&self, subject: &str) -> Vec<u64> {
        let sent_there = self.slots.iter().filter(|(_, slot)| slot.sent.as_deref() == Some(subject));
        sent_there.flat_map(|(_, slot)| slot.calls.iter().copied()).collect()
    }

    fn retire(&mut self, index: usize) {
        if let Some(slot) = self.slots.try_remove(index) {
            self.by_token.remove(&slot.token);
        }
    }

    /// The calls of the message that a token stands for, if it went to `subject` (where that is known).
    pub(super) fn calls_of(&self, token: &[u8], subject: Option<&str>) -> Vec<u64> {
        let Ok(token) = Token::try_from(token) else { return Vec::new() };
        let slot = self.by_token.get(&token).and_then(|index| self.slots.get(*index));
        match slot {
            Some(slot) if subject.is_none() || subject == slot.sent.as_deref() => slot.calls.clone(),
            _ => Vec::new(),
        }
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
    use super::*;

    fn fresh(name: u8) -> (Token, Subject) {
        ([name; 8], Subject::from(format!("_INBOX.x.{}", char::from(name).to_string().repeat(8))))
    }

    #[test]
    fn an_answered_slot_is_reused_by_its_pool_only() {
        let mut slots = Slots::default();
        let (mine, other) = (slots.add_pool(), slots.add_pool());
        let (a, reply) = slots.lease(mine, &"s.one".into(), || fresh(b'a'));
        slots.join(a, 1);
        slots.leave(a, 1, Left::Answered);
        let (b, _) = slots.lease(other, &"t.one".into(), || fresh(b'b'));
        assert_ne!(a, b);
        let (again, same) = slots.lease(mine, &"s.two".into(), || fresh(b'c'));
        assert_eq!((a, reply), (again, same));
    }

    #[test]
    fn an_unanswered_slot_is_retired() {
        let mut slots = Slots::default();
        let pool = slots.add_pool();
        let (a, _) = slots.lease(pool, &"s.one".into(), || fresh(b'a'));
        slots.join(a, 1);
        slots.leave(a, 1, Left::Abandoned);
        assert_eq!(slots.len(), 0);
        assert!(slots.calls_of(b"aaaaaaaa", None).is_empty());
    }

    #[test]
    fn a_token_names_the_calls_of_its_message_and_no_other() {
        let mut slots = Slots::default();
        let pool = slots.add_pool();
        let (a, _) = slots.lease(pool, &"s.one".into(), || fresh(b'a'));
        slots.join(a, 1);
        slots.join(a, 2);
        assert_eq!(slots.calls_of(b"aaaaaaaa", Some("s.one")), [1, 2]);
        assert_eq!(slots.calls_of(b"aaaaaaaa", Some("s.two")), [0; 0], "a 503 of another message");
        assert_eq!(slots.calls_of(b"short", None), [0; 0]);
        slots.leave(a, 1, Left::Answered);
        slots.leave(a, 2, Left::Abandoned);
        assert_eq!(slots.len(), 1, "one answer proves the route");
        slots.remove_pool(pool);
        assert_eq!(slots.len(), 0);
    }
}
