//! Which of the three dialects a message is in.

use super::frame::MAGIC;
use crate::codec::Codec;

/// Names of the headers of plain messages.
pub(crate) mod header {
    pub(crate) const CONTENT_TYPE: &str = "Content-Type";
    /// The error headers of NATS micro services (ADR-32).
    pub(crate) const ERROR_CODE: &str = "Nats-Service-Error-Code";
    pub(crate) const ERROR: &str = "Nats-Service-Error";
    /// What the caller may conclude about the handler: 0, 1 or 2.
    pub(crate) const EXECUTION: &str = "Nats-Rpc-Execution";
    /// The budget of a plain call in milliseconds.
    pub(crate) const TIMEOUT_MS: &str = "Nats-Rpc-Timeout-Ms";
    /// How long to wait before a second attempt, in milliseconds.
    pub(crate) const RETRY_AFTER_MS: &str = "Nats-Rpc-Retry-After-Ms";
    /// The instance that answers, where all of them do.
    pub(crate) const INSTANCE: &str = "Nats-Rpc-Instance";
    /// In a question of discovery: its asker wants to know whether several answers get through. In
    /// an answer to another account: 1, or 2 in the message behind the last of an instance, which
    /// has no body.
    pub(crate) const TRIAL: &str = "Nats-Rpc-Trial";
    /// Those that say what a plain reply is.
    pub(crate) const OF_REPLIES: [&str; 6] =
        [CONTENT_TYPE, ERROR_CODE, ERROR, EXECUTION, RETRY_AFTER_MS, INSTANCE];
    /// Set by nats-server 2.12 and later on a 503: the subject that nobody serves.
    pub(crate) const NATS_SUBJECT: &str = "Nats-Subject";
    /// Set by a NATS server on what comes from another account: JSON that says from which one.
    pub(crate) const REQUEST_INFO: &str = "Nats-Request-Info";
}

/// How a request is written, and so its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Frames between peers of this project.
    Framed,
    /// The bare value, from and to any NATS client.
    Plain(Codec),
}

/// Which values a plain request may begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlainBody {
    /// Arguments: a map by name or an array by position.
    Arguments,
    /// A value of any type (`#[rpc(bare)]`).
    Value,
}

/// The content type of a codec.
pub(crate) fn content_type(codec: Codec) -> &'static str {
    match codec {
        Codec::Json => "application/json",
        Codec::MessagePack => "application/msgpack",
    }
}

/// The codec of a content type, unless it is an unknown one.
pub(crate) fn codec_of(named: &str) -> Option<Codec> {
    let essence = named.split(';').next().unwrap_or_default().trim();
    let is_of = |codec: &Codec| essence.eq_ignore_ascii_case(content_type(*codec));
    [Codec::Json, Codec::MessagePack].into_iter().find(is_of)
}

/// Tells the dialect by the first byte, or by the `Content-Type` between the plain ones.
///
/// `None` if it is none of them.
pub(crate) fn detect(payload: &[u8], content_type: Option<&str>, body: PlainBody) -> Option<Dialect> {
    let first = payload.first().copied();
    if first == Some(MAGIC) {
        return Some(Dialect::Framed);
    }
    if let Some(codec) = content_type.and_then(codec_of) {
        return Some(Dialect::Plain(codec));
    }
    match (first, body) {
        (None | Some(b'{' | b'[' | b' ' | b'\t' | b'\r' | b'\n'), _) => Some(Dialect::Plain(Codec::Json)),
        (Some(0x80..=0x9F | 0xC0 | 0xDC..=0xDF), _) => Some(Dialect::Plain(Codec::MessagePack)),
        // Any other value: what is printable begins JSON, what is not begins MessagePack.
        (Some(0x20..=0x7E), PlainBody::Value) => Some(Dialect::Plain(Codec::Json)),
        (Some(_), PlainBody::Value) => Some(Dialect::Plain(Codec::MessagePack)),
        (Some(_), PlainBody::Arguments) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: Option<Dialect> = Some(Dialect::Plain(Codec::Json));
    const PACKED: Option<Dialect> = Some(Dialect::Plain(Codec::MessagePack));

    fn arguments(payload: &[u8]) -> Option<Dialect> {
        detect(payload, None, PlainBody::Arguments)
    }

    #[test]
    fn the_first_byte_tells_the_dialect() {
        assert_eq!(arguments(&[0xC1, 1]), Some(Dialect::Framed));
        for packed in [0x80, 0x8F, 0x90, 0x9F, 0xC0, 0xDC, 0xDD, 0xDE, 0xDF] {
            assert_eq!(arguments(&[packed]), PACKED, "{packed:#x}");
        }
        for json in ["{}", "[]", " {}", "\n{}", "\t[]", ""] {
            assert_eq!(arguments(json.as_bytes()), JSON, "{json:?}");
        }
        for neither in [b"\"a\"".as_slice(), b"1", b"hello", &[0], &[0xA1, b'a'], &[0xFF]] {
            assert_eq!(arguments(neither), None, "{neither:?}");
        }
    }

    #[test]
    fn a_content_type_decides_between_the_plain_ones_only() {
        let with = |payload: &[u8], kind| detect(payload, Some(kind), PlainBody::Arguments);
        assert_eq!(with(b"{}", "application/msgpack"), PACKED);
        assert_eq!(with(&[0x80], "Application/JSON; charset=utf-8"), JSON);
        assert_eq!(with(&[0xC1, 1], "application/json"), Some(Dialect::Framed));
        assert_eq!(with(b"{}", "text/plain"), JSON, "an unknown one is no help");
    }

    #[test]
    fn a_bare_value_may_be_of_any_type() {
        let value = |payload: &[u8]| detect(payload, None, PlainBody::Value);
        assert_eq!(value(b"\"a\""), JSON);
        assert_eq!(value(b"1"), JSON);
        assert_eq!(value(&[0xA1, b'a']), PACKED);
        assert_eq!(value(&[0xCF, 0, 0, 0, 0, 0, 0, 0, 1]), PACKED);
    }
}
