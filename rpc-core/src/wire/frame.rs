//! The frames of the framed dialect: how they are written and read.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use rmp::encode;

use super::headers::Headers;
use super::reader::{Malformed, Reader};
use crate::codec::Codec;
use crate::error::{Error, ErrorKind, Execution};

/// The first byte of a framed message; MessagePack never uses it.
pub(crate) const MAGIC: u8 = 0xC1;

/// The version of the protocol that is spoken here.
pub(crate) const VERSION: u8 = 1;

/// The code that stands for the service's own error.
pub(crate) const SERVICE_ERROR: u16 = 422;

const CALL: u64 = 1;
const SUCCESS: u64 = 2;
const ERROR: u64 = 3;

/// Bits of a call's or an error's flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flags(u32);

impl Flags {
    const CODEC: u32 = 0b1111;
    const RECEIPT: u32 = 1 << 4;
    const INSTANCE: u32 = 1 << 5;
    const ONE_OF_MANY: u32 = 1 << 6;
    const WHOLE: u32 = 1 << 7;
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
        self.0 & Self::MUST_UNDERSTAND != 0 || self.read_codec().is_none()
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

/// What pairs a reply with its call: bytes that the caller chose and everyone else echoes unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id {
    length: u8,
    bytes: [u8; 16],
}

impl Id {
    /// How many bytes our own ids have.
    const OWN: usize = 8;

    pub(crate) fn new(id: u64) -> Self {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(id.to_be_bytes()) {
            *to = from;
        }
        Id { length: 8, bytes }
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
        let bytes = self.as_slice().try_into().ok()?;
        Some(u64::from_be_bytes(bytes))
    }
}

/// A call, as a server reads it.
#[derive(Debug)]
pub(crate) struct CallFrame {
    pub(crate) id: Id,
    pub(crate) flags: Flags,
    pub(crate) budget: Option<Duration>,
    pub(crate) expires_unix_ms: Option<u64>,
    pub(crate) attempt: u32,
    pub(crate) headers: Headers,
    pub(crate) args: Bytes,
}

/// A successful reply, as a client reads it.
#[derive(Debug)]
pub(crate) struct SuccessFrame {
    pub(crate) handler_time: Duration,
    pub(crate) body: Bytes,
    pub(crate) headers: Headers,
    pub(crate) instance: Option<Box<str>>,
}

/// A failed one.
#[derive(Debug, Clone)]
pub(crate) struct ErrorFrame {
    pub(crate) code: u16,
    pub(crate) execution: Execution,
    pub(crate) flags: Flags,
    pub(crate) message: Box<str>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Option<Bytes>,
}

impl ErrorFrame {
    /// The error that a caller sees, unless the frame carries the service's own.
    pub(crate) fn to_error(&self) -> Error {
        let error = Error::new(ErrorKind::from_code(self.code), self.message.to_string())
            .with_execution(self.execution)
            .with_code(self.code);
        match self.retry_after {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }
}

/// What a message can hold, by kind.
#[derive(Debug)]
pub(crate) enum Frame {
    Call(CallFrame),
    Success(Id, SuccessFrame),
    Error(Id, ErrorFrame),
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

    fn read(&mut self) -> Result<Frame, Malformed> {
        let mut reader = Reader::new(self.message, self.at);
        let length = reader.array()?;
        let kind = reader.uint()?;
        let (frame, elements) = match kind {
            CALL => (Frame::Call(CallFrame::read(&mut reader)?), 9),
            SUCCESS => {
                let id = Id::read(&mut reader)?;
                (Frame::Success(id, SuccessFrame::read(&mut reader)?), 6)
            }
            ERROR => {
                let id = Id::read(&mut reader)?;
                (Frame::Error(id, ErrorFrame::read(&mut reader)?), 11)
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
        reader.skip()?; // credit: calls that open a stream
        let args = reader.body()?;
        Ok(CallFrame { id, flags, budget, expires_unix_ms, attempt, headers, args })
    }
}

impl SuccessFrame {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(SuccessFrame {
            handler_time: Duration::from_micros(reader.uint()?),
            body: reader.body()?,
            headers: reader.optional(Reader::headers)?.unwrap_or_default(),
            instance: reader.optional(Reader::str)?.map(Into::into),
        })
    }
}

impl ErrorFrame {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let code = u16::try_from(reader.uint()?).map_err(|_| Malformed)?;
        let execution = Execution::from_wire(reader.uint()?);
        let flags = read_flags(reader)?;
        let message = reader.str()?.into();
        reader.skip()?; // the handler's time
        let retry_after = reader.optional(Reader::uint)?.map(Duration::from_millis);
        let body = reader.optional(Reader::body)?;
        reader.skip()?; // headers
        reader.skip()?; // the instance
        Ok(ErrorFrame { code, execution, flags, message, retry_after, body })
    }
}

fn read_flags(reader: &mut Reader<'_>) -> Result<Flags, Malformed> {
    // Bits above the 32nd may be ignored like all from the 16th up.
    Ok(Flags(u32::try_from(reader.uint()? & u64::from(u32::MAX)).unwrap_or_default()))
}

/// When a call must be over, as far as its message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    /// Filled in as it is sent, by [`CallBuffer::set_times`].
    Later,
    /// A budget without a moment of expiry, since the clocks of the two sides differ.
    Budget { ms: u32 },
    /// The server's own limit.
    Unlimited,
}

/// What is written before the arguments of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallHead<'a> {
    pub(crate) id: u64,
    pub(crate) flags: Flags,
    pub(crate) times: Times,
    pub(crate) attempt: u8,
    pub(crate) headers: &'a Headers,
}

/// A call that is being written. Budget and expiry have fixed places, since they are known only when the call is
/// sent, while the arguments are encoded when it is made.
#[derive(Debug)]
pub(crate) struct CallBuffer {
    bytes: BytesMut,
    args: usize,
}

/// Where the numbers of the budget and the expiry stand in a framed message with one call.
const FLAGS_AT: usize = 2 + 1 + 1 + (2 + Id::OWN);
const BUDGET_AT: usize = FLAGS_AT + 2;
const EXPIRES_AT: usize = BUDGET_AT + 5;

impl CallBuffer {
    /// Writes everything up to the arguments, which `encode` appends.
    pub(crate) fn new(
        bytes: BytesMut,
        head: CallHead<'_>,
        encode: impl FnOnce(&mut BytesMut) -> Result<(), Error>,
    ) -> Result<Self, (BytesMut, Error)> {
        let mut bytes = bytes;
        bytes.put_slice(&[MAGIC, VERSION, 0x99, 0x01]);
        put_id(&mut bytes, &Id::new(head.id));
        // Flags of a call fit a byte; a fixed width keeps the places behind it fixed.
        bytes.put_slice(&[0xCC, u8::try_from(head.flags.0).unwrap_or_default()]);
        match head.times {
            Times::Later => bytes.put_slice(&[0xCE, 0, 0, 0, 0, 0xCF, 0, 0, 0, 0, 0, 0, 0, 0]),
            Times::Budget { ms } => {
                put_uint(&mut bytes, u64::from(ms));
                bytes.put_u8(0xC0);
            }
            Times::Unlimited => bytes.put_slice(&[0xC0, 0xC0]),
        }
        put_uint(&mut bytes, u64::from(head.attempt));
        put_headers(&mut bytes, head.headers);
        bytes.put_u8(0xC0);
        let args = bytes.len();
        match put_body(&mut bytes, encode) {
            Ok(()) => Ok(CallBuffer { bytes, args }),
            Err(error) => Err((bytes, error)),
        }
    }

    /// Changes the flags.
    pub(crate) fn set_flags(&mut self, flags: Flags) {
        if let Some(place) = self.bytes.get_mut(FLAGS_AT + 1) {
            *place = u8::try_from(flags.0).unwrap_or_default();
        }
    }

    /// Writes the budget and the moment of expiry of a call that was made with [`Times::Later`].
    pub(crate) fn set_times(&mut self, budget_ms: u32, expires_unix_ms: u64) {
        if let Some(place) = self.bytes.get_mut(BUDGET_AT + 1..BUDGET_AT + 5) {
            place.copy_from_slice(&budget_ms.to_be_bytes());
        }
        if let Some(place) = self.bytes.get_mut(EXPIRES_AT + 1..EXPIRES_AT + 9) {
            place.copy_from_slice(&expires_unix_ms.to_be_bytes());
        }
    }

    /// The arguments, to write the call anew with another head.
    pub(crate) fn args(&self) -> &[u8] {
        self.bytes.get(self.args + 5..).unwrap_or_default()
    }

    /// Lets `split` take the message out of the chunk that it was written into.
    pub(crate) fn split_from(self, split: impl FnOnce(BytesMut) -> BytesMut) -> Self {
        CallBuffer { bytes: split(self.bytes), args: self.args }
    }

    /// The message, and the arguments in it.
    pub(crate) fn into_parts(self) -> (Bytes, Bytes) {
        let message = self.bytes.freeze();
        let args = message.slice((self.args + 5).min(message.len())..);
        (message, args)
    }
}

/// Writes a successful reply; `encode` appends the body.
pub(crate) fn write_success(
    bytes: &mut BytesMut,
    id: &Id,
    handler_us: u32,
    tail: &ReplyTail<'_>,
    encode: impl FnOnce(&mut BytesMut) -> Result<(), Error>,
) -> Result<(), Error> {
    bytes.put_slice(&[MAGIC, VERSION, 0x96, 0x02]);
    put_id(bytes, id);
    put_uint(bytes, u64::from(handler_us));
    put_body(bytes, encode)?;
    tail.put(bytes);
    Ok(())
}

/// What ends a reply.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReplyTail<'a> {
    pub(crate) headers: &'a Headers,
    pub(crate) instance: Option<&'a str>,
}

impl ReplyTail<'_> {
    fn put(&self, bytes: &mut BytesMut) {
        put_headers(bytes, self.headers);
        match self.instance {
            Some(instance) => put_str(bytes, instance),
            None => bytes.put_u8(0xC0),
        }
    }
}

/// What a failed reply says besides its body.
#[derive(Debug, Clone)]
pub(crate) struct Failure<'a> {
    pub(crate) code: u16,
    pub(crate) execution: Execution,
    pub(crate) flags: Flags,
    pub(crate) message: &'a str,
    pub(crate) handler_us: u32,
    pub(crate) retry_after: Option<Duration>,
}

/// Writes a failed reply; `encode` appends the service's own error, where there is one.
pub(crate) fn write_error<F: FnOnce(&mut BytesMut) -> Result<(), Error>>(
    bytes: &mut BytesMut,
    id: &Id,
    failure: &Failure<'_>,
    tail: &ReplyTail<'_>,
    encode: Option<F>,
) -> Result<(), Error> {
    bytes.put_slice(&[MAGIC, VERSION, 0x9B, 0x03]);
    put_id(bytes, id);
    put_uint(bytes, u64::from(failure.code));
    put_uint(bytes, u64::from(failure.execution.as_u8()));
    put_uint(bytes, u64::from(failure.flags.0));
    put_str(bytes, failure.message);
    put_uint(bytes, u64::from(failure.handler_us));
    match failure.retry_after {
        Some(wait) => put_uint(bytes, u64::from(crate::deadline::as_wire_ms(wait))),
        None => bytes.put_u8(0xC0),
    }
    match encode {
        Some(encode) => put_body(bytes, encode)?,
        None => bytes.put_u8(0xC0),
    }
    tail.put(bytes);
    Ok(())
}

fn put_id(bytes: &mut BytesMut, id: &Id) {
    bytes.put_slice(&[0xC4, id.length]);
    bytes.put_slice(id.as_slice());
}

/// A `bin` of 32 bits length, which is filled in when the body is there.
fn put_body(
    bytes: &mut BytesMut,
    encode: impl FnOnce(&mut BytesMut) -> Result<(), Error>,
) -> Result<(), Error> {
    bytes.put_slice(&[0xC6, 0, 0, 0, 0]);
    let start = bytes.len();
    encode(bytes)?;
    let length = u32::try_from(bytes.len() - start).map_err(|_| {
        Error::not_executed(ErrorKind::PayloadTooLarge, "the value takes more than four gigabytes")
    })?;
    if let Some(place) = bytes.get_mut(start - 4..start) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

// Writing into a buffer that grows cannot fail: rmp's results say so in their types' error, which has no source.

fn put_uint(bytes: &mut BytesMut, value: u64) {
    let _ = encode::write_uint(&mut bytes.writer(), value);
}

fn put_str(bytes: &mut BytesMut, text: &str) {
    let _ = encode::write_str(&mut bytes.writer(), text);
}

fn put_headers(bytes: &mut BytesMut, headers: &Headers) {
    if headers.is_empty() {
        bytes.put_u8(0xC0);
        return;
    }
    let _ = encode::write_map_len(&mut bytes.writer(), u32::try_from(headers.len()).unwrap_or_default());
    for (name, value) in headers.iter() {
        put_str(bytes, name);
        put_str(bytes, value);
    }
}
