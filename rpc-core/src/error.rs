//! What a failed call tells its caller: what went wrong, and whether the handler ran.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// Why a call did not yield the value that its method promises.
///
/// `E` is the method's own error type; an infallible method has `E = Infallible`.
///
/// ```
/// use nats_rpc::{CallError, Error, ErrorKind};
///
/// let failure: CallError<String> = CallError::Rpc(Error::new(ErrorKind::Overloaded, "try later"));
/// match failure {
///     CallError::Service(mine) => println!("the service said: {mine}"),
///     CallError::Rpc(error) => assert_eq!(error.kind(), ErrorKind::Overloaded),
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError<E> {
    /// The handler ran and returned its own error.
    #[error("{0}")]
    Service(E),
    /// The call failed on its way; see [`Error::execution`] for what that says about the handler.
    #[error(transparent)]
    Rpc(#[from] Error),
}

impl<E> CallError<E> {
    /// What the caller may conclude about the handler: [`Execution::Executed`] for the service's own error.
    pub fn execution(&self) -> Execution {
        match self {
            CallError::Service(_) => Execution::Executed,
            CallError::Rpc(error) => error.execution(),
        }
    }

    /// The error of the call path, if it is one.
    pub fn rpc(&self) -> Option<&Error> {
        match self {
            CallError::Service(_) => None,
            CallError::Rpc(error) => Some(error),
        }
    }

    /// The service's own error, if it is one.
    pub fn service(&self) -> Option<&E> {
        match self {
            CallError::Service(error) => Some(error),
            CallError::Rpc(_) => None,
        }
    }
}

/// What a caller may conclude about the handler from an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Execution {
    /// The handler did not run and will not run: a second attempt is safe.
    NotExecuted,
    /// The handler may have run, may be running, or may run until the call's deadline.
    MaybeExecuted,
    /// The handler ran to its end; only its result did not arrive.
    Executed,
}

impl Execution {
    /// The number that stands for it on the wire.
    pub(crate) fn as_u8(self) -> u8 {
        match self {
            Execution::NotExecuted => 0,
            Execution::MaybeExecuted => 1,
            Execution::Executed => 2,
        }
    }

    /// Reads the wire's number; an unknown one claims nothing.
    pub(crate) fn from_wire(value: u64) -> Self {
        match value {
            0 => Execution::NotExecuted,
            2 => Execution::Executed,
            _ => Execution::MaybeExecuted,
        }
    }
}

impl fmt::Display for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Execution::NotExecuted => "not executed",
            Execution::MaybeExecuted => "may have been executed",
            Execution::Executed => "executed",
        })
    }
}

/// What kind of failure an [`Error`] is: what a caller branches on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nobody serves the subject.
    NoResponders,
    /// The call's deadline passed.
    DeadlineExceeded,
    /// The call was cancelled.
    Cancelled,
    /// The connection or the instance is not there, or is going away.
    Unavailable,
    /// A limit on concurrent work was reached; see [`Error::retry_after`].
    Overloaded,
    /// The service is there but does not have this method, or speaks another protocol version.
    Unimplemented,
    /// The request is malformed: a subject, an argument, a header.
    InvalidArgument,
    /// A request or a reply is larger than what may be sent.
    PayloadTooLarge,
    /// The NATS server refused a publish or a subscription.
    PermissionDenied,
    /// Credentials are missing, wrong or expired.
    Unauthenticated,
    /// The handler panicked, or its result could not be encoded.
    Internal,
    /// The other side sent something that is not a valid reply.
    Protocol,
    /// Part of a stream was lost.
    DataLoss,
    /// A foreign service answered with a code of its own; see [`Error::code`].
    Remote,
}

impl ErrorKind {
    /// The code that stands for this kind on the wire; kinds that never travel map to the nearest one.
    pub(crate) fn code(self) -> u16 {
        match self {
            ErrorKind::InvalidArgument => 400,
            ErrorKind::Unauthenticated => 401,
            ErrorKind::PermissionDenied => 403,
            ErrorKind::Unimplemented => 404,
            ErrorKind::DeadlineExceeded => 408,
            ErrorKind::PayloadTooLarge => 413,
            ErrorKind::Overloaded => 429,
            ErrorKind::Cancelled => 499,
            ErrorKind::NoResponders | ErrorKind::Unavailable => 503,
            ErrorKind::Internal | ErrorKind::Protocol | ErrorKind::DataLoss | ErrorKind::Remote => 500,
        }
    }

    /// Reads a code from the wire: an unknown 4xx is the caller's fault, anything else the service's.
    pub(crate) fn from_code(code: u16) -> Self {
        match code {
            401 => ErrorKind::Unauthenticated,
            403 => ErrorKind::PermissionDenied,
            404 => ErrorKind::Unimplemented,
            408 => ErrorKind::DeadlineExceeded,
            413 => ErrorKind::PayloadTooLarge,
            429 => ErrorKind::Overloaded,
            499 => ErrorKind::Cancelled,
            503 => ErrorKind::Unavailable,
            400..=499 => ErrorKind::InvalidArgument,
            _ => ErrorKind::Internal,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ErrorKind::NoResponders => "no responders",
            ErrorKind::DeadlineExceeded => "deadline exceeded",
            ErrorKind::Cancelled => "cancelled",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::Overloaded => "overloaded",
            ErrorKind::Unimplemented => "unimplemented",
            ErrorKind::InvalidArgument => "invalid argument",
            ErrorKind::PayloadTooLarge => "payload too large",
            ErrorKind::PermissionDenied => "permission denied",
            ErrorKind::Unauthenticated => "unauthenticated",
            ErrorKind::Internal => "internal error",
            ErrorKind::Protocol => "protocol error",
            ErrorKind::DataLoss => "data loss",
            ErrorKind::Remote => "remote error",
        })
    }
}

/// A failure of the call path, as opposed to the service's own error.
///
/// It is one word wide. Its `Display` is `kind: message` in lower case and leaves its source to
/// [`source`](std::error::Error::source).
///
/// ```
/// use nats_rpc::{Error, ErrorKind, Execution};
///
/// let error = Error::new(ErrorKind::Unavailable, "the cache is warming up").with_execution(Execution::NotExecuted);
/// assert_eq!(error.to_string(), "unavailable: the cache is warming up");
/// assert!(error.is_retryable());
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    execution: Execution,
    code: u16,
    message: Cow<'static, str>,
    retry_after: Option<Duration>,
    source: Option<std::sync::Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Makes an error, for layers and hand-written services.
    ///
    /// It claims nothing about the handler ([`Execution::MaybeExecuted`]) until
    /// [`with_execution`](Self::with_execution) says more.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Error(Box::new(Inner {
            kind,
            execution: Execution::MaybeExecuted,
            code: kind.code(),
            message: message.into(),
            retry_after: None,
            source: None,
        }))
    }

    /// An error of a call whose handler did not run.
    pub(crate) fn not_executed(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Error::new(kind, message).with_execution(Execution::NotExecuted)
    }

    /// Says what is known about the handler.
    #[must_use]
    pub fn with_execution(mut self, execution: Execution) -> Self {
        self.0.execution = execution;
        self
    }

    /// Asks the caller to wait before a second attempt.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Keeps the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(std::sync::Arc::new(source));
        self
    }

    /// Keeps the number that came from the wire.
    pub(crate) fn with_code(mut self, code: u16) -> Self {
        self.0.code = code;
        self
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What the caller may conclude about the handler.
    pub fn execution(&self) -> Execution {
        self.0.execution
    }

    /// The code on the wire, after HTTP's: 429 for an overloaded server, say. Of an error that arose at the
    /// client, the code that its kind would have; of a foreign service's error, that service's own code.
    pub fn code(&self) -> u16 {
        self.0.code
    }

    /// Whether a second attempt is safe, since the handler did not run, and may succeed, since the reason passes.
    pub fn is_retryable(&self) -> bool {
        self.0.execution == Execution::NotExecuted
            && matches!(self.0.kind, ErrorKind::NoResponders | ErrorKind::Unavailable | ErrorKind::Overloaded)
    }

    /// How long the server asks callers to wait before a second attempt, if it said so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The message without the kind.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.message.is_empty() {
            return self.0.kind.fmt(f);
        }
        write!(f, "{}: {}", self.0.kind, self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind)
            .field("execution", &self.0.execution)
            .field("code", &self.0.code)
            .field("message", &self.0.message);
        if let Some(wait) = self.0.retry_after {
            out.field("retry_after", &wait);
        }
        if let Some(source) = &self.0.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as &(dyn std::error::Error + 'static))
    }
}

impl PartialEq for Error {
    /// Compares everything but the source.
    fn eq(&self, other: &Self) -> bool {
        self.0.kind == other.0.kind
            && self.0.execution == other.0.execution
            && self.0.code == other.0.code
            && self.0.message == other.0.message
            && self.0.retry_after == other.0.retry_after
    }
}

impl Eq for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_word_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }

    #[test]
    fn codes_survive_the_round_trip_and_unknown_ones_fall_into_their_class() {
        for code in [400, 401, 403, 404, 408, 413, 429, 499, 500, 503] {
            assert_eq!(ErrorKind::from_code(code).code(), code);
        }
        assert_eq!(ErrorKind::from_code(418), ErrorKind::InvalidArgument);
        assert_eq!(ErrorKind::from_code(599), ErrorKind::Internal);
    }

    #[test]
    fn display_leaves_the_source_to_source() {
        let source = std::io::Error::other("broken pipe");
        let error = Error::new(ErrorKind::Unavailable, "connection lost").with_source(source);
        assert_eq!(error.to_string(), "unavailable: connection lost");
        assert_eq!(
            std::error::Error::source(&error).map(ToString::to_string),
            Some("broken pipe".to_owned())
        );
    }

    #[test]
    fn only_safe_and_passing_failures_are_retryable() {
        assert!(Error::not_executed(ErrorKind::Overloaded, "").is_retryable());
        assert!(!Error::new(ErrorKind::Overloaded, "").is_retryable());
        assert!(!Error::not_executed(ErrorKind::InvalidArgument, "").is_retryable());
    }
}
