//! Subjects of a service, made of checked tokens.

use crate::error::{Error, ErrorKind};

/// The longest subject in bytes; a NATS server closes a connection over 4096 bytes of control line.
pub(crate) const MAX_SUBJECT: usize = 512;

/// The longest token of a name that comes from data.
const MAX_TOKEN: usize = 64;

/// What a token is, for messages.
const TOKEN_RULE: &str = "1 to 64 of A-Z a-z 0-9 _ - that do not begin with an underscore";

/// The queue group of a service unless another is chosen.
pub(crate) const DEFAULT_QUEUE_GROUP: &str = "q";

/// Checks a token that comes from outside: a service, a method, an instance, a part of a prefix.
pub(crate) fn check_token(what: &str, token: &str) -> Result<(), Error> {
    if is_token(token) {
        return Ok(());
    }
    Err(Error::not_executed(ErrorKind::InvalidArgument, format!("{what} {token:?} is not {TOKEN_RULE}")))
}

/// Checks a subject that is made of such tokens.
pub(crate) fn check_tokens(what: &str, subject: &str) -> Result<(), Error> {
    if let Some(token) = subject.split('.').find(|token| !is_token(token)) {
        return Err(Error::not_executed(
            ErrorKind::InvalidArgument,
            format!("{what} {subject:?} has the part {token:?}, which is not {TOKEN_RULE}"),
        ));
    }
    check_length(subject)
}

fn is_token(token: &str) -> bool {
    (1..=MAX_TOKEN).contains(&token.len())
        && !token.starts_with('_')
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn check_length(subject: &str) -> Result<(), Error> {
    if subject.len() <= MAX_SUBJECT {
        return Ok(());
    }
    Err(Error::not_executed(
        ErrorKind::InvalidArgument,
        format!("a subject of {} bytes is over the limit of {MAX_SUBJECT}", subject.len()),
    ))
}

/// Refuses what would break the lines of the NATS protocol, and so could smuggle in a command.
pub(crate) fn check_framing(what: &str, text: &str) -> Result<(), Error> {
    if text.is_empty() || text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        let message = format!("the {what} {text:?} is empty or has white space in it");
        return Err(Error::not_executed(ErrorKind::InvalidArgument, message));
    }
    Ok(())
}

/// Checks a subject to subscribe to: `*` stands for one token, a last `>` for one or more.
pub(crate) fn check_pattern(subject: &str) -> Result<(), Error> {
    check_framing("subject", subject)?;
    let mut tokens = subject.split('.').peekable();
    while let Some(token) = tokens.next() {
        if token.is_empty() || (token == ">" && tokens.peek().is_some()) {
            let message = format!("the subject {subject:?} has an empty token, or a > that is not its last");
            return Err(Error::not_executed(ErrorKind::InvalidArgument, message));
        }
    }
    Ok(())
}

/// The subjects of one deployed service. Those that a server subscribes to may stand for several.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ServiceSubject(String);

impl ServiceSubject {
    /// Joins the prefix of the deployment, if there is one, with the service's own subject, which a
    /// [`Template`](super::template::Template) has made.
    pub(crate) fn new(prefix: Option<&str>, subject: String) -> Result<Self, Error> {
        let full = match prefix {
            Some(prefix) => {
                check_tokens("the prefix", prefix)?;
                format!("{prefix}.{subject}")
            }
            None => subject,
        };
        check_length(&full)?;
        Ok(ServiceSubject(full))
    }

    /// How many tokens it has.
    pub(crate) fn tokens(&self) -> usize {
        self.0.split('.').count()
    }

    /// Where calls of a method go that has these tokens behind those of the service.
    pub(crate) fn method(&self, method: &str) -> Result<String, Error> {
        self.below(method)
    }

    /// Where calls of a method go that are for this instance.
    pub(crate) fn at(&self, instance: &str, method: &str) -> Result<String, Error> {
        check_token("the instance id", instance)?;
        self.below(&format!("_at.{instance}.{method}"))
    }

    /// Where calls of a method go that are for all instances.
    pub(crate) fn all(&self, method: &str) -> Result<String, Error> {
        self.below(&format!("_all.{method}"))
    }

    /// Where jobs of a method are submitted.
    #[cfg(feature = "jetstream")]
    pub(crate) fn job(&self, method: &str) -> Result<String, Error> {
        self.below(&format!("_job.{method}"))
    }

    /// Where jobs of a method go that have failed for good.
    #[cfg(feature = "jetstream")]
    pub(crate) fn dead_letter(&self, method: &str) -> Result<String, Error> {
        self.below(&format!("_dead.{method}"))
    }

    fn below(&self, rest: &str) -> Result<String, Error> {
        let subject = format!("{}.{rest}", self.0);
        check_length(&subject)?;
        Ok(subject)
    }

    /// Where the probe goes that tells a missing method from a missing service.
    pub(crate) fn probe(&self) -> String {
        format!("{}._ctl.any", self.0)
    }

    /// Below which an instance hears about the calls that it has, one token for each peer.
    pub(crate) fn control(&self, instance: &str) -> String {
        format!("{}._ctl.{instance}", self.0)
    }

    /// Where one instance tells the contract of the service.
    pub(crate) fn contract(&self) -> String {
        format!("{}._meta", self.0)
    }

    /// Where this instance tells the contract of the service.
    pub(crate) fn contract_of(&self, instance: &str) -> String {
        format!("{}._meta.{instance}", self.0)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether what follows a service's subject is where calls go that are for all instances.
pub(crate) fn is_below_all(rest: &str) -> bool {
    rest.starts_with("._all.")
}

/// Whether two patterns, in which `*` stands for one token, have a subject in common.
pub(crate) fn overlap(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one == other || one == "*" || other == "*" => {}
            _ => return false,
        }
    }
}

/// The first tokens of a subject, so many of them.
pub(crate) fn first_tokens(subject: &str, count: usize) -> &str {
    let end = subject.match_indices('.').nth(count.saturating_sub(1)).map(|(at, _)| at);
    end.and_then(|end| subject.get(..end)).unwrap_or(subject)
}

/// The two parts of a subject at which this instance hears about its calls, `<service>` and
/// `._ctl.<instance>.<peer>`; `None` if it is no such subject.
pub(crate) fn split_control<'a>(subject: &'a str, instance: &str) -> Option<(&'a str, &'a str)> {
    let (before, peer) = subject.rsplit_once('.')?;
    let service = before.strip_suffix(instance)?.strip_suffix("._ctl.")?;
    let is_literal = service.split('.').all(is_token) && is_token(instance) && is_token(peer);
    (is_literal && subject.len() <= MAX_SUBJECT).then(|| subject.split_at(service.len()))
}

/// Whether a subject is another one, or below that.
pub(crate) fn is_at_or_below(subject: &str, other: &str) -> bool {
    subject.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether a subscription with this pattern gets the messages of a subject.
pub(crate) fn matches(pattern: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    for expected in pattern.split('.') {
        match (expected, tokens.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (expected, Some(token)) if expected == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::template::Template;

    fn subject(prefix: Option<&str>, text: &'static str) -> Result<ServiceSubject, Error> {
        ServiceSubject::new(prefix, Template::parse("the service's subject", text)?.pattern(&[])?)
    }

    #[test]
    fn subjects_are_made_of_checked_tokens() {
        let greeter = subject(Some("staging.eu"), "greeter").unwrap();
        assert_eq!(greeter.method("hello").unwrap(), "staging.eu.greeter.hello");
        assert_eq!(greeter.at("i7", "hello").unwrap(), "staging.eu.greeter._at.i7.hello");
        assert_eq!(greeter.all("hello").unwrap(), "staging.eu.greeter._all.hello");
        assert_eq!(greeter.probe(), "staging.eu.greeter._ctl.any");
        assert_eq!(greeter.control("i7"), "staging.eu.greeter._ctl.i7");
        assert_eq!(greeter.contract(), "staging.eu.greeter._meta");
        assert_eq!(greeter.contract_of("i7"), "staging.eu.greeter._meta.i7");
        for bad in ["", "a b", "a.*", "a.>", "a..b", ".a", "a.", "_a", "é", "a\r\nPUB"] {
            let error = subject(None, bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{bad:?}");
            assert!(subject(Some(bad), "greeter").is_err(), "{bad:?}");
            assert!(greeter.at(bad, "hello").is_err(), "{bad:?}");
        }
        assert!(subject(Some(&"x".repeat(65)), "greeter").is_err());
        assert!(subject(Some(&vec!["x".repeat(60); 9].join(".")), "greeter").is_err(), "over 512 bytes");
        assert!(greeter.method(&"x".repeat(500)).is_err(), "over 512 bytes");
    }

    #[test]
    fn patterns_overlap_where_a_subject_is_below_both() {
        for (one, other, expected) in [
            ("orders.*", "orders.eu", true),
            ("orders.*.new", "orders.eu.*", true),
            ("orders.eu", "orders.us", false),
            ("orders.*", "orders", false),
            ("orders", "orders", true),
        ] {
            assert_eq!((overlap(one, other), overlap(other, one)), (expected, expected), "{one} {other}");
        }
    }

    #[test]
    fn the_first_tokens_are_those_of_the_service() {
        assert_eq!(first_tokens("p.orders.eu._at.i7.get", 3), "p.orders.eu");
        assert_eq!(first_tokens("orders.get", 1), "orders");
        assert_eq!(first_tokens("orders", 3), "orders");
    }

    #[test]
    fn a_control_subject_is_that_of_its_service_and_instance() {
        assert_eq!(split_control("eu.lab._ctl.a.12", "a"), Some(("eu.lab", "._ctl.a.12")));
        for (subject, instance) in [
            ("eu.lab._ctl.a.12", "b"),
            ("eu.lab._ctl.ba.12", "a"),
            ("eu.lab._ctl.a.", "a"),
            ("eu.lab._ctl.a", "a"),
            ("eu.lab._ctl.a.1.2", "a"),
            ("eu.lab._ctl.a.*", "a"),
            ("eu.*._ctl.a.12", "a"),
            ("$JS._ctl.a.12", "a"),
            ("._ctl.a.12", "a"),
            ("eu.lab._ctl.a.b.1", "a.b"),
            ("$JS.API.STREAM.DELETE.x", "a"),
        ] {
            assert_eq!(split_control(subject, instance), None, "{subject}");
        }
    }

    #[test]
    fn a_subject_is_below_another_by_whole_tokens() {
        for (subject, other, expected) in [
            ("canary.lab", "canary", true),
            ("canary.lab", "canary.lab", true),
            ("canary.labs", "canary.lab", false),
            ("canary", "canary.lab", false),
        ] {
            assert_eq!(is_at_or_below(subject, other), expected, "{subject} {other}");
        }
    }
}
