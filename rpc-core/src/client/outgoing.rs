//! How the message of a call is written and sent, the first time and again.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde::ser::Serialize;
use tokio::time::Instant;

use super::InFlight;
use super::exchange::{Exchange, Handover, hand_over_later};
use super::stub::Target;
use crate::codec::Codec;
use crate::codec::scan::ScanLimits;
use crate::connection::{
    Answer, DestinationId, OutboundMessage, TryPublishError, buffers, too_large, too_late,
};
use crate::context::Context;
use crate::deadline::{Deadline, as_wire_ms};
use crate::error::{Error, ErrorKind, Execution};
use crate::service::{Method, MethodKind};
use crate::wire::frame::{CallBuffer, CallHead, Flags, Times};
use crate::wire::headers::Headers;

/// The headers of a trace (W3C Trace Context), which calls inherit from the handler that makes them.
const TRACE_HEADERS: [&str; 2] = ["traceparent", "tracestate"];

/// What is needed to write the call's message.
pub(super) struct Outgoing {
    target: Arc<Target>,
    method: usize,
    id: u64,
    flags: Flags,
    timeout: Option<Duration>,
    /// The deadline of the handler that the call was made in.
    inherited: Option<Deadline>,
    /// What the caller added, and a trace.
    headers: Headers,
    /// Whether the message has to be written anew: the caller added a header, or wants a receipt, after it was written.
    stale: bool,
}

/// A call that is out.
pub(super) struct Sent {
    pub(super) exchange: Exchange,
    /// The encoded arguments, to send them again.
    pub(super) args: Bytes,
    pub(super) expiry: Expiry,
    pub(super) in_flight: InFlight,
}

/// Whether a call was sent with its moment of expiry, or without, since the clocks differ.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Expiry {
    Stated,
    LeftOut,
}

impl Outgoing {
    /// Takes from the handler that the call is made in, if there is one, what calls inherit.
    pub(super) fn new(target: Arc<Target>, method: usize) -> Self {
        let (inherited, headers) =
            Context::with_current(|cx| (Some(cx.deadline()), trace_of(cx))).unwrap_or_default();
        Outgoing {
            id: target.client.connection().random().u64(),
            flags: Flags::codec(target.client.codec()),
            // That of a oneway method bounds its handler; the call waits for no more than the receipt.
            timeout: target
                .method(method)
                .filter(|method| method.kind() != MethodKind::Oneway)
                .and_then(Method::timeout),
            target,
            method,
            inherited,
            headers,
            stale: false,
        }
    }

    pub(super) fn codec(&self) -> Codec {
        self.target.client.codec()
    }

    /// What is refused in a reply before it is decoded.
    pub(super) fn limits(&self) -> ScanLimits {
        self.target.client.limits()
    }

    /// The names of the service and of the method.
    pub(super) fn names(&self) -> (&'static str, &'static str) {
        let method = self.target.method(self.method).map(Method::name);
        (self.target.descriptor.name(), method.unwrap_or_default())
    }

    /// Where the call goes, for messages.
    pub(super) fn subject(&self) -> &str {
        self.target.route(self.method).map_or("", |route| route.subject.as_str())
    }

    /// The error of a call whose message nobody got.
    pub(super) fn no_responders(&self) -> Error {
        Error::not_executed(ErrorKind::NoResponders, format!("nobody serves {}", self.subject()))
    }

    pub(super) fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = Some(timeout);
    }

    pub(super) fn set_header(&mut self, name: Box<str>, value: Box<str>) {
        self.headers.insert(name, value);
        self.stale = true;
    }

    /// Changes the flags, in a message that has been written too.
    pub(super) fn set_flags(
        &mut self,
        change: impl FnOnce(Flags) -> Flags,
        written: Option<&mut CallBuffer>,
    ) {
        self.flags = change(self.flags);
        if let Some(written) = written {
            written.set_flags(self.flags);
        }
    }

    /// Makes a oneway call one that waits for a receipt, and so has a budget.
    pub(super) fn want_receipt(&mut self) {
        self.flags = self.flags.with_receipt();
        self.stale = true;
    }

    /// Encodes the arguments, behind a head whose budget and expiry are left open or, of a oneway call, to the server.
    pub(super) fn build<A: Serialize>(&self, args: &A, times: Times) -> Result<CallBuffer, Error> {
        let codec = self.codec();
        self.write(times, &self.headers, |bytes| codec.encode(args, bytes))
    }

    fn write(
        &self,
        times: Times,
        headers: &Headers,
        encode: impl FnOnce(&mut BytesMut) -> Result<(), Error>,
    ) -> Result<CallBuffer, Error> {
        let head = CallHead { id: self.id, flags: self.flags, times, attempt: 1, headers };
        match CallBuffer::new(buffers::take(), head, encode) {
            Ok(buffer) => Ok(buffer.split_from(buffers::finish)),
            Err((bytes, error)) => {
                buffers::discard(bytes);
                Err(error)
            }
        }
    }

    /// Writes the message anew around arguments that have been encoded before.
    fn rewrite(&self, times: Times, args: &[u8]) -> Result<CallBuffer, Error> {
        self.headers.check()?;
        self.write(times, &self.headers, |bytes| {
            bytes.extend_from_slice(args);
            Ok(())
        })
    }

    /// Checks everything that can be known before the message leaves, and starts the exchange.
    pub(super) fn send(&self, mut buffer: CallBuffer) -> Result<Sent, Error> {
        let connection = self.target.client.connection();
        let destination = self.target.route(self.method)?.destination;
        let now = Instant::now();
        let deadline = self.deadline(now);
        if deadline.was_expired(now) {
            return Err(too_late());
        }
        let budget = deadline.since(now);
        let in_flight = self.target.client.enter()?;
        let budget_ms = at_least_one_ms(budget);
        let expiry = if connection.clocks_differ() { Expiry::LeftOut } else { Expiry::Stated };
        if expiry == Expiry::LeftOut {
            buffer = self.rewrite(Times::Budget { ms: budget_ms }, buffer.args())?;
        } else {
            if self.stale {
                buffer = self.rewrite(Times::Later, buffer.args())?;
            }
            buffer.set_times(budget_ms, connection.clock().unix_ms() + u64::from(budget_ms));
        }
        let (payload, args) = buffer.into_parts();
        let exchange = self.exchange(now, deadline, destination, payload)?;
        Ok(Sent { exchange, args, expiry, in_flight })
    }

    /// Sends the call once more, with a budget but without a moment of expiry.
    pub(super) fn send_again(&mut self, args: &[u8], deadline: Deadline) -> Result<Exchange, Error> {
        let connection = self.target.client.connection();
        connection.distrust_clocks();
        self.id = connection.random().u64();
        let destination = self.target.route(self.method)?.destination;
        let (payload, _) =
            self.rewrite(Times::Budget { ms: at_least_one_ms(deadline.remaining()) }, args)?.into_parts();
        self.exchange(Instant::now(), deadline, destination, payload)
    }

    /// Publishes the call without a reply subject: the server's own limit bounds its handler.
    pub(super) fn hand_over(&self, mut buffer: CallBuffer) -> Result<Option<Handover>, Error> {
        let subject = self.target.route(self.method)?.subject.clone();
        if self.stale {
            buffer = self.rewrite(Times::Unlimited, buffer.args())?;
        }
        let (payload, _) = buffer.into_parts();
        self.check(&payload)?;
        let message = OutboundMessage { subject, reply: None, payload, headers: None };
        let connection = self.target.client.connection();
        match connection.try_publish(message.clone()) {
            Ok(()) => Ok(None),
            Err(TryPublishError::Refused(error)) => Err(error),
            Err(TryPublishError::Full) => {
                Ok(Some(hand_over_later(connection, message, self.deadline(Instant::now()))))
            }
        }
    }

    fn exchange(
        &self,
        now: Instant,
        deadline: Deadline,
        destination: DestinationId,
        payload: Bytes,
    ) -> Result<Exchange, Error> {
        self.check(&payload)?;
        Ok(Exchange::new(Arc::clone(&self.target), self.id, now, deadline, destination, payload))
    }

    /// Whether the connection can take the message now.
    fn check(&self, payload: &Bytes) -> Result<(), Error> {
        let connection = self.target.client.connection();
        let limit = connection.max_payload();
        if payload.len() > limit {
            return Err(too_large(payload.len(), limit));
        }
        if !connection.is_connected() {
            return Err(Error::not_executed(ErrorKind::Unavailable, "not connected"));
        }
        Ok(())
    }

    fn deadline(&self, now: Instant) -> Deadline {
        let own = Deadline::of(now, self.timeout.unwrap_or_else(|| self.target.client.timeout()));
        self.inherited.map_or(own, |inherited| inherited.min(own))
    }

    /// Nobody serves the method: asks whether anybody serves the service.
    pub(super) fn probe(&mut self, deadline: Deadline) -> Result<Exchange, Error> {
        let destination = self.target.probe()?.destination;
        self.id = self.target.client.connection().random().u64();
        let name = self.target.method(self.method).map(Method::name);
        let times = Times::Budget { ms: at_least_one_ms(deadline.remaining()) };
        let codec = self.codec();
        let (payload, _) =
            self.write(times, &Headers::new(), |bytes| codec.encode(&name, bytes))?.into_parts();
        self.exchange(Instant::now(), deadline, destination, payload)
    }

    /// What the answer to a probe says about the call.
    pub(super) fn judge_probe(&self, answer: Result<Answer, Error>) -> Error {
        match answer {
            Ok(Answer::Error(error)) if ErrorKind::from_code(error.code) == ErrorKind::Unimplemented => {
                error.to_error().with_execution(Execution::NotExecuted)
            }
            // The service is there without the method, or with it since a moment ago; or it did not answer. In each
            // case the call itself reached nobody.
            _ => self.no_responders(),
        }
    }
}

/// A budget as the wire carries it: never zero, which would have run out.
fn at_least_one_ms(budget: Duration) -> u32 {
    as_wire_ms(budget).max(1)
}

/// The trace that a handler's calls continue.
fn trace_of(cx: &Context) -> Headers {
    TRACE_HEADERS.into_iter().filter_map(|name| Some((name, cx.headers().get(name)?))).collect()
}
