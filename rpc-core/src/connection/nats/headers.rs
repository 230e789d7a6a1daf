//! The NATS headers of messages.

use async_nats::{HeaderMap, HeaderName, HeaderValue, Message};

use crate::wire::dialect::header;

/// Headers for a message; `None` if a name or a value may not travel (async-nats' own `insert` would panic).
pub(crate) fn header_map<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in entries {
        let name = name.parse::<HeaderName>().ok()?;
        let value = value.parse::<HeaderValue>().ok()?;
        map.append(name, value);
    }
    Some(map)
}

/// How many bytes the headers of a message are on the wire.
pub(crate) fn header_size(headers: &HeaderMap) -> usize {
    let lines = headers.iter().flat_map(|(name, values)| {
        let name: &str = name.as_ref();
        values.iter().map(move |value| name.len() + ": ".len() + value.as_str().len() + "\r\n".len())
    });
    "NATS/1.0\r\n".len() + lines.sum::<usize>() + "\r\n".len()
}

/// The headers of a message with their values; of a name with several values, the first.
pub(crate) fn first_values(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().filter_map(|(name, values)| Some((name.as_ref(), values.first()?.as_str())))
}

/// The header of a message with this name.
pub(crate) fn header_of<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.headers.as_ref()?.get(name).map(HeaderValue::as_str)
}

/// That nobody serves a subject.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unserved<'a> {
    /// The subject, where the broker names it.
    pub(crate) subject: Option<&'a str>,
}

/// Whether a message has neither payload nor headers, and is not one that the broker has made:
/// that ends the replies from another account.
pub(crate) fn is_nothing(message: &Message) -> bool {
    message.payload.is_empty() && message.status.is_none() && message.headers.is_none()
}

/// Whether the broker says by a message, which it has made itself, that nobody serves a subject.
pub(crate) fn no_responders(message: &Message) -> Option<Unserved<'_>> {
    let is_503 = message.status.map(|status| status.as_u16()) == Some(503) && message.payload.is_empty();
    is_503.then(|| Unserved { subject: header_of(message, header::NATS_SUBJECT) })
}
