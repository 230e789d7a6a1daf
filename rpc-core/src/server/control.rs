//! What an instance hears about calls that it has.

use std::sync::Arc;

use futures_util::StreamExt;

use super::Shared;
use super::peers::Peers;
use crate::connection::{MAX_FRAMES, Message, Subscription, no_responders};
use crate::wire::frame::{Frame, Frames};

/// Takes in the control messages of one service, until its server ends: a shutdown waits for handlers, which can still be
/// cancelled.
pub(super) async fn listen(mut subscription: Subscription, peers: Arc<Peers>, shared: Arc<Shared>) {
    while let Some(message) = subscription.next().await {
        take(&message, &peers, &shared);
    }
}

/// Cancels the calls that a message says. Nothing here ever opens one, and nothing is answered.
fn take(message: &Message, peers: &Peers, shared: &Shared) {
    let peer = message.subject.rsplit('.').next().unwrap_or_default();
    if let Some(unserved) = no_responders(message) {
        peers.gone(peer, unserved.subject);
        return;
    }
    let Ok(frames) = Frames::new(&message.payload) else {
        shared.counters.control_malformed.add();
        return;
    };
    for frame in frames.take(MAX_FRAMES) {
        match frame {
            Ok(Frame::Cancel(id)) => _ = peers.cancel(peer, &id),
            // A heartbeat is sent for what becomes of it where nobody is.
            Ok(_) => {}
            Err(_) => _ = shared.counters.control_malformed.add(),
        }
    }
}
