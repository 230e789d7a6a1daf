//! The subjects that replies come to.

use crate::connection::Subject;
use crate::connection::random::Random;
use crate::connection::slots::Token;

/// The id of the plain call that a reply subject's last token stands for, if it is one of those.
pub(super) fn plain_call(token: &[u8]) -> Option<u64> {
    let digits: [u8; 16] = token.try_into().ok()?;
    let mut id = 0;
    for digit in digits {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        id = id << 4 | u64::from(value);
    }
    Some(id)
}

/// Whether a reply subject is one at which an instance is heard, or the broker says that it is not
/// there.
fn is_control(rest: &str) -> bool {
    rest.contains("._")
}

/// Makes reply subjects below a prefix that is the connection's own.
pub(in crate::connection) struct ReplySubjects {
    prefix: String,
    random: Random,
}

impl ReplySubjects {
    pub(super) fn new(prefix: &str, random: Random) -> Self {
        ReplySubjects { prefix: format!("{prefix}.{}", random.token_string::<12>()), random }
    }

    pub(super) fn random(&self) -> &Random {
        &self.random
    }

    /// The pattern of all of them.
    pub(super) fn all(&self) -> String {
        format!("{}.>", self.prefix)
    }

    /// What those of one service begin with: a random token of its own follows the prefix, which no
    /// other service learns.
    pub(super) fn of_service(&self) -> String {
        format!("{}.{}", self.prefix, self.random.token_string::<8>())
    }

    /// A fresh one that begins with this, with its last token.
    pub(super) fn fresh(&self, prefix: &str) -> (Token, Subject) {
        let token: Token = self.random.token();
        let mut subject = String::with_capacity(prefix.len() + 1 + token.len());
        subject.push_str(prefix);
        subject.push('.');
        subject.extend(token.iter().copied().map(char::from));
        // Shrunk to its length, it becomes shared memory without being copied again.
        (token, Subject::from(subject))
    }

    /// A fresh one of no service.
    pub(super) fn own(&self) -> (Token, Subject) {
        self.fresh(&self.prefix)
    }

    /// The last token of the reply subject of calls that are out together; `None` of another
    /// subject.
    pub(super) fn slot<'a>(&self, subject: &'a str) -> Option<&'a str> {
        let rest = subject.strip_prefix(self.prefix.as_str())?.strip_prefix('.')?;
        if is_control(rest) { None } else { rest.rsplit('.').next() }
    }

    /// A fresh one outside of the inbox, for messages that are not replies to calls: a subscription of its own takes them.
    pub(super) fn apart(&self) -> String {
        let outer = self.prefix.rsplit_once('.').map_or("", |(outer, _)| outer);
        format!("{outer}.{}", self.random.token_string::<12>())
    }
}

/// The reply subject that a plain call has alone: it ends with the call's id, in 16 hexadecimal
/// digits.
pub(in crate::connection) fn of_plain_call(prefix: &str, id: u64) -> Subject {
    format!("{prefix}.{id:016x}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reply_subject_of_a_plain_call_names_it_and_no_other_subject_does() {
        let subjects = ReplySubjects::new("_INBOX", Random::system());
        for id in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            let subject = of_plain_call(&subjects.of_service(), id);
            assert_eq!(plain_call(subject.rsplit('.').next().unwrap().as_bytes()), Some(id));
        }
        let (slot, subject) = subjects.fresh(&subjects.of_service());
        assert_eq!(subjects.slot(&subject).map(str::as_bytes), Some(&slot[..]));
        let prefix = subjects.of_service();
        assert_eq!(subjects.slot(&format!("{prefix}._i7.3")), None, "where an instance is not there");
        assert_eq!(subjects.slot("_INBOX.another.slot"), None);
        let others: [&[u8]; 6] =
            [&slot, b"", b"0123456789abcde", b"0123456789abcdef0", b"0123456789ABCDEF", b"_123456789abcdef"];
        others.iter().for_each(|token| assert_eq!(plain_call(token), None, "{token:?}"));
    }
}
