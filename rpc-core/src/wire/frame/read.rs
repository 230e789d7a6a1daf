//! How frames are read.

use std::time::Duration;

use bytes::Bytes;

use super::reader::{Malformed, Reader};
use super::simple;
use super::{
    ACCEPTED, CALL, CANCEL, CREDIT, Credit, END, ERROR, Flags, HEARTBEAT, ITEM, Id, MAGIC, SUCCESS, VERSION,
};
use crate::error::{Error, ErrorKind, Execution};
use crate::wire::headers::Headers;

/// A call, as a server reads it.
#[derive(Debug)]
pub(crate) struct CallFrame {
    pub(crate) id: Id,
    pub(crate) flags: Flags,
    pub(crate) budget: Option<Duration>,
    pub(crate) expires_unix_ms: Option<u64>,
    pub(crate) attempt: u32,
    pub(crate) headers: Headers,
    /// What its server may send; only in a call that opens a stream.
    pub(crate) credit: Option<Credit>,
    pub(crate) args: Bytes,
}

/// A successful reply, as a client reads it.
#[derive(Debug)]
pub(crate) struct SuccessFrame {
    pub(crate) handler_time: Duration,
    pub(crate) body: Bytes,
    pub(crate) headers: Headers,
    pub(crate) instance: Option<Box<str>>,
    /// Whether it went to another account, where the NATS server may let one reply through.
    pub(crate) is_across_accounts: bool,
}

/// A failed one.
#[derive(Debug, Clone)]
pub(crate) struct ErrorFrame {
    pub(crate) code: u16,
    pub(crate) execution: Execution,
    pub(crate) flags: Flags,
    pub(crate) message: Box<str>,
    pub(crate) handler_time: Duration,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Option<Bytes>,
    pub(crate) instance: Option<Box<str>>,
    /// As in a successful reply.
    pub(crate) is_across_accounts: bool,
}

impl ErrorFrame {
    /// The error that a caller sees, unless the frame carries the service's own.
    pub(crate) fn to_error(&self) -> Error {
        // Of several instances one may have run it, whatever this one says.
        let one_of_many = self.flags.is_one_of_many() && self.execution == Execution::NotExecuted;
        let execution = if one_of_many { Execution::MaybeExecuted } else { self.execution };
        let error = Error::new(ErrorKind::from_code(self.code), self.message.to_string())
            .with_execution(execution)
            .with_code(self.code);
        match self.retry_after {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }
}

/// That an instance has a call and is at it, as a client reads it.
#[derive(Debug, Clone)]
pub(crate) struct AcceptedFrame {
    pub(crate) instance: Box<str>,
    /// What the client may send, once the server takes items.
    pub(crate) credit: Option<Credit>,
    pub(crate) headers: Headers,
    pub(crate) flags: Flags,
    /// Where the instance hears about the call, if the reply subject of the message does not say
    /// it.
    pub(crate) control: Option<Box<str>>,
}

/// That the sender is there, as either side reads it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct HeartbeatFrame {
    /// From a client: the number that an instance shall confirm. From an instance: the one that it
    /// confirms.
    pub(crate) number: Option<u64>,
    /// Where the instance hears about calls, if the reply subject of the message does not say it.
    pub(crate) control: Option<Box<str>>,
}

/// One item of a stream.
#[derive(Debug)]
pub(crate) struct ItemFrame {
    pub(crate) seq: u64,
    pub(crate) body: Bytes,
}

/// The end of one direction of a stream.
#[derive(Debug)]
pub(crate) struct EndFrame {
    /// How many items there were.
    pub(crate) seq: u64,
    /// Why it has ended before its time, if it has.
    pub(crate) code: u16,
    pub(crate) execution: Execution,
    pub(crate) message: Box<str>,
    /// The service's own error.
    pub(crate) body: Option<Bytes>,
}

/// What a message can hold, by kind.
#[derive(Debug)]
pub(crate) enum Frame {
    Call(CallFrame),
    Success(Id, SuccessFrame),
    /// Rare and large: all other frames are smaller for it.
    Error(Id, Box<ErrorFrame>),
    /// Nobody waits for this call any more.
    Cancel(Id),
    Accepted(Id, Box<AcceptedFrame>),
    Item(Id, ItemFrame),
    End(Id, Box<EndFrame>),
    Credit(Id, Credit),
    /// The sender is there: what it is sent to finds out whether the receiver is.
    Heartbeat(HeartbeatFrame),
    /// A kind of a later version, passed over.
    Unknown,
}

/// Why a message cannot be read as frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadMessage {
    /// Another version of the protocol.
    Version(u8),
    /// Not even that.
    Malformed,
}

/// The frames of a message, one after the other; after the first malformed one there are no more.
#[derive(Debug)]
pub(crate) struct Frames<'a> {
    message: &'a Bytes,
    at: usize,
}

impl<'a> Frames<'a> {
    /// Looks at the version.
    pub(crate) fn new(message: &'a Bytes) -> Result<Self, BadMessage> {
        match message.get(..2) {
            Some([MAGIC, VERSION]) => Ok(Frames { message, at: 2 }),
            Some([MAGIC, other]) => Err(BadMessage::Version(*other)),
            _ => Err(BadMessage::Malformed),
        }
    }

    /// Whether all frames have been read.
    pub(crate) fn is_empty(&self) -> bool {
        self.at >= self.message.len()
    }

    /// The next frame, if it is an item as nats-rpc writes it; else nothing is read.
    pub(crate) fn next_item(&mut self) -> Option<(Id, ItemFrame)> {
        let (id, item, end) = simple::read_item(self.message, self.at)?;
        self.at = end;
        Some((id, item))
    }

    /// The same, if it is one of this stream.
    pub(crate) fn next_item_of(&mut self, id: Id) -> Option<ItemFrame> {
        let (of, item, end) = simple::read_item(self.message, self.at)?;
        if of != id {
            return None;
        }
        self.at = end;
        Some(item)
    }

    fn read(&mut self) -> Result<Frame, Malformed> {
        if let Some((frame, end)) = simple::read(self.message, self.at) {
            self.at = end;
            return Ok(frame);
        }
        self.read_any()
    }

    #[cfg(test)]
    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn read_any(&mut self) -> Result<Frame, Malformed> {
        let mut reader = Reader::new(self.message, self.at);
        let length = reader.array()?;
        let kind = reader.uint()?;
        let (frame, elements) = match kind {
            CALL => (Frame::Call(CallFrame::read(&mut reader)?), 9),
            SUCCESS => {
                let id = Id::read(&mut reader)?;
                let (success, elements) = SuccessFrame::read(&mut reader, length)?;
                (Frame::Success(id, success), elements)
            }
            ERROR => {
                let id = Id::read(&mut reader)?;
                let (error, elements) = ErrorFrame::read(&mut reader, length)?;
                (Frame::Error(id, Box::new(error)), elements)
            }
            CANCEL => (Frame::Cancel(Id::read(&mut reader)?), 2),
            ACCEPTED => {
                let id = Id::read(&mut reader)?;
                let (accepted, elements) = AcceptedFrame::read(&mut reader, length)?;
                (Frame::Accepted(id, Box::new(accepted)), elements)
            }
            ITEM => {
                let id = Id::read(&mut reader)?;
                (Frame::Item(id, ItemFrame { seq: reader.uint()?, body: reader.body()? }), 4)
            }
            END => {
                let id = Id::read(&mut reader)?;
                (Frame::End(id, Box::new(EndFrame::read(&mut reader)?)), 8)
            }
            CREDIT => (Frame::Credit(Id::read(&mut reader)?, Credit::read(&mut reader)?), 4),
            HEARTBEAT => {
                let (heartbeat, elements) = HeartbeatFrame::read(&mut reader, length)?;
                (Frame::Heartbeat(heartbeat), elements)
            }
            _ => (Frame::Unknown, 1),
        };
        for _ in elements..length {
            reader.skip()?;
        }
        if length < elements {
            return Err(Malformed);
        }
        self.at = reader.position();
        Ok(frame)
    }
}

impl Iterator for Frames<'_> {
    type Item = Result<Frame, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_empty() {
            return None;
        }
        let frame = self.read();
        if frame.is_err() {
            self.at = self.message.len();
        }
        Some(frame)
    }
}

/// The id of the first frame, whatever the version: its place is the same in every one to come.
pub(crate) fn first_id(message: &Bytes) -> Option<Id> {
    let mut reader = Reader::new(message, 2);
    reader.array().ok()?;
    reader.uint().ok()?;
    Id::read(&mut reader).ok()
}

impl CallFrame {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let id = Id::read(reader)?;
        let flags = read_flags(reader)?;
        let budget = reader.optional(Reader::uint)?.map(Duration::from_millis);
        let expires_unix_ms = reader.optional(Reader::uint)?;
        let attempt = u32::try_from(reader.uint()?).unwrap_or(u32::MAX);
        let headers = reader.optional(Reader::headers)?.unwrap_or_default();
        let credit = reader.optional(Credit::read_pair)?;
        let args = reader.body()?;
        Ok(CallFrame { id, flags, budget, expires_unix_ms, attempt, headers, credit, args })
    }
}

impl SuccessFrame {
    /// Returns how many elements were read: the mark is there only in replies across accounts.
    fn read(reader: &mut Reader<'_>, length: usize) -> Result<(Self, usize), Malformed> {
        let success = SuccessFrame {
            handler_time: Duration::from_micros(reader.uint()?),
            body: reader.body()?,
            headers: reader.optional(Reader::headers)?.unwrap_or_default(),
            instance: reader.optional(Reader::str)?.map(Into::into),
            is_across_accounts: false,
        };
        let (is_across_accounts, elements) = read_mark(reader, length, 6)?;
        Ok((SuccessFrame { is_across_accounts, ..success }, elements))
    }
}

impl ErrorFrame {
    /// Returns how many elements were read, as for a success.
    #[cold]
    fn read(reader: &mut Reader<'_>, length: usize) -> Result<(Self, usize), Malformed> {
        let code = u16::try_from(reader.uint()?).map_err(|_| Malformed)?;
        let execution = Execution::from_wire(reader.uint()?);
        let flags = read_flags(reader)?;
        let message = reader.str()?.into();
        let handler_time = Duration::from_micros(reader.uint()?);
        let retry_after = reader.optional(Reader::uint)?.map(Duration::from_millis);
        let body = reader.optional(Reader::body)?;
        reader.skip()?; // headers
        let instance = reader.optional(Reader::str)?.map(Into::into);
        let (is_across_accounts, elements) = read_mark(reader, length, 11)?;
        let error = ErrorFrame {
            code,
            execution,
            flags,
            message,
            handler_time,
            retry_after,
            body,
            instance,
            is_across_accounts,
        };
        Ok((error, elements))
    }
}

impl AcceptedFrame {
    /// Its flags came later than the rest of it: without them it is one of five elements. Returns how many there were.
    fn read(reader: &mut Reader<'_>, length: usize) -> Result<(Self, usize), Malformed> {
        let instance = reader.str()?.into();
        let credit = reader.optional(Credit::read_pair)?;
        let headers = reader.optional(Reader::headers)?.unwrap_or_default();
        let (flags, elements) = if length < 6 { (Flags::default(), 5) } else { (read_flags(reader)?, 6) };
        if length < 7 {
            return Ok((AcceptedFrame { instance, credit, headers, flags, control: None }, elements));
        }
        let control = reader.lenient(Reader::str)?.map(Into::into);
        Ok((AcceptedFrame { instance, credit, headers, flags, control }, 7))
    }
}

impl HeartbeatFrame {
    /// Most have neither of its elements. Returns how many there were, with the kind.
    fn read(reader: &mut Reader<'_>, length: usize) -> Result<(Self, usize), Malformed> {
        let number = if length < 2 { None } else { reader.lenient(Reader::uint)? };
        let control = if length < 3 { None } else { reader.lenient(Reader::str)?.map(Into::into) };
        Ok((HeartbeatFrame { number, control }, length.clamp(1, 3)))
    }
}

impl EndFrame {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let seq = reader.uint()?;
        let code = u16::try_from(reader.uint()?).map_err(|_| Malformed)?;
        let execution = Execution::from_wire(reader.uint()?);
        let message = reader.optional(Reader::str)?.unwrap_or_default().into();
        let body = reader.optional(Reader::body)?;
        reader.skip()?; // headers
        Ok(EndFrame { seq, code, execution, message, body })
    }

    /// The error that is seen at the other end, unless the frame carries the service's own.
    pub(crate) fn to_error(&self) -> Error {
        Error::new(ErrorKind::from_code(self.code), self.message.to_string())
            .with_execution(self.execution)
            .with_code(self.code)
    }
}

impl Credit {
    /// Its two numbers; larger ones than can be counted are as good as the largest.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let counted = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Ok(Credit { messages: counted(reader.uint()?), bytes: counted(reader.uint()?) })
    }

    /// The same as an array of its own.
    fn read_pair(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let length = reader.array()?;
        let credit = Credit::read(reader)?;
        for _ in 2..length {
            reader.skip()?;
        }
        if length < 2 { Err(Malformed) } else { Ok(credit) }
    }
}

/// The mark behind the other elements of a reply, if it is there. Returns how many there are with
/// it.
fn read_mark(reader: &mut Reader<'_>, length: usize, before: usize) -> Result<(bool, usize), Malformed> {
    if length <= before {
        return Ok((false, before));
    }
    Ok((reader.lenient(Reader::bool)?.unwrap_or_default(), before + 1))
}

fn read_flags(reader: &mut Reader<'_>) -> Result<Flags, Malformed> {
    // Bits above the 32nd may be ignored like all from the 16th up.
    Ok(Flags(u32::try_from(reader.uint()? & u64::from(u32::MAX)).unwrap_or_default()))
}
