//! How a plain reply is read: a value, or an error by its headers (NATS ADR-32).

use std::time::Duration;

use bytes::Bytes;

use crate::codec::Codec;
use crate::connection::{Answer, Message, first_values, header_of};
use crate::error::{Error, ErrorKind, Execution};
use crate::wire::dialect::{codec_of, header};
use crate::wire::frame::{ErrorFrame, Flags, SERVICE_ERROR};
use crate::wire::headers::Headers;

/// How much is kept of what a service says about its error.
const LONGEST_MESSAGE: usize = 8 * 1024;

/// The code of an error that has none which can be read.
const NO_CODE: u16 = 500;

/// A reply that is no error.
pub(in crate::client) struct PlainValue {
    pub(in crate::client) codec: Codec,
    pub(in crate::client) body: Bytes,
    pub(in crate::client) headers: Headers,
}

/// Tells an error from a value, and one of this library's services from another's.
pub(in crate::client) fn judge(reply: Box<Message>, codec: Codec) -> Answer {
    let (code, text) = (header_of(&reply, header::ERROR_CODE), header_of(&reply, header::ERROR));
    if code.is_none() && text.is_none() {
        return Answer::Plain(reply);
    }
    let (code, text) = (code.unwrap_or_default(), text.unwrap_or_default());
    let (code, message) = match code.trim().parse() {
        Ok(number) if text.is_empty() => (number, format!("code {number}")),
        Ok(number) => (number, text.to_owned()),
        Err(_) if code.is_empty() => (NO_CODE, text.to_owned()),
        Err(_) => (NO_CODE, format!("{code}: {text}")),
    };
    let message = shortened(message);
    let Some(execution) = header_of(&reply, header::EXECUTION) else {
        return Answer::Remote(Error::new(ErrorKind::Remote, message).with_code(code));
    };
    let retry_after = header_of(&reply, header::RETRY_AFTER_MS).and_then(|wait| wait.trim().parse().ok());
    Answer::Error(Box::new(ErrorFrame {
        code,
        execution: execution.trim().parse().map_or(Execution::MaybeExecuted, Execution::from_wire),
        flags: Flags::codec(codec_named(&reply).unwrap_or(codec)),
        message: message.into(),
        handler_time: Duration::ZERO,
        retry_after: retry_after.map(Duration::from_millis),
        body: (code == SERVICE_ERROR).then_some(reply.payload),
        instance: None,
        is_across_accounts: false,
    }))
}

/// Reads the rest of a reply that is no error. Nothing at all is a value too: that of methods which return nothing.
pub(in crate::client) fn value(reply: &Message, codec: Codec) -> Result<PlainValue, Error> {
    let codec = codec_named(reply).unwrap_or(codec);
    let headers = reply.headers.as_ref().map_or_else(
        || Ok(Headers::new()),
        |headers| Headers::from_untrusted(first_values(headers)).map_err(|error| unreadable(&error)),
    )?;
    let body = if reply.payload.is_empty() { codec.nothing().into() } else { reply.payload.clone() };
    Ok(PlainValue { codec, body, headers })
}

fn codec_named(reply: &Message) -> Option<Codec> {
    header_of(reply, header::CONTENT_TYPE).and_then(codec_of)
}

fn unreadable(error: &Error) -> Error {
    Error::new(ErrorKind::Protocol, format!("the headers of the reply: {}", error.message()))
}

fn shortened(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(LONGEST_MESSAGE));
    message
}
