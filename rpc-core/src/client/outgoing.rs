//! How the message of a call is written, the first time and again.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use serde::ser::Serialize;
use tokio::time::Instant;

use super::ClientService;
use super::choice::Choice;
use super::inherited::Inherited;
#[cfg(feature = "jetstream")]
use super::jobs::Order;
use super::retry::Retry;
use super::stub::{Route, Target};
use crate::codec::Codec;
use crate::codec::scan::ScanLimits;
use crate::connection::{ClientStream, Connection, History, buffers};
use crate::deadline::Deadline;
use crate::error::Error;
use crate::service::{Method, MethodKind};
use crate::telemetry::{self, CallSpan};
use crate::wire::frame::{CallBuffer, CallHead, Flags, Times};
use crate::wire::headers::Headers;

/// The number of a call's first attempt.
pub(super) const FIRST: u8 = 1;

/// What is needed to write the call's message.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) target: Arc<Target>,
    pub(super) method: usize,
    pub(super) id: u64,
    flags: Flags,
    timeout: Option<Duration>,
    retry: Retry,
    /// What it inherits from the handler that it was made in.
    inherited: Inherited,
    /// What the caller added, and a trace.
    headers: Headers,
    /// Whether the message has to be written anew: the caller added a header, or wants a receipt, after it was written.
    stale: bool,
    /// Where it goes, if its caller has chosen that.
    pub(super) choice: Option<Box<Choice>>,
    /// The stream that it opens, if it opens one.
    pub(super) stream: Option<Arc<ClientStream>>,
    /// Whether one answer is enough, of a call that goes to all instances.
    pub(super) takes_one_answer: bool,
    /// What is submitted, if that is what is done with it.
    #[cfg(feature = "jetstream")]
    order: Option<Arc<Order>>,
}

impl Outgoing {
    /// Takes from the handler that the call is made in, if there is one, what calls inherit.
    pub(super) fn new(target: Arc<Target>, method: usize) -> Self {
        let (inherited, headers) = Inherited::from_handler();
        Outgoing {
            id: target.client.connection().random().u64(),
            flags: Flags::codec(target.client.codec()),
            // That of a oneway method bounds its handler; the call waits for no more than the receipt.
            timeout: target
                .method(method)
                .filter(|method| method.kind() != MethodKind::Oneway)
                .and_then(Method::timeout),
            retry: target.client.retry(),
            target,
            method,
            inherited,
            headers,
            stale: false,
            choice: None,
            stream: None,
            takes_one_answer: false,
            #[cfg(feature = "jetstream")]
            order: None,
        }
    }

    pub(super) fn codec(&self) -> Codec {
        self.target.client.codec()
    }

    /// Whether the service need not be one of this library.
    pub(super) fn is_plain(&self) -> bool {
        self.target.client.is_plain()
    }

    /// What the caller added, and a trace.
    pub(super) fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The same, to be changed; what is written from then on has the changes.
    pub(super) fn headers_mut(&mut self) -> &mut Headers {
        self.stale = true;
        &mut self.headers
    }

    /// Has the call continue the trace that it is made in. Nothing has been written yet.
    pub(super) fn continue_trace(&mut self, span: Option<&CallSpan>) {
        telemetry::inject(span, &mut self.headers);
    }

    /// The layers of the client, if it has any.
    pub(super) fn layers(&self) -> Option<&ClientService> {
        self.target.client.layers()
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
        self.route().map_or("", |route| route.subject.as_str())
    }

    pub(super) fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = Some(timeout);
    }

    pub(super) fn set_retry(&mut self, retry: Retry) {
        self.retry = retry;
    }

    /// When the call is sent again.
    pub(super) fn retry(&self) -> Retry {
        let retry = if self.stream.is_some() { self.retry.without_hedge() } else { self.retry };
        if self.inherited.is_retried { retry.without_attempts() } else { retry }
    }

    /// Whether nobody waits for the handler.
    pub(super) fn is_oneway(&self) -> bool {
        self.target.method(self.method).is_some_and(|method| method.kind() == MethodKind::Oneway)
    }

    /// Whether the handler may run twice.
    pub(super) fn is_idempotent(&self) -> bool {
        self.target.method(self.method).is_some_and(Method::is_idempotent)
    }

    /// Whether the message must be written anew before it is sent.
    pub(super) fn is_stale(&self) -> bool {
        self.stale
    }

    /// Where the call goes.
    #[inline(always)] // on the way of every call
    pub(super) fn route(&self) -> Result<&Route, Error> {
        match &self.choice {
            None => self.target.route(self.method),
            Some(choice) => choice.route(),
        }
    }

    pub(super) fn connection(&self) -> &Connection {
        self.target.client.connection()
    }

    /// What the connection remembers of the service.
    pub(super) fn history(&self) -> &History {
        self.target.history()
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

    /// What the call says of itself.
    pub(super) fn flags(&self) -> Flags {
        self.flags
    }

    /// Makes a oneway call one that waits for a receipt, and so has a budget.
    pub(super) fn want_receipt(&mut self) {
        self.flags = self.flags.with_receipt();
        self.stale = true;
    }

    /// Encodes the arguments, behind a head whose budget and expiry are left open or, of a oneway call, to the server.
    pub(super) fn build<A: Serialize>(&self, args: &A, times: Times) -> Result<CallBuffer, Error> {
        let codec = self.codec();
        self.write(times, FIRST, &self.headers, |bytes| codec.encode(args, bytes))
    }

    pub(super) fn write(
        &self,
        times: Times,
        attempt: u8,
        headers: &Headers,
        encode: impl FnOnce(&mut BytesMut) -> Result<(), Error>,
    ) -> Result<CallBuffer, Error> {
        let credit = self.stream.as_ref().map(|stream| stream.flows.inflow.first_credit());
        let head = CallHead { id: self.id, flags: self.flags, times, attempt, headers, credit };
        match CallBuffer::new(buffers::take(), head, encode) {
            Ok(buffer) => Ok(buffer.split_from(buffers::finish)),
            Err((bytes, error)) => {
                buffers::discard(bytes);
                Err(error)
            }
        }
    }

    /// Writes the message anew around arguments that have been encoded before.
    pub(super) fn rewrite(&self, times: Times, attempt: u8, args: &[u8]) -> Result<CallBuffer, Error> {
        let headers = self.headers.beside(&[]);
        headers.check()?;
        self.write(times, attempt, &headers, |bytes| {
            bytes.extend_from_slice(args);
            Ok(())
        })
    }

    /// Notes that an instance found the call expired which is not.
    pub(super) fn distrust_clocks(&self) {
        self.history().distrust_clocks(self.connection().clock(), self.names().0);
    }

    /// Has the call open a stream.
    pub(super) fn open(&mut self, stream: Arc<ClientStream>) {
        self.stream = Some(stream);
        self.stale = true;
    }

    /// Whether an instance has begun with the stream that it opens: then it is not sent again.
    pub(super) fn has_begun(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.has_begun())
    }

    /// The deadline of the handler that the call is made in.
    pub(super) fn inherited_deadline(&self) -> Option<Deadline> {
        self.inherited.deadline
    }

    /// Has the call outlive the handler that it was made in.
    #[cfg(feature = "jetstream")]
    pub(super) fn detach(&mut self) {
        self.inherited = Inherited::default();
    }

    /// Whether the call can be submitted.
    #[cfg(feature = "jetstream")]
    pub(super) fn is_durable(&self) -> bool {
        self.target.method(self.method).is_some_and(Method::is_durable)
    }

    /// Where the call is submitted.
    #[cfg(feature = "jetstream")]
    pub(super) fn job_subject(&self) -> Result<String, Error> {
        self.target.job_subject(self.method, self.values())
    }

    #[cfg(feature = "jetstream")]
    pub(super) fn set_order(&mut self, order: Arc<Order>) {
        self.order = Some(order);
    }

    #[cfg(feature = "jetstream")]
    pub(super) fn order(&self) -> Option<&Order> {
        self.order.as_deref()
    }

    pub(super) fn deadline(&self, now: Instant) -> Deadline {
        let own = Deadline::of(now, self.timeout.unwrap_or_else(|| self.target.client.timeout()));
        self.inherited.deadline.map_or(own, |inherited| inherited.min(own))
    }
}
