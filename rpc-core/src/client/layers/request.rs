//! A call as layers see it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::Progress;
use crate::client::outgoing::Outgoing;
use crate::codec::Codec;
use crate::deadline::Deadline;
use crate::wire::headers::Headers;

/// A call on its way through the layers of its client, encoded but not sent.
///
/// A clone is the same call: a layer that sends it again, or to be safe twice, makes further attempts of that. Once the caller
/// has been told that the call was not executed, no clone of it is sent any more.
#[derive(Clone)]
pub struct ClientRequest {
    pub(super) outgoing: Outgoing,
    pub(super) args: Bytes,
    pub(super) deadline: Deadline,
    pub(super) delivery: Delivery,
    pub(super) progress: Arc<Progress>,
}

/// What the caller waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum Delivery {
    /// The reply, or the receipt.
    Answered,
    /// That the connection has the message.
    HandedOver,
    /// The same, of one that goes to all instances: their answers do not come by here.
    Gathered,
    /// That JetStream has stored it.
    #[cfg(feature = "jetstream")]
    Submitted,
}

impl ClientRequest {
    /// The name of the service.
    pub fn service(&self) -> &'static str {
        self.outgoing.names().0
    }

    /// The name of the method.
    pub fn method(&self) -> &'static str {
        self.outgoing.names().1
    }

    /// Whether the method may be executed twice: whether it is `#[rpc(idempotent)]`.
    pub fn is_idempotent(&self) -> bool {
        self.outgoing.is_idempotent()
    }

    /// Whether the response is what the handler answers: not so for a oneway call, unless it is
    /// [`acked`](crate::Cast::acked), nor for one that [gathers](crate::Call::gather) the answers of all instances, nor for one that is submitted as a job. Their response
    /// is empty, and says that the call was handed over, or stored.
    pub fn expects_reply(&self) -> bool {
        self.delivery == Delivery::Answered
    }

    /// The headers: what the caller has set, what outer layers have, and the trace that the call continues.
    pub fn headers(&self) -> &Headers {
        self.outgoing.headers()
    }

    /// The same, to be changed. What may not travel fails the call as
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument).
    pub fn headers_mut(&mut self) -> &mut Headers {
        self.outgoing.headers_mut()
    }

    /// How the arguments are encoded, and so the result.
    pub fn codec(&self) -> Codec {
        self.outgoing.codec()
    }

    /// The encoded arguments: a map by name, or the value of a `bare` argument.
    pub fn arguments(&self) -> &Bytes {
        &self.args
    }

    /// Sends other arguments, in the same [codec](Self::codec).
    pub fn set_arguments(&mut self, arguments: impl Into<Bytes>) {
        self.args = arguments.into();
    }

    /// When the call must be over.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Leaves the inner service less time. A later deadline than there is changes nothing.
    pub fn shorten(&mut self, deadline: Deadline) {
        self.deadline = self.deadline.min(deadline);
    }
}

impl fmt::Debug for ClientRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRequest")
            .field("service", &self.service())
            .field("method", &self.method())
            .field("headers", self.headers())
            .field("codec", &self.codec())
            .field("arguments", &self.args.len())
            .finish_non_exhaustive()
    }
}
