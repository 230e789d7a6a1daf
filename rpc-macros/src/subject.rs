//! Subjects as they are written, with places for values: `orders.{region}`.

use proc_macro2::{Ident, Span};

/// The subject of a service, or what a method has behind that.
pub(crate) struct Subject {
    pub(crate) text: String,
    /// Where it is written.
    pub(crate) span: Span,
    pub(crate) tokens: Vec<Token>,
}

/// What stands between two dots.
pub(crate) enum Token {
    Literal(String),
    /// A place for a value; holds its name, without the braces.
    Parameter(String),
}

impl Subject {
    /// Whatever it is, it has tokens; whether they can be used is for the rules to say.
    pub(crate) fn new(text: String, span: Span) -> Self {
        let tokens = text.split('.').map(Token::new).collect();
        Self { text, span, tokens }
    }

    /// The names of its parameters, in order.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Parameter(name) => Some(name.as_str()),
            Token::Literal(_) => None,
        })
    }

    pub(crate) fn has_parameter(&self, name: &str) -> bool {
        self.parameters().any(|own| own == name)
    }

    /// Its parameters as names in Rust, each once; those that cannot be one are left out.
    pub(crate) fn idents(&self) -> Vec<Ident> {
        let mut idents: Vec<Ident> = Vec::new();
        for mut ident in self.parameters().filter_map(ident) {
            if !idents.contains(&ident) {
                ident.set_span(self.span);
                idents.push(ident);
            }
        }
        idents
    }

    /// Whether a message can be to both: they are equally long, and where they differ, one of them takes any value.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let is_common = |pair: (&Token, &Token)| match pair {
            (Token::Literal(one), Token::Literal(other)) => one == other,
            _ => true,
        };
        self.tokens.len() == other.tokens.len() && self.tokens.iter().zip(&other.tokens).all(is_common)
    }
}

impl Token {
    fn new(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => Token::Parameter(name.to_owned()),
            None => Token::Literal(text.to_owned()),
        }
    }
}

/// The name of a parameter as one of a variable, if it can be one.
pub(crate) fn ident(name: &str) -> Option<Ident> {
    // What the parser takes for an identifier, but what the edition of the user's crate may have as a keyword.
    let is_keyword = name == "gen";
    syn::parse_str(name).ok().filter(|_| !is_keyword)
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::{Subject, ident};

    fn subject(text: &str) -> Subject {
        Subject::new(text.to_owned(), Span::call_site())
    }

    #[test]
    fn parameters_are_whole_tokens() {
        let orders = subject("orders.{region}.x{no}.{kind}");
        assert_eq!(orders.parameters().collect::<Vec<_>>(), ["region", "kind"]);
        assert!(orders.has_parameter("kind") && !orders.has_parameter("no"));
    }

    #[test]
    fn what_cannot_be_a_variable_is_none() {
        assert_eq!(subject("{a}.{b-c}.{a}.{type}.{gen}.{D}.{}.{1}").idents(), ["a", "D"]);
        assert!(ident("r#type").is_some(), "which is no token of a subject");
    }

    #[test]
    fn subjects_overlap_where_a_message_can_be_to_both() {
        for (one, other, expected) in [
            ("get", "get", true),
            ("get", "put", false),
            ("get.{id}", "get.{key}", true),
            ("get.{id}", "get.all", true),
            ("get.{id}.name", "get.all.{field}", true),
            ("get.{id}.name", "get.{id}.age", false),
            ("get.{id}", "get", false),
        ] {
            let (one, other) = (subject(one), subject(other));
            let found = (one.overlaps(&other), other.overlaps(&one));
            assert_eq!(found, (expected, expected), "{} {}", one.text, other.text);
        }
    }
}
