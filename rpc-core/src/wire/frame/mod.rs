//! The frames of the framed dialect: what they have in common.

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod golden;
mod read;
mod reader;
mod simple;
mod stream;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use self::read::{
    AcceptedFrame, BadMessage, CallFrame, EndFrame, ErrorFrame, Frame, Frames, HeartbeatFrame, ItemFrame,
    SuccessFrame, first_id,
};
pub(crate) use self::reader::Malformed;
use self::reader::Reader;
pub(crate) use self::stream::{Acceptance, End, begin_message, put_end, put_item, write_credit};
pub(crate) use self::write::{
    CallBuffer, CallHead, Failure, ReplyTail, Times, heartbeat, write_accepted, write_cancel, write_error,
    write_heartbeat, write_success, write_trial,
};
use crate::codec::Codec;

/// The first byte of a framed message; MessagePack never uses it.
pub(crate) const MAGIC: u8 = 0xC1;

/// The version of the protocol that is spoken here.
pub(crate) const VERSION: u8 = 1;

/// How many bytes come before the first frame.
pub(crate) const HEAD: usize = 2;

/// The code that stands for the service's own error.
pub(crate) const SERVICE_ERROR: u16 = 422;

const CALL: u64 = 1;
const SUCCESS: u64 = 2;
const ERROR: u64 = 3;
const CANCEL: u64 = 4;
const ITEM: u64 = 5;
const END: u64 = 6;
const CREDIT: u64 = 7;
const ACCEPTED: u64 = 8;
const HEARTBEAT: u64 = 9;

/// Bits of a call's or an error's flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flags(u32);

impl Flags {
    const CODEC: u32 = 0b1111;
    /// In a call.
    const RECEIPT: u32 = 1 << 4;
    /// In an *accepted*: the same bit.
    const OPEN: u32 = 1 << 4;
    const INSTANCE: u32 = 1 << 5;
    /// In what a server says.
    const ONE_OF_MANY: u32 = 1 << 6;
    /// In a call that opens a stream: the same bit.
    const WHOLE_STREAM: u32 = 1 << 6;
    const WHOLE: u32 = 1 << 7;
    /// In a call: the same bit.
    const SEVERAL_REPLIES: u32 = 1 << 7;
    /// In a call that runs nothing.
    const TRIAL: u32 = 1 << 9;
    const MUST_UNDERSTAND: u32 = 0xFF00;

    pub(crate) fn codec(codec: Codec) -> Self {
        Flags(match codec {
            Codec::MessagePack => 0,
            Codec::Json => 1,
        })
    }

    /// The caller waits for a receipt of a oneway call.
    #[must_use]
    pub(crate) fn with_receipt(self) -> Self {
        Flags(self.0 | Self::RECEIPT)
    }

    /// The stream of results is open.
    #[must_use]
    pub(crate) fn with_open(self) -> Self {
        Flags(self.0 | Self::OPEN)
    }

    /// The budget of the call is that of the whole stream, and not only of its opening.
    #[must_use]
    pub(crate) fn with_whole_stream(self) -> Self {
        Flags(self.0 | Self::WHOLE_STREAM)
    }

    pub(crate) fn is_open(self) -> bool {
        self.0 & Self::OPEN != 0
    }

    pub(crate) fn bounds_whole_stream(self) -> bool {
        self.0 & Self::WHOLE_STREAM != 0
    }

    /// The reply shall name the instance.
    #[must_use]
    pub(crate) fn with_instance(self) -> Self {
        Flags(self.0 | Self::INSTANCE)
    }

    /// The call went to several instances: this refusal proves nothing about the others.
    #[must_use]
    pub(crate) fn with_one_of_many(self) -> Self {
        Flags(self.0 | Self::ONE_OF_MANY)
    }

    /// The error is about the whole message, not only about the call that it names.
    #[must_use]
    pub(crate) fn with_whole(self) -> Self {
        Flags(self.0 | Self::WHOLE)
    }

    /// The caller has verified that several replies reach it.
    #[must_use]
    pub(crate) fn with_several_replies(self) -> Self {
        Flags(self.0 | Self::SEVERAL_REPLIES)
    }

    pub(crate) fn allows_several_replies(self) -> bool {
        self.0 & Self::SEVERAL_REPLIES != 0
    }

    /// Whether the call runs nothing and is answered twice.
    pub(crate) fn is_trial(self) -> bool {
        self.0 & Self::TRIAL != 0
    }

    pub(crate) fn wants_instance(self) -> bool {
        self.0 & Self::INSTANCE != 0
    }

    pub(crate) fn is_one_of_many(self) -> bool {
        self.0 & Self::ONE_OF_MANY != 0
    }

    pub(crate) fn is_whole(self) -> bool {
        self.0 & Self::WHOLE != 0
    }

    /// Whether a sender demands something that this version does not know.
    pub(crate) fn demands_the_unknown(self) -> bool {
        self.0 & Self::MUST_UNDERSTAND & !Self::TRIAL != 0 || self.read_codec().is_none()
    }

    /// The codec of the arguments, unless it is an unknown one.
    pub(crate) fn read_codec(self) -> Option<Codec> {
        match self.0 & Self::CODEC {
            0 => Some(Codec::MessagePack),
            1 => Some(Codec::Json),
            _ => None,
        }
    }
}

/// What may still be sent in one direction of a stream: so many items, with so many bytes together.
///
/// An item may leave as long as neither is used up, and may be larger than what is left: then the bytes are in debt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Credit {
    pub(crate) messages: u32,
    pub(crate) bytes: u32,
}

impl Credit {
    /// Both together.
    pub(crate) fn and(self, more: Credit) -> Self {
        let (messages, bytes) =
            (self.messages.saturating_add(more.messages), self.bytes.saturating_add(more.bytes));
        Credit { messages, bytes }
    }
}

/// What pairs a reply with its call: bytes that the caller chose and everyone else echoes unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    length: u8,
    bytes: [u8; 16],
}

impl Id {
    /// How many bytes our own ids have.
    const OWN: usize = 8;

    /// The number of the id that stands for one that cannot be read.
    pub(crate) const UNREADABLE: u64 = 0;

    pub(crate) fn new(id: u64) -> Self {
        Id::of(id.to_be_bytes())
    }

    /// An id of our own length.
    fn of([i0, i1, i2, i3, i4, i5, i6, i7]: [u8; Self::OWN]) -> Self {
        Id { length: 8, bytes: [i0, i1, i2, i3, i4, i5, i6, i7, 0, 0, 0, 0, 0, 0, 0, 0] }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let read = reader.bin()?;
        if read.is_empty() {
            return Err(Malformed);
        }
        let mut bytes = [0; 16];
        bytes.get_mut(..read.len()).ok_or(Malformed)?.copy_from_slice(read);
        Ok(Id { length: u8::try_from(read.len()).map_err(|_| Malformed)?, bytes })
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// The number behind an id of our own.
    pub(crate) fn own(&self) -> Option<u64> {
        if self.length != 8 {
            return None;
        }
        self.bytes.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
    }
}
