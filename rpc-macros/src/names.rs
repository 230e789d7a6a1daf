//! Names on the wire: how they derive from Rust names, what they may look like.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;

/// The longest token that the protocol allows.
const LONGEST: usize = 64;

/// The wire name of a method or an argument that asks for no other: its Rust name without a raw prefix.
pub(crate) fn of(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// The name of a service that asks for no other: `KvStore` is `kv_store`.
pub(crate) fn snake_case(ident: &Ident) -> String {
    let camel: Vec<char> = of(ident).chars().collect();
    let mut snake = String::new();
    for (at, letter) in camel.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| camel.get(at));
        let ends_word = before.is_some_and(|before| before.is_lowercase() || before.is_ascii_digit());
        let ends_acronym = before.is_some_and(|before| before.is_uppercase())
            && camel.get(at + 1).is_some_and(|after| after.is_lowercase());
        if letter.is_uppercase() && (ends_word || ends_acronym) {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// What is wrong with a name on the wire; `noun` says what it names.
pub(crate) fn fault(noun: &str, name: &str) -> Option<String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() {
        Some(format!("the {noun} is empty: it has 1 to {LONGEST} characters"))
    } else if let Some(wrong) = name.chars().find(|c| !legal(*c)) {
        let wrong = wrong.escape_debug();
        Some(format!(
            "the {noun} `{name}` contains `{wrong}`: it consists of `A-Z`, `a-z`, `0-9`, `_` and `-`"
        ))
    } else if name.starts_with('_') {
        Some(format!("the {noun} `{name}` starts with `_`: such names are reserved for nats-rpc itself"))
    } else if name.len() > LONGEST {
        Some(format!("the {noun} is {} characters long: it has at most {LONGEST}", name.len()))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::{Ident, Span};

    use super::snake_case;

    #[test]
    fn words_and_acronyms_are_told_apart() {
        for (camel, snake) in [
            ("Greeter", "greeter"),
            ("KvStore", "kv_store"),
            ("KVStore", "kv_store"),
            ("HTTP2Server", "http2_server"),
            ("Already_Snake", "already_snake"),
            ("A", "a"),
        ] {
            assert_eq!(snake_case(&Ident::new(camel, Span::call_site())), snake);
        }
    }
}
