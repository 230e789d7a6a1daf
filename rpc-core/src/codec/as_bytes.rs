//! Bytes as bytes: `bin` in MessagePack and base64 in JSON, never an array of numbers.
//!
//! A module for serde's `with`; the macro puts it on arguments of these types by itself.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use super::source;

/// A type that travels as bytes: `&[u8]`, `Cow<[u8]>`, `Vec<u8>`, `Bytes`, and `Option` of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not travel as bytes",
    note = "a type whose name ends in `Bytes` is taken for `bytes::Bytes`: give your own type another name, or an alias"
)]
pub trait BytesLike {
    /// The bytes; `None` of an `Option`.
    #[doc(hidden)]
    fn as_bytes(&self) -> Option<&[u8]>;
}

/// A [`BytesLike`] that can be read.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not travel as bytes",
    note = "a type whose name ends in `Bytes` is taken for `bytes::Bytes`: give your own type another name, or an alias"
)]
pub trait FromBytes<'de>: Sized {
    /// Whether there may be no bytes at all.
    #[doc(hidden)]
    const OPTIONAL: bool = false;
    #[doc(hidden)]
    fn from_owned(bytes: Vec<u8>) -> Self;
    #[doc(hidden)]
    fn from_borrowed(bytes: &'de [u8]) -> Self {
        Self::from_owned(bytes.to_vec())
    }
    #[doc(hidden)]
    fn absent() -> Option<Self> {
        None
    }
}

/// Serializes bytes as bytes.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<T: BytesLike + ?Sized, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    match value.as_bytes() {
        None => serializer.serialize_none(),
        Some(bytes) if serializer.is_human_readable() => serializer.serialize_str(&STANDARD.encode(bytes)),
        Some(bytes) => serializer.serialize_bytes(bytes),
    }
}

/// Deserializes bytes; an array of numbers from another client is read too.
///
/// # Errors
/// Those of the deserializer, and text that is not base64.
pub fn deserialize<'de, T: FromBytes<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let visitor = BytesVisitor { text: deserializer.is_human_readable(), target: PhantomData };
    if T::OPTIONAL {
        deserializer.deserialize_option(visitor)
    } else if deserializer.is_human_readable() {
        deserializer.deserialize_any(visitor)
    } else {
        deserializer.deserialize_bytes(visitor)
    }
}

/// A value that travels as bytes.
pub(crate) struct AsBytes<T>(pub(crate) T);

impl<T: BytesLike> Serialize for AsBytes<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, serializer)
    }
}

impl<'de, T: FromBytes<'de>> Deserialize<'de> for AsBytes<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer).map(AsBytes)
    }
}

struct BytesVisitor<T> {
    /// Whether text stands for bytes: in JSON only. A text in MessagePack is a mistake of its writer.
    text: bool,
    target: PhantomData<T>,
}

impl<'de, T: FromBytes<'de>> Visitor<'de> for BytesVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.text { "base64 text" } else { "bytes" })
    }

    fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<T, E> {
        Ok(T::from_borrowed(bytes))
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<T, E> {
        Ok(T::from_owned(bytes.to_vec()))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<T, E> {
        Ok(T::from_owned(bytes))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        if !self.text {
            return Err(E::invalid_type(de::Unexpected::Str(text), &self));
        }
        let bytes = STANDARD.decode(text).map_err(|error| E::custom(format_args!("not base64: {error}")))?;
        Ok(T::from_owned(bytes))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut numbers: A) -> Result<T, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = numbers.next_element()? {
            bytes.push(byte);
        }
        Ok(T::from_owned(bytes))
    }

    fn visit_none<E: de::Error>(self) -> Result<T, E> {
        T::absent().ok_or_else(|| E::invalid_type(de::Unexpected::Option, &self))
    }

    fn visit_unit<E: de::Error>(self) -> Result<T, E> {
        T::absent().ok_or_else(|| E::invalid_type(de::Unexpected::Unit, &self))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(self)
        } else {
            deserializer.deserialize_bytes(self)
        }
    }
}

impl BytesLike for [u8] {
    fn as_bytes(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl BytesLike for Vec<u8> {
    fn as_bytes(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl BytesLike for Bytes {
    fn as_bytes(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl BytesLike for Cow<'_, [u8]> {
    fn as_bytes(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl<T: BytesLike> BytesLike for Option<T> {
    fn as_bytes(&self) -> Option<&[u8]> {
        self.as_ref().and_then(T::as_bytes)
    }
}

impl<T: BytesLike + ?Sized> BytesLike for &T {
    fn as_bytes(&self) -> Option<&[u8]> {
        (**self).as_bytes()
    }
}

impl FromBytes<'_> for Vec<u8> {
    fn from_owned(bytes: Vec<u8>) -> Self {
        bytes
    }
}

impl FromBytes<'_> for Bytes {
    fn from_owned(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes)
    }

    fn from_borrowed(bytes: &[u8]) -> Self {
        source::share(bytes).unwrap_or_else(|| Bytes::copy_from_slice(bytes))
    }
}

impl<'de> FromBytes<'de> for Cow<'de, [u8]> {
    fn from_owned(bytes: Vec<u8>) -> Self {
        Cow::Owned(bytes)
    }

    fn from_borrowed(bytes: &'de [u8]) -> Self {
        Cow::Borrowed(bytes)
    }
}

impl<'de, T: FromBytes<'de>> FromBytes<'de> for Option<T> {
    const OPTIONAL: bool = true;

    fn from_owned(bytes: Vec<u8>) -> Self {
        Some(T::from_owned(bytes))
    }

    fn from_borrowed(bytes: &'de [u8]) -> Self {
        Some(T::from_borrowed(bytes))
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct All<'a> {
        #[serde(with = "super", borrow)]
        lent: Cow<'a, [u8]>,
        #[serde(with = "super")]
        vec: Vec<u8>,
        #[serde(with = "super")]
        bytes: Bytes,
        #[serde(with = "super")]
        some: Option<Bytes>,
        #[serde(with = "super")]
        none: Option<Vec<u8>>,
    }

    #[test]
    fn bytes_are_bin_in_message_pack_and_base64_in_json() {
        let all = All {
            lent: Cow::Borrowed(&[1, 2]),
            vec: vec![255; 3],
            bytes: Bytes::from_static(b"xyz"),
            some: Some(Bytes::new()),
            none: None,
        };
        let packed = rmp_serde::to_vec_named(&all).unwrap();
        assert!(packed.windows(5).any(|bytes| bytes == [0xC4, 3, 255, 255, 255]));
        let read: All<'_> = rmp_serde::from_slice(&packed).unwrap();
        assert_eq!(read, all);
        assert!(matches!(read.lent, Cow::Borrowed(_)), "no copy");

        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(json, r#"{"lent":"AQI=","vec":"////","bytes":"eHl6","some":"","none":null}"#);
        assert_eq!(serde_json::from_str::<All<'_>>(&json).unwrap(), all);
    }

    #[test]
    fn arrays_of_numbers_are_read_and_bad_base64_is_not() {
        let mut json = serde_json::Deserializer::from_str("[1,2,3]");
        assert_eq!(deserialize::<Vec<u8>, _>(&mut json).unwrap(), [1, 2, 3]);
        let mut json = serde_json::Deserializer::from_str("\"!\"");
        assert!(deserialize::<Vec<u8>, _>(&mut json).is_err());
        let mut json = serde_json::Deserializer::from_str("null");
        assert!(deserialize::<Vec<u8>, _>(&mut json).is_err());
        let packed = rmp_serde::to_vec(&(1, 2)).unwrap();
        let mut packed = rmp_serde::Deserializer::from_read_ref(&packed);
        assert_eq!(deserialize::<Vec<u8>, _>(&mut packed).unwrap(), [1, 2]);
        let packed = rmp_serde::to_vec("abcd").unwrap();
        let mut packed = rmp_serde::Deserializer::from_read_ref(&packed);
        assert!(deserialize::<Vec<u8>, _>(&mut packed).is_err(), "text is not base64 here");
    }
}
