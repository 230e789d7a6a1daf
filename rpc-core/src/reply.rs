//! How one call is answered: in the dialect of its request, within the broker's limit.

mod together;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

pub(crate) use self::together::Together;

use crate::codec::Codec;
use crate::connection::{
    Connection, HeaderMap, Joining, OutboundMessage, Subject, buffers, header_map, header_size,
};
use crate::deadline::{as_wire_ms, as_wire_us};
use crate::error::{Error, ErrorKind, Execution};
use crate::wire::dialect::header;
use crate::wire::frame::{self, Failure, Flags, Id, ReplyTail, SERVICE_ERROR};
use crate::wire::headers::Headers;

/// A reply that has been written, but not sent.
///
/// Handlers of hand-written services get one from [`RawCall`](crate::RawCall) and return it.
#[derive(Debug)]
pub struct Reply {
    pub(crate) payload: Bytes,
    pub(crate) headers: Option<HeaderMap>,
    /// How long the handler ran.
    pub(crate) handler_time: Duration,
    /// The message of the service's own error, if it is one.
    pub(crate) own_error: Option<Box<str>>,
}

impl Reply {
    /// The message of the service's own error, if that is what the reply carries.
    pub fn service_error(&self) -> Option<&str> {
        self.own_error.as_deref()
    }

    /// How long the handler ran.
    pub fn handler_time(&self) -> Duration {
        self.handler_time
    }

    /// One without a body.
    pub(crate) fn empty(handler_time: Duration) -> Self {
        Reply { payload: Bytes::new(), headers: None, handler_time, own_error: None }
    }
}

/// The way back to one caller.
#[derive(Debug)]
pub(crate) struct ReplyPath {
    pub(crate) replier: Arc<Replier>,
    /// Where the reply goes; `None` if nobody waits for one.
    pub(crate) to: Option<Subject>,
    /// Whether the replies to other calls of the same message go there too.
    pub(crate) joining: Joining,
    /// What is known of the answers to the calls of the same message, if it is from another
    /// account.
    pub(crate) together: Option<Arc<Together>>,
    pub(crate) format: Format,
    /// Whether other instances got the same call, so that a refusal of this one proves nothing.
    pub(crate) audience: Audience,
}

/// Who answers.
#[derive(Debug)]
pub(crate) struct Replier {
    pub(crate) connection: Connection,
    /// The id of the instance.
    pub(crate) instance: Box<str>,
}

/// In which form the reply is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Framed { id: Id, flags: Flags },
    Plain { codec: Codec, content_type: ContentType },
}

/// Whether a plain reply names its content type: only to those who named theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentType {
    Named,
    Implied,
}

/// How many instances a call is delivered to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// A queue group: one of its members.
    One,
    /// A broadcast: every instance, of which one is to answer.
    Many,
    /// Every instance, each of which answers for itself.
    Each,
}

impl Format {
    /// The codec of the arguments and of the result.
    pub(crate) fn codec(&self) -> Codec {
        match self {
            Format::Framed { flags, .. } => flags.read_codec().unwrap_or_default(),
            Format::Plain { codec, .. } => *codec,
        }
    }
}

impl ReplyPath {
    /// Writes the handler's result.
    pub(crate) fn success(
        &self,
        headers: &Headers,
        handler_time: Duration,
        encode: impl FnOnce(Codec, &mut BytesMut) -> Result<(), Error>,
    ) -> Result<Reply, Error> {
        match self.format {
            Format::Framed { id, flags } => self.written(handler_time, |bytes| {
                let tail = self.tail(headers, flags);
                let codec = self.format.codec();
                frame::write_success(bytes, &id, as_wire_us(handler_time), &tail, |bytes| {
                    encode(codec, bytes)
                })
            }),
            Format::Plain { codec, .. } => {
                let reply = self.written(handler_time, |bytes| encode(codec, bytes))?;
                self.with_headers(reply, headers, &[])
            }
        }
    }

    /// Writes the service's own error.
    pub(crate) fn service_error(
        &self,
        headers: &Headers,
        handler_time: Duration,
        message: &str,
        encode: impl FnOnce(Codec, &mut BytesMut) -> Result<(), Error>,
    ) -> Result<Reply, Error> {
        let failure = Failure {
            code: SERVICE_ERROR,
            execution: Execution::Executed,
            flags: Flags::codec(self.format.codec()),
            message: shortened(message),
            handler_us: as_wire_us(handler_time),
            retry_after: None,
        };
        let reply = self.failed(headers, &failure, handler_time, Some(encode))?;
        Ok(Reply { own_error: Some(failure.message.into()), ..reply })
    }

    /// Writes an error of the call path. It always succeeds: what does not fit is left out.
    pub(crate) fn error(&self, error: &Error, handler_time: Duration) -> Reply {
        let mut flags = Flags::codec(self.format.codec());
        if matches!(self.format, Format::Framed { flags, .. } if flags.is_whole()) {
            flags = flags.with_whole();
        }
        let mut execution = error.execution();
        if self.audience == Audience::Many && execution != Execution::Executed {
            flags = flags.with_one_of_many();
            execution = Execution::MaybeExecuted;
        }
        let failure = Failure {
            code: error.code(),
            execution,
            flags,
            message: shortened(error.message()),
            handler_us: as_wire_us(handler_time),
            retry_after: error.retry_after(),
        };
        let nothing = None::<fn(Codec, &mut BytesMut) -> Result<(), Error>>;
        self.failed(&Headers::new(), &failure, handler_time, nothing).unwrap_or_else(|_| Reply {
            headers: header_map([(header::ERROR_CODE, "500")]),
            ..Reply::empty(handler_time)
        })
    }

    fn failed(
        &self,
        headers: &Headers,
        failure: &Failure<'_>,
        handler_time: Duration,
        encode: Option<impl FnOnce(Codec, &mut BytesMut) -> Result<(), Error>>,
    ) -> Result<Reply, Error> {
        match self.format {
            Format::Framed { id, flags } => self.written(handler_time, |bytes| {
                let tail = self.tail(headers, flags);
                let codec = self.format.codec();
                let encode = encode.map(|encode| |bytes: &mut BytesMut| encode(codec, bytes));
                frame::write_error(bytes, &id, failure, &tail, encode)
            }),
            Format::Plain { codec, .. } => {
                let reply = match encode {
                    Some(encode) => self.written(handler_time, |bytes| encode(codec, bytes))?,
                    None => Reply::empty(handler_time),
                };
                let code = failure.code.to_string();
                let execution = failure.execution.as_u8().to_string();
                let message = one_line(failure.message);
                let retry_after = failure.retry_after.map(|wait| as_wire_ms(wait).to_string());
                let mut own = vec![
                    (header::ERROR_CODE, code.as_str()),
                    (header::ERROR, message.as_str()),
                    (header::EXECUTION, execution.as_str()),
                ];
                own.extend(retry_after.as_deref().map(|wait| (header::RETRY_AFTER_MS, wait)));
                self.with_headers(reply, headers, &own)
            }
        }
    }

    /// Runs an encoder on a shared buffer. A result that does not encode or does not fit says that the handler ran.
    fn written(
        &self,
        handler_time: Duration,
        write: impl FnOnce(&mut BytesMut) -> Result<(), Error>,
    ) -> Result<Reply, Error> {
        let mut bytes = buffers::take();
        let limit = self.replier.connection.max_payload();
        let written = match write(&mut bytes) {
            Ok(()) if bytes.len() <= limit => Ok(()),
            Ok(()) => Err(Error::new(
                ErrorKind::PayloadTooLarge,
                format!("the reply has {} bytes, the broker takes {limit}", bytes.len()),
            )),
            Err(error) => Err(in_reply(&error)),
        };
        if let Err(error) = written {
            buffers::discard(bytes);
            return Err(error.with_execution(Execution::Executed));
        }
        Ok(Reply { payload: buffers::finish(bytes).freeze(), ..Reply::empty(handler_time) })
    }

    fn tail<'a>(&'a self, headers: &'a Headers, flags: Flags) -> ReplyTail<'a> {
        let instance = flags.wants_instance().then_some(&*self.replier.instance);
        ReplyTail { headers, instance, is_across_accounts: self.is_across_accounts() }
    }

    /// Adds the NATS headers of a plain reply, which count against the broker's limit too.
    fn with_headers(
        &self,
        mut reply: Reply,
        headers: &Headers,
        own: &[(&str, &str)],
    ) -> Result<Reply, Error> {
        reply.headers = self.plain_headers(headers, own)?;
        let size = reply.payload.len() + reply.headers.as_ref().map_or(0, header_size);
        let limit = self.replier.connection.max_payload();
        if size > limit {
            let message = format!("the reply has {size} bytes with its headers, the broker takes {limit}");
            return Err(Error::new(ErrorKind::PayloadTooLarge, message).with_execution(Execution::Executed));
        }
        Ok(reply)
    }

    /// The NATS headers of a plain reply. Those that say what it is are its own.
    fn plain_headers(&self, headers: &Headers, own: &[(&str, &str)]) -> Result<Option<HeaderMap>, Error> {
        let content_type = match self.format {
            Format::Plain { codec: Codec::Json, content_type: ContentType::Named } => {
                Some("application/json")
            }
            Format::Plain { codec: Codec::MessagePack, content_type: ContentType::Named } => {
                Some("application/msgpack")
            }
            _ => None,
        };
        let instance =
            (self.audience == Audience::Each).then_some((header::INSTANCE, &*self.replier.instance));
        if headers.is_empty() && own.is_empty() && content_type.is_none() && instance.is_none() {
            return Ok(None);
        }
        let content_type = content_type.map(|kind| (header::CONTENT_TYPE, kind));
        let others = headers.iter().filter(|(name, _)| !header::OF_REPLIES.contains(name));
        let all = others.chain(own.iter().copied()).chain(content_type).chain(instance);
        header_map(all).map(Some).ok_or_else(|| {
            Error::new(ErrorKind::Internal, "a header of the reply may not travel")
                .with_execution(Execution::Executed)
        })
    }

    /// Whether a framed call that waits for a reply would get nothing: that could not be told from a fault in the replies to
    /// other calls of its message.
    pub(crate) fn is_missing(&self, reply: &Reply) -> bool {
        matches!(self.format, Format::Framed { .. }) && self.to.is_some() && reply.payload.is_empty()
    }

    /// The message that carries a reply, or `None` if nobody waits for one, or if it leaves with
    /// another.
    #[inline(always)] // on the way of every call
    pub(crate) fn message(&self, reply: Reply) -> Option<OutboundMessage> {
        let subject = self.to.clone()?;
        if let Some(together) = &self.together {
            let payload = together.add(self, reply)?;
            return Some(OutboundMessage { subject, reply: None, payload, headers: None });
        }
        Some(OutboundMessage { subject, reply: None, payload: reply.payload, headers: reply.headers })
    }

    /// The message that is complete without an answer to this call, which gets none.
    pub(crate) fn message_without(&self) -> Option<OutboundMessage> {
        let (subject, payload) = (self.to.clone()?, self.together.as_ref()?.skip()?);
        Some(OutboundMessage { subject, reply: None, payload, headers: None })
    }

    /// What tells the NATS server that no further reply comes to this subject of another account,
    /// so that it need not keep the way there: once nothing more is said of any call of the
    /// message. Other instances may still answer a call that they got too.
    pub(crate) fn end_of_replies(&self) -> Option<OutboundMessage> {
        let to = self.to.as_ref().filter(|_| self.is_across_accounts())?;
        let is_last = self.together.as_ref().is_none_or(|together| together.leave());
        (is_last && self.audience == Audience::One).then(|| nothing(to.clone()))
    }

    /// Whether the reply goes to another account, whose caller reads frames.
    pub(crate) fn is_across_accounts(&self) -> bool {
        matches!(self.format, Format::Framed { .. }) && self.to.as_deref().is_some_and(is_across_accounts)
    }

    /// Whether the reply has to leave in one message with others.
    pub(crate) fn leaves_with_others(&self) -> bool {
        self.together.as_ref().is_some_and(|together| together.is_collecting())
    }
}

/// Whether a reply subject is one that only a NATS server makes, for a caller of another account.
pub(crate) fn is_across_accounts(reply: &str) -> bool {
    reply.starts_with("_R_.")
}

/// A message without payload and headers: to a subject of another account, the end of all replies.
pub(crate) fn nothing(subject: Subject) -> OutboundMessage {
    OutboundMessage { subject, reply: None, payload: Bytes::new(), headers: None }
}

/// What the caller is told of a fault in what the handler has returned.
pub(crate) fn in_reply(fault: &Error) -> Error {
    Error::new(ErrorKind::Internal, format!("in the reply: {}", fault.message()))
        .with_execution(Execution::Executed)
}

/// A message short enough for a header and for a log line.
pub(crate) fn shortened(message: &str) -> &str {
    const LONGEST: usize = 1024;
    message.get(..message.floor_char_boundary(LONGEST)).unwrap_or_default()
}

/// A header value ends at a line break.
pub(crate) fn one_line(message: &str) -> String {
    message.replace(['\r', '\n'], " ")
}
