//! Which reply subjects a server answers to.

use crate::error::{Error, ErrorKind};

/// The longest reply subject that a server answers to.
const MAX_REPLY: usize = 256;

/// The prefixes under which a server accepts reply subjects: it must not become a reflector that publishes into any
/// subject a caller names.
#[derive(Debug, Clone)]
pub(crate) struct ReplyPrefixes(Vec<String>);

impl Default for ReplyPrefixes {
    /// The usual inboxes, and the two that only a NATS server can make: replies across accounts and gateways.
    fn default() -> Self {
        ReplyPrefixes(["_INBOX", "_R_.", "_GR_."].map(str::to_owned).to_vec())
    }
}

impl ReplyPrefixes {
    /// A list of one's own. A prefix without a final dot stands for a token and those that begin with it and an
    /// underscore: `_INBOX` allows `_INBOX.x` and `_INBOX_team.x`.
    pub(crate) fn new(prefixes: Vec<String>) -> Result<Self, Error> {
        let bad = prefixes.iter().find(|prefix| {
            prefix.is_empty() || prefix.bytes().any(|byte| byte <= b' ' || byte == b'*' || byte == b'>')
        });
        match bad {
            Some(bad) => Err(Error::not_executed(
                ErrorKind::InvalidArgument,
                format!("the reply prefix {bad:?} is empty or has wildcards or white space"),
            )),
            None => Ok(ReplyPrefixes(prefixes)),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a reply may be published to this subject.
    pub(crate) fn accept(&self, reply: &str) -> bool {
        reply.len() <= MAX_REPLY
            && self.0.iter().any(|prefix| match reply.strip_prefix(prefix.as_str()) {
                Some(rest) => prefix.ends_with('.') || rest.starts_with('.') || rest.starts_with('_'),
                None => false,
            })
            && is_literal(reply)
    }
}

/// Whether a subject has neither wildcards, nor empty tokens, nor white space. Each call comes by here: without an early
/// end, the compiler checks many bytes at a time.
fn is_literal(subject: &str) -> bool {
    let bytes = subject.as_bytes();
    let good = bytes.iter().fold(true, |good, &byte| good & (byte > b' ') & (byte != b'*') & (byte != b'>'));
    let pairs = bytes.iter().zip(bytes.iter().skip(1));
    let no_empty_token = pairs.fold(true, |good, (&one, &next)| good & ((one != b'.') | (next != b'.')));
    good & no_empty_token && bytes.first().is_some_and(|first| *first != b'.') && bytes.last() != Some(&b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_go_to_inboxes_and_nowhere_else() {
        let prefixes = ReplyPrefixes::default();
        for good in ["_INBOX.x", "_INBOX_team.x.y", "_R_.abc.d", "_GR_.abc"] {
            assert!(prefixes.accept(good), "{good}");
        }
        for bad in [
            "orders.delete",
            "_INBOX",
            "_INBOXES.x",
            "_INBOX.*",
            "_INBOX.>",
            "_INBOX..x",
            "_INBOX.a b",
            "$JS.API.STREAM.DELETE.x",
            "",
        ] {
            assert!(!prefixes.accept(bad), "{bad}");
        }
        assert!(!prefixes.accept(&format!("_INBOX.{}", "x".repeat(260))));
        assert!(ReplyPrefixes::new(vec!["mine".into()]).unwrap().accept("mine.1"));
        assert!(ReplyPrefixes::new(vec![">".into()]).is_err());
    }
}
