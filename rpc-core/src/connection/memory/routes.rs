//! Which subscriptions a subject reaches.

use std::collections::{BTreeMap, HashMap};
use std::{fmt, iter};

use crate::connection::Subject;
use crate::error::Error;
use crate::wire::subject::check_pattern;

/// All subscriptions of a broker, by the head and the tail of their patterns.
///
/// A subject can only match patterns whose head is one of its own heads, so publishing looks up one head for each
/// token of the subject, and one more, however many subscriptions there are. The maps that are iterated have a fixed
/// order, for the random numbers of a seeded broker to fall to the same queue groups each time.
pub(super) struct Routes<T> {
    heads: HashMap<String, BTreeMap<String, Interest<T>>>,
}

/// Everyone who subscribed to one pattern.
struct Interest<T> {
    plain: Vec<Member<T>>,
    groups: BTreeMap<String, Vec<Member<T>>>,
}

struct Member<T> {
    id: u64,
    value: T,
}

impl<T> Routes<T> {
    /// Adds a subscription, alone or as a member of a queue group.
    pub(super) fn insert(&mut self, id: u64, pattern: &Pattern, group: Option<&str>, value: T) {
        let (head, tail) = pattern.split();
        let interest = self.heads.entry(head.to_owned()).or_default().entry(tail.to_owned()).or_default();
        let members = match group {
            Some(group) => interest.groups.entry(group.to_owned()).or_default(),
            None => &mut interest.plain,
        };
        members.push(Member { id, value });
    }

    /// Removes a subscription, if it is there.
    pub(super) fn remove(&mut self, id: u64, pattern: &Pattern, group: Option<&str>) {
        let (head, tail) = pattern.split();
        let Some(tails) = self.heads.get_mut(head) else { return };
        let Some(interest) = tails.get_mut(tail) else { return };
        match group {
            None => interest.plain.retain(|member| member.id != id),
            Some(group) => {
                if let Some(members) = interest.groups.get_mut(group) {
                    members.retain(|member| member.id != id);
                    if members.is_empty() {
                        interest.groups.remove(group);
                    }
                }
            }
        }
        if interest.plain.is_empty() && interest.groups.is_empty() {
            tails.remove(tail);
        }
        if tails.is_empty() {
            self.heads.remove(head);
        }
    }

    /// Those who get a message: everyone outside of queue groups, and of each group the member that `choose` picks,
    /// given their number. A group is its name: it may have members under several patterns that match.
    pub(super) fn receivers<'a>(
        &'a self,
        subject: &str,
        mut choose: impl FnMut(usize) -> usize,
    ) -> Vec<&'a T> {
        let interests: Vec<&Interest<T>> = self.matching(subject).collect();
        let mut receivers: Vec<&T> = interests.iter().flat_map(|interest| interest.plain()).collect();
        let mut rest = interests.as_slice();
        let mut served: Vec<&str> = Vec::new();
        while let Some((interest, others)) = rest.split_first() {
            for group in interest.groups.keys() {
                if !served.contains(&group.as_str()) {
                    let members = || rest.iter().flat_map(|interest| interest.members(group));
                    receivers.extend(members().nth(choose(members().count())));
                    served.push(group);
                }
            }
            rest = others;
        }
        receivers
    }

    /// Those outside of queue groups whom a message would reach.
    pub(super) fn plain<'a>(&'a self, subject: &str) -> impl Iterator<Item = &'a T> {
        self.matching(subject).flat_map(Interest::plain)
    }

    fn matching<'a>(&'a self, subject: &str) -> impl Iterator<Item = &'a Interest<T>> {
        // A subject with an empty token matches nothing, not even `>`.
        let subject = Some(subject).filter(|subject| subject.split('.').all(|token| !token.is_empty()));
        subject.into_iter().flat_map(cuts).flat_map(|(head, rest)| {
            let tails = self.heads.get(head).into_iter().flatten();
            tails.filter(move |(tail, _)| tail_matches(tail, rest)).map(|(_, interest)| interest)
        })
    }
}

impl<T> Default for Routes<T> {
    fn default() -> Self {
        Routes { heads: HashMap::new() }
    }
}

impl<T> Interest<T> {
    fn plain(&self) -> impl Iterator<Item = &T> {
        self.plain.iter().map(|member| &member.value)
    }

    fn members(&self, group: &str) -> impl Iterator<Item = &T> {
        self.groups.get(group).into_iter().flatten().map(|member| &member.value)
    }
}

impl<T> Default for Interest<T> {
    fn default() -> Self {
        Interest { plain: Vec::new(), groups: BTreeMap::new() }
    }
}

/// A subject to subscribe to: `*` stands for one token, a last `>` for one or more.
pub(super) struct Pattern {
    text: Subject,
    head: usize,
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Pattern {
    /// Checks a pattern and finds its first wildcard.
    pub(super) fn new(text: Subject) -> Result<Self, Error> {
        check_pattern(&text)?;
        let mut start = 0;
        let head = text.split('.').find_map(|token| {
            let before = usize::saturating_sub(start, 1);
            start += token.len() + 1;
            matches!(token, "*" | ">").then_some(before)
        });
        let head = head.unwrap_or(text.len());
        Ok(Pattern { text, head })
    }

    /// What stands before the first wildcard, `a.b` of `a.b.*.c`, and what begins with it.
    fn split(&self) -> (&str, &str) {
        let (head, tail) = self.text.split_at_checked(self.head).unwrap_or((&self.text, ""));
        (head, tail.strip_prefix('.').unwrap_or(tail))
    }
}

/// The ways to cut a subject into a head and a rest, beginning with all and nothing.
fn cuts(subject: &str) -> impl Iterator<Item = (&str, &str)> {
    let between = subject.rmatch_indices('.');
    let between = between.filter_map(|(dot, _)| Some((subject.get(..dot)?, subject.get(dot + 1..)?)));
    iter::once((subject, "")).chain(between).chain(iter::once(("", subject)))
}

/// Whether a tail, which begins with a wildcard or is empty, matches what a subject has after the same head.
fn tail_matches(tail: &str, rest: &str) -> bool {
    let tokens = |text| str::split(text, '.').filter(|token| !token.is_empty());
    let (mut tail, mut rest) = (tokens(tail), tokens(rest));
    loop {
        match (tail.next(), rest.next()) {
            (None, None) | (Some(">"), Some(_)) => return true,
            (Some(wanted), Some(token)) if wanted == "*" || wanted == token => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text.into()).unwrap()
    }

    fn routes(subscriptions: &[(&'static str, Option<&str>)]) -> Routes<usize> {
        let mut routes = Routes::default();
        for (n, (text, group)) in subscriptions.iter().enumerate() {
            routes.insert(n as u64, &pattern(text), *group, n);
        }
        routes
    }

    fn receivers(routes: &Routes<usize>, subject: &str, choice: usize) -> Vec<usize> {
        let mut receivers: Vec<usize> =
            routes.receivers(subject, |members| choice % members).into_iter().copied().collect();
        receivers.sort_unstable();
        receivers
    }

    #[test]
    fn a_pattern_is_cut_at_its_first_wildcard() {
        for (text, head, tail) in [
            ("a", "a", ""),
            ("a.b", "a.b", ""),
            ("a.*", "a", "*"),
            ("a.*.b.>", "a", "*.b.>"),
            ("*.a", "", "*.a"),
            (">", "", ">"),
            ("a*.b>", "a*.b>", ""),
        ] {
            assert_eq!(pattern(text).split(), (head, tail), "{text}");
        }
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for text in ["", ".", "a.", ".a", "a..b", ">.a", "a.>.b", "a b", "a\r\nSUB", "\t"] {
            let error = Pattern::new(text.into()).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text:?}");
        }
    }

    #[test]
    fn wildcards_stand_for_whole_tokens() {
        let patterns = ["a.b.c", "a.*.c", "*.*.*", "a.>", ">", "a.b", "*", "a.b.c.>", "a.b*.c"];
        let routes = routes(&patterns.map(|text| (text, None)));
        let reached =
            |subject| receivers(&routes, subject, 0).into_iter().map(|n| patterns[n]).collect::<Vec<_>>();
        assert_eq!(reached("a.b.c"), ["a.b.c", "a.*.c", "*.*.*", "a.>", ">"]);
        assert_eq!(reached("a.b*.c"), ["a.*.c", "*.*.*", "a.>", ">", "a.b*.c"]);
        assert_eq!(reached("a.b"), ["a.>", ">", "a.b"]);
        assert_eq!(reached("a"), [">", "*"]);
        assert_eq!(reached("a.b.c.d.e"), ["a.>", ">", "a.b.c.>"]);
        assert_eq!(reached("x.y.z.z"), [">"]);
        for malformed in ["a.b.", ".a.b", "a..c", ".", ""] {
            assert_eq!(reached(malformed), [""; 0], "{malformed:?}");
        }
    }

    #[test]
    fn a_group_is_its_name_whatever_its_members_subscribed_to() {
        let routes = routes(&[
            ("a.b", Some("one")),
            ("a.*", Some("one")),
            ("a.b", Some("two")),
            (">", Some("one")),
            ("a.c", Some("one")),
            ("a.b", None),
        ]);
        let chosen: Vec<Vec<usize>> = (0..3).map(|choice| receivers(&routes, "a.b", choice)).collect();
        assert_eq!(chosen, [[0, 2, 5], [1, 2, 5], [2, 3, 5]]);
    }

    #[test]
    fn what_is_removed_leaves_nothing_behind() {
        let subscriptions =
            [("a.b", None), ("a.b", Some("q")), ("a.b", Some("q")), ("a.*", None), (">", None)];
        let mut routes = routes(&subscriptions);
        for (id, (text, group)) in (0..).zip(subscriptions) {
            let before = routes.receivers("a.b", |_| 0).len();
            routes.remove(id, &pattern(text), group);
            routes.remove(id, &pattern(text), group);
            let expected = if id == 1 { before } else { before - 1 };
            assert_eq!(routes.receivers("a.b", |_| 0).len(), expected, "after the removal of {text}");
        }
        assert!(routes.heads.is_empty());
    }
}
