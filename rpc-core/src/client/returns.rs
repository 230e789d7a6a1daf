//! How the reply of a method is read.

use bytes::Bytes;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use std::convert::Infallible;

use crate::codec::as_bytes::{self, FromBytes};
use crate::codec::scan::ScanLimits;
use crate::codec::{Codec, DecodeError};

/// The decoders of a method's result and of its error.
pub struct Returns<T, E> {
    pub(crate) value: Decode<T>,
    pub(crate) error: Decode<E>,
}

pub(crate) type Decode<T> = fn(Codec, &Bytes, ScanLimits) -> Result<T, DecodeError>;

impl<T, E> Clone for Returns<T, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, E> Copy for Returns<T, E> {}

impl<T, E> std::fmt::Debug for Returns<T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Returns").finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned> Returns<T, Infallible> {
    /// A method that returns its value.
    pub fn infallible() -> Self {
        Returns { value: decode, error: cannot_fail }
    }
}

impl<T: for<'de> FromBytes<'de>> Returns<T, Infallible> {
    /// A method that returns bytes.
    pub fn infallible_bytes() -> Self {
        Returns { value: decode_bytes, error: cannot_fail }
    }
}

impl<T: DeserializeOwned, E: DeserializeOwned> Returns<T, E> {
    /// A method that returns a `Result`.
    pub fn fallible() -> Self {
        Returns { value: decode, error: decode }
    }
}

impl<T: for<'de> FromBytes<'de>, E: DeserializeOwned> Returns<T, E> {
    /// A method that returns a `Result` of bytes.
    pub fn fallible_bytes() -> Self {
        Returns { value: decode_bytes, error: decode }
    }
}

fn decode<T: DeserializeOwned>(codec: Codec, body: &Bytes, limits: ScanLimits) -> Result<T, DecodeError> {
    codec.scan(body, limits)?;
    codec.decode_part(body, body)
}

fn decode_bytes<T: for<'de> FromBytes<'de>>(
    codec: Codec,
    body: &Bytes,
    limits: ScanLimits,
) -> Result<T, DecodeError> {
    /// A value that travelled as bytes.
    struct AsBytes<T>(T);

    impl<'de, T: FromBytes<'de>> Deserialize<'de> for AsBytes<T> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            as_bytes::deserialize(deserializer).map(AsBytes)
        }
    }

    codec.scan(body, limits)?;
    codec.decode_part::<AsBytes<T>>(body, body).map(|AsBytes(value)| value)
}

fn cannot_fail(_: Codec, _: &Bytes, _: ScanLimits) -> Result<Infallible, DecodeError> {
    Err(DecodeError::new("the method has no error of its own"))
}
