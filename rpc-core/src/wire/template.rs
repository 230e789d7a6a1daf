//! Subjects with parameters, as services and methods are given them: `orders.{region}`.

use super::subject::check_token;
use crate::error::{Error, ErrorKind};

/// A subject with places for values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Token>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Literal(&'static str),
    Parameter(&'static str),
}

/// What stands for any value where one subscribes.
const ANY: &str = "*";

impl Template {
    /// Reads one; `what` it is, for messages.
    pub(crate) fn parse(what: &str, text: &'static str) -> Result<Self, Error> {
        let mut tokens: Vec<Token> = Vec::new();
        for token in text.split('.') {
            let name = token.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            check_token(what, name.unwrap_or(token))?;
            let token = name.map_or(Token::Literal(token), Token::Parameter);
            if matches!(token, Token::Parameter(_)) && tokens.contains(&token) {
                return Err(invalid(format!("{what} {text:?} has a parameter twice")));
            }
            tokens.push(token);
        }
        Ok(Template(tokens))
    }

    /// How many tokens it has.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether its first token is a parameter.
    pub(crate) fn begins_with_a_parameter(&self) -> bool {
        matches!(self.0.first(), Some(Token::Parameter(_)))
    }

    /// The names of the parameters with their places, in order.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (usize, &'static str)> {
        self.0.iter().enumerate().filter_map(|(at, token)| match token {
            Token::Parameter(name) => Some((at, *name)),
            Token::Literal(_) => None,
        })
    }

    /// The subject with these values, one for each parameter.
    pub(crate) fn filled(&self, values: &[&str]) -> Result<String, Error> {
        let expected = self.parameters().count();
        if values.len() != expected {
            let message =
                format!("{} values are given for the {expected} parameters of a subject", values.len());
            return Err(invalid(message));
        }
        let mut values = values.iter();
        self.with(|name| {
            // As many as there are names.
            let value = values.next().copied().unwrap_or_default();
            check_token(name, value).map(|()| value)
        })
    }

    /// The subject to subscribe to: all values of the parameters that have none here.
    pub(crate) fn pattern(&self, values: &[(&'static str, String)]) -> Result<String, Error> {
        let is_there = |name: &str| self.parameters().any(|(_, own)| own == name);
        if let Some((name, _)) = values.iter().find(|(name, _)| !is_there(name)) {
            return Err(invalid(format!("the subject has no parameter {name:?}")));
        }
        self.with(|name| match values.iter().find(|(own, _)| *own == name) {
            Some((_, value)) => check_token(name, value).map(|()| value.as_str()),
            None => Ok(ANY),
        })
    }

    fn with<'a>(
        &'a self,
        mut value: impl FnMut(&'static str) -> Result<&'a str, Error>,
    ) -> Result<String, Error> {
        let tokens = self.0.iter().map(|token| match token {
            Token::Literal(token) => Ok(*token),
            Token::Parameter(name) => value(name),
        });
        Ok(tokens.collect::<Result<Vec<_>, _>>()?.join("."))
    }
}

/// Where the values of parameters are in the subjects of a method: those of the service from the start, those of the method
/// from the end, so that it does not matter what is between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Places(Vec<(&'static str, Place)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    FromStart(usize),
    FromEnd(usize),
}

impl Places {
    /// Those of a service with so many tokens before it, and of one of its methods.
    pub(crate) fn new(before: usize, service: &Template, method: &Template) -> Self {
        let of_service = service.parameters().map(|(at, name)| (name, Place::FromStart(before + at)));
        let of_method = method.parameters().map(|(at, name)| (name, Place::FromEnd(method.len() - 1 - at)));
        Places(of_service.chain(of_method).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a parameter in a subject.
    pub(crate) fn value<'a>(&self, name: &str, subject: &'a str) -> Option<&'a str> {
        let (_, place) = self.0.iter().find(|(own, _)| *own == name)?;
        token_at(*place, subject)
    }

    /// Checks that the values are tokens: whoever may publish may write others.
    pub(crate) fn check(&self, subject: &str) -> Result<(), Error> {
        self.0
            .iter()
            .try_for_each(|(name, place)| check_token(name, token_at(*place, subject).unwrap_or_default()))
    }
}

fn token_at(place: Place, subject: &str) -> Option<&str> {
    match place {
        Place::FromStart(at) => subject.split('.').nth(at),
        Place::FromEnd(at) => subject.rsplit('.').nth(at),
    }
}

fn invalid(message: String) -> Error {
    Error::not_executed(ErrorKind::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_filled_in_or_left_open() {
        let template = Template::parse("the subject", "orders.{region}.{kind}").unwrap();
        assert_eq!(template.filled(&["eu", "new"]).unwrap(), "orders.eu.new");
        assert_eq!(template.pattern(&[]).unwrap(), "orders.*.*");
        assert_eq!(template.pattern(&[("kind", "new".to_owned())]).unwrap(), "orders.*.new");
        for bad in ["", "*", ">", "a.b", "_a", "a b", "a\r\nPUB"] {
            assert!(template.filled(&["eu", bad]).is_err(), "{bad:?}");
            assert!(template.pattern(&[("kind", bad.to_owned())]).is_err(), "{bad:?}");
        }
        assert!(template.filled(&["eu"]).is_err() && template.filled(&["eu", "new", "more"]).is_err());
        assert!(template.pattern(&[("city", "rome".to_owned())]).is_err());
    }

    #[test]
    fn a_template_is_made_of_tokens_and_names_each_parameter_once() {
        for bad in ["", "a..b", "{}", "{a", "a}", "{a}.{a}", "x{a}", "{_a}", "{*}", "a.>"] {
            assert!(Template::parse("the subject", bad).is_err(), "{bad:?}");
        }
        assert!(Template::parse("the subject", "{tenant}.orders").unwrap().begins_with_a_parameter());
    }

    #[test]
    fn values_are_found_wherever_the_instance_or_a_job_is_named_between() {
        let service = Template::parse("the subject", "orders.{region}").unwrap();
        let method = Template::parse("the subject", "get.{id}").unwrap();
        let places = Places::new(1, &service, &method);
        for subject in ["p.orders.eu.get.17", "p.orders.eu._at.i7.get.17", "p.orders.eu._all.get.17"] {
            assert_eq!(places.value("region", subject), Some("eu"));
            assert_eq!(places.value("id", subject), Some("17"));
            assert_eq!(places.value("city", subject), None);
            assert!(places.check(subject).is_ok());
        }
        for bad in ["p.orders.$eu.get.17", "p.orders.eu.get._17", "p.orders"] {
            assert!(places.check(bad).is_err(), "{bad}");
        }
    }
}
