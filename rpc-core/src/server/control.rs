//! What an instance hears about calls that it has.

use std::iter::Peekable;
use std::sync::Arc;
use std::task::Waker;

use bytes::BytesMut;
use futures_util::StreamExt;

use super::Shared;
use super::peers::Peers;
use super::replies::{Dispatch, send_message};
use crate::connection::{Joining, MAX_FRAMES, Message, OutboundMessage, Subscription, no_responders};
use crate::reply::{is_across_accounts, nothing};
use crate::wire::frame::{Frame, Frames, HeartbeatFrame, Id, ItemFrame, Malformed, write_heartbeat};

/// Takes in the control messages of one service, until its server ends: a shutdown waits for handlers, which can still be
/// cancelled.
pub(super) async fn listen(mut subscription: Subscription, peers: Arc<Peers>, shared: Arc<Shared>) {
    while let Some(message) = subscription.next().await {
        take(&message, &peers, &shared);
    }
}

/// Cancels the calls that a message says. Nothing here ever opens one, and nothing is answered but
/// the question whether a heartbeat arrives.
fn take(message: &Message, peers: &Peers, shared: &Arc<Shared>) {
    let peer = message.subject.rsplit('.').next().unwrap_or_default();
    if no_responders(message).is_some() {
        peers.gone(peer);
        return;
    }
    let Ok(frames) = Frames::new(&message.payload) else {
        shared.counters.control_malformed.add();
        return;
    };
    peers.hear(peer);
    let mut wake = Vec::new();
    let mut frames = frames.take(MAX_FRAMES).peekable();
    while let Some(frame) = frames.next() {
        match frame {
            Ok(Frame::Item(id, item)) => {
                let more = std::iter::from_fn(|| next_item(&mut frames, id));
                take_items(peers, peer, id, std::iter::once(item).chain(more), &mut wake);
            }
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
            Ok(Frame::Heartbeat(HeartbeatFrame { number, .. })) => {
                peers.take_heartbeat(peer);
                number.into_iter().for_each(|number| confirm(message, number, shared));
            }
            Ok(_) => {}
            Err(_) => _ = shared.counters.control_malformed.add(),
        }
    }
    wake.into_iter().for_each(Waker::wake);
    if let Some(reply) = message.reply.as_ref().filter(|reply| is_across_accounts(reply)) {
        // Nothing more is answered there: the NATS server need not keep the way.
        send_message(shared, nothing(reply.clone()), Joining::Lone, Dispatch::Soon);
    }
}

/// Answers that a heartbeat has come, whoever sent it: that shows where the instance hears.
fn confirm(message: &Message, number: u64, shared: &Arc<Shared>) {
    let reply = message.reply.as_ref().filter(|reply| shared.accepts_reply(&message.subject, reply));
    let Some(subject) = reply.cloned() else { return };
    let mut bytes = BytesMut::new();
    write_heartbeat(&mut bytes, Some(number), None);
    let message = OutboundMessage { subject, reply: None, payload: bytes.freeze(), headers: None };
    send_message(shared, message, Joining::Lone, Dispatch::Soon);
}

/// The next frame, if it is another item of the same stream.
fn next_item(
    frames: &mut Peekable<impl Iterator<Item = Result<Frame, Malformed>>>,
    id: Id,
) -> Option<ItemFrame> {
    match frames.next_if(|frame| matches!(frame, Ok(Frame::Item(of, _)) if *of == id)) {
        Some(Ok(Frame::Item(_, item))) => Some(item),
        _ => None,
    }
}

/// Takes in items of a stream, one after the other.
fn take_items(
    peers: &Peers,
    peer: &str,
    id: Id,
    items: impl Iterator<Item = ItemFrame>,
    wake: &mut Vec<Waker>,
) {
    let Some(flows) = peers.flows(peer, &id) else { return items.for_each(drop) };
    if flows.take_items(items, wake).is_err() {
        peers.refuse_items(peer, &id);
    }
}
