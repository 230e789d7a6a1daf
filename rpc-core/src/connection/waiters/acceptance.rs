//! Calls that take long: which instance has them, whether it is still there, and how it is told that nobody waits.

use std::task::Waker;

use bytes::BytesMut;
use tokio::time::Instant;

use super::{Answer, Part, Place, Waiters};
use crate::connection::asks::{Settled, Try};
use crate::connection::outbox::{DestinationId, Joining};
use crate::connection::peers::{NewPeer, PeerId, Unreached};
use crate::connection::{Message, OutboundMessage, Subject};
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
    /// Where it can be told something, if it can, once it was asked.
    pub(in crate::connection) settled: Option<Option<&'a Subject>>,
}

/// An instance has to be asked at these subjects whether it can be told something there.
#[derive(Debug)]
pub(in crate::connection) struct MustAsk {
    destination: DestinationId,
    candidates: Vec<Subject>,
}

/// Where an instance can be told something.
enum Control {
    At(Subject),
    Nowhere,
    MustAsk(Vec<Subject>),
    /// What it says that it is, is none.
    NotOfTheService,
}

impl Waiters {
    /// Notes that an instance has a call. If nobody waits for that any more, the instance is told so. An
    /// error if it has to be asked first where it can be told anything: then the message that says so
    /// waits for that.
    pub(in crate::connection) fn accept(
        &mut self,
        id: u64,
        accepted: &AcceptedFrame,
        heard: &Heard<'_>,
        now: Instant,
        wake: &mut Vec<Waker>,
    ) -> Result<(), MustAsk> {
        if self.has_stream_elsewhere(id, heard.declared) {
            // Of several instances that have opened it, one is enough.
            self.control.push(cancel(id, heard.declared));
            return Ok(());
        }
        let Some(waiter) = self.calls.get(&id) else {
            self.refuse_stream(id, accepted, heard.declared);
            return Ok(());
        };
        let gathers = waiter.gathered.is_some();
        let destination = match waiter.place {
            Place::Out(slot) => self.slots.sent(slot).map(|sent| sent.destination),
            Place::Plain(destination) if gathers => Some(destination),
            Place::Plain(_) | Place::Waiting(_) => None,
        };
        let Some(destination) = destination.filter(|_| waiter.answer.is_none()) else { return Ok(()) };
        let is_of_many = waiter.one_of_many || accepted.flags.is_one_of_many();
        let most = if gathers || is_of_many { MAX_INSTANCES } else { 1 };
        let is_known = self.peers.find(heard.declared).is_some_and(|peer| waiter.peers.contains(&peer));
        if !is_known && waiter.peers.len() >= most {
            return Ok(());
        }
        let control = match self.control_of(destination, &accepted.instance, heard) {
            Control::At(control) => Some(control),
            Control::Nowhere => None,
            Control::NotOfTheService => return Ok(()),
            Control::MustAsk(candidates) => return Err(MustAsk { destination, candidates }),
        };
        let Some(waiter) = self.calls.get_mut(&id) else { return Ok(()) };
        if waiter.given_up {
            self.control.extend(control.map(|control| cancel(id, &control)));
            if !gathers {
                self.remove_given_up(id, now);
            }
            return Ok(());
        }
        waiter.one_of_many = is_of_many;
        if self.peers.is_empty() {
            self.news.pulse = true;
        }
        let (declared, at, instance) = (heard.declared, heard.at.cloned(), &*accepted.instance);
        let inbox = self.reply_prefix(destination);
        let peer = NewPeer { declared, control, at, instance, inbox: &inbox };
        let peer = self.peers.open(id, peer, now);
        if let Some(waiter) = self.calls.get_mut(&id)
            && !waiter.peers.contains(&peer)
        {
            waiter.peers.push(peer);
        }
        self.accept_stream(id, accepted, peer, now, wake);
        Ok(())
    }

    /// Where an instance can be told something about a call that went to a destination.
    fn control_of(&mut self, destination: DestinationId, instance: &str, heard: &Heard<'_>) -> Control {
        let declared = heard.declared;
        let Some(to) = self.destinations.get_mut(destination) else { return Control::NotOfTheService };
        let Some((base, rest)) = split_control(declared, instance) else { return Control::NotOfTheService };
        if let Some(settled) = heard.settled {
            return settled.cloned().map_or(Control::Nowhere, Control::At);
        }
        if let Some(peer) = self.peers.find(declared).and_then(|peer| self.peers.get(peer)) {
            return peer.control.clone().map_or(Control::Nowhere, Control::At);
        }
        let service = to.service();
        let elsewhere = self.slots.also_served_below(to.pool);
        // What is sent there must not go to any subject that somebody names.
        if base == service || elsewhere.iter().any(|other| is_at_or_below(base, other)) {
            return Control::At(declared.clone());
        }
        let candidates = std::iter::once(service).chain(elsewhere.iter().map(|other| &**other));
        Control::MustAsk(candidates.map(|base| Subject::from(format!("{base}{rest}"))).collect())
    }

    /// Asks an instance where it can be told something; its message, and those that follow, wait for that.
    pub(in crate::connection) fn ask(
        &mut self,
        must_ask: MustAsk,
        instance: &str,
        declared: &Subject,
        message: &Message,
    ) {
        let inbox = self.reply_prefix(must_ask.destination);
        let tries = must_ask.candidates.into_iter();
        let tries = tries.map(|control| Try::new(control, self.peers.reply(&inbox, instance))).collect();
        let at = message.reply.is_none().then(|| message.subject.clone());
        match self.asks.begin(declared, at, tries, message.clone()) {
            Some(question) => {
                (self.news.pulse, self.news.asks) = (true, true);
                self.control.push((question, Joining::Lone));
            }
            None => {
                self.settled.push(Settled { control: None, messages: vec![message.clone()] });
                self.news.asks = true;
            }
        }
    }

    /// An instance confirms that it hears where it was asked.
    pub(in crate::connection) fn confirm(&mut self, declared: &str, number: u64) {
        self.settled.extend(self.asks.confirm(declared, number));
        self.news.asks = true;
    }

    /// Goes on with what comes of a question that has failed. Says whether there was one.
    fn go_on(&mut self, next: Option<Result<OutboundMessage, Settled>>) -> bool {
        match next {
            None => return false,
            Some(Ok(question)) => self.control.push((question, Joining::Lone)),
            Some(Err(settled)) => self.settled.push(settled),
        }
        self.news.asks = true;
        true
    }

    /// The broker does not let us publish to a subject at which an instance was asked.
    pub(super) fn deny_question(&mut self, subject: &str) {
        let next = self.asks.deny(subject);
        self.go_on(next);
    }

    /// The broker says at this reply subject that a message to an instance reached nobody. Says whether
    /// it is one of theirs.
    pub(in crate::connection) fn unreached(
        &mut self,
        reply: &str,
        went_to: Option<&str>,
        now: Instant,
        wake: &mut Vec<Waker>,
    ) -> bool {
        let next = self.asks.unreached(reply);
        if self.go_on(next) {
            return true;
        }
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
            Unreached::Doubted => {}
        }
    }

    /// Looks who is gone that was doubted or silent, and who has not confirmed where it hears.
    pub(in crate::connection) fn look_at_peers(&mut self, now: Instant, wake: &mut Vec<Waker>) {
        loop {
            let next = self.asks.expire(now);
            if !self.go_on(next) {
                break;
            }
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
        let controls = peers.iter().filter_map(|peer| self.peers.get(*peer)?.control.as_ref());
        self.control.extend(controls.map(|control| cancel(id, control)));
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
