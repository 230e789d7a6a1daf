//! How the reply of a method is read.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use std::convert::Infallible;

use crate::codec::as_bytes::FromBytes;
use crate::codec::scan::ScanLimits;
use crate::codec::{Codec, Decode, DecodeError, read, read_bytes};

/// The decoders of a method's result and of its error.
pub struct Returns<T, E> {
    pub(crate) value: Decode<T>,
    pub(crate) error: Decode<E>,
}

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
        Returns { value: read, error: cannot_fail }
    }
}

impl<T: for<'de> FromBytes<'de>> Returns<T, Infallible> {
    /// A method that returns bytes.
    pub fn infallible_bytes() -> Self {
        Returns { value: read_bytes, error: cannot_fail }
    }
}

impl<T: DeserializeOwned, E: DeserializeOwned> Returns<T, E> {
    /// A method that returns a `Result`.
    pub fn fallible() -> Self {
        Returns { value: read, error: read }
    }
}

impl<T: for<'de> FromBytes<'de>, E: DeserializeOwned> Returns<T, E> {
    /// A method that returns a `Result` of bytes.
    pub fn fallible_bytes() -> Self {
        Returns { value: read_bytes, error: read }
    }
}

fn cannot_fail(_: Codec, _: &Bytes, _: ScanLimits) -> Result<Infallible, DecodeError> {
    Err(DecodeError::new("the method has no error of its own"))
}
