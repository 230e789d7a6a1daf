//! The NATS headers of messages.

use async_nats::{HeaderMap, HeaderName, HeaderValue, Message};

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

/// The status of a message that the broker made itself, such as 503 for "no responders".
pub(crate) fn status_code(message: &Message) -> Option<u16> {
    message.status.map(|status| status.as_u16())
}
