//! A call of a generated client: a future that a caller can adjust before it is awaited.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use serde::ser::Serialize;

use super::InFlight;
use super::exchange::{Exchange, too_late, until};
use super::returns::Returns;
use super::stub::Target;
use crate::codec::Codec;
use crate::connection::{Answer, OutboundMessage, TryPublishError, too_large};
use crate::context::Context;
use crate::deadline::{Deadline, as_wire_ms};
use crate::error::{CallError, Error, ErrorKind, Execution};
use crate::wire::frame::{CallBuffer, CallHead, ErrorFrame, Flags, SERVICE_ERROR, SuccessFrame, Times};
use crate::wire::headers::Headers;

/// The headers of a trace (W3C Trace Context), which calls inherit from the handler that makes them.
const TRACE_HEADERS: [&str; 2] = ["traceparent", "tracestate"];

/// A call that has been made but not sent: it does nothing until it is awaited.
///
/// It is a [`Future`] that is `Send + 'static`, whatever it was made from: the arguments are encoded already. So
/// `join_all(calls)`, `tokio::spawn(call)` and `select!` work as with any other future. The time budget starts at the
/// first poll.
///
/// # Errors
/// [`CallError::Service`] with what the handler returned, or [`CallError::Rpc`]; see [`ErrorKind`] for what can go
/// wrong, and [`Error::execution`] for what each says about the handler.
///
/// # Cancel safety
/// Dropped before it is first polled, it is never sent. Dropped later, the handler may run to its end, and nobody
/// learns of it.
#[must_use = "a call is not sent until it is awaited"]
pub struct Call<T, E> {
    outgoing: Outgoing,
    returns: Returns<T, E>,
    state: State,
}

/// What is needed to write the call's message, the first time and again.
struct Outgoing {
    target: Arc<Target>,
    method: usize,
    id: u64,
    flags: Flags,
    timeout: Option<Duration>,
    /// The deadline of the handler that the call was made in.
    inherited: Option<Deadline>,
    /// What the caller added, and a trace.
    headers: Headers,
}

enum State {
    Refused(Error),
    Built { buffer: CallBuffer, headers_written: usize },
    Sent { exchange: Exchange, args: Bytes, sending: Sending, in_flight: InFlight },
    Probing { exchange: Exchange, in_flight: InFlight },
    Done,
}

/// Whether the call was sent with its moment of expiry, or once more without, since the clocks differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sending {
    Expiring,
    Again,
}

/// The rest of a handover for which the connection has no room yet.
pub(super) type Handover = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

impl<T, E> Call<T, E> {
    pub(super) fn new<A: Serialize>(
        target: Arc<Target>,
        method: usize,
        args: &A,
        returns: Returns<T, E>,
    ) -> Self {
        let (inherited, headers) =
            Context::with_current(|cx| (Some(cx.deadline()), trace_of(cx))).unwrap_or_default();
        let outgoing = Outgoing {
            id: target.client.connection().random().u64(),
            flags: Flags::codec(target.client.codec()),
            timeout: target.method(method).and_then(crate::Method::timeout),
            target,
            method,
            inherited,
            headers,
        };
        let state = match outgoing.build(args) {
            Ok(buffer) => State::Built { buffer, headers_written: outgoing.headers.len() },
            Err(error) => State::Refused(error),
        };
        Call { outgoing, returns, state }
    }

    /// Sets how long to wait, in place of the method's and the client's default; an hour at most.
    ///
    /// The deadline of the handler that the call is made in stays the upper bound.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.outgoing.timeout = Some(timeout);
        self
    }

    /// Adds a header, in place of an earlier one of the same name.
    pub fn header(mut self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        self.outgoing.headers.insert(name, value);
        if let State::Built { headers_written, .. } = &mut self.state {
            *headers_written = usize::MAX;
        }
        self
    }

    /// Yields the value with what came beside it: response headers, the instance, the handler's time.
    pub fn detailed(mut self) -> DetailedCall<T, E> {
        self.outgoing.flags = self.outgoing.flags.with_instance();
        if let State::Built { buffer, .. } = &mut self.state {
            buffer.set_flags(self.outgoing.flags);
        }
        DetailedCall(self)
    }

    /// Asks for a receipt of a oneway call.
    pub(super) fn with_receipt(mut self) -> Self {
        self.outgoing.flags = self.outgoing.flags.with_receipt();
        if let State::Built { buffer, .. } = &mut self.state {
            buffer.set_flags(self.outgoing.flags);
        }
        self
    }

    /// Hands a oneway call to the connection, without a reply subject. What is returned, if anything, finishes that.
    pub(super) fn hand_over(&mut self) -> Result<Option<Handover>, Error> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Refused(error) => Err(error),
            State::Built { buffer, .. } => self.outgoing.hand_over(&buffer),
            _ => Ok(None),
        }
    }

    fn poll_response(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<Response<T>, CallError<E>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Refused(error) => return Poll::Ready(Err(error.into())),
                State::Built { buffer, headers_written } => {
                    self.state = self.outgoing.send(buffer, headers_written)?;
                }
                State::Sent { mut exchange, args, sending, in_flight } => {
                    let Poll::Ready(answer) = exchange.poll(cx) else {
                        self.state = State::Sent { exchange, args, sending, in_flight };
                        return Poll::Pending;
                    };
                    match answer? {
                        Answer::NoResponders => {
                            let exchange = self.outgoing.probe(exchange.deadline())?;
                            self.state = State::Probing { exchange, in_flight };
                        }
                        Answer::Error(error)
                            if sending == Sending::Expiring && clocks_differ(&error, &exchange) =>
                        {
                            let exchange = self.outgoing.send_again(&args, exchange.deadline())?;
                            self.state = State::Sent { exchange, args, sending: Sending::Again, in_flight };
                        }
                        answer => return Poll::Ready(self.conclude(answer)),
                    }
                }
                State::Probing { mut exchange, in_flight } => {
                    let Poll::Ready(answer) = exchange.poll(cx) else {
                        self.state = State::Probing { exchange, in_flight };
                        return Poll::Pending;
                    };
                    return Poll::Ready(Err(self.outgoing.judge_probe(answer).into()));
                }
                // Polled after it was ready: there is nothing left to give.
                State::Done => {
                    let error =
                        Error::new(ErrorKind::Cancelled, "the call was polled after it had been resolved");
                    return Poll::Ready(Err(error.into()));
                }
            }
        }
    }

    /// Turns what came back into what the caller gets.
    fn conclude(&self, answer: Answer) -> Result<Response<T>, CallError<E>> {
        let maybe = |kind, message: &'static str| Err(CallError::Rpc(Error::new(kind, message)));
        match answer {
            Answer::Success(success) => self.read_success(success),
            Answer::Error(error) => Err(self.read_error(&error)),
            Answer::Expired(Some(refusal)) => Err(CallError::Rpc(refusal.to_error())),
            Answer::Expired(None) => maybe(ErrorKind::DeadlineExceeded, "no reply came before the deadline"),
            Answer::Foreign => maybe(
                ErrorKind::Protocol,
                "something else than a reply came; does a JetStream stream take the subject?",
            ),
            Answer::Closed => maybe(ErrorKind::Unavailable, "the connection closed"),
            Answer::NoResponders => Err(CallError::Rpc(no_responders())),
        }
    }

    fn read_success(&self, success: SuccessFrame) -> Result<Response<T>, CallError<E>> {
        let SuccessFrame { handler_time, body, headers, instance } = success;
        let value = (self.returns.value)(self.outgoing.codec(), &body)
            .map_err(|error| unreadable("value", &error))?;
        Ok(Response { value, headers, instance, handler_time })
    }

    fn read_error(&self, error: &ErrorFrame) -> CallError<E> {
        if error.code != SERVICE_ERROR {
            return CallError::Rpc(error.to_error());
        }
        let codec = error.flags.read_codec().unwrap_or_default();
        match (self.returns.error)(codec, error.body.as_ref().unwrap_or(&Bytes::new())) {
            Ok(error) => CallError::Service(error),
            Err(decoding) => CallError::Rpc(unreadable("error", &decoding)),
        }
    }
}

impl Outgoing {
    fn codec(&self) -> Codec {
        self.target.client.codec()
    }

    /// Encodes the arguments behind a head in which budget and expiry are left open.
    fn build<A: Serialize>(&self, args: &A) -> Result<CallBuffer, Error> {
        let codec = self.codec();
        self.write(Times::Later, &self.headers, |bytes| codec.encode(args, bytes))
    }

    fn write(
        &self,
        times: Times,
        headers: &Headers,
        encode: impl FnOnce(&mut bytes::BytesMut) -> Result<(), Error>,
    ) -> Result<CallBuffer, Error> {
        let buffers = self.target.client.connection().buffers();
        let head = CallHead { id: self.id, flags: self.flags, times, attempt: 1, headers };
        match CallBuffer::new(buffers.take(), head, encode) {
            Ok(buffer) => Ok(buffer.split_from(|bytes| buffers.finish(bytes))),
            Err((bytes, error)) => {
                buffers.discard(bytes);
                Err(error)
            }
        }
    }

    /// Checks everything that can be known before the message leaves, and starts the exchange.
    fn send(&self, buffer: CallBuffer, headers_written: usize) -> Result<State, Error> {
        let connection = self.target.client.connection();
        let subject = self.target.subject(self.method)?;
        let deadline = self.deadline();
        if deadline.is_expired() {
            return Err(too_late());
        }
        let in_flight = self.target.client.enter()?;
        let (buffer, sending) = if connection.clocks_differ() {
            (self.write_without_expiry(buffer.args(), deadline)?, Sending::Again)
        } else {
            let mut buffer = buffer;
            if headers_written != self.headers.len() {
                self.headers.check()?;
                let args = buffer.args();
                buffer = self.write(Times::Later, &self.headers, |bytes| {
                    bytes.extend_from_slice(args);
                    Ok(())
                })?;
            }
            let budget = as_wire_ms(deadline.remaining()).max(1);
            buffer.set_times(budget, connection.clock().unix_ms() + u64::from(budget));
            (buffer, Sending::Expiring)
        };
        let (payload, args) = buffer.into_parts();
        let exchange = self.exchange(deadline, subject.clone(), payload)?;
        Ok(State::Sent { exchange, args, sending, in_flight })
    }

    /// Sends the call once more, with a budget but without a moment of expiry.
    fn send_again(&mut self, args: &[u8], deadline: Deadline) -> Result<Exchange, Error> {
        let connection = self.target.client.connection();
        connection.distrust_clocks();
        self.id = connection.random().u64();
        let subject = self.target.subject(self.method)?.clone();
        let (payload, _) = self.write_without_expiry(args, deadline)?.into_parts();
        self.exchange(deadline, subject, payload)
    }

    fn write_without_expiry(&self, args: &[u8], deadline: Deadline) -> Result<CallBuffer, Error> {
        self.headers.check()?;
        let times = Times::Budget { ms: as_wire_ms(deadline.remaining()).max(1) };
        self.write(times, &self.headers, |bytes| {
            bytes.extend_from_slice(args);
            Ok(())
        })
    }

    /// Publishes the call without a reply subject: the server's own limit bounds its handler.
    fn hand_over(&self, buffer: &CallBuffer) -> Result<Option<Handover>, Error> {
        self.headers.check()?;
        let subject = self.target.subject(self.method)?.clone();
        let (payload, _) = self
            .write(Times::Unlimited, &self.headers, |bytes| {
                bytes.extend_from_slice(buffer.args());
                Ok(())
            })?
            .into_parts();
        self.check(&payload)?;
        let message = OutboundMessage { subject, reply: None, payload, headers: None };
        let connection = self.target.client.connection();
        match connection.try_publish(message.clone()) {
            Ok(()) => Ok(None),
            Err(TryPublishError::Refused(error)) => Err(error),
            Err(TryPublishError::Full) => {
                let (connection, deadline) = (connection.clone(), self.deadline());
                let publish = async move { connection.publish(message).await };
                Ok(Some(Box::pin(until(deadline, publish))))
            }
        }
    }

    fn exchange(
        &self,
        deadline: Deadline,
        subject: crate::connection::Subject,
        payload: Bytes,
    ) -> Result<Exchange, Error> {
        self.check(&payload)?;
        Ok(Exchange::new(Arc::clone(&self.target), self.id, deadline, subject, payload))
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

    fn deadline(&self) -> Deadline {
        let own = Deadline::after(self.timeout.unwrap_or_else(|| self.target.client.timeout()));
        self.inherited.map_or(own, |inherited| inherited.min(own))
    }

    /// Nobody serves the method: asks whether anybody serves the service.
    fn probe(&mut self, deadline: Deadline) -> Result<Exchange, Error> {
        let subject = self.target.probe()?.clone();
        self.id = self.target.client.connection().random().u64();
        let name = self.target.method(self.method).map(crate::Method::name);
        let times = Times::Budget { ms: as_wire_ms(deadline.remaining()).max(1) };
        let codec = self.codec();
        let (payload, _) =
            self.write(times, &Headers::new(), |bytes| codec.encode(&name, bytes))?.into_parts();
        self.exchange(deadline, subject, payload)
    }

    /// What the answer to a probe says about the call.
    fn judge_probe(&self, answer: Result<Answer, Error>) -> Error {
        match answer {
            Ok(Answer::Error(error)) if ErrorKind::from_code(error.code) == ErrorKind::Unimplemented => {
                error.to_error().with_execution(Execution::NotExecuted)
            }
            // The service is there without the method, or with it since a moment ago; or it did not answer. In each
            // case the call itself reached nobody.
            _ => no_responders(),
        }
    }
}

fn no_responders() -> Error {
    Error::not_executed(ErrorKind::NoResponders, "nobody serves the subject")
}

fn unreadable(what: &str, error: &crate::codec::DecodeError) -> Error {
    Error::new(ErrorKind::Protocol, format!("the {what} in the reply does not decode: {error}"))
        .with_execution(Execution::Executed)
}

/// Whether a server found a call expired which by the clock here still has time.
fn clocks_differ(error: &ErrorFrame, exchange: &Exchange) -> bool {
    ErrorKind::from_code(error.code) == ErrorKind::DeadlineExceeded
        && error.execution == Execution::NotExecuted
        && !exchange.deadline().is_expired()
}

/// The trace that a handler's calls continue.
fn trace_of(cx: &Context) -> Headers {
    TRACE_HEADERS.into_iter().filter_map(|name| Some((name, cx.headers().get(name)?))).collect()
}

impl<T, E> Future for Call<T, E> {
    type Output = Result<T, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let response = ready!(self.poll_response(cx));
        Poll::Ready(response.map(Response::into_inner))
    }
}

impl<T, E> fmt::Debug for Call<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.outgoing.target.method(self.outgoing.method).map(crate::Method::name);
        f.debug_struct("Call")
            .field("service", &self.outgoing.target.descriptor.get_name())
            .field("method", &method.unwrap_or_default())
            .finish_non_exhaustive()
    }
}

/// A call that yields its value with what came beside it; see [`Call::detailed`].
#[derive(Debug)]
#[must_use = "a call is not sent until it is awaited"]
pub struct DetailedCall<T, E>(Call<T, E>);

impl<T, E> Future for DetailedCall<T, E> {
    type Output = Result<Response<T>, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        self.0.poll_response(cx)
    }
}

/// A value with what came beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response<T> {
    value: T,
    headers: Headers,
    instance: Option<Box<str>>,
    handler_time: Duration,
}

impl<T> Response<T> {
    /// The value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The value, without the rest.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The headers that the handler set with [`Context::set_header`].
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The id of the instance that answered, if it named itself.
    pub fn instance(&self) -> Option<&str> {
        self.instance.as_deref()
    }

    /// How long the handler ran, by the server's clock.
    pub fn handler_time(&self) -> Duration {
        self.handler_time
    }
}
