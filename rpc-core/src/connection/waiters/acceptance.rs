//! Calls that take long: which instance has them, whether it is still there, and how it is told that nobody waits.

use std::task::Waker;

use bytes::BytesMut;
use tokio::time::Instant;

use super::{Answer, Part, Place, Waiters};
use crate::connection::outbox::Joining;
use crate::connection::peers::PeerId;
use crate::connection::{OutboundMessage, Subject};
use crate::error::{Error, ErrorKind, Execution};
use crate::wire::frame::{AcceptedFrame, ErrorFrame, Flags, Id, heartbeat, write_cancel};
use crate::wire::subject::is_control;

/// How many instances are remembered that have the same call.
const MAX_INSTANCES: usize = 1024;

/// Why an instance is taken for gone.
#[derive(Debug, Clone, Copy)]
pub(in crate::connection) enum Gone {
    /// The broker says that it does not listen any more.
    Unreached,
    /// It has said nothing for too long.
    Silent,
}

impl Waiters {
    /// Notes that an instance has a call. If nobody waits for that any more, the instance is told so.
    pub(in crate::connection) fn accept(
        &mut self,
        id: u64,
        accepted: &AcceptedFrame,
        control: &Subject,
        now: Instant,
        reply: impl FnOnce() -> Subject,
        wake: &mut Vec<Waker>,
    ) {
        if self.has_stream_elsewhere(id, control) {
            // Of several instances that have opened it, one is enough.
            return self.control.push(cancel(id, control));
        }
        let Some(waiter) = self.calls.get_mut(&id) else { return };
        let gathers = waiter.gathered.is_some();
        let destination = match waiter.place {
            Place::Out(slot) => self.slots.sent(slot).map(|sent| sent.destination),
            Place::Plain(destination) if gathers => Some(destination),
            Place::Plain(_) | Place::Waiting(_) => None,
        };
        let went_to = destination.and_then(|destination| self.destinations.get_mut(destination));
        // What is sent there must not go to any subject that somebody names.
        let is_own = went_to.is_some_and(|to| is_control(control, to.service(), &accepted.instance));
        if !is_own || waiter.answer.is_some() {
            return;
        }
        if waiter.given_up {
            self.control.push(cancel(id, control));
            if !gathers {
                self.remove_given_up(id, now);
            }
            return;
        }
        waiter.one_of_many |= accepted.flags.is_one_of_many();
        let most = if gathers || waiter.one_of_many { MAX_INSTANCES } else { 1 };
        let is_known = self.peers.find(control).is_some_and(|peer| waiter.peers.contains(&peer));
        if !is_known && waiter.peers.len() >= most {
            return;
        }
        if self.peers.is_empty() {
            self.news.pulse = true;
        }
        let peer = self.peers.open(id, control, &accepted.instance, now, reply);
        if !waiter.peers.contains(&peer) {
            waiter.peers.push(peer);
        }
        self.accept_stream(id, accepted, peer, now, wake);
    }

    /// Tells the instances that have a call that nobody waits for it any more.
    pub(super) fn cancel_at_peers(&mut self, id: u64, peers: &[PeerId]) {
        let controls = peers.iter().filter_map(|peer| self.peers.get(*peer));
        self.control.extend(controls.map(|peer| cancel(id, &peer.control)));
    }

    /// Fails the calls that an instance has which is gone. Of a broadcast, other instances may still answer.
    pub(in crate::connection) fn lose_peer(&mut self, peer: PeerId, gone: Gone, wake: &mut Vec<Waker>) {
        let Some(there) = self.peers.get(peer) else { return };
        let why = match gone {
            Gone::Unreached => "is gone",
            Gone::Silent => "has said nothing for three seconds",
        };
        let instance = there.instance.clone();
        let message = format!("the instance {instance} {why}, which had the call");
        let now = Instant::now();
        for id in self.peers.calls(peer) {
            if self.lose_stream(id, &message, wake) {
                self.peers.close(id, peer);
                continue;
            }
            let Some(waiter) = self.calls.get_mut(&id) else { continue };
            waiter.peers.retain(|other| *other != peer);
            let (gathers, one_of_many) = (waiter.gathered.is_some(), waiter.one_of_many);
            let error = Error::new(ErrorKind::Unavailable, message.clone());
            wake.extend(if gathers {
                self.gather(id, Part::Lost { instance: instance.clone(), error })
            } else {
                let is_elsewhere = one_of_many && !self.has_begun_at(id, peer);
                let answer = if is_elsewhere { refusal_of(&error) } else { Answer::Lost(error) };
                self.answer(id, answer, now)
            });
            self.peers.close(id, peer);
        }
    }

    /// Takes those for gone that have been silent for too long.
    pub(in crate::connection) fn lose_silent(&mut self, now: Instant, wake: &mut Vec<Waker>) {
        for peer in self.peers.silent(now) {
            self.lose_peer(peer, Gone::Silent, wake);
        }
    }

    /// Says to all who have calls that we are there, and learns whether they are.
    pub(in crate::connection) fn beat(&mut self) {
        self.control.extend(self.peers.reachable().map(|peer| {
            let (subject, reply) = (peer.control.clone(), Some(peer.reply.clone()));
            (OutboundMessage { subject, reply, payload: heartbeat(), headers: None }, Joining::Lone)
        }));
    }
}

/// A refusal that proves nothing about the other instances of a broadcast.
fn refusal_of(error: &Error) -> Answer {
    Answer::Error(Box::new(ErrorFrame {
        code: error.code(),
        execution: Execution::MaybeExecuted,
        flags: Flags::default().with_one_of_many(),
        message: error.message().into(),
        handler_time: std::time::Duration::ZERO,
        retry_after: None,
        body: None,
        instance: None,
    }))
}

pub(super) fn cancel(id: u64, control: &Subject) -> (OutboundMessage, Joining) {
    let mut payload = BytesMut::new();
    write_cancel(&mut payload, &Id::new(id));
    let (subject, payload) = (control.clone(), payload.freeze());
    (OutboundMessage { subject, reply: None, payload, headers: None }, Joining::Several)
}
