//! Messages on their way out, collected so that many of them share one write.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::yield_now;

use super::{OutboundMessage, Transport, TryPublishError};
use crate::error::Error;

/// How many messages may wait: as many as there can be calls in flight.
const CAPACITY: usize = 64 * 1024;

/// Messages that wait for a flush.
///
/// async-nats writes as soon as it is woken by a first message, so that publishing one by one costs a system call for
/// nearly each. What is collected here is published in one go: by a receiving task that has run out of messages, or by
/// the flusher, which lets all other tasks that are ready run before it.
#[derive(Default)]
pub(super) struct Outbox {
    waiting: Mutex<Vec<OutboundMessage>>,
    wake: Notify,
    /// Held by whoever waits for room in the connection's queue with messages in hand: who has held it since knows that
    /// what was posted before is there.
    sending: tokio::sync::Mutex<()>,
    refused: AtomicBool,
}

impl Outbox {
    /// Adds a message, unless there are too many.
    pub(super) fn push(&self, message: OutboundMessage) -> Result<(), TryPublishError> {
        let mut waiting = self.lock();
        if waiting.len() >= CAPACITY {
            return Err(TryPublishError::Full);
        }
        waiting.push(message);
        Ok(())
    }

    /// Asks the flusher to come.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Publishes what waits, as far as the connection takes it at once; the rest is left to the flusher.
    pub(super) fn flush(&self, transport: &Transport) {
        let mut batch = std::mem::take(&mut *self.lock());
        let mut published = 0;
        for message in &batch {
            match transport.try_publish(message.clone()) {
                Err(TryPublishError::Full) => break,
                Err(TryPublishError::Refused(error)) => self.note_refusal(&error),
                Ok(()) => {}
            }
            published += 1;
        }
        batch.drain(..published);
        let rest = !batch.is_empty();
        // Also when nothing is left: the room that the batch had is used again.
        let mut waiting = self.lock();
        std::mem::swap(&mut *waiting, &mut batch);
        waiting.append(&mut batch);
        drop(waiting);
        if rest {
            self.wake();
        }
    }

    /// Publishes what waits, however long that takes.
    pub(super) async fn flush_all(&self, transport: &Transport) {
        let _sending = self.sending.lock().await;
        loop {
            let batch = std::mem::take(&mut *self.lock());
            if batch.is_empty() {
                return;
            }
            for message in batch {
                if let Err(error) = transport.publish(message).await {
                    self.note_refusal(&error);
                }
            }
        }
    }

    /// Flushes whenever it is asked to, for as long as the connection lives.
    pub(super) async fn run(&self, transport: &Transport) {
        loop {
            self.wake.notified().await;
            yield_now().await;
            self.flush_all(transport).await;
        }
    }

    /// The size of a message was checked before: it is the connection that is gone, and all further ones go the same way.
    fn note_refusal(&self, error: &Error) {
        if !self.refused.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "a message could not be sent; further ones are not reported");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<OutboundMessage>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
