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
use super::exchange::{Exchange, Handover};
use super::outgoing::{Expiry, Outgoing, Sent};
use super::response::Response;
use super::returns::Returns;
use super::stub::Target;
use crate::codec::DecodeError;
use crate::connection::Answer;
use crate::error::{CallError, Error, ErrorKind, Execution};
use crate::wire::frame::{CallBuffer, ErrorFrame, Flags, SERVICE_ERROR, SuccessFrame, Times};

/// A call that has been made but not sent: it does nothing until it is awaited.
///
/// It is a [`Future`] that is `Send + 'static`, whatever it was made from: the arguments are encoded already. So
/// `join_all(calls)`, `tokio::spawn(call)` and `select!` work as with any other future. The time budget starts at the
/// first poll.
///
/// ```
/// use std::time::Duration;
///
/// # #[nats_rpc::service]
/// # trait Greeter {
/// #     async fn hello(&self, name: &str) -> String;
/// # }
/// # struct English;
/// # impl Greeter for English {
/// #     async fn hello(&self, name: &str) -> String { format!("Hello, {name}!") }
/// # }
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let nats = nats_rpc::memory::Broker::new().connect();
/// # let server = nats_rpc::Server::builder(&nats).add(GreeterServer::new(English)).start().await?;
/// let greeter = GreeterClient::new(&nats);
/// let call = greeter.hello("Ann").timeout(Duration::from_millis(200)).header("tenant", "acme");
/// assert_eq!(call.await?, "Hello, Ann!");
///
/// let both = futures_util::future::join_all(["Ann", "Bob"].map(|name| greeter.hello(name))).await;
/// assert!(both.iter().all(Result::is_ok));
/// # server.shutdown().await;
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`CallError::Service`] with what the handler returned, or [`CallError::Rpc`]; see [`ErrorKind`] for what can go
/// wrong, and [`Error::execution`] for what each says about the handler.
///
/// # Panics
/// Polled outside of a tokio runtime.
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

enum State {
    Refused(Error),
    Built(CallBuffer),
    Sent(Sent),
    Probing {
        exchange: Exchange,
        #[expect(dead_code, reason = "counts the call as in flight")]
        in_flight: InFlight,
    },
    Done,
}

impl<T, E> Call<T, E> {
    pub(super) fn new<A: Serialize>(
        target: Arc<Target>,
        method: usize,
        args: &A,
        returns: Returns<T, E>,
        times: Times,
    ) -> Self {
        let outgoing = Outgoing::new(target, method);
        let state = outgoing.build(args, times).map_or_else(State::Refused, State::Built);
        Call { outgoing, returns, state }
    }

    /// Sets how long to wait, in place of the method's and the client's default; an hour at most.
    ///
    /// The deadline of the handler that the call is made in stays the upper bound.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.outgoing.set_timeout(timeout);
        self
    }

    /// Adds a header, in place of an earlier one of the same name.
    pub fn header(mut self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        self.outgoing.set_header(name.into(), value.into());
        self
    }

    /// Yields the value with what came beside it: response headers, the instance, the handler's time.
    pub fn detailed(mut self) -> DetailedCall<T, E> {
        self.outgoing.set_flags(Flags::with_instance, self.state.built());
        DetailedCall(self)
    }

    /// Asks for a receipt of a oneway call.
    pub(super) fn with_receipt(mut self) -> Self {
        self.outgoing.want_receipt();
        self
    }

    /// Hands a oneway call to the connection, without a reply subject. What is returned, if anything, finishes that.
    pub(super) fn hand_over(&mut self) -> Result<Option<Handover>, Error> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Refused(error) => Err(error),
            State::Built(buffer) => self.outgoing.hand_over(buffer),
            _ => Err(polled_again()),
        }
    }

    fn poll_response(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<Response<T>, CallError<E>>> {
        loop {
            // While a call waits, it is polled where it is: its state is too large to be moved at each poll.
            match &mut self.state {
                State::Sent(sent) => {
                    let answer = ready!(sent.exchange.poll(cx));
                    if let Some(response) = self.proceed(answer)? {
                        return Poll::Ready(Ok(response));
                    }
                }
                State::Probing { exchange, .. } => {
                    let answer = ready!(exchange.poll(cx));
                    self.state = State::Done;
                    return Poll::Ready(Err(self.outgoing.judge_probe(answer).into()));
                }
                State::Refused(_) | State::Built(_) | State::Done => self.begin()?,
            }
        }
    }

    /// Sends the call.
    fn begin(&mut self) -> Result<(), Error> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Refused(error) => Err(error),
            State::Built(buffer) => {
                self.state = State::Sent(self.outgoing.send(buffer)?);
                Ok(())
            }
            _ => Err(polled_again()),
        }
    }

    /// Ends the call with its answer, or goes on with what the answer demands.
    fn proceed(&mut self, answer: Result<Answer, Error>) -> Result<Option<Response<T>>, CallError<E>> {
        let State::Sent(mut sent) = std::mem::replace(&mut self.state, State::Done) else { return Ok(None) };
        let deadline = sent.exchange.deadline();
        match answer? {
            Answer::NoResponders => {
                let exchange = self.outgoing.probe(deadline)?;
                self.state = State::Probing { exchange, in_flight: sent.in_flight };
                Ok(None)
            }
            Answer::Error(error) if clocks_differ(&error, &sent) => {
                sent.exchange = self.outgoing.send_again(&sent.args, deadline)?;
                sent.expiry = Expiry::LeftOut;
                self.state = State::Sent(sent);
                Ok(None)
            }
            answer => self.conclude(answer).map(Some),
        }
    }

    /// Turns what came back into what the caller gets.
    fn conclude(&self, answer: Answer) -> Result<Response<T>, CallError<E>> {
        let subject = self.outgoing.subject();
        let error = match answer {
            Answer::Success(success) => return self.read_success(success),
            Answer::Error(error) => return Err(self.read_error(&error)),
            Answer::Expired(Some(refusal)) => refusal.to_error(),
            Answer::Expired(None) => {
                let message = format!("no reply from {subject} came before the deadline");
                Error::new(ErrorKind::DeadlineExceeded, message)
            }
            Answer::Foreign => {
                let message = format!(
                    "something else than a reply came from {subject}; does a JetStream stream take the subject?"
                );
                Error::new(ErrorKind::Protocol, message)
            }
            Answer::Denied(execution) => {
                let message = format!("NATS does not let this user publish to {subject}, or get the reply");
                Error::new(ErrorKind::PermissionDenied, message).with_execution(execution)
            }
            Answer::NotSent(error) => error,
            Answer::Closed => Error::new(ErrorKind::Unavailable, "the connection closed").for_good(),
            Answer::NoResponders => self.outgoing.no_responders(),
        };
        Err(CallError::Rpc(error))
    }

    fn read_success(&self, success: SuccessFrame) -> Result<Response<T>, CallError<E>> {
        let SuccessFrame { handler_time, body, headers, instance } = success;
        let value = (self.returns.value)(self.outgoing.codec(), &body, self.outgoing.limits())
            .map_err(|error| unreadable("value", &error))?;
        Ok(Response::new(value, headers, instance, handler_time))
    }

    fn read_error(&self, error: &ErrorFrame) -> CallError<E> {
        if error.code != SERVICE_ERROR {
            return CallError::Rpc(error.to_error());
        }
        let codec = error.flags.read_codec().unwrap_or_default();
        match (self.returns.error)(
            codec,
            error.body.as_ref().unwrap_or(&Bytes::new()),
            self.outgoing.limits(),
        ) {
            Ok(error) => CallError::Service(error),
            Err(decoding) => CallError::Rpc(unreadable("error", &decoding)),
        }
    }
}

impl State {
    /// The message, while it can still be changed.
    fn built(&mut self) -> Option<&mut CallBuffer> {
        match self {
            State::Built(buffer) => Some(buffer),
            _ => None,
        }
    }
}

fn polled_again() -> Error {
    Error::new(ErrorKind::Cancelled, "the call was polled after it had been resolved")
}

fn unreadable(what: &str, error: &DecodeError) -> Error {
    Error::new(ErrorKind::Protocol, format!("the {what} in the reply does not decode: {error}"))
        .with_execution(Execution::Executed)
}

/// Whether a server found a call expired which by the clock here still has time.
fn clocks_differ(error: &ErrorFrame, sent: &Sent) -> bool {
    sent.expiry == Expiry::Stated
        && ErrorKind::from_code(error.code) == ErrorKind::DeadlineExceeded
        && error.execution == Execution::NotExecuted
        && !sent.exchange.deadline().is_expired()
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
        let (service, method) = self.outgoing.names();
        f.debug_struct("Call").field("service", &service).field("method", &method).finish_non_exhaustive()
    }
}

/// A call that yields its value with what came beside it; see [`Call::detailed`].
///
/// # Errors
/// Those of [`Call`].
///
/// # Cancel safety
/// That of [`Call`].
#[derive(Debug)]
#[must_use = "a call is not sent until it is awaited"]
pub struct DetailedCall<T, E>(Call<T, E>);

impl<T, E> Future for DetailedCall<T, E> {
    type Output = Result<Response<T>, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        self.0.poll_response(cx)
    }
}
