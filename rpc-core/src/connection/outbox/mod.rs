//! Messages on their way out, collected so that many of them share one write.

mod batch;
mod destination;
mod estimate;
mod replies;
mod window;

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub(crate) use self::batch::{Batch, Joining, MAX_BYTES, MAX_FRAMES};
pub(crate) use self::destination::DestinationId;
pub(super) use self::destination::{Destinations, Place, Waiting};
pub(super) use self::estimate::HandlerTimes;
pub(super) use self::replies::{Replies, Through};
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
            if !open.is_empty() {
                open.remove(&subject);
            }
        } else {
            let is_last = batches.back().is_some_and(|last| last.is_for(&message.subject));
            let place = if is_last { Some(batches.len() - 1) } else { open.get(&subject).copied() };
            if let Some(batch) = place.and_then(|place| batches.get_mut(place))
                && batch.is_for(&message.subject)
                && batch.has_room_for(message.payload.len(), joining.frames(), MAX_FRAMES, bytes)
            {
                batch.add_frames(message.payload, joining.frames());
                if let Some(reply) = message.reply {
                    batch.ask(reply);
                }
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
    use crate::connection::Subject;

    /// A message to a place, with a head and so many bytes of frames, which say its number.
    fn message(subject: &Subject, number: u8, bytes: usize) -> OutboundMessage {
        let payload = [&[0xC1, 1][..], &vec![number; bytes]].concat().into();
        OutboundMessage { subject: subject.clone(), reply: None, payload, headers: None }
    }

    /// What leaves, without the heads.
    fn leaving(outbox: &Outbox) -> Vec<(String, Vec<u8>)> {
        let messages = outbox.take().into_iter().map(Batch::into_message);
        messages.map(|message| (message.subject.to_string(), message.payload[2..].to_vec())).collect()
    }

    #[test]
    fn nothing_joins_a_message_that_is_not_one_of_several() {
        let outbox = Outbox::default();
        let subject = Subject::from("_INBOX.one.and.the.same");
        let plain = OutboundMessage { payload: "\"a plain reply\"".into(), ..message(&subject, 0, 0) };
        outbox.push(plain, Joining::Lone, 1000).unwrap();
        outbox.push(message(&subject, 0, 1), Joining::Several, 1000).unwrap();
        let payloads: Vec<_> = outbox.take().into_iter().map(|batch| batch.into_message().payload).collect();
        assert_eq!(payloads, [&b"\"a plain reply\""[..], &[0xC1, 1, 0]]);
    }

    /// Else what is said of a stream could come before its items.
    #[test]
    fn nothing_overtakes_a_lone_message_to_the_same_place() {
        let outbox = Outbox::default();
        let (here, there) = (Subject::from("lab._ctl.a.7"), Subject::from("lab._ctl.b.8"));
        let push =
            |subject, number, joining| outbox.push(message(subject, number, 1), joining, 1000).unwrap();
        push(&here, 1, Joining::Frames(1));
        push(&there, 2, Joining::Frames(1));
        push(&here, 3, Joining::Lone);
        push(&there, 4, Joining::Frames(1));
        push(&here, 5, Joining::Frames(1));
        push(&here, 6, Joining::Several);
        push(&there, 7, Joining::Lone);
        push(&here, 8, Joining::Frames(1));
        push(&there, 9, Joining::Frames(1));
        let expected = [
            (&here, &[1][..]),
            // Elsewhere nothing stands in the way.
            (&there, &[2, 4]),
            (&here, &[3]),
            (&here, &[5, 6, 8]),
            (&there, &[7]),
            (&there, &[9]),
        ];
        assert_eq!(
            leaving(&outbox),
            expected.map(|(subject, frames)| (subject.to_string(), frames.to_vec()))
        );
    }

    #[test]
    fn frames_join_in_order_also_behind_one_that_was_too_large() {
        let outbox = Outbox::default();
        let subject = Subject::from("lab._ctl.a.7");
        for (number, bytes) in [(1, 10), (2, 10), (3, 18), (4, 3), (5, 100), (6, 1), (7, 27), (8, 1)] {
            // One that is larger than what may be joined leaves alone.
            outbox.push(message(&subject, number, bytes), Joining::Frames(1), 30).unwrap();
        }
        let order: Vec<Vec<u8>> = leaving(&outbox)
            .into_iter()
            .map(|(_, mut frames)| {
                frames.dedup();
                frames
            })
            .collect();
        assert_eq!(order, [&[1, 2][..], &[3, 4], &[5], &[6], &[7], &[8]]);
    }

    #[test]
    fn each_frame_of_a_message_of_several_counts() {
        let outbox = Outbox::default();
        let subject = Subject::from("lab._ctl.a.7");
        let push = |number, joining| outbox.push(message(&subject, number, 1), joining, 1000).unwrap();
        push(1, Joining::Frames(300));
        push(2, Joining::Frames(212));
        push(3, Joining::Several);
        push(4, Joining::Frames(MAX_FRAMES - 1));
        push(5, Joining::Frames(MAX_FRAMES));
        push(6, Joining::Frames(1));
        push(7, Joining::Frames(510));
        push(8, Joining::Several);
        push(9, Joining::Frames(usize::MAX));
        push(10, Joining::Several);
        let frames: Vec<_> = leaving(&outbox).into_iter().map(|(_, frames)| frames).collect();
        assert_eq!(frames, [&[1, 2][..], &[3, 4], &[5], &[6, 7, 8], &[9], &[10]]);
    }

    #[test]
    fn what_is_put_back_leaves_before_what_was_posted_since() {
        let outbox = Outbox::default();
        let subject = Subject::from("lab._ctl.a.7");
        let push = |number, joining| outbox.push(message(&subject, number, 1), joining, 1000).unwrap();
        push(1, Joining::Frames(1));
        push(2, Joining::Lone);
        let taken = outbox.take();
        push(3, Joining::Frames(1));
        outbox.put_back(taken);
        push(4, Joining::Frames(1));
        let frames: Vec<_> = leaving(&outbox).into_iter().map(|(_, frames)| frames).collect();
        assert_eq!(frames, [&[1][..], &[2], &[3, 4]]);
    }
}
