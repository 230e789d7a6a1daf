//! The name of an instance.

use std::borrow::Borrow;
use std::fmt;

/// The id of an instance: that of its [`Server`](crate::Server), which discovery shows too.
///
/// Orders and compares as its text does. An instance that does not name itself, of a service that is not of this library, is `?1`,
/// `?2` and so on, in the order of the answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(Box<str>);

impl InstanceId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One that stands for an instance without a name.
    pub(super) fn unnamed(number: usize) -> Self {
        InstanceId(format!("?{number}").into())
    }
}

impl<T: Into<Box<str>>> From<T> for InstanceId {
    fn from(id: T) -> Self {
        InstanceId(id.into())
    }
}

impl AsRef<str> for InstanceId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for InstanceId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
