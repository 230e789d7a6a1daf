//! What came back, as layers see it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::codec::Codec;
use crate::wire::headers::Headers;

/// What the handler has returned, not decoded yet: a value, or the service's own error.
#[derive(Clone)]
pub struct ClientResponse {
    pub(in crate::client) codec: Codec,
    pub(in crate::client) body: Bytes,
    pub(in crate::client) headers: Headers,
    pub(in crate::client) instance: Option<Box<str>>,
    pub(in crate::client) handler_time: Duration,
    /// What the service's own error says for people, if it is one.
    pub(in crate::client) service_error: Option<Box<str>>,
}

impl ClientResponse {
    /// A value that a layer has itself, from a cache say.
    pub fn new(codec: Codec, body: impl Into<Bytes>) -> Self {
        ClientResponse {
            codec,
            body: body.into(),
            headers: Headers::new(),
            instance: None,
            handler_time: Duration::ZERO,
            service_error: None,
        }
    }

    /// How the body is encoded.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The encoded value or error.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Replaces the body, in the same [codec](Self::codec).
    pub fn set_body(&mut self, body: impl Into<Bytes>) {
        self.body = body.into();
    }

    /// The headers that the handler has set.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The same, to be changed: what the caller finds in [`Response::headers`](crate::Response::headers).
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// The id of the instance that answered, if it named itself: if the caller wants a [detailed](crate::Call::detailed) response.
    pub fn instance(&self) -> Option<&str> {
        self.instance.as_deref()
    }

    /// How long the handler ran, by the server's clock.
    pub fn handler_time(&self) -> Duration {
        self.handler_time
    }

    /// The message of the service's own error, if the body is that and not a value.
    pub fn service_error(&self) -> Option<&str> {
        self.service_error.as_deref()
    }
}

impl fmt::Debug for ClientResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientResponse")
            .field("codec", &self.codec)
            .field("body", &self.body.len())
            .field("headers", &self.headers)
            .field("instance", &self.instance)
            .field("service_error", &self.service_error)
            .finish_non_exhaustive()
    }
}
