//! From what became of a call to what its caller gets.

use std::time::Duration;

use super::ClientResponse;
use super::layers::Passed;
use super::outgoing::Outgoing;
use super::plain::{self, PlainValue};
use super::pursuit::Concluded;
use super::response::Response;
use super::retry::after_attempts;
use super::returns::Returns;
use crate::codec::DecodeError;
use crate::connection::{Answer, Message, Opened};
use crate::error::{CallError, Error, ErrorKind, Execution};
use crate::wire::frame::{ErrorFrame, SERVICE_ERROR, SuccessFrame};

/// Turns what became of a call into what its caller gets.
#[inline]
pub(super) fn outcome<T, E>(
    outgoing: &Outgoing,
    returns: Returns<T, E>,
    concluded: Concluded,
) -> Result<Response<T>, CallError<E>> {
    match concluded.answer {
        Answer::Success(success) => {
            outgoing.history().note_answer();
            read_success(outgoing, returns, success)
        }
        _ => rare_outcome(outgoing, returns, concluded),
    }
}

#[cold]
fn rare_outcome<T, E>(
    outgoing: &Outgoing,
    returns: Returns<T, E>,
    concluded: Concluded,
) -> Result<Response<T>, CallError<E>> {
    let Concluded { answer, may_have_run } = concluded;
    note(outgoing, &answer);
    let error = match answer {
        Answer::Success(success) => return read_success(outgoing, returns, success),
        Answer::Plain(reply) => return read_plain(outgoing, returns, &reply),
        Answer::Error(error) if error.code == SERVICE_ERROR => {
            return Err(read_service_error(outgoing, returns, &error));
        }
        other => error_of(outgoing, other),
    };
    Err(CallError::Rpc(after_attempts(error, may_have_run)))
}

/// What an answer of one of many instances is for the caller.
pub(super) fn of_one<T, E>(
    outgoing: &Outgoing,
    returns: Returns<T, E>,
    answer: Answer,
) -> Result<T, CallError<E>> {
    outcome(outgoing, returns, Concluded::at_first(answer)).map(Response::into_inner)
}

/// Remembers that the service has answered, if it has.
fn note(outgoing: &Outgoing, answer: &Answer) {
    let is_of_the_service = matches!(
        answer,
        Answer::Success(_) | Answer::Error(_) | Answer::Plain(_) | Answer::Remote(_) | Answer::Opened(_)
    );
    if is_of_the_service {
        outgoing.history().note_answer();
    }
}

/// The same for the layers of a client, which do not know the types: nothing is decoded.
pub(super) fn reply(outgoing: &Outgoing, concluded: Concluded) -> Result<ClientResponse, Error> {
    let Concluded { answer, may_have_run } = concluded;
    note(outgoing, &answer);
    match answer {
        Answer::Success(success) => Ok(ClientResponse {
            headers: success.headers,
            instance: success.instance,
            handler_time: success.handler_time,
            ..ClientResponse::new(outgoing.codec(), success.body)
        }),
        Answer::Plain(reply) => {
            let PlainValue { codec, body, headers } = plain::value(&reply, outgoing.codec())?;
            Ok(ClientResponse { headers, ..ClientResponse::new(codec, body) })
        }
        Answer::Opened(opened) => Ok(ClientResponse {
            headers: opened.headers,
            instance: Some(opened.instance),
            ..ClientResponse::new(outgoing.codec(), outgoing.codec().nothing())
        }),
        Answer::Error(error) if error.code == SERVICE_ERROR => Ok(ClientResponse {
            instance: error.instance,
            handler_time: error.handler_time,
            service_error: Some(error.message.clone()),
            ..ClientResponse::new(
                error.flags.read_codec().unwrap_or_default(),
                error.body.unwrap_or_default(),
            )
        }),
        other => Err(after_attempts(error_of(outgoing, other), may_have_run)),
    }
}

/// Turns what came out of the layers of a client into what the caller gets.
pub(super) fn outcome_of_layers<T, E>(
    outgoing: &Outgoing,
    returns: Returns<T, E>,
    passed: Passed,
) -> Result<Response<T>, CallError<E>> {
    let Passed { response, progress } = passed;
    let ClientResponse { codec, body, headers, instance, handler_time, service_error } = response;
    let limits = outgoing.limits();
    let (what, undecodable) = match service_error {
        None => match (returns.value)(codec, &body, limits) {
            Ok(value) => return Ok(Response::new(value, headers, instance, handler_time)),
            Err(error) => ("value", error),
        },
        Some(_) => match (returns.error)(codec, &body, limits) {
            Ok(error) => return Err(CallError::Service(error)),
            Err(error) => ("error", error),
        },
    };
    Err(unreadable(what, &undecodable).with_execution(progress.conclude()).into())
}

/// What became of a call that opens a stream.
pub(super) fn opened<T, E>(
    outgoing: &Outgoing,
    returns: Returns<T, E>,
    concluded: Concluded,
) -> Result<Opened, CallError<E>> {
    match concluded.answer {
        Answer::Opened(opened) => {
            outgoing.history().note_answer();
            Ok(*opened)
        }
        _ => rare_outcome(outgoing, returns, concluded).and_then(|_| Err(no_stream().into())),
    }
}

/// The same behind the layers of a client.
pub(super) fn opened_through_layers<T, E>(
    outgoing: &Outgoing,
    returns: Returns<T, E>,
    passed: Passed,
) -> Result<Opened, CallError<E>> {
    let is_open = outgoing.stream.as_ref().is_some_and(|stream| stream.opened.get().is_some());
    if passed.response.service_error.is_none() && is_open {
        let ClientResponse { headers, instance, .. } = passed.response;
        return Ok(Opened { instance: instance.unwrap_or_default(), headers });
    }
    outcome_of_layers(outgoing, returns, passed).and_then(|_| Err(no_stream().into()))
}

fn no_stream() -> Error {
    Error::new(ErrorKind::Protocol, "the call was answered with a value, and not with a stream")
        .with_execution(Execution::Executed)
}

/// The error of a call that was not answered, or with an error.
pub(super) fn error_of(outgoing: &Outgoing, answer: Answer) -> Error {
    let subject = outgoing.subject();
    match answer {
        Answer::Expired(Some(refusal)) => refusal.to_error(),
        Answer::Denied(execution) => {
            let message = format!("NATS does not let this user publish to {subject}, or get the reply");
            Error::new(ErrorKind::PermissionDenied, message).with_execution(execution)
        }
        Answer::NotSent(error) | Answer::Lost(error) | Answer::Remote(error) => error,
        Answer::NoResponders => {
            Error::not_executed(ErrorKind::NoResponders, format!("nobody serves {subject}"))
        }
        Answer::Closed => Error::new(ErrorKind::Unavailable, "the connection closed").for_good(),
        Answer::Expired(None) => {
            let message = format!("no reply from {subject} came before the deadline");
            Error::new(ErrorKind::DeadlineExceeded, message)
        }
        Answer::Error(error) => error.to_error(),
        // The last of these are values, which have been read, and streams, which were asked for.
        Answer::Foreign | Answer::Success(_) | Answer::Plain(_) | Answer::Opened(_) => {
            let message = format!(
                "something else than a reply came from {subject}; does a JetStream stream take the subject?"
            );
            Error::new(ErrorKind::Protocol, message)
        }
    }
}

#[inline]
fn read_success<T, E>(
    outgoing: &Outgoing,
    returns: Returns<T, E>,
    success: SuccessFrame,
) -> Result<Response<T>, CallError<E>> {
    let SuccessFrame { handler_time, body, headers, instance, is_across_accounts: _ } = success;
    let value = (returns.value)(outgoing.codec(), &body, outgoing.limits());
    match value {
        Ok(value) => Ok(Response::new(value, headers, instance, handler_time)),
        Err(error) => Err(CallError::Rpc(unreadable("value", &error))),
    }
}

/// A plain value may be from anybody: one that cannot be read does not prove that a handler ran.
fn read_plain<T, E>(
    outgoing: &Outgoing,
    returns: Returns<T, E>,
    reply: &Message,
) -> Result<Response<T>, CallError<E>> {
    let PlainValue { codec, body, headers } = plain::value(reply, outgoing.codec())?;
    match (returns.value)(codec, &body, outgoing.limits()) {
        Ok(value) => Ok(Response::new(value, headers, None, Duration::ZERO)),
        Err(error) => {
            let error = unreadable("value", &error).with_execution(Execution::MaybeExecuted);
            Err(CallError::Rpc(error))
        }
    }
}

fn read_service_error<T, E>(outgoing: &Outgoing, returns: Returns<T, E>, error: &ErrorFrame) -> CallError<E> {
    let codec = error.flags.read_codec().unwrap_or_default();
    let body = error.body.clone().unwrap_or_default();
    match (returns.error)(codec, &body, outgoing.limits()) {
        Ok(error) => CallError::Service(error),
        Err(decoding) => CallError::Rpc(unreadable("error", &decoding)),
    }
}

pub(super) fn unreadable(what: &str, error: &DecodeError) -> Error {
    Error::new(ErrorKind::Protocol, format!("the {what} in the reply does not decode: {error}"))
        .with_execution(Execution::Executed)
}
