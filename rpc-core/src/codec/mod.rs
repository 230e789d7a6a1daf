//! How values become bytes: MessagePack by name, or JSON.

pub mod as_bytes;
#[cfg(test)]
mod fuzz;
mod json;
pub(crate) mod scan;
mod source;

use std::io;

use bytes::{Bytes, BytesMut};
use serde::de::{Deserialize, DeserializeOwned};
use serde::ser::Serialize;

use self::as_bytes::{AsBytes, FromBytes};
use self::scan::ScanLimits;
use crate::error::{Error, ErrorKind};

/// The encoding of arguments and results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Codec {
    /// MessagePack; structs as maps by field name, so that a field can be added without breaking older peers.
    #[default]
    MessagePack,
    /// JSON.
    Json,
}

impl Codec {
    /// Appends a value.
    pub(crate) fn encode<T: Serialize + ?Sized>(self, value: &T, buffer: &mut BytesMut) -> Result<(), Error> {
        let encoded: Result<(), Box<dyn std::error::Error + Send + Sync>> = match self {
            Codec::MessagePack => {
                let mut serializer = rmp_serde::Serializer::new(Sink(buffer)).with_struct_map();
                value.serialize(&mut serializer).map_err(Into::into)
            }
            Codec::Json => serde_json::to_writer(Sink(buffer), value).map_err(Into::into),
        };
        encoded.map_err(|error| {
            Error::not_executed(ErrorKind::InvalidArgument, format!("the value does not encode: {error}"))
        })
    }

    /// Reads exactly one value, which has been scanned before.
    pub(crate) fn decode<'a, T: Deserialize<'a>>(self, bytes: &'a [u8]) -> Result<T, DecodeError> {
        match self {
            Codec::MessagePack => rmp_serde::from_slice(bytes).map_err(DecodeError::from_display),
            Codec::Json => serde_json::from_slice(bytes).map_err(DecodeError::from_display),
        }
    }

    /// The same for bytes that are a part of a message: large `Bytes` among what is decoded share its memory.
    pub(crate) fn decode_part<'a, T: Deserialize<'a>>(
        self,
        bytes: &'a [u8],
        message: &Bytes,
    ) -> Result<T, DecodeError> {
        source::with(message, || self.decode(bytes))
    }

    /// Refuses what could harm the process while it is decoded.
    pub(crate) fn scan(self, bytes: &[u8], limits: ScanLimits) -> Result<(), DecodeError> {
        let scanned = match self {
            Codec::MessagePack => scan::message_pack(bytes, limits),
            Codec::Json => json::scan(bytes, limits),
        };
        scanned.map_err(DecodeError::from_display)
    }

    /// The value that means "no arguments": an empty map.
    pub(crate) fn no_arguments(self) -> &'static [u8] {
        match self {
            Codec::MessagePack => &[0x80],
            Codec::Json => b"{}",
        }
    }

    /// The value of what returns nothing.
    pub(crate) fn nothing(self) -> &'static [u8] {
        match self {
            Codec::MessagePack => &[0xC0],
            Codec::Json => b"null",
        }
    }

    /// Whether these bytes say "no arguments" without being a map.
    pub(crate) fn means_no_arguments(self, bytes: &[u8]) -> bool {
        match self {
            Codec::MessagePack => matches!(bytes, [] | [0xC0]),
            Codec::Json => bytes.trim_ascii().is_empty(),
        }
    }
}

/// How a value of one type is read.
pub(crate) type Decode<T> = fn(Codec, &Bytes, ScanLimits) -> Result<T, DecodeError>;

/// Reads a value from bytes that nothing is known of.
pub(crate) fn read<T: DeserializeOwned>(
    codec: Codec,
    body: &Bytes,
    limits: ScanLimits,
) -> Result<T, DecodeError> {
    codec.scan(body, limits)?;
    codec.decode_part(body, body)
}

/// The same for a value that travels as bytes.
pub(crate) fn read_bytes<T: for<'de> FromBytes<'de>>(
    codec: Codec,
    body: &Bytes,
    limits: ScanLimits,
) -> Result<T, DecodeError> {
    codec.scan(body, limits)?;
    codec.decode_part::<AsBytes<T>>(body, body).map(|AsBytes(value)| value)
}

/// Writes into a buffer that grows. The writer of `bytes` asks for the room left each time, of which there is always more.
struct Sink<'a>(&'a mut BytesMut);

impl io::Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why bytes are not the value that they should be.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct DecodeError(String);

impl DecodeError {
    pub(crate) fn new(message: &str) -> Self {
        DecodeError(message.to_owned())
    }

    fn from_display(error: impl std::fmt::Display) -> Self {
        DecodeError(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Old {
        id: u64,
        name: String,
    }

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct New {
        extra: Option<Vec<u8>>,
        name: String,
        id: u64,
        #[serde(default)]
        flag: bool,
    }

    #[test]
    fn a_struct_travels_by_name_so_that_fields_can_be_added() {
        for codec in [Codec::MessagePack, Codec::Json] {
            let mut buffer = BytesMut::new();
            codec.encode(&Old { id: 7, name: "Ann".into() }, &mut buffer).unwrap();
            codec.scan(&buffer, ScanLimits::default()).unwrap();
            let new: New = codec.decode(&buffer).unwrap();
            assert_eq!(new, New { extra: None, name: "Ann".into(), id: 7, flag: false });

            buffer.clear();
            codec.encode(&New { extra: Some(vec![1]), ..new }, &mut buffer).unwrap();
            assert_eq!(codec.decode::<Old>(&buffer).unwrap(), Old { id: 7, name: "Ann".into() });
        }
    }

    #[test]
    fn what_does_not_encode_is_an_invalid_argument() {
        let mut buffer = BytesMut::new();
        let map = std::collections::BTreeMap::from([((1, 2), 3)]);
        let error = Codec::Json.encode(&map, &mut buffer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
}
