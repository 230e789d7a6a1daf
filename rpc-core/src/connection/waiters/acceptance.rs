//! Calls that take long: which instance has them, whether it is still there, and how it is told that nobody waits.

use std::task::Waker;

use bytes::BytesMut;
use tokio::time::Instant;

use super::{Answer, Part, Place, Waiters};
use crate::connection::outbox::{DestinationId, Joining};
use crate::connection::peers::{Controls, NewPeer, PeerId, Unreached};
use crate::connection::{OutboundMessage, Subject};
use crate::error::{Error, ErrorKind, Execution};
use crate::wire::frame::{AcceptedFrame, ErrorFrame, Flags, Id, heartbeat, write_cancel};
use crate::wire::subject::{is_at_or_below, split_control};

/// How many instances are remembered that have the same call.
const MAX_INSTANCES: usize = 1024;

/// Why an instance is taken for gone.
#[derive(Debug, Clone, Copy)]
pub(super) enum Gone {
    /// The broker says that it does not listen any more.
    Unreached,
    /// It has said nothing for too long.
    Silent,
}

/// How an instance was heard that has a call.
pub(in crate::connection) struct Heard<'a> {
    /// Where it hears about the calls that it has, as it says.
    pub(in crate::connection) declared: &'a Subject,
    /// Where its messages arrive, if they come from another account.
    pub(in crate::connection) at: Option<&'a Subject>,
}

impl Waiters {
    /// Notes that an instance has a call. If nobody waits for that any more, the instance is told so.
    pub(in crate::connection) fn accept(
        &mut self,
        id: u64,
        accepted: &AcceptedFrame,
        heard: &Heard<'_>,
        now: Instant,
        wake: &mut Vec<Waker>,
    ) {
        if self.has_stream_elsewhere(id, heard.declared) {
            // Of several instances that have opened it, one is enough.
            return self.control.push(cancel(id, heard.declared));
        }
        let Some(waiter) = self.calls.get(&id) else {
            return self.refuse_stream(id, accepted, heard.declared);
        };
        let gathers = waiter.gathered.is_some();
        let destination = match waiter.place {
            Place::Out(slot) => self.slots.sent(slot).map(|sent| sent.destination),
            Place::Plain(destination) if gathers => Some(destination),
            Place::Plain(_) | Place::Waiting(_) => None,
        };
        let Some(destination) = destination.filter(|_| waiter.answer.is_none()) else { return };
        let (given_up, one_of_many) =
            (waiter.given_up, waiter.one_of_many || accepted.flags.is_one_of_many());
        let most = if gathers || one_of_many { MAX_INSTANCES } else { 1 };
        let known = self.peers.find(heard.declared);
        let is_known = known.is_some_and(|peer| waiter.peers.contains(&peer));
        if !is_known && waiter.peers.len() >= most {
            return;
        }
        let Some(controls) = self.controls(destination, &accepted.instance, heard.declared) else { return };
        self.news.pulse |= self.peers.is_empty();
        let (declared, at, instance) = (heard.declared, heard.at.cloned(), &*accepted.instance);
        let inbox = self.reply_prefix(destination);
        let peer = NewPeer { declared, controls, at, instance, inbox: &inbox };
        let peer = self.peers.open(id, peer, now);
        if known.is_none() && self.peers.is_asked(peer) {
            self.ask(peer, wake);
        }
        if given_up {
            self.cancel_at_peers(id, &[peer]);
            self.peers.close(id, peer);
            if !gathers {
                self.remove_given_up(id, now);
            }
            return;
        }
        if let Some(waiter) = self.calls.get_mut(&id) {
            waiter.one_of_many = one_of_many;
            if !waiter.peers.contains(&peer) {
                waiter.peers.push(peer);
            }
        }
        self.accept_stream(id, accepted, peer, now, wake);
    }

    /// Where an instance may be told something about a call that went to a destination; `None` if
    /// what it says is no place for that.
    fn controls(
        &mut self,
        destination: DestinationId,
        instance: &str,
        declared: &Subject,
    ) -> Option<Controls> {
        let (base, rest) = split_control(declared, instance)?;
        let to = self.destinations.get_mut(destination)?;
        let (service, elsewhere) = (to.service(), self.slots.also_served_below(to.pool));
        // What is sent there must not go to any subject that somebody names.
        if base == service || elsewhere.iter().any(|other| is_at_or_below(base, other)) {
            return Some(Controls::At(declared.clone()));
        }
        let candidates = std::iter::once(service).chain(elsewhere.iter().map(|other| &**other));
        let candidates = candidates.map(|base| Subject::from(format!("{base}{rest}")));
        Some(Controls::Perhaps(candidates.collect()))
    }

    /// Asks an instance at the next subject at which it may hear; if there is none, its streams
    /// cannot go on.
    fn ask(&mut self, peer: PeerId, wake: &mut Vec<Waker>) {
        match self.peers.ask_next(peer) {
            Some(question) => self.control.push((question, Joining::Lone)),
            None => self.fail_streams_without_control(peer, wake),
        }
    }

    /// An instance confirms at this reply subject that it hears where it was asked.
    pub(in crate::connection) fn confirm(
        &mut self,
        reply: &str,
        number: u64,
        now: Instant,
        wake: &mut Vec<Waker>,
    ) {
        let Some((peer, cancels)) = self.peers.confirm(reply, number) else { return };
        for id in cancels {
            self.cancel_at_peers(id, &[peer]);
        }
        for id in self.peers.calls(peer) {
            self.begin_deferred(id, peer, now, wake);
        }
        self.peers.forget_unused(peer);
    }

    /// The broker does not let us publish to a subject at which instances were asked.
    pub(super) fn deny_questions(&mut self, subject: &str, wake: &mut Vec<Waker>) {
        for peer in self.peers.unconfirmed(Instant::now(), Some(subject)) {
            self.ask(peer, wake);
        }
    }

    /// The broker says at this reply subject that a message to an instance reached nobody. Says
    /// whether it is one of theirs.
    pub(in crate::connection) fn unreached(
        &mut self,
        reply: &str,
        went_to: Option<&str>,
        now: Instant,
        wake: &mut Vec<Waker>,
    ) -> bool {
        let Some((peer, what)) = self.peers.unreached(reply, went_to, now) else { return false };
        self.judge(peer, what, wake);
        true
    }

    /// Draws the consequences of a message that did not reach an instance.
    fn judge(&mut self, peer: PeerId, what: Unreached, wake: &mut Vec<Waker>) {
        match what {
            Unreached::Gone => self.lose_peer(peer, Gone::Unreached, wake),
            Unreached::Weighted => {
                self.peers.give_up_control(peer);
                self.fail_streams_without_control(peer, wake);
            }
            Unreached::Unconfirmed => self.ask(peer, wake),
            Unreached::Doubted => {}
        }
    }

    /// Looks who is gone that was doubted or silent, and who has not confirmed where it hears.
    pub(in crate::connection) fn look_at_peers(&mut self, now: Instant, wake: &mut Vec<Waker>) {
        for peer in self.peers.unconfirmed(now, None) {
            self.ask(peer, wake);
        }
        for (peer, what) in self.peers.decided(now) {
            self.judge(peer, what, wake);
        }
        for peer in self.peers.silent(now) {
            self.lose_peer(peer, Gone::Silent, wake);
        }
    }

    /// Tells the instances that have a call that nobody waits for it any more.
    pub(super) fn cancel_at_peers(&mut self, id: u64, peers: &[PeerId]) {
        for peer in peers {
            if self.peers.owe_cancel(*peer, id) {
                continue;
            }
            let control = self.peers.get(*peer).and_then(|peer| peer.control.as_ref());
            self.control.extend(control.map(|control| cancel(id, control)));
        }
    }

    /// Fails the calls that an instance has which is gone. Of a broadcast, other instances may still answer.
    pub(super) fn lose_peer(&mut self, peer: PeerId, gone: Gone, wake: &mut Vec<Waker>) {
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

    /// Says to all who have calls that we are there, and learns whether they are.
    pub(in crate::connection) fn beat(&mut self) {
        self.control.extend(self.peers.reachable().map(|(control, peer)| {
            let (subject, reply) = (control.clone(), Some(peer.reply.clone()));
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
        is_across_accounts: false,
    }))
}

pub(super) fn cancel(id: u64, control: &Subject) -> (OutboundMessage, Joining) {
    let mut payload = BytesMut::new();
    write_cancel(&mut payload, &Id::new(id));
    let (subject, payload) = (control.clone(), payload.freeze());
    (OutboundMessage { subject, reply: None, payload, headers: None }, Joining::Several)
}
