//! What a failed call tells its caller: what went wrong, and whether the handler ran.

mod call_error;
mod execution;
mod kind;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::call_error::CallError;
pub use self::execution::Execution;
pub use self::kind::ErrorKind;

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
    /// Whether it is certain that the handler had done nothing, although it had been started.
    before_work: Option<BeforeWork>,
    /// Whether the reason never passes.
    for_good: bool,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// Why the handler of a call could not begin, although it had been started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BeforeWork {
    /// Its arguments do not decode.
    Undecodable,
    /// A layer did not let the call pass.
    Refused,
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
            before_work: None,
            for_good: false,
            source: None,
        }))
    }

    /// An error of a call whose handler did not run.
    pub(crate) fn not_executed(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Error::new(kind, message).with_execution(Execution::NotExecuted)
    }

    /// An error of a handler that could not begin with its work, since its arguments do not decode.
    pub(crate) fn before_work(mut self) -> Self {
        self.0.before_work = Some(BeforeWork::Undecodable);
        self
    }

    /// An error of a layer, which did not let the call get to its handler.
    pub(crate) fn refused(self) -> Self {
        let mut error = self.with_execution(Execution::NotExecuted);
        error.0.before_work = Some(BeforeWork::Refused);
        error
    }

    /// An error that comes after the handler has begun, whatever it says about that.
    pub(crate) fn after_work(mut self) -> Self {
        self.0.before_work = None;
        self
    }

    /// An error whose reason never passes.
    pub(crate) fn for_good(mut self) -> Self {
        self.0.for_good = true;
        self
    }

    /// Why the handler could not begin, if that is so.
    pub(crate) fn before_work_reason(&self) -> Option<BeforeWork> {
        self.0.before_work
    }

    /// The error as the caller of a handler that had been started gets it.
    pub(crate) fn of_started_handler(self) -> Self {
        if self.0.execution != Execution::NotExecuted || self.0.before_work.is_some() {
            return self;
        }
        let mut error = self.with_execution(Execution::MaybeExecuted);
        error.0.retry_after = None;
        error
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
        self.0.source = Some(Arc::new(source));
        self
    }

    /// What a layer failed with: an error of ours as it is, another as the source of one.
    pub(crate) fn from_boxed(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        error.downcast::<Error>().map_or_else(
            |other| {
                let mut error = Error::new(ErrorKind::Internal, other.to_string());
                error.0.source = Some(other.into());
                error
            },
            |own| *own,
        )
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
            && !self.0.for_good
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
