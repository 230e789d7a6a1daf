//! The error type of every call: the service's own error, or one of the call path.

use std::convert::Infallible;

use super::{Error, Execution};

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

impl From<CallError<Infallible>> for Error {
    /// A method that cannot fail has no other error.
    fn from(error: CallError<Infallible>) -> Self {
        match error {
            CallError::Service(never) => match never {},
            CallError::Rpc(error) => error,
        }
    }
}
