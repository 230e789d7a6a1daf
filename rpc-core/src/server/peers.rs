//! Who has accepted calls of a service open here.

mod streams;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(super) use self::streams::StreamLimits;
use super::stats::Stats;
use crate::connection::streams::{Flows, Link, Windows};
use crate::connection::{Connection, OutboundMessage, Subject};
use crate::error::{Error, ErrorKind};
use crate::reply::{Audience, Format, Replier, ReplyPath, is_across_accounts};
use crate::service::Port;
use crate::wire::frame::{self, Acceptance, Flags, Id};
use crate::wire::headers::Headers;
use crate::wire::reply_prefixes::ReplyPrefixes;
use crate::wire::subject::first_tokens;

/// The peers of one service: those who wait for calls that they were told are here. A call that is answered soon never
/// comes by; one that does leaves no later than it is answered, so there are no more entries than calls.
pub(super) struct Peers {
    replier: Arc<Replier>,
    /// How many tokens the subject of the service has.
    service: usize,
    /// What may be on its way on the streams of the service.
    windows: Windows,
    state: Mutex<State>,
    /// Told when there is somebody to send heartbeats to.
    opened: Arc<Notify>,
}

#[derive(Default)]
struct State {
    /// Ordered, like the calls of each: a simulation has to send heartbeats in the same order each time.
    peers: BTreeMap<Arc<str>, Peer>,
    /// Their tokens, by their inboxes and by the subject of the service that they call.
    tokens: HashMap<Home, Arc<str>>,
}

/// Where a peer is, and the subject of the service that it calls: what is said about calls goes below that.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Home {
    /// What the reply subjects of its calls have in common. Of a call from another account, that is
    /// its reply subject: nothing else leads there.
    inbox: Box<str>,
    service: Box<str>,
}

impl Home {
    fn is_across_accounts(&self) -> bool {
        is_across_accounts(&self.inbox)
    }

    /// Where an instance is heard.
    fn heard_at(&self, instance: &str) -> String {
        let inbox = &self.inbox;
        if self.is_across_accounts() { inbox.to_string() } else { format!("{inbox}._{instance}") }
    }
}

/// One inbox that has calls open.
struct Peer {
    home: Home,
    address: Address,
    calls: BTreeMap<Id, Cancellable>,
    /// When it was heard last.
    heard: Instant,
    /// Whether it has sent a heartbeat: then it goes on doing so.
    beats: bool,
}

/// A call that its peer can cancel.
struct Cancellable {
    cancellation: CancellationToken,
    stats: Arc<Stats>,
    /// What its peer sends and takes, if it has a stream.
    flows: Option<Arc<Flows>>,
}

impl Cancellable {
    fn cancel(self) {
        self.stats.counters.cancelled.add();
        // Before its stream fails: a handler that is to be dropped shall not have the time to fail with it.
        self.cancellation.cancel();
        if let Some(flows) = self.flows {
            let error = Error::new(ErrorKind::Cancelled, "the caller has given the call up, or is gone");
            let mut wake = Vec::new();
            flows.fail(&error, &mut wake);
            wake.into_iter().for_each(Waker::wake);
        }
    }
}

/// Where a peer hears of its calls, and where it is heard.
#[derive(Clone)]
pub(super) struct Address {
    to: Subject,
    from: Subject,
    /// A NATS server replaces the reply subjects of messages to another account, and keeps a way
    /// back for each: there, frames say where they come from.
    is_across_accounts: bool,
}

impl Address {
    /// A message to the peer. Several share their subject in memory, and can be joined.
    pub(super) fn message(&self, payload: Bytes) -> OutboundMessage {
        OutboundMessage { subject: self.to.clone(), reply: self.reply(), payload, headers: None }
    }

    /// The reply subject of messages to the peer.
    fn reply(&self) -> Option<Subject> {
        (!self.is_across_accounts).then(|| self.from.clone())
    }

    /// What frames to the peer say in place of that.
    fn control(&self) -> Option<&str> {
        self.is_across_accounts.then_some(&self.from)
    }

    /// Says that the instance is there.
    pub(super) fn heartbeat(&self) -> OutboundMessage {
        let Some(control) = self.control() else { return self.message(frame::heartbeat()) };
        let mut bytes = BytesMut::new();
        frame::write_heartbeat(&mut bytes, None, Some(control));
        self.message(bytes.freeze())
    }

    /// The way to the peer on one of its streams.
    fn link(&self, connection: Connection, id: Id) -> Link {
        Link { connection, to: self.to.clone(), from: self.reply(), id }
    }
}

/// What a caller is told with everything about its call.
fn flags_of(path: &ReplyPath) -> Flags {
    let flags = Flags::default();
    if path.audience == Audience::Many { flags.with_one_of_many() } else { flags }
}

/// An accepted call. Until it is dropped, it can be cancelled, and its peer gets heartbeats.
pub(super) struct OpenCall {
    peers: Arc<Peers>,
    peer: Arc<str>,
    id: Id,
    pub(super) cancellation: CancellationToken,
    /// Its stream, if it has one.
    pub(super) port: Option<Arc<Port>>,
}

impl Peers {
    pub(super) fn new(replier: Arc<Replier>, service: usize, opened: Arc<Notify>) -> Self {
        Peers { replier, service, windows: Windows::default(), state: Mutex::default(), opened }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a call is here for longer, which came on this subject. Returns what its peer is told, or `None` for a call that nobody can be told of:
    /// a plain one, one without a reply subject or from another account, or one whose id is open already.
    pub(super) fn open(
        self: &Arc<Self>,
        subject: &str,
        path: &ReplyPath,
        allowed: &ReplyPrefixes,
        cancellation: CancellationToken,
        stats: &Arc<Stats>,
    ) -> Option<(OpenCall, OutboundMessage)> {
        let (id, home) = self.home(subject, path)?;
        let mut state = self.lock();
        let peer = self.peer(&mut state, home, allowed)?;
        let Peer { address, calls, .. } = state.peers.get_mut(&peer)?;
        if calls.contains_key(&id) {
            return None;
        }
        let stats = Arc::clone(stats);
        calls.insert(id, Cancellable { cancellation: cancellation.clone(), stats, flows: None });
        let address = address.clone();
        drop(state);

        let mut accepted = BytesMut::new();
        let (flags, control) = (flags_of(path), address.control());
        let acceptance = Acceptance { credit: None, headers: &Headers::new(), flags, control };
        frame::write_accepted(&mut accepted, &id, &self.replier.instance, &acceptance);
        let call = OpenCall { peers: Arc::clone(self), peer, id, cancellation, port: None };
        Some((call, address.message(accepted.freeze())))
    }

    /// Which call it is, and where its caller is heard; `None` of one that nobody can be told of. A
    /// caller of another account can only if it has verified that several replies reach it:
    /// anything that is said before the answer would else be taken for that.
    fn home(&self, subject: &str, path: &ReplyPath) -> Option<(Id, Home)> {
        let Format::Framed { id, flags } = path.format else { return None };
        let reply = path.to.as_deref()?;
        let inbox = if !is_across_accounts(reply) {
            reply.rsplit_once('.')?.0
        } else if flags.allows_several_replies() && !path.leaves_with_others() {
            reply
        } else {
            return None;
        };
        Some((id, Home { inbox: inbox.into(), service: first_tokens(subject, self.service).into() }))
    }

    /// The token of an inbox, which is given one if it has none.
    fn peer(&self, state: &mut State, home: Home, allowed: &ReplyPrefixes) -> Option<Arc<str>> {
        match state.tokens.get(&home) {
            Some(token) => Some(Arc::clone(token)),
            None => self.add(state, home, allowed),
        }
    }

    /// Notes that a peer was heard.
    pub(super) fn hear(&self, peer: &str) {
        if let Some(peer) = self.lock().peers.get_mut(peer) {
            peer.heard = Instant::now();
        }
    }

    /// Notes that a peer has sent a heartbeat.
    pub(super) fn take_heartbeat(&self, peer: &str) {
        if let Some(peer) = self.lock().peers.get_mut(peer) {
            peer.beats = true;
        }
    }

    /// Gives an inbox a token. It is never that of another: who hears of one that is gone must not hit the next. And it cannot
    /// be guessed: a peer that made up the news that another is gone would have all calls of that one cancelled.
    fn add(&self, state: &mut State, home: Home, allowed: &ReplyPrefixes) -> Option<Arc<str>> {
        let (instance, service) = (&self.replier.instance, &home.service);
        let to = home.heard_at(instance);
        if !allowed.accept(&to) {
            return None;
        }
        let token: Arc<str> = self.replier.connection.random().token_string::<12>().into();
        let from = format!("{service}._ctl.{instance}.{token}");
        let is_across_accounts = home.is_across_accounts();
        let address = Address { to: to.into(), from: from.into(), is_across_accounts };
        if state.peers.is_empty() {
            self.opened.notify_one();
        }
        state.tokens.insert(home.clone(), Arc::clone(&token));
        let (calls, heard) = (BTreeMap::new(), Instant::now());
        state.peers.insert(Arc::clone(&token), Peer { home, address, calls, heard, beats: false });
        Some(token)
    }

    /// Cancels one of a peer's calls, if it is open. Returns whether it was.
    pub(super) fn cancel(&self, peer: &str, id: &Id) -> bool {
        let cancelled = self.lock().remove(peer, id);
        // Not under the lock: it wakes the handler.
        cancelled.map(Cancellable::cancel).is_some()
    }

    /// Cancels everything that a peer has open, since it is gone. Returns how many calls that were.
    pub(super) fn gone(&self, peer: &str) -> u64 {
        let calls = self.lock().forget(peer);
        calls.into_values().map(Cancellable::cancel).fold(0, |count, ()| count + 1)
    }

    /// Where a peer is that has calls open.
    pub(super) fn address(&self, peer: &str) -> Option<Address> {
        self.lock().peers.get(peer).map(|peer| peer.address.clone())
    }

    /// Where all peers are that have calls open.
    pub(super) fn addresses(&self) -> Vec<Address> {
        self.lock().peers.values().map(|peer| peer.address.clone()).collect()
    }
}

impl State {
    /// Takes a call out, and with its last call its peer.
    fn remove(&mut self, peer: &str, id: &Id) -> Option<Cancellable> {
        let calls = &mut self.peers.get_mut(peer)?.calls;
        let call = calls.remove(id);
        if calls.is_empty() {
            self.forget(peer);
        }
        call
    }

    fn forget(&mut self, peer: &str) -> BTreeMap<Id, Cancellable> {
        let Some(peer) = self.peers.remove(peer) else { return BTreeMap::new() };
        self.tokens.remove(&peer.home);
        peer.calls
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.peers.lock().remove(&self.peer, &self.id);
    }
}
