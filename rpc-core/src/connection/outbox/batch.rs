//! Frames that leave in one message.

use bytes::{Bytes, BytesMut};

use crate::connection::{OutboundMessage, Subject};
use crate::wire::frame::HEAD;

/// How many frames a message carries at most.
pub(crate) const MAX_FRAMES: usize = 512;

/// How many bytes a message of several frames has at most, where the broker takes as many.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

/// A message, and the frames of further ones that leave in it.
#[derive(Debug)]
pub(crate) struct Batch {
    message: OutboundMessage,
    /// Framed messages to the same subject.
    more: Vec<Bytes>,
    /// How many frames they have together.
    frames: usize,
    size: usize,
    joining: Joining,
}

/// Whether other messages to the same subject can be expected, to which a framed one can be joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joining {
    /// It is one of several.
    Several,
    /// The same, and has so many frames already.
    Frames(usize),
    /// It is the only one, or not framed.
    Lone,
}

impl Joining {
    /// How many frames a message has.
    pub(super) fn frames(self) -> usize {
        match self {
            Joining::Frames(frames) => frames,
            Joining::Several | Joining::Lone => 1,
        }
    }
}

impl Batch {
    /// Whether others join it that go to this very subject: to where the replies to the calls of one message go.
    pub(super) fn is_for(&self, subject: &Subject) -> bool {
        self.joining != Joining::Lone && std::ptr::eq(self.message.subject.as_str(), subject.as_str())
    }

    /// Where its answers go, if it asks for any.
    pub(in crate::connection) fn reply(&self) -> Option<&Subject> {
        self.message.reply.as_ref()
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Whether another framed message of so many bytes, with so many frames, still fits.
    pub(super) fn has_room_for(&self, payload: usize, more: usize, frames: usize, bytes: usize) -> bool {
        self.frames.saturating_add(more) <= frames && self.size + payload <= bytes
    }

    /// The same of a message with one frame.
    pub(crate) fn has_room(&self, payload: usize, frames: usize, bytes: usize) -> bool {
        self.has_room_for(payload, 1, frames, bytes)
    }

    /// Adds the frame of another framed message.
    pub(crate) fn add(&mut self, payload: Bytes) {
        self.add_frames(payload, 1);
    }

    /// Has answers come to this subject, unless it asks for some already.
    pub(super) fn ask(&mut self, reply: Subject) {
        self.message.reply.get_or_insert(reply);
    }

    /// Adds the frames of another framed message, which has so many.
    pub(super) fn add_frames(&mut self, payload: Bytes, frames: usize) {
        self.frames += frames;
        self.size += payload.len() - HEAD.min(payload.len());
        self.more.push(payload);
    }

    /// The message. One that was alone is what it was; several are copied into one.
    pub(crate) fn into_message(self) -> OutboundMessage {
        let Batch { mut message, more, size, frames: _, joining: _ } = self;
        if !more.is_empty() {
            let mut all = BytesMut::with_capacity(size);
            all.extend_from_slice(&message.payload);
            for payload in &more {
                all.extend_from_slice(payload.get(HEAD..).unwrap_or_default());
            }
            message.payload = all.freeze();
        }
        message
    }
}

impl Batch {
    /// A batch of one message, that others may or may not join later.
    pub(super) fn new(message: OutboundMessage, joining: Joining) -> Self {
        let size = message.payload.len();
        Batch { message, more: Vec::new(), frames: joining.frames(), size, joining }
    }
}

impl From<OutboundMessage> for Batch {
    fn from(message: OutboundMessage) -> Self {
        Batch::new(message, Joining::Lone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::{MAGIC, VERSION};

    fn message(payload: &[u8]) -> OutboundMessage {
        let payload = Bytes::copy_from_slice(payload);
        OutboundMessage { subject: "s.m".into(), reply: None, payload, headers: None }
    }

    #[test]
    fn a_message_alone_is_not_copied_and_several_have_one_head() {
        let lone = message(&[MAGIC, VERSION, 1, 2]);
        let place = lone.payload.as_ptr();
        assert_eq!(Batch::from(lone).into_message().payload.as_ptr(), place);

        let mut batch = Batch::from(message(&[MAGIC, VERSION, 1, 2]));
        batch.add(Bytes::from_static(&[MAGIC, VERSION, 3]));
        batch.add(Bytes::from_static(&[MAGIC, VERSION, 4, 5]));
        assert_eq!(batch.into_message().payload[..], [MAGIC, VERSION, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn room_is_bounded_in_frames_and_bytes() {
        let mut batch = Batch::from(message(&[MAGIC, VERSION, 1, 2]));
        assert!(!batch.has_room(3, 1, 100), "no second frame");
        assert!(!batch.has_room(3, 2, 6) && batch.has_room(3, 2, 7));
        batch.add(Bytes::from_static(&[MAGIC, VERSION, 3]));
        assert!(!batch.has_room(3, 2, 100) && batch.has_room(3, 3, 100));
    }

    #[test]
    fn a_message_of_several_frames_takes_their_room() {
        let mut batch = Batch::new(message(&[MAGIC, VERSION, 1, 2]), Joining::Frames(2));
        assert!(!batch.has_room(3, 2, 100) && batch.has_room(3, 3, 100));
        assert!(!batch.has_room_for(3, 4, 5, 100) && batch.has_room_for(3, 4, 6, 100));
        batch.add_frames(Bytes::from_static(&[MAGIC, VERSION, 3, 4, 5, 6]), 4);
        assert!(!batch.has_room(3, 6, 100) && batch.has_room(3, 7, 100));
        assert_eq!(batch.size(), 8);
        assert_eq!(batch.into_message().payload[..], [MAGIC, VERSION, 1, 2, 3, 4, 5, 6]);
    }
}
