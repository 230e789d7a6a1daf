//! A short cut for the frames that nats-rpc itself writes most: those without metadata, whose parts have fixed places.
//!
//! What it does not recognise is left to the reader of all frames; what it does recognise is read alike by both.

use std::time::Duration;

use bytes::Bytes;

use super::{CallFrame, Flags, Frame, Id, ItemFrame, SuccessFrame};
use crate::wire::headers::Headers;

/// How long the head of a call is, up to its arguments.
const CALL_HEAD: usize = 36;

/// Reads the frame that begins at `at`; returns where it ends.
pub(super) fn read(message: &Bytes, at: usize) -> Option<(Frame, usize)> {
    match message.get(at)? {
        0x99 => read_call(message, at),
        0x96 => read_success(message, at),
        0x94 => read_item(message, at).map(|(id, item, end)| (Frame::Item(id, item), end)),
        _ => None,
    }
}

/// A call with flags, budget and expiry as [`CallBuffer`](super::CallBuffer) writes them.
fn read_call(message: &Bytes, at: usize) -> Option<(Frame, usize)> {
    let head: &[u8; CALL_HEAD] = message.get(at..)?.first_chunk()?;
    let [0x99, 0x01, 0xC4, 0x08, i0, i1, i2, i3, i4, i5, i6, i7, rest @ ..] = head else { return None };
    let [0xCC, flags, 0xCE, b0, b1, b2, b3, rest @ ..] = rest else { return None };
    let [0xCF, e0, e1, e2, e3, e4, e5, e6, e7, attempt @ 0..=0x7F, 0xC0, 0xC0, 0xC6, l0, l1, l2, l3] = rest
    else {
        return None;
    };
    let (args, end) = body(message, at + CALL_HEAD, [*l0, *l1, *l2, *l3])?;
    let call = CallFrame {
        id: Id::of([*i0, *i1, *i2, *i3, *i4, *i5, *i6, *i7]),
        flags: Flags(u32::from(*flags)),
        budget: Some(Duration::from_millis(u64::from(u32::from_be_bytes([*b0, *b1, *b2, *b3])))),
        expires_unix_ms: Some(u64::from_be_bytes([*e0, *e1, *e2, *e3, *e4, *e5, *e6, *e7])),
        attempt: u32::from(*attempt),
        headers: Headers::new(),
        credit: None,
        args,
    };
    Some((Frame::Call(call), end))
}

/// A success whose handler took less than 65 ms.
fn read_success(message: &Bytes, at: usize) -> Option<(Frame, usize)> {
    let head: &[u8; 18] = message.get(at..)?.first_chunk()?;
    let [0x96, 0x02, 0xC4, 0x08, i0, i1, i2, i3, i4, i5, i6, i7, rest @ ..] = head else { return None };
    let (micros, length_at) = match rest {
        [micros @ 0..=0x7F, 0xC6, ..] => (u16::from(*micros), 14),
        [0xCC, micros, 0xC6, ..] => (u16::from(*micros), 15),
        [0xCD, high, low, 0xC6, ..] => (u16::from_be_bytes([*high, *low]), 16),
        _ => return None,
    };
    let length: &[u8; 4] = message.get(at + length_at..)?.first_chunk()?;
    let (body, end) = body(message, at + length_at + 4, *length)?;
    let [0xC0, 0xC0] = message.get(end..)?.first_chunk()? else { return None };
    let success = SuccessFrame {
        handler_time: Duration::from_micros(u64::from(micros)),
        body,
        headers: Headers::new(),
        instance: None,
        is_across_accounts: false,
    };
    Some((Frame::Success(Id::of([*i0, *i1, *i2, *i3, *i4, *i5, *i6, *i7]), success), end + 2))
}

/// An item of a stream. Not inlined: the way of calls and replies shall be no longer for it.
#[inline(never)]
pub(super) fn read_item(message: &Bytes, at: usize) -> Option<(Id, ItemFrame, usize)> {
    let head: &[u8; 13] = message.get(at..)?.first_chunk()?;
    let [0x94, 0x05, 0xC4, 0x08, i0, i1, i2, i3, i4, i5, i6, i7, marker] = head else { return None };
    let rest = message.get(at + 13..)?;
    let (seq, length_at) = match (marker, rest) {
        (seq @ 0..=0x7F, _) => (u32::from(*seq), 0),
        (0xCC, [seq, ..]) => (u32::from(*seq), 1),
        (0xCD, [s0, s1, ..]) => (u32::from(u16::from_be_bytes([*s0, *s1])), 2),
        (0xCE, [s0, s1, s2, s3, ..]) => (u32::from_be_bytes([*s0, *s1, *s2, *s3]), 4),
        _ => return None,
    };
    let [0xC6, length @ ..] = rest.get(length_at..)?.first_chunk::<5>()? else { return None };
    let (body, end) = body(message, at + 13 + length_at + 5, *length)?;
    let id = Id::of([*i0, *i1, *i2, *i3, *i4, *i5, *i6, *i7]);
    Some((id, ItemFrame { seq: u64::from(seq), body }, end))
}

/// The bytes from `start`, of a length that may be a lie.
fn body(message: &Bytes, start: usize, length: [u8; 4]) -> Option<(Bytes, usize)> {
    let end = start.checked_add(usize::try_from(u32::from_be_bytes(length)).ok()?)?;
    (end <= message.len()).then(|| (message.slice(start..end), end))
}
