//! How what waits in the outbox and at the destinations gets to the broker.
//!
//! | way | what leaves | if the connection's queue is full |
//! |---|---|---|
//! | `post` | nothing yet: a reply is left for the next that flushes | – |
//! | `flush_posted` | what was posted, for a receiving task that has run out of messages; nothing while another sends | the rest is left to the flusher |
//! | `send_full` | messages of calls that are full, for the caller who filled them | they are posted |
//! | `send_due` | what was posted and the calls that may leave: what the flusher does | waits |

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::errors::backlog;
use super::inbox::{ReplySubjects, Shared};
use super::outbox::{Batch, Joining, MAX_BYTES};
use super::transport::Transport;
use super::{OutboundMessage, TryPublishError};
use crate::error::Error;

/// How many messages are made at a time. Those that are made can be given up no more, so it is not more than a quick
/// connection takes at once.
const AT_ONCE: usize = 64;

/// How often the flusher looks whether the connection is there again. Where its events are heard, it is told.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The sending half of a connection. It does not keep the connection alive.
#[derive(Clone)]
pub(super) struct Sender {
    shared: Arc<Shared>,
    subjects: Arc<ReplySubjects>,
    transport: Arc<Transport>,
    refused: Arc<AtomicBool>,
}

impl Sender {
    pub(super) fn new(shared: Arc<Shared>, subjects: Arc<ReplySubjects>, transport: Arc<Transport>) -> Self {
        Sender { shared, subjects, transport, refused: Arc::default() }
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Waits until the flusher is asked for.
    pub(super) async fn asked(&self) {
        self.shared.outbox.wake.notified().await;
    }

    /// Leaves a message for the flusher, or for whoever flushes before that.
    pub(super) fn post(&self, message: OutboundMessage, joining: Joining) -> Result<(), TryPublishError> {
        self.shared.outbox.push(message, joining, MAX_BYTES.min(self.transport.max_payload()))
    }

    /// Asks the flusher to come.
    pub(super) fn wake_flusher(&self) {
        self.shared.outbox.wake.notify_one();
    }

    /// Publishes what was posted, as far as the connection takes it at once; the rest is left to the flusher.
    pub(super) fn flush_posted(&self) {
        // Whoever sends already goes on with this as well: what is on a stream must not overtake what is in another's hand.
        let Ok(in_hand) = self.shared.outbox.sending.try_lock() else { return self.wake_flusher() };
        if !self.transport.is_connected() || !in_hand.batches.is_empty() {
            return self.wake_flusher();
        }
        let mut batches = self.shared.outbox.take();
        if let Some(full) = self.send_now(&mut batches) {
            batches.push_front(full.into());
            self.wake_flusher();
        }
        self.shared.outbox.put_back(batches);
    }

    /// Publishes messages of calls that are full, without waiting for room.
    pub(super) fn send_full(&self, full: Vec<Batch>) {
        for batch in full {
            let Some(message) = self.try_send(batch) else { continue };
            let posted = self.post(message.clone(), Joining::Lone);
            self.wake_flusher();
            match posted {
                Ok(()) => {}
                Err(TryPublishError::Refused(error)) => self.refuse(&message, &error),
                Err(TryPublishError::Full) => self.refuse(&message, &backlog()),
            }
        }
    }

    /// Publishes what was posted and the calls that may leave, waiting for room in the connection's queue. Returns when
    /// other calls may leave, if any are held back. Without a connection it sends nothing, and returns when to look again.
    pub(super) async fn send_due(&self) -> Option<Instant> {
        let mut in_hand = self.shared.outbox.sending.lock().await;
        let unfinished = WakeOnDrop(self);
        loop {
            // From here on no loss is overlooked.
            let lost = self.shared.lost.notified();
            if !self.transport.is_connected() {
                std::mem::forget(unfinished);
                return Some(Instant::now() + LOOK_AGAIN);
            }
            self.shared.give_up_lost(&self.subjects, &mut in_hand);
            let batches = &mut in_hand.batches;
            if let Some(full) = self.send_now(batches) {
                // There it is still if this future is dropped while it waits, or if the connection is lost.
                batches.push_front(full.clone().into());
                tokio::select! {
                    biased;
                    () = lost => continue,
                    published = self.transport.publish(full.clone()) => if let Err(error) = published {
                        self.refuse(&full, &error);
                    },
                }
                batches.pop_front();
                continue;
            }
            let held = self.shared.form_due(AT_ONCE, &self.subjects, batches);
            self.shared.outbox.take_into(batches);
            if batches.is_empty() {
                std::mem::forget(unfinished);
                return held;
            }
        }
    }

    /// Publishes batches one after the other, up to a message that there is no room for.
    fn send_now(&self, batches: &mut VecDeque<Batch>) -> Option<OutboundMessage> {
        while let Some(batch) = batches.pop_front() {
            let full = self.try_send(batch);
            if full.is_some() {
                return full;
            }
        }
        None
    }

    /// Publishes a batch if there is room; gives its message back if not.
    fn try_send(&self, batch: Batch) -> Option<OutboundMessage> {
        let message = batch.into_message();
        match self.transport.try_publish(message.clone()) {
            Ok(()) => None,
            Err(TryPublishError::Full) => Some(message),
            Err(TryPublishError::Refused(error)) => {
                self.refuse(&message, &error);
                None
            }
        }
    }

    /// The calls of a message that was not taken learn of it. Of others the size was checked before: it is the
    /// connection that is gone, and all further ones go the same way.
    fn refuse(&self, message: &OutboundMessage, error: &Error) {
        if !self.shared.refuse(message.reply.as_ref(), error) && !self.refused.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "a message could not be sent; further ones are not reported");
        }
    }
}

/// Asks the flusher to go on when a future that was sending is dropped with messages in hand.
struct WakeOnDrop<'a>(&'a Sender);

impl Drop for WakeOnDrop<'_> {
    fn drop(&mut self) {
        self.0.wake_flusher();
    }
}
