//! What docs/security.md prints.

const TEXT: &str = include_str!("../../docs/security.md");

/// The source of the functions that the document shows.
const SHOWN: &str = include_str!("connecting.rs");

/// The configuration of a server that has all of these words in it, to the letter.
#[track_caller]
pub(crate) fn config(words: &[&str]) -> &'static str {
    let mut found = blocks("conf").into_iter().filter(|block| words.iter().all(|word| block.contains(word)));
    let block = found.next().unwrap_or_else(|| panic!("a configuration with {words:?}"));
    assert_eq!(found.next(), None, "one that is meant by {words:?}");
    block
}

/// The blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("\n```{language}\n");
    let after = TEXT.split(opening.as_str()).skip(1);
    after.map(|text| text.split("\n```").next().unwrap()).collect()
}

#[test]
fn every_function_that_is_printed_is_one_that_is_tested() {
    let printed = blocks("rust");
    assert!(printed.len() >= 6, "{printed:?}");
    for block in printed {
        assert!(
            SHOWN.contains(&format!("pub(crate) {block}\n")),
            "not in the tests, to the letter:\n{block}"
        );
    }
}

#[test]
fn nothing_else_is_printed() {
    let fences = TEXT.lines().filter(|line| line.starts_with("```")).count();
    assert_eq!(fences, 2 * (blocks("rust").len() + blocks("conf").len()));
}
