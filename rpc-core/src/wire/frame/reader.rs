//! A cursor over the MessagePack of a frame, which hands out parts of the message without copying them.

use bytes::Bytes;
use rmp::Marker;
use rmp::decode;

use crate::codec::scan::{self, ScanLimits};
use crate::wire::headers::{Headers, MAX_HEADER_COUNT, MAX_HEADERS};

/// The bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed frame")]
pub(crate) struct Malformed;

/// Reads values one after the other.
pub(super) struct Reader<'a> {
    message: &'a Bytes,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'a Bytes, at: usize) -> Self {
        Reader { message, at }
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    fn rest(&self) -> &'a [u8] {
        self.message.get(self.at..).unwrap_or_default()
    }

    /// Reads with one of rmp's functions, which advance the slice that they are given.
    fn read<T, E>(&mut self, read: impl FnOnce(&mut &'a [u8]) -> Result<T, E>) -> Result<T, Malformed> {
        let before = self.rest();
        let mut after = before;
        let value = read(&mut after).map_err(|_| Malformed)?;
        self.at += before.len() - after.len();
        Ok(value)
    }

    fn advance(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let part = self.rest().get(..length).ok_or(Malformed)?;
        self.at += length;
        Ok(part)
    }

    pub(super) fn array(&mut self) -> Result<usize, Malformed> {
        let length = self.read(decode::read_array_len)?;
        usize::try_from(length).map_err(|_| Malformed)
    }

    pub(super) fn bool(&mut self) -> Result<bool, Malformed> {
        self.read(decode::read_bool)
    }

    pub(super) fn uint(&mut self) -> Result<u64, Malformed> {
        self.read(decode::read_int)
    }

    /// Reads `nil` as `None`.
    pub(super) fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        if self.rest().first() == Some(&Marker::Null.to_u8()) {
            self.at += 1;
            return Ok(None);
        }
        read(self).map(Some)
    }

    /// Reads an element that came to its frame later: a value of another type is passed over.
    pub(super) fn lenient<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        let start = self.at;
        if let Ok(value) = read(self) {
            return Ok(Some(value));
        }
        self.at = start;
        self.skip().map(|()| None)
    }

    /// Bytes as a slice of the message.
    pub(super) fn bin(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.read(decode::read_bin_len)?;
        self.advance(usize::try_from(length).map_err(|_| Malformed)?)
    }

    /// Bytes as a part of the message that outlives the borrow.
    pub(super) fn body(&mut self) -> Result<Bytes, Malformed> {
        let length = self.bin()?.len();
        Ok(self.message.slice(self.at - length..self.at))
    }

    pub(super) fn str(&mut self) -> Result<&'a str, Malformed> {
        let length = self.read(decode::read_str_len)?;
        let text = self.advance(usize::try_from(length).map_err(|_| Malformed)?)?;
        std::str::from_utf8(text).map_err(|_| Malformed)
    }

    /// A map of names to texts; values of another type are passed over.
    pub(super) fn headers(&mut self) -> Result<Headers, Malformed> {
        let start = self.at;
        let entries = self.read(decode::read_map_len)?;
        if usize::try_from(entries).map_or(true, |entries| entries > MAX_HEADER_COUNT) {
            return Err(Malformed);
        }
        let mut headers = Headers::new();
        for _ in 0..entries {
            let name = self.str()?;
            match self.rest().first().map(|byte| Marker::from_u8(*byte)) {
                Some(Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32) => {
                    headers.insert(name, self.str()?);
                }
                _ => self.skip()?,
            }
            if self.at - start > 2 * MAX_HEADERS {
                return Err(Malformed);
            }
        }
        Ok(headers)
    }

    /// Passes over one value of any type.
    pub(super) fn skip(&mut self) -> Result<(), Malformed> {
        let length = scan::measure(self.rest(), ScanLimits::default()).map_err(|_| Malformed)?;
        self.advance(length).map(|_| ())
    }
}
