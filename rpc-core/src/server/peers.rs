//! Who has accepted calls of a service open here.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::stats::Stats;
use crate::connection::streams::{Flows, Link, Window, Windows};
use crate::connection::{OutboundMessage, Subject};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::reply::{Audience, Format, Replier, ReplyPath};
use crate::service::{Port, PortSettings};
use crate::wire::frame::{self, Acceptance, Credit, Flags, Id};
use crate::wire::headers::Headers;
use crate::wire::reply_prefixes::ReplyPrefixes;
use crate::wire::subject::first_tokens;

/// The prefix of replies to other accounts. A NATS server takes one reply there and no more.
const OTHER_ACCOUNT: &str = "_R_.";

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
    inbox: Box<str>,
    service: Box<str>,
}

/// One inbox that has calls open.
struct Peer {
    home: Home,
    address: Address,
    calls: BTreeMap<Id, Cancellable>,
    /// When it was heard last.
    heard: Instant,
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
}

impl Address {
    /// A message to the peer. Several share their subject in memory, and can be joined.
    pub(super) fn message(&self, payload: Bytes) -> OutboundMessage {
        let (subject, reply) = (self.to.clone(), Some(self.from.clone()));
        OutboundMessage { subject, reply, payload, headers: None }
    }
}

/// What a call that opens a stream may have, and what it asks for.
pub(super) struct StreamLimits<'a> {
    pub(super) allowed: &'a ReplyPrefixes,
    /// Whether its caller sends items, and how many may be on their way.
    pub(super) takes_items: bool,
    pub(super) window: Window,
    /// How many results its caller takes at first.
    pub(super) credit: Credit,
    /// How many streams an inbox may have open.
    pub(super) of_peer: usize,
    /// Until when it must be open, and how long its caller may take nothing then.
    pub(super) opening: Deadline,
    pub(super) idle: Duration,
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
        let acceptance = Acceptance { credit: None, headers: &Headers::new(), flags: flags_of(path) };
        frame::write_accepted(&mut accepted, &id, &self.replier.instance, &acceptance);
        let call = OpenCall { peers: Arc::clone(self), peer, id, cancellation, port: None };
        Some((call, address.message(accepted.freeze())))
    }

    /// Notes that a call is here which opens a stream; `None` if it is here already. An error if its caller cannot be told of it, or if it has too many.
    pub(super) fn open_stream(
        self: &Arc<Self>,
        subject: &str,
        path: &ReplyPath,
        limits: &StreamLimits<'_>,
        cancellation: CancellationToken,
        stats: &Arc<Stats>,
    ) -> Result<Option<OpenCall>, Error> {
        let unheard = || {
            let text = "a stream needs a reply subject in an inbox of its caller's own, and a framed call";
            Error::not_executed(ErrorKind::Unimplemented, text)
        };
        let (id, home) = self.home(subject, path).ok_or_else(unheard)?;
        let window = if limits.takes_items { limits.window } else { Window::NONE };
        let flows = Arc::new(Flows::new(self.windows.reserve(window)?));
        flows.outflow.grant(limits.credit);
        let mut state = self.lock();
        let peer = self.peer(&mut state, home, limits.allowed).ok_or_else(unheard)?;
        let Some(Peer { address, calls, .. }) = state.peers.get_mut(&peer) else { return Err(unheard()) };
        if calls.contains_key(&id) {
            return Ok(None);
        }
        let streams = calls.values().filter(|call| call.flows.is_some()).count();
        if streams >= limits.of_peer {
            let most = limits.of_peer;
            if calls.is_empty() {
                state.forget(&peer);
            }
            let text = format!("the caller's connection has {streams} streams open, of {most} that it may");
            return Err(Error::not_executed(ErrorKind::Overloaded, text));
        }
        let (stats, shared) = (Arc::clone(stats), Arc::clone(&flows));
        calls.insert(id, Cancellable { cancellation: cancellation.clone(), stats, flows: Some(shared) });
        let Address { to, from } = address.clone();
        drop(state);

        let link = Link { connection: self.replier.connection.clone(), to, from, id };
        let settings = PortSettings {
            takes_items: limits.takes_items,
            flags: flags_of(path),
            opening: limits.opening,
            idle: limits.idle,
        };
        let port = Port::new(flows, link, Arc::clone(&self.replier), settings);
        let port = Some(Arc::new(port));
        Ok(Some(OpenCall { peers: Arc::clone(self), peer, id, cancellation, port }))
    }

    /// Which call it is, and where its caller is heard; `None` of one that nobody can be told of.
    fn home(&self, subject: &str, path: &ReplyPath) -> Option<(Id, Home)> {
        let Format::Framed { id, .. } = path.format else { return None };
        let reply = path.to.as_deref().filter(|reply| !reply.starts_with(OTHER_ACCOUNT))?;
        let (inbox, _) = reply.rsplit_once('.')?;
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

    /// The streams of a peer, by the id of their call.
    pub(super) fn flows(&self, peer: &str, id: &Id) -> Option<Arc<Flows>> {
        self.lock().peers.get(peer)?.calls.get(id)?.flows.clone()
    }

    /// Tells a peer that its items are not wanted any more.
    pub(super) fn refuse_items(&self, peer: &str, id: &Id) {
        let address = self.lock().peers.get(peer).map(|peer| peer.address.clone());
        if let Some(Address { to, from }) = address {
            Link { connection: self.replier.connection.clone(), to, from, id: *id }.cancel();
        }
    }

    /// Takes those for gone that have a stream open and have said nothing for too long: who has one says each second that it is there.
    pub(super) fn lose_silent(&self, longest: Duration) {
        let now = Instant::now();
        let is_silent = |peer: &Peer| {
            now.saturating_duration_since(peer.heard) >= longest
                && peer.calls.values().any(|call| call.flows.is_some())
        };
        let all = |state: &State| -> Vec<Arc<str>> {
            let silent = state.peers.iter().filter(|(_, peer)| is_silent(peer));
            silent.map(|(token, _)| Arc::clone(token)).collect()
        };
        let silent = all(&self.lock());
        for peer in silent {
            self.gone(&peer, None);
        }
    }

    /// Notes that this process was the one which heard nothing for a while.
    pub(super) fn forgive(&self) {
        let now = Instant::now();
        self.lock().peers.values_mut().for_each(|peer| peer.heard = now);
    }

    /// Gives an inbox a token. It is never that of another: who hears of one that is gone must not hit the next. And it cannot
    /// be guessed: a peer that made up the news that another is gone would have all calls of that one cancelled.
    fn add(&self, state: &mut State, home: Home, allowed: &ReplyPrefixes) -> Option<Arc<str>> {
        let (instance, service) = (&self.replier.instance, &home.service);
        let to = format!("{}._{instance}", home.inbox);
        if !allowed.accept(&to) {
            return None;
        }
        let token: Arc<str> = self.replier.connection.random().token_string::<12>().into();
        let from = format!("{service}._ctl.{instance}.{token}");
        let address = Address { to: to.into(), from: from.into() };
        if state.peers.is_empty() {
            self.opened.notify_one();
        }
        state.tokens.insert(home.clone(), Arc::clone(&token));
        let (calls, heard) = (BTreeMap::new(), Instant::now());
        state.peers.insert(Arc::clone(&token), Peer { home, address, calls, heard });
        Some(token)
    }

    /// Cancels one of a peer's calls, if it is open. Returns whether it was.
    pub(super) fn cancel(&self, peer: &str, id: &Id) -> bool {
        let cancelled = self.lock().remove(peer, id);
        // Not under the lock: it wakes the handler.
        cancelled.map(Cancellable::cancel).is_some()
    }

    /// Cancels everything that a peer has open, since it is gone. Returns how many calls that were. `unheard` is the subject
    /// that nobody listens on, where the broker says so: another than the peer's is not about it.
    pub(super) fn gone(&self, peer: &str, unheard: Option<&str>) -> u64 {
        let mut state = self.lock();
        let Some(found) = state.peers.get(peer) else { return 0 };
        if unheard.is_some_and(|unheard| unheard != found.address.to.as_str()) {
            return 0;
        }
        let calls = state.forget(peer);
        drop(state);
        calls.into_values().map(Cancellable::cancel).fold(0, |count, ()| count + 1)
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::connection::Joining;
    use crate::reply::ContentType;

    fn peers() -> Arc<Peers> {
        let connection = crate::memory::Broker::new().connect();
        let replier = Arc::new(Replier { connection, instance: "i7".into() });
        Arc::new(Peers::new(replier, 1, Arc::default()))
    }

    fn open(peers: &Arc<Peers>, reply: &str, format: Format) -> Option<(OpenCall, OutboundMessage)> {
        let (to, audience) = (Some(reply.into()), Audience::One);
        let path =
            ReplyPath { replier: Arc::clone(&peers.replier), to, joining: Joining::Lone, format, audience };
        peers.open(
            "s.m",
            &path,
            &ReplyPrefixes::default(),
            CancellationToken::new(),
            &Arc::new(Stats::new("s", "m")),
        )
    }

    fn framed(id: u64) -> Format {
        Format::Framed { id: Id::new(id), flags: Flags::default() }
    }

    fn is_empty(peers: &Peers) -> bool {
        let state = peers.lock();
        state.peers.is_empty() && state.tokens.is_empty()
    }

    /// The token in the subject that a peer is heard on.
    fn token(accepted: &OutboundMessage) -> String {
        let (control, token) = accepted.reply.as_deref().unwrap().rsplit_once('.').unwrap();
        assert_eq!(control, "s._ctl.i7");
        token.to_owned()
    }

    #[test]
    fn the_calls_of_an_inbox_have_one_peer_for_as_long_as_there_are_any() {
        let peers = peers();
        let (first, accepted) = open(&peers, "_INBOX.a.1", framed(1)).unwrap();
        let (second, again) = open(&peers, "_INBOX.a.2", framed(2)).unwrap();
        let (_other, other) = open(&peers, "_INBOX.b.1", framed(1)).unwrap();
        assert_eq!([&*accepted.subject, &*other.subject], ["_INBOX.a._i7", "_INBOX.b._i7"]);
        assert_eq!(accepted.subject.as_ptr(), again.subject.as_ptr(), "they can be joined");
        assert_eq!(token(&accepted), token(&again));
        assert_ne!(token(&accepted), token(&other));
        assert!(peers.opened.notified().now_or_never().is_some());
        drop((first, second));
        assert_eq!(peers.addresses().len(), 1);
        let (_third, later) = open(&peers, "_INBOX.a.3", framed(3)).unwrap();
        assert_ne!(token(&accepted), token(&later), "what is said to one that is gone does not hit the next");
    }

    #[test]
    fn a_cancel_hits_the_call_of_its_peer_and_no_other() {
        let peers = peers();
        let (mine, accepted) = open(&peers, "_INBOX.a.1", framed(1)).unwrap();
        let (other, not_mine) = open(&peers, "_INBOX.b.1", framed(1)).unwrap();
        assert!(!peers.cancel(&token(&accepted), &Id::new(2)), "an unknown call");
        assert!(!peers.cancel("1", &Id::new(1)), "an unknown peer");
        assert!(peers.cancel(&token(&accepted), &Id::new(1)));
        assert!(mine.cancellation.is_cancelled() && !other.cancellation.is_cancelled());
        assert!(!peers.cancel(&token(&accepted), &Id::new(1)), "once");
        drop(mine);
        assert!(peers.cancel(&token(&not_mine), &Id::new(1)));
        drop(other);
        assert!(is_empty(&peers));
    }

    #[test]
    fn all_calls_of_a_peer_that_is_gone_are_cancelled() {
        let peers = peers();
        let opened: Vec<_> = (0..3).map(|id| open(&peers, "_INBOX.a.1", framed(id)).unwrap()).collect();
        let (other, _) = open(&peers, "_INBOX.b.1", framed(1)).unwrap();
        let peer = token(&opened[0].1);
        assert_eq!(peers.gone("nobody", None), 0);
        assert_eq!(peers.gone(&peer, Some("_INBOX.b._i7")), 0, "that is about another subject");
        assert_eq!(peers.gone(&peer, Some("_INBOX.a._i7")), 3);
        assert!(opened.iter().all(|(call, _)| call.cancellation.is_cancelled()));
        assert!(!other.cancellation.is_cancelled());
        assert_eq!(peers.gone(&peer, None), 0);
        drop((opened, other));
        assert!(is_empty(&peers));
    }

    #[test]
    fn a_call_that_nobody_can_be_told_of_is_not_opened() {
        let peers = peers();
        let plain = Format::Plain { codec: crate::Codec::Json, content_type: ContentType::Implied };
        assert!(open(&peers, "_INBOX.a.1", plain).is_none());
        assert!(open(&peers, "_R_.a.1", framed(1)).is_none(), "another account takes one reply only");
        assert!(open(&peers, "inbox", framed(1)).is_none(), "it has no place for control messages");
        assert!(
            open(&peers, "orders.1", framed(1)).is_none(),
            "that place would be outside of what is allowed"
        );
        assert!(is_empty(&peers));
        let (_first, _) = open(&peers, "_INBOX.a.1", framed(1)).unwrap();
        assert!(open(&peers, "_INBOX.a.2", framed(1)).is_none(), "an id that is open already");
    }
}
