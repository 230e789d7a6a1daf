//! Messages on their way out, collected so that many of them share one write.

mod batch;
mod destination;
mod estimate;
mod window;

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub(crate) use self::batch::{Batch, Joining, MAX_BYTES, MAX_FRAMES};
pub(crate) use self::destination::DestinationId;
pub(super) use self::destination::{Destinations, Place, Waiting};
pub(super) use self::estimate::Heard;
use super::{OutboundMessage, TryPublishError};

/// How many messages may wait: as many as there can be calls in flight.
const CAPACITY: usize = 64 * 1024;

/// How many bytes they may have together.
const CAPACITY_BYTES: usize = 64 * 1024 * 1024;

/// Replies and other messages that wait for a flush. Calls wait at their destinations.
///
/// async-nats writes as soon as it is woken by a first message, so that publishing one by one costs a system call for
/// nearly each. What is collected here is published in one go: by a receiving task that has run out of messages, or by
/// the flusher, which lets all other tasks that are ready run before it.
#[derive(Default)]
pub(super) struct Outbox {
    posted: Mutex<Posted>,
    pub(super) wake: Notify,
    /// Messages in the hand of whoever waits for room in the connection's queue: who has held it since knows that what
    /// was posted before is there.
    pub(super) sending: tokio::sync::Mutex<InHand>,
}

/// Messages that are about to be sent.
#[derive(Default)]
pub(super) struct InHand {
    pub(super) batches: VecDeque<Batch>,
    /// How often the connection had been lost when they were looked at last.
    pub(super) losses: u64,
}

#[derive(Default)]
struct Posted {
    batches: VecDeque<Batch>,
    bytes: usize,
    /// The batches that further frames may join, by the place in memory of their subject: the replies to one message share
    /// it, and as long as a batch is here, its own subject keeps the place.
    open: HashMap<usize, usize>,
}

impl Outbox {
    /// Adds a message, unless there are too many. `bytes` is how large a message of several may become.
    pub(super) fn push(
        &self,
        message: OutboundMessage,
        joining: Joining,
        bytes: usize,
    ) -> Result<(), TryPublishError> {
        let mut posted = self.lock();
        let Posted { batches, bytes: waiting, open } = &mut *posted;
        if batches.len() >= CAPACITY || *waiting > CAPACITY_BYTES {
            return Err(TryPublishError::Full);
        }
        *waiting += message.payload.len();
        let subject = message.subject.as_ptr().addr();
        if joining == Joining::Lone {
            // What comes later to the same place must not overtake it.
            open.remove(&subject);
        } else {
            let is_last = batches.back().is_some_and(|last| last.is_for(&message.subject));
            let place = if is_last { Some(batches.len() - 1) } else { open.get(&subject).copied() };
            if let Some(batch) = place.and_then(|place| batches.get_mut(place))
                && batch.is_for(&message.subject)
                && batch.has_room_for(message.payload.len(), joining.frames(), MAX_FRAMES, bytes)
            {
                batch.add_frames(message.payload, joining.frames());
                return Ok(());
            }
            open.insert(subject, batches.len());
        }
        batches.push_back(Batch::new(message, joining));
        Ok(())
    }

    /// Takes what waits.
    pub(super) fn take(&self) -> VecDeque<Batch> {
        let mut posted = self.lock();
        posted.open.clear();
        posted.bytes = 0;
        std::mem::take(&mut posted.batches)
    }

    /// The same, behind what the taker has already.
    pub(super) fn take_into(&self, batches: &mut VecDeque<Batch>) {
        let mut posted = self.lock();
        posted.open.clear();
        posted.bytes = 0;
        batches.append(&mut posted.batches);
    }

    /// Puts back what could not be sent, before what has been posted since. Also when nothing is left: the room that it had
    /// is used again.
    pub(super) fn put_back(&self, mut batches: VecDeque<Batch>) {
        let mut posted = self.lock();
        posted.open.clear();
        posted.bytes += batches.iter().map(Batch::size).sum::<usize>();
        batches.append(&mut posted.batches);
        posted.batches = batches;
    }

    fn lock(&self) -> MutexGuard<'_, Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_joins_a_message_that_is_not_one_of_several() {
        let outbox = Outbox::default();
        let subject = crate::connection::Subject::from("_INBOX.one.and.the.same");
        let message = |payload: &'static [u8]| OutboundMessage {
            subject: subject.clone(),
            reply: None,
            payload: payload.into(),
            headers: None,
        };
        outbox.push(message(b"\"a plain reply\""), Joining::Lone, 1000).unwrap();
        outbox.push(message(&[0xC1, 1, 0]), Joining::Several, 1000).unwrap();
        let payloads: Vec<_> = outbox.take().into_iter().map(|batch| batch.into_message().payload).collect();
        assert_eq!(payloads, [&b"\"a plain reply\""[..], &[0xC1, 1, 0]]);
    }
}
