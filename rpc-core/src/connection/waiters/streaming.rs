//! Calls that open a stream, and the streams that are open.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::{Arc, OnceLock};
use std::task::Waker;

use bytes::BytesMut;
use tokio::time::Instant;

use super::acceptance::cancel;
use super::{Answer, IdHasher, Waiters};
use crate::connection::peers::{Origin, PeerId};
use crate::connection::streams::{Flows, Reserved, Stop};
use crate::connection::{Joining, OutboundMessage, Subject};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::wire::frame::{AcceptedFrame, Credit, EndFrame, Id, write_credit};
use crate::wire::headers::Headers;
use crate::wire::subject::split_control;

/// The client's end of a stream, from the time that its call is made.
#[derive(Debug)]
pub(crate) struct ClientStream {
    pub(crate) flows: Arc<Flows>,
    /// Until when it lasts, once it is open; `None` if nothing ends it but its two sides.
    pub(crate) until: Option<Instant>,
    /// The way to the instance, once it wants items or has opened the stream of results: from then on the call is not sent again.
    pub(crate) way: OnceLock<Way>,
    /// The id of the attempt that has opened the stream of results.
    pub(crate) opened: OnceLock<u64>,
}

impl ClientStream {
    /// One with room for what comes.
    pub(crate) fn new(reserved: Reserved, until: Option<Instant>) -> Self {
        ClientStream {
            flows: Arc::new(Flows::new(reserved)),
            until,
            way: OnceLock::new(),
            opened: OnceLock::new(),
        }
    }

    /// Whether an instance has begun with it.
    pub(crate) fn has_begun(&self) -> bool {
        self.way.get().is_some()
    }
}

/// Where the frames of a stream go, and where what is said about that comes.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) to: Subject,
    /// The reply subject of messages, unless the instance is in another account: a NATS server
    /// keeps a way back for each that has one.
    pub(crate) from: Option<Subject>,
    /// The id of the attempt that has begun.
    pub(crate) id: u64,
}

/// What is known of a stream when it is open.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) instance: Box<str>,
    pub(crate) headers: Headers,
}

/// How often an instance may say something of a stream before it confirms where it hears: it does
/// three times.
const MAX_DEFERRED: usize = 8;

/// By the ids of their calls.
pub(super) type Streams = HashMap<u64, Entry, BuildHasherDefault<IdHasher>>;

/// A stream whose call is out, or that is open.
pub(super) struct Entry {
    stream: Arc<ClientStream>,
    /// The instance that has it.
    peer: Option<PeerId>,
    /// What the instance has said, until it is known where it can be told something.
    deferred: Vec<Deferred>,
}

/// What an instance says of a stream, besides its items.
enum Deferred {
    Accepted(AcceptedFrame),
    End(Box<EndFrame>),
}

impl Entry {
    /// Whether its call has been answered with it.
    fn is_open(&self) -> bool {
        self.stream.opened.get().is_some()
    }
}

impl Waiters {
    /// Notes that a call, which is about to be sent, opens this stream.
    pub(in crate::connection) fn expect_stream(&mut self, id: u64, stream: Arc<ClientStream>) {
        self.streams.insert(id, Entry { stream, peer: None, deferred: Vec::new() });
    }

    /// Whether a call has a stream that is open at another instance of the service than the one
    /// which hears here, and which can be told so.
    pub(super) fn has_stream_elsewhere(&self, id: u64, declared: &Subject) -> bool {
        let Some(entry) = self.streams.get(&id).filter(|entry| entry.is_open()) else { return false };
        let there = entry.peer.and_then(|peer| self.peers.get(peer)).filter(|peer| peer.is_direct());
        there.is_some_and(|peer| {
            peer.declared != *declared && is_of_the_same_service(&peer.declared, declared)
        })
    }

    /// An instance has a call that opens a stream: it may want items now, and have the stream of results open.
    pub(super) fn accept_stream(
        &mut self,
        id: u64,
        accepted: &AcceptedFrame,
        peer: PeerId,
        now: Instant,
        wake: &mut Vec<Waker>,
    ) {
        let Some(entry) = self.streams.get_mut(&id) else { return };
        let Some(there) = self.peers.get(peer) else { return };
        let is_opened = accepted.flags.is_open();
        if entry.stream.has_begun() && entry.peer.is_some_and(|has| has != peer) {
            // Of several instances that want the items, one gets them: the credit of both would be spent there.
            return self.control.extend(there.control.as_ref().map(|control| cancel(id, control)));
        }
        entry.peer = Some(peer);
        if self.peers.is_asked(peer) {
            if entry.deferred.len() < MAX_DEFERRED {
                entry.deferred.push(Deferred::Accepted(accepted.clone()));
            }
            return;
        }
        let Some(to) = there.control.clone() else {
            return self.fail_streams_without_control(peer, wake);
        };
        if accepted.credit.is_none() && !is_opened {
            return;
        }
        let stream = Arc::clone(&entry.stream);
        let from = there.at.is_none().then(|| there.reply.clone());
        stream.way.get_or_init(|| Way { to, from, id });
        // What bounded its opening is over.
        if let Some(waiter) = self.calls.get_mut(&id) {
            waiter.deadline = stream.until.unwrap_or_else(|| Deadline::never().instant());
        }
        if let Some(credit) = accepted.credit {
            wake.extend(stream.flows.outflow.grant(credit));
        }
        if is_opened {
            stream.opened.get_or_init(|| id);
            let opened = Opened { instance: accepted.instance.clone(), headers: accepted.headers.clone() };
            wake.extend(self.answer(id, Answer::Opened(Box::new(opened)), now));
        }
    }

    /// It is known now where an instance can be told something: what it has said before counts.
    pub(super) fn begin_deferred(&mut self, id: u64, peer: PeerId, now: Instant, wake: &mut Vec<Waker>) {
        let entry = self.streams.get_mut(&id).filter(|entry| entry.peer == Some(peer));
        let deferred = entry.map(|entry| std::mem::take(&mut entry.deferred)).unwrap_or_default();
        for said in deferred {
            match said {
                Deferred::Accepted(accepted) => self.accept_stream(id, &accepted, peer, now, wake),
                Deferred::End(end) => self.end_stream(id, *end, wake),
            }
        }
    }

    /// A stream is open at one of the instances that have its call: the others are told that nobody waits for them.
    pub(super) fn leave_others(&mut self, id: u64, mut peers: Vec<PeerId>) {
        let there = self.streams.get(&id).and_then(|entry| entry.peer);
        peers.retain(|peer| Some(*peer) != there);
        self.cancel_at_peers(id, &peers);
        self.leave_peers(id, &mut peers);
    }

    /// Whether a stream has begun at this instance: no other one will go on with it.
    pub(super) fn has_begun_at(&self, id: u64, peer: PeerId) -> bool {
        self.streams.get(&id).is_some_and(|entry| entry.peer == Some(peer) && entry.stream.has_begun())
    }

    /// The call has ended in another way than with an open stream.
    pub(super) fn end_opening(&mut self, id: u64) {
        if self.streams.get(&id).is_some_and(|entry| !entry.is_open()) {
            self.streams.remove(&id);
        }
    }

    /// A stream whose results come from this instance.
    pub(in crate::connection) fn open_stream(
        &self,
        id: u64,
        origin: Origin<'_>,
    ) -> Option<Arc<ClientStream>> {
        let opens =
            |said: &Deferred| matches!(said, Deferred::Accepted(accepted) if accepted.flags.is_open());
        let is_deferred = || self.streams.get(&id).is_some_and(|entry| entry.deferred.iter().any(opens));
        let is_open = |stream: &Arc<ClientStream>| stream.opened.get() == Some(&id) || is_deferred();
        self.stream_at(id, origin).filter(is_open)
    }

    /// A stream, if it is at this instance.
    fn stream_at(&self, id: u64, origin: Origin<'_>) -> Option<Arc<ClientStream>> {
        let entry = self.streams.get(&id)?;
        self.peers.is_from(entry.peer?, origin).then(|| Arc::clone(&entry.stream))
    }

    /// Nobody waits for these items any more: an instance that is known is told so.
    pub(in crate::connection) fn refuse_items(&mut self, id: u64, origin: Origin<'_>) {
        if !self.calls.contains_key(&id)
            && let Some(peer) = self.peers.from(origin)
        {
            self.cancel_at_peers(id, &[peer]);
        }
    }

    /// Takes in the end of the stream of results.
    pub(in crate::connection) fn take_end(
        &mut self,
        id: u64,
        end: Box<EndFrame>,
        origin: Origin<'_>,
        wake: &mut Vec<Waker>,
    ) {
        if self.open_stream(id, origin).is_none() {
            return;
        }
        match self.streams.get_mut(&id) {
            Some(entry) if !entry.deferred.is_empty() => {
                if entry.deferred.len() < MAX_DEFERRED {
                    entry.deferred.push(Deferred::End(end));
                }
            }
            _ => self.end_stream(id, *end, wake),
        }
    }

    fn end_stream(&mut self, id: u64, end: EndFrame, wake: &mut Vec<Waker>) {
        let Some(entry) = self.remove_stream(id) else { return };
        // A fault need not be told: the handler has ended.
        let _ = entry.stream.flows.take_end(end, wake);
        wake.extend(entry.stream.flows.outflow.stop(Stop::Unwanted));
    }

    /// Lets instances send more whose streams are waited for: they may wait as well.
    pub(in crate::connection) fn grant_owed(&mut self) {
        let (streams, control) = (&self.streams, &mut self.control);
        let mut owed: Vec<_> = streams
            .values()
            .filter_map(|entry| Some((entry.stream.way.get()?, entry.stream.flows.inflow.grant_owed()?)))
            .collect();
        // A simulation has to send them in the same order each time.
        owed.sort_unstable_by_key(|(way, _)| way.id);
        control.extend(owed.into_iter().map(|(way, credit)| {
            let mut payload = BytesMut::new();
            write_credit(&mut payload, &Id::new(way.id), credit);
            let (subject, reply) = (way.to.clone(), way.from.clone());
            let message = OutboundMessage { subject, reply, payload: payload.freeze(), headers: None };
            (message, Joining::Frames(1))
        }));
    }

    /// Takes in that more may be sent.
    pub(in crate::connection) fn take_credit(
        &mut self,
        id: u64,
        credit: Credit,
        origin: Origin<'_>,
        wake: &mut Vec<Waker>,
    ) {
        let Some(stream) = self.stream_at(id, origin) else { return };
        wake.extend(stream.flows.outflow.grant(credit));
    }

    /// The instance wants no more items.
    pub(in crate::connection) fn take_cancel(&mut self, id: u64, origin: Origin<'_>, wake: &mut Vec<Waker>) {
        let Some(stream) = self.stream_at(id, origin) else { return };
        wake.extend(stream.flows.outflow.stop(Stop::Unwanted));
    }

    /// The client cannot go on with a stream: its items fail, say. The instance is told, and the call or the stream fails.
    pub(in crate::connection) fn fail_stream(
        &mut self,
        stream: &ClientStream,
        error: Error,
        wake: &mut Vec<Waker>,
    ) {
        let Some(way) = stream.way.get() else { return };
        if stream.opened.get().is_some() {
            stream.flows.fail(&error, wake);
            self.close_stream(way.id);
        } else if self.calls.contains_key(&way.id) {
            self.control.push(cancel(way.id, &way.to));
            wake.extend(self.answer(way.id, Answer::Lost(error), Instant::now()));
        }
    }

    /// Ends a stream that its user has dropped, or on which something was lost: the instance is told, unless the stream has ended.
    pub(in crate::connection) fn close_stream(&mut self, id: u64) {
        let Some(entry) = self.remove_stream(id) else { return };
        if let Some(way) = entry.stream.way.get() {
            self.control.push(cancel(id, &way.to));
        }
    }

    fn remove_stream(&mut self, id: u64) -> Option<Entry> {
        let entry = self.streams.remove(&id)?;
        if let Some(peer) = entry.peer
            && entry.is_open()
        {
            self.peers.close(id, peer);
        }
        Some(entry)
    }

    /// The instance of a stream is gone. Returns whether it was open.
    pub(super) fn lose_stream(&mut self, id: u64, why: &str, wake: &mut Vec<Waker>) -> bool {
        if !self.streams.get(&id).is_some_and(|entry| entry.is_open()) {
            return false;
        }
        if let Some(entry) = self.streams.remove(&id) {
            let error = Error::new(ErrorKind::Unavailable, why.to_owned());
            entry.stream.flows.fail(&error, wake);
        }
        true
    }

    /// Tells the instances that have streams that nobody waits for those any more. Once the connection is back, that is: heartbeats for new
    /// streams would let them take the old ones for wanted.
    pub(super) fn cancel_streams(&mut self) {
        let mut all: Vec<(u64, PeerId)> =
            self.streams.iter().filter_map(|(id, entry)| Some((*id, entry.peer?))).collect();
        // A simulation has to send them in the same order each time.
        all.sort_unstable();
        for (id, peer) in all {
            self.cancel_at_peers(id, &[peer]);
        }
    }

    /// An instance has begun with a stream that nobody knows here: the connection was lost meanwhile. It is told so, unless it hears nothing from
    /// here anyway.
    pub(super) fn refuse_stream(&mut self, id: u64, accepted: &AcceptedFrame, declared: &Subject) {
        let is_stream = accepted.credit.is_some() || accepted.flags.is_open();
        if is_stream
            && !self.streams.contains_key(&id)
            && let Some(peer) = self.peers.find(declared)
        {
            self.cancel_at_peers(id, &[peer]);
        }
    }

    /// The connection is lost: what was sent may not have come, and nothing more will.
    pub(super) fn lose_streams(&mut self, error: &Error, wake: &mut Vec<Waker>) {
        let mut open: Vec<u64> =
            self.streams.iter().filter(|(_, entry)| entry.is_open()).map(|(id, _)| *id).collect();
        // A simulation has to wake them in the same order each time.
        open.sort_unstable();
        for id in open {
            if let Some(entry) = self.remove_stream(id) {
                entry.stream.flows.fail(error, wake);
            }
        }
    }

    /// The broker does not let us publish to an instance: no item gets there, and nothing that would let it send more.
    pub(super) fn deny_streams(&mut self, subject: &str, wake: &mut Vec<Waker>) {
        let message = format!("NATS does not let this user publish to {subject}, which streams need");
        let error = Error::new(ErrorKind::PermissionDenied, message);
        for peer in self.peers.told_at(subject) {
            self.fail_streams_at(peer, &error, wake);
        }
    }

    /// Nothing that is sent to an instance gets there for certain: its streams cannot go on.
    pub(super) fn fail_streams_without_control(&mut self, peer: PeerId, wake: &mut Vec<Waker>) {
        let Some(there) = self.peers.get(peer) else { return };
        let base = split_control(&there.declared, &there.instance).map_or("", |(base, _)| base);
        let message = format!(
            "the stream has no way to the instance {}, which hears below {base}._ctl: map that as well, \
             by all of its weight, or list {base} with ClientBuilder::also_served_below",
            there.instance
        );
        self.fail_streams_at(peer, &Error::new(ErrorKind::Unimplemented, message), wake);
    }

    /// Fails the streams that an instance has, and the calls that open one there.
    fn fail_streams_at(&mut self, peer: PeerId, error: &Error, wake: &mut Vec<Waker>) {
        for id in self.peers.calls(peer) {
            let Some(is_open) = self.streams.get(&id).map(Entry::is_open) else { continue };
            if !is_open {
                wake.extend(self.answer(id, Answer::Lost(error.clone()), Instant::now()));
            } else if let Some(entry) = self.remove_stream(id) {
                entry.stream.flows.fail(error, wake);
            }
        }
    }
}

/// Whether two control subjects are below the same service: they differ in their last two tokens, the instance and the peer.
fn is_of_the_same_service(one: &str, other: &str) -> bool {
    let service = |control: &str| {
        let (rest, _) = control.rsplit_once('.')?;
        rest.rsplit_once('.').map(|(service, _)| service.len())
    };
    match (service(one), service(other)) {
        (Some(one_at), Some(other_at)) => one.get(..one_at) == other.get(..other_at),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_of_a_control_subject_is_what_is_before_instance_and_peer() {
        assert!(is_of_the_same_service("lab._ctl.a.1", "lab._ctl.b.2"));
        assert!(!is_of_the_same_service("lab._ctl.a.1", "labs._ctl.a.1"));
        assert!(!is_of_the_same_service("lab", "lab"));
    }
}
