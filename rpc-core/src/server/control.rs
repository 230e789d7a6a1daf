//! What an instance hears about calls that it has.

use std::sync::Arc;
use std::task::Waker;

use futures_util::StreamExt;

use super::Shared;
use super::peers::Peers;
use crate::connection::streams::Flows;
use crate::connection::{MAX_FRAMES, Message, Subscription, no_responders};
use crate::wire::frame::{Frame, Frames, Id, ItemFrame};

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
    peers.hear(peer);
    let (mut current, mut wake) = (None, Vec::new());
    for frame in frames.take(MAX_FRAMES) {
        match frame {
            Ok(Frame::Item(id, item)) => take_item(peers, peer, id, item, &mut current, &mut wake),
            Ok(Frame::End(id, end)) => {
                if let Some(flows) = peers.flows(peer, &id) {
                    // What was lost before it, the handler learns.
                    let _ = flows.take_end(*end, &mut wake);
                }
            }
            Ok(Frame::Credit(id, credit)) => {
                wake.extend(peers.flows(peer, &id).and_then(|flows| flows.outflow.grant(credit)));
            }
            Ok(Frame::Cancel(id)) => _ = peers.cancel(peer, &id),
            // A heartbeat says no more than that its sender is there.
            Ok(_) => {}
            Err(_) => _ = shared.counters.control_malformed.add(),
        }
    }
    wake.into_iter().for_each(Waker::wake);
}

/// Takes in an item of a stream: often one of many of the same, which is looked for once.
fn take_item(
    peers: &Peers,
    peer: &str,
    id: Id,
    item: ItemFrame,
    current: &mut Option<(Id, Arc<Flows>)>,
    wake: &mut Vec<Waker>,
) {
    if current.as_ref().is_none_or(|(current, _)| *current != id) {
        *current = peers.flows(peer, &id).map(|flows| (id, flows));
    }
    if let Some((_, flows)) = current
        && flows.take_item(item.seq, item.body, wake).is_err()
    {
        peers.refuse_items(peer, &id);
    }
}
