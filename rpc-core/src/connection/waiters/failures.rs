//! What fails many calls at once: a refusal, a loss, the time.

use std::task::Waker;

use tokio::time::Instant;

use super::{Answer, Place, Waiters};
use crate::connection::closed;
use crate::connection::slots::Sent;
use crate::error::{Error, Execution};

impl Waiters {
    /// Fails the calls of a subject that the broker does not let us publish to.
    ///
    /// It refuses one message and does not say which: permissions can change while calls are out. So calls were
    /// certainly not executed only if theirs is the only message that can be meant.
    pub(in crate::connection) fn deny(&mut self, subject: &str, wake: &mut Vec<Waker>) {
        self.peers.deny(subject);
        self.deny_questions(subject, wake);
        self.deny_streams(subject, wake);
        let mut messages: Vec<(usize, Sent)> = self.slots.out().collect();
        messages.retain(|(_, sent)| {
            self.destinations.get_mut(sent.destination).is_some_and(|there| *there.subject == *subject)
        });
        let plain = self.plain_calls_to(subject);
        let execution = match (&messages[..], &plain[..]) {
            ([(slot, _)], []) if !self.slots.is_answered(*slot) && self.slots.none_abandoned(*slot) => {
                Execution::NotExecuted
            }
            ([], [id]) if self.no_plain_call_abandoned(*id) => Execution::NotExecuted,
            _ => Execution::MaybeExecuted,
        };
        let framed = messages.iter().flat_map(|(slot, _)| self.slots.calls(*slot)).copied();
        let calls: Vec<u64> = framed.chain(plain).collect();
        let now = Instant::now();
        wake.extend(calls.into_iter().filter_map(|id| self.answer(id, Answer::Denied(execution), now)));
    }

    /// Expires the calls whose deadline has passed; returns when to come back.
    pub(in crate::connection) fn sweep(&mut self, now: Instant, wake: &mut Vec<Waker>) -> Option<Instant> {
        let mut expired = Vec::new();
        let mut earliest: Option<Instant> = None;
        for (id, waiter) in &self.calls {
            if waiter.answer.is_some() {
                continue;
            }
            if waiter.deadline <= now {
                expired.push(*id);
            } else {
                earliest = Some(earliest.map_or(waiter.deadline, |earliest| earliest.min(waiter.deadline)));
            }
        }
        wake.extend(expired.into_iter().filter_map(|id| self.answer(id, Answer::Expired(None), now)));
        self.earliest = earliest;
        earliest
    }

    /// Fails all calls, since the connection is lost: those that are out, and those that wait to leave.
    pub(in crate::connection) fn lose(&mut self, out: &Error, waiting: &Error, wake: &mut Vec<Waker>) {
        self.cancel_streams();
        self.forget_replies();
        let now = Instant::now();
        let all: Vec<(u64, Place)> = self.calls.iter().map(|(id, waiter)| (*id, waiter.place)).collect();
        for (id, place) in all {
            let answer = match place {
                Place::Waiting(_) => Answer::NotSent(waiting.clone()),
                Place::Out(_) | Place::Plain(_) => Answer::Lost(out.clone()),
            };
            wake.extend(self.answer(id, answer, now));
        }
        self.lose_streams(out, wake);
    }

    /// Gives all calls the same answer.
    pub(in crate::connection) fn answer_all(&mut self, answer: impl Fn() -> Answer, wake: &mut Vec<Waker>) {
        let all: Vec<u64> = self.calls.keys().copied().collect();
        let now = Instant::now();
        wake.extend(all.into_iter().filter_map(|id| self.answer(id, answer(), now)));
        self.lose_streams(&closed(), wake);
    }
}
