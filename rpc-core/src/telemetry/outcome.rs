//! How a call ended, in one word.

use crate::error::ErrorKind;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    /// The service's own error.
    ServiceError,
    Failed(ErrorKind),
    /// Nobody waited for it any more.
    Dropped,
}

/// How many outcomes there are.
#[cfg(feature = "metrics")]
pub(super) const OUTCOMES: usize = 17;

impl Outcome {
    /// The name that observers see, and its number.
    const fn described(self) -> (&'static str, usize) {
        match self {
            Outcome::Ok => ("ok", 0),
            Outcome::ServiceError => ("service_error", 1),
            Outcome::Dropped => ("dropped", 2),
            Outcome::Failed(kind) => match kind {
                ErrorKind::NoResponders => ("no_responders", 3),
                ErrorKind::DeadlineExceeded => ("deadline_exceeded", 4),
                ErrorKind::Cancelled => ("cancelled", 5),
                ErrorKind::Unavailable => ("unavailable", 6),
                ErrorKind::Overloaded => ("overloaded", 7),
                ErrorKind::Unimplemented => ("unimplemented", 8),
                ErrorKind::InvalidArgument => ("invalid_argument", 9),
                ErrorKind::PayloadTooLarge => ("payload_too_large", 10),
                ErrorKind::PermissionDenied => ("permission_denied", 11),
                ErrorKind::Unauthenticated => ("unauthenticated", 12),
                ErrorKind::Internal => ("internal", 13),
                ErrorKind::Protocol => ("protocol", 14),
                ErrorKind::DataLoss => ("data_loss", 15),
                ErrorKind::Remote => ("remote", 16),
            },
        }
    }

    /// The name that observers see.
    pub(crate) const fn name(self) -> &'static str {
        self.described().0
    }

    /// A number below [`OUTCOMES`], another for each.
    #[cfg(feature = "metrics")]
    pub(super) const fn index(self) -> usize {
        self.described().1
    }
}
