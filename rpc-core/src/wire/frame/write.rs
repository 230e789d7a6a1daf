//! How frames are written.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use rmp::encode;

use super::{Acceptance, Credit, Flags, Id, MAGIC, VERSION};
use crate::deadline::as_wire_ms;
use crate::error::{Error, ErrorKind, Execution};
use crate::wire::headers::Headers;

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
    /// What its server may send; only of a call that opens a stream.
    pub(crate) credit: Option<Credit>,
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
        let [i0, i1, i2, i3, i4, i5, i6, i7] = head.id.to_be_bytes();
        // Flags of a call fit a byte; a fixed width keeps the places behind it fixed.
        let flags = u8::try_from(head.flags.0).unwrap_or_default();
        bytes.put_slice(&[
            MAGIC, VERSION, 0x99, 0x01, 0xC4, 0x08, i0, i1, i2, i3, i4, i5, i6, i7, 0xCC, flags,
        ]);
        match head.times {
            Times::Later => bytes.put_slice(&[0xCE, 0, 0, 0, 0, 0xCF, 0, 0, 0, 0, 0, 0, 0, 0]),
            Times::Budget { ms } => {
                put_uint(&mut bytes, u64::from(ms));
                bytes.put_u8(0xC0);
            }
            Times::Unlimited => bytes.put_slice(&[0xC0, 0xC0]),
        }
        if head.attempt < 0x80 && head.headers.is_empty() && head.credit.is_none() {
            bytes.put_slice(&[head.attempt, 0xC0, 0xC0]);
        } else {
            put_uint(&mut bytes, u64::from(head.attempt));
            put_headers(&mut bytes, head.headers);
            put_credit(&mut bytes, head.credit);
        }
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
    let array = 0x96 + u8::from(tail.is_across_accounts);
    bytes.put_slice(&[MAGIC, VERSION, array, 0x02, 0xC4, id.length]);
    bytes.put_slice(id.as_slice());
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
    /// Whether it goes to another account, which its caller cannot see by itself.
    pub(crate) is_across_accounts: bool,
}

impl ReplyTail<'_> {
    fn put(&self, bytes: &mut BytesMut) {
        if self.headers.is_empty() && self.instance.is_none() {
            bytes.put_slice(&[0xC0, 0xC0]);
        } else {
            put_headers(bytes, self.headers);
            put_optional_str(bytes, self.instance);
        }
        if self.is_across_accounts {
            bytes.put_u8(0xC3);
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
    bytes.put_slice(&[MAGIC, VERSION, 0x9B + u8::from(tail.is_across_accounts), 0x03]);
    put_id(bytes, id);
    put_uint(bytes, u64::from(failure.code));
    put_uint(bytes, u64::from(failure.execution.as_u8()));
    put_uint(bytes, u64::from(failure.flags.0));
    put_str(bytes, failure.message);
    put_uint(bytes, u64::from(failure.handler_us));
    match failure.retry_after {
        Some(wait) => put_uint(bytes, u64::from(as_wire_ms(wait))),
        None => bytes.put_u8(0xC0),
    }
    match encode {
        Some(encode) => put_body(bytes, encode)?,
        None => bytes.put_u8(0xC0),
    }
    tail.put(bytes);
    Ok(())
}

/// Writes that nobody waits for a call any more.
pub(crate) fn write_cancel(bytes: &mut BytesMut, id: &Id) {
    bytes.put_slice(&[MAGIC, VERSION, 0x92, 0x04]);
    put_id(bytes, id);
}

/// Writes that an instance has a call and is at it.
pub(crate) fn write_accepted(bytes: &mut BytesMut, id: &Id, instance: &str, acceptance: &Acceptance<'_>) {
    bytes.put_slice(&[MAGIC, VERSION, 0x96 + u8::from(acceptance.control.is_some()), 0x08]);
    put_id(bytes, id);
    put_str(bytes, instance);
    put_credit(bytes, acceptance.credit);
    put_headers(bytes, acceptance.headers);
    put_uint(bytes, u64::from(acceptance.flags.0));
    if let Some(control) = acceptance.control {
        put_str(bytes, control);
    }
}

/// The message that says no more than that its sender is there: always the same.
pub(crate) fn heartbeat() -> Bytes {
    Bytes::from_static(&[MAGIC, VERSION, 0x91, 0x09])
}

/// The same with a number that is to be confirmed, or is confirmed, and with the control subject of
/// the instance.
pub(crate) fn write_heartbeat(bytes: &mut BytesMut, number: Option<u64>, control: Option<&str>) {
    bytes.put_slice(&[MAGIC, VERSION, 0x92 + u8::from(control.is_some()), 0x09]);
    match number {
        Some(number) => put_uint(bytes, number),
        None => bytes.put_u8(0xC0),
    }
    if let Some(control) = control {
        put_str(bytes, control);
    }
}

/// Writes a call that runs nothing and is answered twice, each time with the name of the instance:
/// one answer of each of two instances proves nothing.
pub(crate) fn write_trial(bytes: &mut BytesMut, id: &Id) {
    bytes.put_slice(&[MAGIC, VERSION, 0x99, 0x01]);
    put_id(bytes, id);
    put_uint(bytes, u64::from(Flags::TRIAL | Flags::INSTANCE));
    // Neither budget nor expiry, the first attempt, neither headers nor credit, no arguments.
    bytes.put_slice(&[0xC0, 0xC0, 0x01, 0xC0, 0xC0, 0xC4, 0x00]);
}

pub(super) fn put_id(bytes: &mut BytesMut, id: &Id) {
    bytes.put_slice(&[0xC4, id.length]);
    bytes.put_slice(id.as_slice());
}

fn put_credit(bytes: &mut BytesMut, credit: Option<Credit>) {
    match credit {
        None => bytes.put_u8(0xC0),
        Some(Credit { messages, bytes: of_bytes }) => {
            bytes.put_u8(0x92);
            put_uint(bytes, u64::from(messages));
            put_uint(bytes, u64::from(of_bytes));
        }
    }
}

/// A `bin` of 32 bits length, which is filled in when the body is there.
#[inline]
pub(super) fn put_body(
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

pub(super) fn put_uint(bytes: &mut BytesMut, value: u64) {
    if let Ok(small @ 0..=0x7F) = u8::try_from(value) {
        return bytes.put_u8(small);
    }
    let _ = encode::write_uint(&mut bytes.writer(), value);
}

fn put_optional_str(bytes: &mut BytesMut, text: Option<&str>) {
    match text {
        Some(text) => put_str(bytes, text),
        None => bytes.put_u8(0xC0),
    }
}

pub(super) fn put_str(bytes: &mut BytesMut, text: &str) {
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
