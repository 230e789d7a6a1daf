//! The errors of messages that do not leave.

use crate::error::{Error, ErrorKind};

/// The error of a connection that will not come back.
pub(crate) fn closed() -> Error {
    Error::not_executed(ErrorKind::Unavailable, "the connection is closed for good").for_good()
}

/// The error of a message for which there is no room even among those that wait for room.
pub(super) fn backlog() -> Error {
    Error::not_executed(ErrorKind::Overloaded, "too many messages wait for the connection")
}

/// The error of a payload over the broker's limit.
pub(crate) fn too_large(size: usize, limit: usize) -> Error {
    Error::not_executed(
        ErrorKind::PayloadTooLarge,
        format!("{size} bytes are more than the {limit} that the broker takes"),
    )
}

/// The error of a call whose deadline passed before it could be sent.
pub(crate) fn too_late() -> Error {
    Error::not_executed(ErrorKind::DeadlineExceeded, "the deadline passed before the call could be sent")
}

/// The error of what needs several replies, where the export of another account lets one through.
pub(crate) fn one_reply_only(what: &str, exported: &str) -> Error {
    let message = format!(
        "{what} needs several replies, and from another account one gets through: the export of \
         {exported} has to have `response_type: stream`"
    );
    Error::not_executed(ErrorKind::Unimplemented, message)
}

/// The error of a call that is made while there is no connection.
pub(super) fn not_connected(unauthenticated: bool) -> Error {
    if unauthenticated {
        return Error::not_executed(
            ErrorKind::Unauthenticated,
            "NATS does not accept the credentials any more",
        );
    }
    Error::not_executed(ErrorKind::Unavailable, "not connected")
}

/// The error of a call that was out when the connection was lost.
pub(super) fn lost(unauthenticated: bool) -> Error {
    if unauthenticated {
        return Error::new(
            ErrorKind::Unauthenticated,
            "NATS closed the connection: the credentials are not valid any more",
        );
    }
    Error::new(ErrorKind::Unavailable, "the connection was lost while the call was out")
}
