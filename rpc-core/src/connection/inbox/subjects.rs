//! The subjects that replies come to.

use crate::connection::Subject;
use crate::connection::random::Random;
use crate::connection::slots::Token;

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
        format!("{}.*", self.prefix)
    }

    /// A fresh one, with its last token.
    pub(super) fn fresh(&self) -> (Token, Subject) {
        let token: Token = self.random.token();
        let mut subject = String::with_capacity(self.prefix.len() + 1 + token.len());
        subject.push_str(&self.prefix);
        subject.push('.');
        subject.extend(token.iter().copied().map(char::from));
        // Shrunk to its length, it becomes shared memory without being copied again.
        (token, Subject::from(subject))
    }

    /// A fresh one outside of the inbox, for messages that are not replies to calls: a subscription of its own takes them.
    pub(super) fn apart(&self) -> String {
        let outer = self.prefix.rsplit_once('.').map_or("", |(outer, _)| outer);
        format!("{outer}.{}", self.random.token_string::<12>())
    }

    /// Where an instance says what it has to say about the calls that it has.
    pub(super) fn control(&self, instance: &str) -> Subject {
        format!("{}._{instance}", self.prefix).into()
    }
}
