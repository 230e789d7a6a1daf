//! What a subject mapping makes of the tokens of a subject.

use crate::error::{Error, ErrorKind};

/// A destination of a mapping, as it was written, in parts.
#[derive(Debug, Clone)]
pub(super) struct Destination(Vec<Part>);

/// What makes one token of a destination, or the last ones.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The token of the subject at this place.
    Token(usize),
    /// A number below `count`, which is always the same for the same tokens at these places.
    Partition {
        count: u32,
        of: Vec<usize>,
    },
    /// All tokens of the subject from this place on.
    From(usize),
}

impl Destination {
    /// Reads a destination for subjects that match this source.
    pub(super) fn new(source: &str, text: &str) -> Result<Self, Error> {
        let malformed = |cause: &str| {
            let message = format!("the subject {source:?} cannot be mapped to {text:?}: {cause}");
            Error::not_executed(ErrorKind::InvalidArgument, message)
        };
        let wildcards = places_of("*", source);
        let rest = places_of(">", source).pop();
        if rest.is_some() != text.split('.').any(|token| token == ">") {
            return Err(malformed("either both end with >, or none does"));
        }
        let mut parts = Vec::new();
        for token in text.split('.') {
            if matches!(parts.last(), Some(Part::From(_))) {
                return Err(malformed("a > is not its last token"));
            }
            parts.push(match (token, rest) {
                (">", Some(place)) => Part::From(place),
                _ => Part::new(token, &wildcards).map_err(malformed)?,
            });
        }
        Ok(Destination(parts))
    }

    /// The subject that the tokens of a published one are mapped to.
    pub(super) fn subject(&self, tokens: &[&str]) -> String {
        let at = |place: &usize| tokens.get(*place).copied().unwrap_or_default();
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Token(place) => at(place).to_owned(),
            Part::Partition { count, of } if of.is_empty() => {
                partition(&tokens.join("."), *count).to_string()
            }
            Part::Partition { count, of } => {
                partition(&of.iter().map(at).collect::<String>(), *count).to_string()
            }
            Part::From(place) => tokens.get(*place..).unwrap_or_default().join("."),
        });
        parts.collect::<Vec<_>>().join(".")
    }
}

impl Part {
    /// Reads a token, given the places of the source's wildcards.
    fn new(token: &str, wildcards: &[usize]) -> Result<Self, &'static str> {
        if let Some(function) = token.strip_prefix("{{").and_then(|token| token.strip_suffix("}}")) {
            return Part::function(function, wildcards);
        }
        if let Some(number) = token.strip_prefix('$').and_then(|number| number.parse().ok()) {
            return Ok(Part::Token(place(number, wildcards)?));
        }
        if token.is_empty() || token == "*" || token.bytes().any(|byte| byte.is_ascii_whitespace()) {
            return Err("it has an empty token, a *, or white space");
        }
        Ok(Part::Text(token.to_owned()))
    }

    fn function(text: &str, wildcards: &[usize]) -> Result<Self, &'static str> {
        let (name, arguments) = text.trim().split_once('(').ok_or("a function has no arguments")?;
        let arguments = arguments.strip_suffix(')').ok_or("a function has no closing parenthesis")?;
        let numbers: Result<Vec<u32>, _> = arguments.split(',').map(|number| number.trim().parse()).collect();
        let numbers = numbers.map_err(|_| "an argument of a function is not a number")?;
        match (name.trim_end(), numbers.as_slice()) {
            ("wildcard" | "Wildcard", [number]) => Ok(Part::Token(place(*number, wildcards)?)),
            ("partition" | "Partition", [count, of @ ..]) if *count > 0 => {
                let of: Result<_, _> = of.iter().map(|number| place(*number, wildcards)).collect();
                Ok(Part::Partition { count: *count, of: of? })
            }
            _ => Err("its functions are wildcard(number) and partition(count, numbers…)"),
        }
    }
}

/// The places of a token in a subject.
fn places_of(wanted: &str, subject: &str) -> Vec<usize> {
    let tokens = subject.split('.').enumerate();
    tokens.filter(|(_, token)| *token == wanted).map(|(place, _)| place).collect()
}

/// The place of a wildcard in the source, given its number, which counts from 1.
fn place(number: u32, wildcards: &[usize]) -> Result<usize, &'static str> {
    let index = usize::try_from(number).unwrap_or_default().checked_sub(1);
    let place = index.and_then(|index| wildcards.get(index));
    place.copied().ok_or("the source has no wildcard of that number")
}

/// The partition of a key: its FNV-1a hash of 32 bits modulo the number of partitions.
fn partition(key: &str, count: u32) -> u32 {
    const OFFSET: u32 = 0x811c_9dc5;
    const PRIME: u32 = 0x0100_0193;
    let hash = key.bytes().fold(OFFSET, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(PRIME));
    hash.checked_rem(count).unwrap_or_default()
}
