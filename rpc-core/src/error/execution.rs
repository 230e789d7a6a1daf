//! Whether the handler of a failed call ran.

use std::fmt;

/// What a caller may conclude about the handler from an [`Error`](crate::Error).
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
