//! The subject mappings of an account: where a message goes that was published to another subject.

#[cfg(test)]
mod tests;

use super::destinations::Destination;
use crate::connection::Subject;
use crate::error::{Error, ErrorKind};
use crate::wire::subject::check_pattern;

/// All mappings of a broker. Of several that match a subject, the one that was added first counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Mappings(Vec<Mapping>);

/// What becomes of the subjects that match one pattern.
#[derive(Debug, Clone)]
struct Mapping {
    source: String,
    /// Each with the percentage of messages that goes there.
    destinations: Vec<(Destination, u8)>,
    /// What happens to the messages that go to none of the destinations.
    rest: Rest,
}

#[derive(Debug, Clone, Copy)]
enum Rest {
    Stays,
    IsLost,
}

impl Mappings {
    /// Adds a mapping, in place of an earlier one of the same source.
    pub(super) fn insert<D: AsRef<str>>(
        &mut self,
        source: &str,
        destinations: impl IntoIterator<Item = (D, u8)>,
    ) -> Result<(), Error> {
        let mapping = Mapping::new(source, destinations)?;
        match self.0.iter_mut().find(|earlier| earlier.source == source) {
            Some(earlier) => *earlier = mapping,
            None => self.0.push(mapping),
        }
        Ok(())
    }

    /// The subject that takes the place of a published one; `None` if that stays. The empty subject
    /// means that the message is lost. `draw` yields a random number; it is asked if there is a
    /// choice.
    pub(super) fn map(&self, subject: &str, draw: impl FnOnce() -> u64) -> Option<Subject> {
        let tokens: Vec<&str> = if self.0.is_empty() { return None } else { subject.split('.').collect() };
        let mapping = self.0.iter().find(|mapping| mapping.matches(&tokens))?;
        match (mapping.choose(draw), mapping.rest) {
            (Some(destination), _) => Some(destination.subject(&tokens).into()),
            (None, Rest::Stays) => None,
            (None, Rest::IsLost) => Some(Subject::from_static("")),
        }
    }
}

impl Mapping {
    fn new<D: AsRef<str>>(
        source: &str,
        destinations: impl IntoIterator<Item = (D, u8)>,
    ) -> Result<Self, Error> {
        check_pattern(source)?;
        let (mut parsed, mut texts, mut total) = (Vec::new(), Vec::new(), 0_u32);
        for (text, weight) in destinations {
            let destination = Destination::new(source, text.as_ref())?;
            total += u32::from(weight);
            if total > 100 || texts.iter().any(|known| known == text.as_ref()) {
                let message =
                    format!("the mapping of {source:?} has more than 100 %, or {:?} twice", text.as_ref());
                return Err(Error::not_executed(ErrorKind::InvalidArgument, message));
            }
            texts.push(text.as_ref().to_owned());
            parsed.push((destination, weight));
        }
        // A server that is told what share the source itself has, takes that as all of it.
        let rest = if texts.iter().any(|text| text == source) { Rest::IsLost } else { Rest::Stays };
        Ok(Mapping { source: source.to_owned(), destinations: parsed, rest })
    }

    /// Whether the tokens of a subject match the source.
    fn matches(&self, tokens: &[&str]) -> bool {
        let mut tokens = tokens.iter().copied();
        for wanted in self.source.split('.') {
            match (wanted, tokens.next()) {
                (">", Some(_)) => return true,
                ("*", Some(token)) if !token.is_empty() && token != ">" => {}
                (wanted, Some(token)) if wanted == token => {}
                _ => return false,
            }
        }
        tokens.next().is_none()
    }

    /// One of the destinations by their weights; `None` for a message that is not among them.
    fn choose(&self, draw: impl FnOnce() -> u64) -> Option<&Destination> {
        if let [(destination, 100)] = self.destinations.as_slice() {
            return Some(destination);
        }
        let drawn = draw() % 100;
        let mut end = 0;
        let chosen = self.destinations.iter().find(|(_, weight)| {
            end += u64::from(*weight);
            drawn < end
        });
        chosen.map(|(destination, _)| destination)
    }
}
