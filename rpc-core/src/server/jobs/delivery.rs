//! What a message of the stream holds: the call, and which delivery of it this is.

use async_nats::jetstream::Message;
use bytes::Bytes;

use crate::connection::header_of;
use crate::error::{Error, ErrorKind};
use crate::jobs::header;
use crate::reply::{ContentType, Format};
use crate::server::dispatch::Endpoint;
use crate::server::plain;
use crate::wire::dialect::{self, Dialect, PlainBody};
use crate::wire::frame::{CallFrame, Frame, Frames};
use crate::wire::headers::Headers;
use crate::wire::subject::check_token;

/// A job that is delivered to be executed.
pub(super) struct Delivery {
    /// The key of its record.
    pub(super) job: String,
    /// The number of its message in the stream.
    pub(super) sequence: u64,
    /// How often that was delivered, this time included.
    pub(super) times: i64,
    pub(super) message: Message,
}

/// The call in it.
pub(super) struct JobCall {
    pub(super) format: Format,
    pub(super) headers: Headers,
    pub(super) body: Bytes,
}

impl Delivery {
    /// `None` for what JetStream has not delivered.
    pub(super) fn new(message: Message) -> Option<Self> {
        let info = message.info().ok()?;
        let (sequence, times) = (info.stream_sequence, info.delivered);
        let named =
            header_of(&message, header::JOB_ID).filter(|name| check_token("the id of a job", name).is_ok());
        // Others may publish to the stream as well: their calls are named by where they are in it.
        let job = named.map_or_else(|| format!("seq-{sequence}"), str::to_owned);
        Some(Delivery { job, sequence, times, message })
    }

    /// Reads the call, in whichever dialect it is.
    pub(super) fn call(&self, endpoint: &Endpoint) -> Result<JobCall, Error> {
        let message = &self.message;
        if let Some(places) = &endpoint.places {
            places.check(&message.subject)?;
        }
        let invalid = |text: &'static str| Error::not_executed(ErrorKind::InvalidArgument, text);
        let (size, limits) = (message.payload.len(), &endpoint.shared.limits);
        if size > limits.request {
            return Err(limits.too_large(size));
        }
        let content_type = plain::content_type(message);
        let body = if endpoint.method.is_bare() { PlainBody::Value } else { PlainBody::Arguments };
        match dialect::detect(&message.payload, content_type, body) {
            Some(Dialect::Framed) => {
                let mut frames =
                    Frames::new(&message.payload).map_err(|_| invalid("the job is not made of frames"))?;
                match (frames.next(), frames.next()) {
                    (Some(Ok(Frame::Call(call))), None) => framed(call),
                    _ => Err(invalid("the job is not one call")),
                }
            }
            Some(Dialect::Plain(codec)) => {
                let headers = plain::headers(message.headers.as_ref())?;
                let format = Format::Plain { codec, content_type: ContentType::Implied };
                Ok(JobCall { format, headers, body: message.payload.clone() })
            }
            None => Err(invalid("the job is neither a map nor an array of arguments")),
        }
    }
}

/// What it returns is kept as it is, and not in a frame.
fn framed(call: CallFrame) -> Result<JobCall, Error> {
    if call.flags.demands_the_unknown() {
        let text = "the job demands an extension of the protocol that is not known here";
        return Err(Error::not_executed(ErrorKind::Unimplemented, text));
    }
    call.headers.check()?;
    let codec = call.flags.read_codec().unwrap_or_default();
    let format = Format::Plain { codec, content_type: ContentType::Implied };
    Ok(JobCall { format, headers: call.headers, body: call.args })
}
