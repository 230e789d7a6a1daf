//! A call on its way through a handler: encoded arguments in, an encoded result out.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde::de::Deserialize;
use serde::ser::Serialize;
use tokio::time::Instant;

use super::streaming::Port;
use super::{Handler, Method, MethodResult, Passage};
use crate::codec::Codec;
use crate::codec::as_bytes::{AsBytes, BytesLike};
use crate::codec::scan::ScanLimits;
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::reply::{Reply, in_reply};
use crate::wire::headers::Headers;

/// A call before its arguments are decoded and after its result is: what a handler is given.
pub struct RawCall {
    context: Context,
    body: Bytes,
    bare: bool,
    limits: ScanLimits,
    /// When its handler was started.
    begun: Instant,
    /// Its stream, if it has one.
    port: Option<Arc<Port>>,
    /// Where it goes behind the layers that it passes through.
    destination: Option<Box<Destination>>,
}

/// Where a call goes behind the layers that it passes through.
pub(crate) struct Destination {
    pub(crate) handler: Handler,
    /// How far the call has come.
    pub(crate) passage: Arc<Passage>,
}

impl RawCall {
    pub(crate) fn new(
        context: Context,
        body: Bytes,
        method: &Method,
        limits: ScanLimits,
        begun: Instant,
        port: Option<Arc<Port>>,
    ) -> Self {
        RawCall { context, body, bare: method.is_bare(), limits, begun, port, destination: None }
    }

    /// What is known about the call.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The encoded arguments.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Replaces the encoded arguments: for a layer that compresses or encrypts, say.
    pub fn set_body(&mut self, body: impl Into<Bytes>) {
        self.body = body.into();
    }

    /// Its stream, if it has one.
    pub(super) fn port(&self) -> Option<&Arc<Port>> {
        self.port.as_ref()
    }

    /// What is refused before it is decoded.
    pub(super) fn limits(&self) -> ScanLimits {
        self.limits
    }

    /// When its handler was started.
    pub(crate) fn begun(&self) -> Instant {
        self.begun
    }

    /// The call on its way through layers to this place.
    pub(crate) fn to(mut self, destination: Destination) -> Self {
        self.destination = Some(Box::new(destination));
        self
    }

    /// Where it goes; nowhere a second time.
    pub(crate) fn take_destination(&mut self) -> Option<Destination> {
        self.destination.take().map(|destination| *destination)
    }

    /// The codec of arguments and result.
    pub fn codec(&self) -> Codec {
        self.context.reply_path().format.codec()
    }

    /// Decodes the arguments, which may borrow from the message. A handler decodes before it does anything else: the
    /// error promises its caller that nothing was done.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if they are not of this type, or so large or so deep that decoding them could
    /// harm the process.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        let codec = self.codec();
        let body = match &self.body[..] {
            empty if !self.bare && codec.means_no_arguments(empty) => codec.no_arguments(),
            body => body,
        };
        codec.scan(body, self.limits).and_then(|()| codec.decode_part(body, &self.body)).map_err(|error| {
            let message = format!("the arguments do not decode: {}", without_types(&error.to_string()));
            Error::not_executed(ErrorKind::InvalidArgument, message).before_work()
        })
    }

    /// The value of a parameter in the subject of the service or of the method.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if it is not of this type, or if there is no such parameter.
    pub fn subject_value<T: FromStr<Err: fmt::Display>>(&self, name: &str) -> Result<T, Error> {
        let invalid = |why: String| {
            let message = format!("the parameter {name:?} of the subject {why}");
            Error::not_executed(ErrorKind::InvalidArgument, message).before_work()
        };
        let text = self.context.subject_value(name).ok_or_else(|| invalid("does not exist".to_owned()))?;
        text.parse().map_err(|error: T::Err| invalid(format!("cannot be {text:?}: {error}")))
    }

    /// Encodes the handler's result.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if it does not encode, [`ErrorKind::PayloadTooLarge`] if the broker would not take it.
    #[inline(always)] // on the way of every call
    pub fn reply<T: Serialize>(&self, value: T) -> Result<Reply, Error> {
        self.succeed(|codec, bytes| codec.encode(&value, bytes))
    }

    /// The same for a result that travels as bytes.
    ///
    /// # Errors
    /// Those of [`reply`](Self::reply).
    pub fn reply_bytes<T: BytesLike>(&self, value: T) -> Result<Reply, Error> {
        self.succeed(|codec, bytes| codec.encode(&AsBytes(value), bytes))
    }

    /// Encodes what a fallible handler returned.
    ///
    /// # Errors
    /// Those of [`reply`](Self::reply); the service's own error is a reply like any other.
    pub fn reply_result<R>(&self, result: R) -> Result<Reply, Error>
    where
        R: MethodResult<Ok: Serialize, Err: Serialize + fmt::Display>,
    {
        match result.into_result() {
            Ok(value) => self.reply(value),
            Err(error) => self.fail(&error),
        }
    }

    /// The same for a result that travels as bytes.
    ///
    /// # Errors
    /// Those of [`reply`](Self::reply).
    pub fn reply_result_bytes<R>(&self, result: R) -> Result<Reply, Error>
    where
        R: MethodResult<Ok: BytesLike, Err: Serialize + fmt::Display>,
    {
        match result.into_result() {
            Ok(value) => self.reply_bytes(value),
            Err(error) => self.fail(&error),
        }
    }

    /// Ends a oneway call. Not for methods with a result: their callers would find none in the reply.
    ///
    /// # Errors
    /// None; it is a `Result` like all the others.
    pub fn done(&self) -> Result<Reply, Error> {
        Ok(Reply::empty(self.begun.elapsed()))
    }

    fn succeed(
        &self,
        encode: impl FnOnce(Codec, &mut BytesMut) -> Result<(), Error>,
    ) -> Result<Reply, Error> {
        let time = self.begun.elapsed();
        self.context.reply_path().success(&self.reply_headers()?, time, encode)
    }

    fn fail<E: Serialize + fmt::Display>(&self, error: &E) -> Result<Reply, Error> {
        let time = self.begun.elapsed();
        let message = error.to_string();
        self.context
            .reply_path()
            .service_error(&self.reply_headers()?, time, &message, |codec, bytes| codec.encode(error, bytes))
    }

    pub(super) fn reply_headers(&self) -> Result<Headers, Error> {
        let headers = self.context.reply_headers();
        headers.check().map_err(|fault| in_reply(&fault))?;
        Ok(headers)
    }
}

impl fmt::Debug for RawCall {
    /// Says nothing about the arguments, which may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.body.len();
        f.debug_struct("RawCall")
            .field("context", &self.context)
            .field("bytes", &bytes)
            .finish_non_exhaustive()
    }
}

/// What serde says, without the names of Rust types: how a service is written is not its callers' business.
fn without_types(text: &str) -> Cow<'_, str> {
    let named = |expected: &str| ["struct ", "enum ", "variant "].iter().any(|kind| expected.contains(kind));
    match text.split_once(", expected ") {
        Some((what, expected)) if named(expected) => format!("{what}, expected another type").into(),
        _ => text.into(),
    }
}
