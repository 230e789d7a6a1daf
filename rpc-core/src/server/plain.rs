//! What the NATS headers of a plain call say.

#[cfg(test)]
mod fuzz;

use std::time::Duration;

use crate::connection::{HeaderMap, Message, first_values, header_of};
use crate::error::{Error, ErrorKind};
use crate::wire::dialect::header;
use crate::wire::headers::Headers;

/// The content type, if it names one.
pub(super) fn content_type(message: &Message) -> Option<&str> {
    header_of(message, header::CONTENT_TYPE)
}

/// The NATS headers of a plain call; of a name with several values, the first. What a NATS server
/// says of the caller is none of them.
pub(super) fn headers(map: Option<&HeaderMap>) -> Result<Headers, Error> {
    let Some(map) = map else { return Ok(Headers::new()) };
    Headers::from_untrusted(first_values(map).filter(|(name, _)| *name != header::REQUEST_INFO))
}

/// How long the call may take, if it says so.
pub(super) fn budget(headers: &Headers) -> Result<Option<Duration>, Error> {
    let Some(text) = headers.get(header::TIMEOUT_MS) else { return Ok(None) };
    text.trim().parse().map(|ms| Some(Duration::from_millis(ms))).map_err(|_| {
        let message = format!("the header {} is not a number of milliseconds: {text:?}", header::TIMEOUT_MS);
        Error::not_executed(ErrorKind::InvalidArgument, message)
    })
}
