//! Mappings without a broker; `tests/broker/mappings.rs` holds them to nats-server.

use super::*;

fn mappings(all: &[(&str, &[(&str, u8)])]) -> Mappings {
    let mut mappings = Mappings::default();
    for (source, destinations) in all {
        mappings.insert(source, destinations.iter().copied()).unwrap();
    }
    mappings
}

/// What a subject is mapped to if there is no choice.
fn mapped(mappings: &Mappings, subject: &str) -> Option<String> {
    mappings.map(subject, || panic!("there is a choice")).map(|subject| subject.to_string())
}

#[test]
fn a_destination_is_made_of_the_tokens_of_the_subject() {
    for (source, destination, subject, expected) in [
        ("a", "b.c", "a", "b.c"),
        ("a.>", "x.a.>", "a.b.c", "x.a.b.c"),
        (">", "x.>", "a", "x.a"),
        ("a.*.*", "b.$2.$1", "a.1.2", "b.2.1"),
        ("a.*.*", "b.{{wildcard(2)}}.{{ Wildcard( 1 ) }}", "a.1.2", "b.2.1"),
        ("a.*.b.>", "{{wildcard(1)}}.>", "a.1.b.2.3", "1.2.3"),
        ("a.*", "b.$JS.$1x", "a.1", "b.$JS.$1x"),
        ("a.*", "b", "a.1", "b"),
    ] {
        let mappings = mappings(&[(source, &[(destination, 100)])]);
        assert_eq!(mapped(&mappings, subject).as_deref(), Some(expected), "{source} to {destination}");
    }
}

#[test]
fn a_source_matches_as_a_subscription_does() {
    let mappings = mappings(&[("a.*.c", &[("x", 100)]), ("b.>", &[("y.>", 100)])]);
    for other in ["a", "a.c", "a.b", "a.b.c.d", "a..c", "a.>.c", "b", "c.b.d", ""] {
        assert_eq!(mapped(&mappings, other), None, "{other:?}");
    }
    assert_eq!(mapped(&mappings, "a.b.c").unwrap(), "x");
    assert_eq!(mapped(&mappings, "a.*.c").unwrap(), "x");
    assert_eq!(mapped(&mappings, "b.1").unwrap(), "y.1");
}

#[test]
fn partitions_are_those_of_fnv_1a() {
    // The published values of the hash: 0xe40c292c for "a", 0xbf9cf968 for "foobar".
    let of_one = mappings(&[("p.*", &[("p.{{partition(1000000,1)}}", 100)])]);
    assert_eq!(mapped(&of_one, "p.a").unwrap(), format!("p.{}", 0xe40c_292c_u32 % 1_000_000));
    let of_two = mappings(&[("p.*.*", &[("{{Partition(1000000, 1, 2)}}", 100)])]);
    assert_eq!(mapped(&of_two, "p.foo.bar").unwrap(), (0xbf9c_f968_u32 % 1_000_000).to_string());
    let of_all = mappings(&[("foobar", &[("{{partition(1000000)}}", 100)])]);
    assert_eq!(mapped(&of_all, "foobar").unwrap(), (0xbf9c_f968_u32 % 1_000_000).to_string());
}

#[test]
fn weights_are_shares_of_a_hundred_and_the_rest_stays_where_it_was() {
    let shares = |destinations: &[(&str, u8)]| {
        let mappings = mappings(&[("a", destinations)]);
        let subjects = (0..200).map(|draw| mappings.map("a", || draw));
        let subjects: Vec<_> = subjects.map(|subject| subject.map(|subject| subject.to_string())).collect();
        move |wanted: Option<&str>| subjects.iter().filter(|found| found.as_deref() == wanted).count() / 2
    };
    let two = shares(&[("b", 20), ("c", 30)]);
    assert_eq!([two(Some("b")), two(Some("c")), two(None)], [20, 30, 50]);
    let all = shares(&[("b", 70), ("a", 30)]);
    assert_eq!([all(Some("b")), all(Some("a")), all(None)], [70, 30, 0]);
    let lossy = shares(&[("a", 40), ("b", 50)]);
    assert_eq!([lossy(Some("a")), lossy(Some("b")), lossy(Some(""))], [40, 50, 10]);
    let none = shares(&[]);
    assert_eq!(none(None), 100);
}

#[test]
fn the_first_mapping_counts_and_a_second_of_the_same_source_replaces_it() {
    let both = mappings(&[("a.>", &[("wide.>", 100)]), ("a.b", &[("narrow", 100)])]);
    assert_eq!(mapped(&both, "a.b").unwrap(), "wide.b");
    let other =
        mappings(&[("a.b", &[("old", 100)]), ("a.>", &[("wide.>", 100)]), ("a.b", &[("narrow", 100)])]);
    assert_eq!(mapped(&other, "a.b").unwrap(), "narrow");
}

#[test]
fn malformed_mappings_are_refused() {
    for (source, destinations) in [
        ("", &[("a", 100)][..]),
        ("a..b", &[("a", 100)]),
        ("a b", &[("a", 100)]),
        ("a", &[("", 100)]),
        ("a", &[("b c", 100)]),
        ("a", &[("b..c", 100)]),
        ("a.*", &[("b.*", 100)]),
        ("a.>", &[("b", 100)]),
        ("a", &[("b.>", 100)]),
        ("a.>", &[("b.>.c", 100)]),
        ("a.>", &[("b.>.>", 100)]),
        ("a.*", &[("b.$2", 100)]),
        ("a.*", &[("b.$0", 100)]),
        ("a", &[("b.$1", 100)]),
        ("a.*", &[("b.{{wildcard(2)}}", 100)]),
        ("a.*", &[("b.{{wildcard(1,1)}}", 100)]),
        ("a.*", &[("b.{{wildcard()}}", 100)]),
        ("a.*", &[("b.{{wildcard(x)}}", 100)]),
        ("a.*", &[("b.{{wildcard(1}}", 100)]),
        ("a.*", &[("b.{{partition(0,1)}}", 100)]),
        ("a.*", &[("b.{{partition(3,2)}}", 100)]),
        ("a.*", &[("b.{{left(1,2)}}", 100)]),
        ("a.*", &[("b.{{}}", 100)]),
        ("a", &[("b", 101)]),
        ("a", &[("b", 60), ("c", 41)]),
        ("a", &[("b", 10), ("b", 10)]),
    ] {
        let error = Mappings::default().insert(source, destinations.iter().copied()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{source:?} to {destinations:?}");
    }
}
