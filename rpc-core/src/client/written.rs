//! The message of a call as it is written, in the dialect of its client.

use bytes::Bytes;

use crate::connection::{Connection, HeaderMap, OutboundMessage, Subject, header_size, too_large};
use crate::error::Error;

/// A message without its subjects.
#[derive(Debug)]
pub(super) enum Written {
    /// Frames, which may share a message with others.
    Framed(Bytes),
    /// The arguments alone, and what NATS headers say.
    Plain(Bytes, Box<HeaderMap>),
}

impl Written {
    /// Checks whether the broker takes a message of this size.
    #[inline(always)] // on the way of every call
    pub(super) fn check_size(&self, connection: &Connection) -> Result<(), Error> {
        let limit = connection.max_payload();
        let size = match self {
            Written::Framed(payload) => payload.len(),
            Written::Plain(payload, headers) => payload.len() + header_size(headers),
        };
        if size > limit { Err(too_large(size, limit)) } else { Ok(()) }
    }

    /// The message to a subject, without a reply subject.
    pub(super) fn into_message(self, subject: Subject) -> OutboundMessage {
        let (payload, headers) = match self {
            Written::Framed(payload) => (payload, None),
            Written::Plain(payload, headers) => (payload, Some(*headers)),
        };
        OutboundMessage { subject, reply: None, payload, headers }
    }
}
