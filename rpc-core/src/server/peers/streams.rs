//! The streams that peers have open.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Cancellable, OpenCall, Peer, Peers, State, flags_of};
use crate::connection::streams::{CreditPool, Flows, Window};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::reply::ReplyPath;
use crate::server::stats::Stats;
use crate::service::{Port, PortSettings};
use crate::wire::frame::{Credit, Id};
use crate::wire::reply_prefixes::ReplyPrefixes;

/// What a call that opens a stream may have, and what it asks for.
pub(in crate::server) struct StreamLimits<'a> {
    pub(in crate::server) allowed: &'a ReplyPrefixes,
    /// Whether its caller sends items, and how many may be on their way.
    pub(in crate::server) takes_items: bool,
    pub(in crate::server) window: Window,
    /// How many results its caller takes at first.
    pub(in crate::server) credit: Credit,
    /// How many streams an inbox may have open.
    pub(in crate::server) of_peer: usize,
    /// What its caller may have on their way on all of its streams, if it is known.
    pub(in crate::server) pool: Option<&'a Arc<CreditPool>>,
    /// Until when it must be open, and how long its caller may take nothing then.
    pub(in crate::server) opening: Deadline,
    pub(in crate::server) idle: Duration,
}

impl Peers {
    /// Notes that a call is here which opens a stream; `None` if it is here already. An error if its caller cannot be told of it, or if it has too many.
    pub(in crate::server) fn open_stream(
        self: &Arc<Self>,
        subject: &str,
        path: &ReplyPath,
        limits: &StreamLimits<'_>,
        cancellation: CancellationToken,
        stats: &Arc<Stats>,
    ) -> Result<Option<OpenCall>, Error> {
        let unheard = || {
            let text = if path.is_across_accounts() {
                "a stream to another account needs an export with `response_type: stream`, and a caller \
                 that has verified it"
            } else {
                "a stream needs a reply subject in an inbox of its caller's own, and a framed call"
            };
            Error::not_executed(ErrorKind::Unimplemented, text)
        };
        let (id, home) = self.home(subject, path).ok_or_else(unheard)?;
        let window = if limits.takes_items { limits.window } else { Window::NONE };
        let reserved = self.windows.reserve(window)?;
        let flows = match limits.pool {
            Some(pool) => Flows::metered(reserved, pool),
            None => Flows::new(reserved),
        };
        let flows = Arc::new(flows);
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
        let address = address.clone();
        drop(state);

        let link = address.link(self.replier.connection.clone(), id);
        let settings = PortSettings {
            control: address.control().map(Into::into),
            takes_items: limits.takes_items,
            flags: flags_of(path),
            opening: limits.opening,
            idle: limits.idle,
        };
        let port = Port::new(flows, link, Arc::clone(&self.replier), settings);
        let port = Some(Arc::new(port));
        Ok(Some(OpenCall { peers: Arc::clone(self), peer, id, cancellation, port }))
    }

    /// The streams of a peer, by the id of their call.
    pub(in crate::server) fn flows(&self, peer: &str, id: &Id) -> Option<Arc<Flows>> {
        self.lock().peers.get(peer)?.calls.get(id)?.flows.clone()
    }

    /// Tells a peer that its items are not wanted any more.
    pub(in crate::server) fn refuse_items(&self, peer: &str, id: &Id) {
        if let Some(address) = self.address(peer) {
            address.link(self.replier.connection.clone(), *id).cancel();
        }
    }

    /// Takes those for gone that have said nothing for too long: who has a stream open says each
    /// second that it is there, and so does who has said so before. Of others nobody knows whether
    /// they may publish here.
    pub(in crate::server) fn lose_silent(&self, longest: Duration) {
        let now = Instant::now();
        let is_silent = |peer: &Peer| {
            now.saturating_duration_since(peer.heard) >= longest
                && (peer.beats || peer.calls.values().any(|call| call.flows.is_some()))
        };
        let all = |state: &State| -> Vec<Arc<str>> {
            let silent = state.peers.iter().filter(|(_, peer)| is_silent(peer));
            silent.map(|(token, _)| Arc::clone(token)).collect()
        };
        let silent = all(&self.lock());
        for peer in silent {
            self.gone(&peer);
        }
    }

    /// Notes that this process was the one which heard nothing for a while.
    pub(in crate::server) fn forgive(&self) {
        let now = Instant::now();
        self.lock().peers.values_mut().for_each(|peer| peer.heard = now);
    }
}
