//! Headers of a call: metadata that travels beside the arguments.

use std::borrow::Cow;
use std::fmt;

use crate::error::{Error, ErrorKind};

/// The most bytes that all names and values of a message may have together.
pub(crate) const MAX_HEADERS: usize = 8 * 1024;

/// The most headers of a message. A lookup goes through all of them.
pub(crate) const MAX_HEADER_COUNT: usize = 64;

/// The headers of a trace (W3C Trace Context).
pub(crate) const TRACE_HEADERS: [&str; 2] = ["traceparent", "tracestate"];

/// Names and values that travel with a call, or with its reply.
///
/// Names are compared letter by letter, as NATS does (ADR-4).
///
/// ```
/// let mut headers = nats_rpc::Headers::new();
/// headers.insert("tenant", "acme");
/// assert_eq!(headers.get("tenant"), Some("acme"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(Box<str>, Box<str>)>);

impl Headers {
    /// No headers.
    pub const fn new() -> Self {
        Headers(Vec::new())
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| **own == *name).map(|(_, value)| &**value)
    }

    /// The same, whatever the case of the letters: clients in Go write some names as HTTP does, with capitals.
    pub(crate) fn get_in_any_case(&self, name: &str) -> Option<&str> {
        let alike = || self.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        self.get(name).or_else(|| alike().map(|(_, value)| value))
    }

    /// Sets a value, in place of an earlier one of the same name. What may not travel is refused when it is sent.
    pub fn insert(&mut self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(own, _)| *own == name) {
            Some((_, own)) => *own = value,
            None => self.0.push((name, value)),
        }
    }

    /// Removes a value.
    pub fn remove(&mut self, name: &str) -> Option<Box<str>> {
        let at = self.0.iter().position(|(own, _)| **own == *name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// All names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Collects headers of a peer: as soon as there are too many, it stops.
    pub(crate) fn from_untrusted<'a>(
        entries: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Error> {
        let mut headers = Headers::new();
        let mut size = 0;
        for (name, value) in entries {
            size += name.len() + value.len();
            check_amount(headers.len() + 1, size)?;
            headers.insert(name, value);
        }
        headers.check()?;
        Ok(headers)
    }

    /// The headers as they travel beside others of a message: where they are too many together, a trace gives way.
    pub(crate) fn beside(&self, others: &[(&str, &str)]) -> Cow<'_, Self> {
        let all = || self.iter().chain(others.iter().copied());
        let size = all().map(|(name, value)| name.len() + value.len()).sum();
        if check_amount(all().count(), size).is_ok() {
            return Cow::Borrowed(self);
        }
        Cow::Owned(self.iter().filter(|(name, _)| !TRACE_HEADERS.contains(name)).collect())
    }

    /// Checks what may travel: a plain NATS header ends at a line break and its name at a colon, and a message of
    /// headers alone could starve everyone else.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut size = 0;
        for (name, value) in self.iter() {
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
                let message =
                    format!("the header name {name:?} is not made of printable ASCII without a colon");
                return Err(Error::not_executed(ErrorKind::InvalidArgument, message));
            }
            if value.bytes().any(|byte| byte == b'\r' || byte == b'\n') {
                let message = format!("the value of the header {name:?} has a line break");
                return Err(Error::not_executed(ErrorKind::InvalidArgument, message));
            }
            size += name.len() + value.len();
        }
        check_amount(self.len(), size)
    }
}

fn check_amount(count: usize, size: usize) -> Result<(), Error> {
    if count > MAX_HEADER_COUNT || size > MAX_HEADERS {
        let message = format!("more than {MAX_HEADER_COUNT} headers, or than {MAX_HEADERS} bytes of them");
        return Err(Error::not_executed(ErrorKind::InvalidArgument, message));
    }
    Ok(())
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<N: Into<Box<str>>, V: Into<Box<str>>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(entries: I) -> Self {
        let mut headers = Headers::new();
        for (name, value) in entries {
            headers.insert(name, value);
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_value() {
        let mut headers = Headers::from_iter([("a", "1"), ("b", "2"), ("a", "3")]);
        assert_eq!((headers.len(), headers.get("a")), (2, Some("3")));
        assert_eq!(headers.remove("a").as_deref(), Some("3"));
        assert_eq!(headers.get("A"), None);
    }

    #[test]
    fn what_could_forge_a_header_is_refused() {
        for (name, value) in
            [("", "x"), ("a b", "x"), ("a:b", "x"), ("a\r\nb", "x"), ("a", "x\r\nNats-Rpc: 1"), ("a", "\n")]
        {
            assert!(Headers::from_iter([(name, value)]).check().is_err(), "{name:?}: {value:?}");
        }
        assert!(Headers::from_iter([("a", "x".repeat(MAX_HEADERS))]).check().is_err());
        assert!(Headers::from_iter((0..=MAX_HEADER_COUNT).map(|n| (n.to_string(), ""))).check().is_err());
        assert!(Headers::from_iter([("traceparent", "00-ab-cd-01"), ("x", "é ok")]).check().is_ok());
    }
}
