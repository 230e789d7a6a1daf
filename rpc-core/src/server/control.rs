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
        let cancelled = take(&message, &peers, &shared);
        shared.counters.cancelled.add_many(cancelled);
    }
}

/// Returns how many calls a message has cancelled. Nothing here ever opens one, and nothing is answered.
fn take(message: &Message, peers: &Peers, shared: &Shared) -> u64 {
    let peer = message.subject.rsplit('.').next().unwrap_or_default();
    if let Some(unserved) = no_responders(message) {
        return peers.gone(peer, unserved.subject);
    }
    let Ok(frames) = Frames::new(&message.payload) else {
        shared.counters.malformed.add();
        return 0;
    };
    let mut cancelled = 0;
    for frame in frames.take(MAX_FRAMES) {
        match frame {
            Ok(Frame::Cancel(id)) => cancelled += u64::from(peers.cancel(peer, &id)),
            // A heartbeat is sent for what becomes of it where nobody is.
            Ok(_) => {}
            Err(_) => _ = shared.counters.malformed.add(),
        }
    }
    cancelled
}
