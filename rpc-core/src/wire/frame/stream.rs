//! How the frames of open streams are written: many of them into one message.

use bytes::{BufMut, BytesMut};

use super::write::{put_body, put_id, put_str, put_uint};
use super::{Credit, Flags, Id, MAGIC, VERSION};
use crate::error::{Error, Execution};
use crate::wire::headers::Headers;

/// What an instance says of a call that it has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acceptance<'a> {
    /// What the client may send, if its items are wanted now.
    pub(crate) credit: Option<Credit>,
    pub(crate) headers: &'a Headers,
    pub(crate) flags: Flags,
    /// Where the instance hears about the call, if the reply subject of the message does not say
    /// it.
    pub(crate) control: Option<&'a str>,
}

/// How one direction of a stream ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End<'a> {
    /// How many items there were.
    pub(crate) seq: u64,
    /// Zero if it is complete.
    pub(crate) code: u16,
    pub(crate) execution: Execution,
    pub(crate) message: Option<&'a str>,
    /// The service's own error, encoded.
    pub(crate) body: Option<&'a [u8]>,
}

/// Begins a message of several frames.
pub(crate) fn begin_message(bytes: &mut BytesMut) {
    bytes.put_slice(&[MAGIC, VERSION]);
}

/// Writes an item into a message that has been begun; `encode` appends its value.
#[inline]
pub(crate) fn put_item(
    bytes: &mut BytesMut,
    id: &Id,
    seq: u64,
    encode: impl FnOnce(&mut BytesMut) -> Result<(), Error>,
) -> Result<(), Error> {
    bytes.put_slice(&[0x94, 0x05]);
    put_id(bytes, id);
    put_uint(bytes, seq);
    put_body(bytes, encode)
}

/// Writes the end of one direction into a message that has been begun.
pub(crate) fn put_end(bytes: &mut BytesMut, id: &Id, end: &End<'_>) {
    bytes.put_slice(&[0x98, 0x06]);
    put_id(bytes, id);
    put_uint(bytes, end.seq);
    put_uint(bytes, u64::from(end.code));
    put_uint(bytes, u64::from(end.execution.as_u8()));
    match end.message {
        Some(message) => put_str(bytes, message),
        None => bytes.put_u8(0xC0),
    }
    match end.body {
        Some(body) => {
            // It was encoded before: there is nothing to fail.
            let _ = put_body(bytes, |bytes| {
                bytes.extend_from_slice(body);
                Ok(())
            });
        }
        None => bytes.put_u8(0xC0),
    }
    bytes.put_u8(0xC0);
}

/// Writes that the other side may send more.
pub(crate) fn write_credit(bytes: &mut BytesMut, id: &Id, credit: Credit) {
    bytes.put_slice(&[MAGIC, VERSION, 0x94, 0x07]);
    put_id(bytes, id);
    put_uint(bytes, u64::from(credit.messages));
    put_uint(bytes, u64::from(credit.bytes));
}
