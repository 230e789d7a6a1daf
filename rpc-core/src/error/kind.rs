//! The kinds of failure, and the codes that stand for them on the wire.

use std::fmt;

/// What kind of failure an [`Error`](crate::Error) is: what a caller branches on.
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
    /// A limit on concurrent work was reached; see [`crate::Error::retry_after`].
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
    /// A foreign service answered with a code of its own; see [`crate::Error::code`].
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_survive_the_round_trip_and_unknown_ones_fall_into_their_class() {
        for code in [400, 401, 403, 404, 408, 413, 429, 499, 500, 503] {
            assert_eq!(ErrorKind::from_code(code).code(), code);
        }
        assert_eq!(ErrorKind::from_code(418), ErrorKind::InvalidArgument);
        assert_eq!(ErrorKind::from_code(599), ErrorKind::Internal);
    }
}
