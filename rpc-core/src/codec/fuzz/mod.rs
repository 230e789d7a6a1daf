//! Fuzz targets of the scan: it accepts what a decoder can read within the limits, all of it and nothing else.

mod values;

use std::io::Cursor;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde::{Deserialize, Serialize};

use self::values::Shape;
use super::scan::{ScanError, ScanLimits, measure};
use super::{Codec, json};
use crate::fuzzing::{damaged, runs};

/// What overflows the stack of a decoder that nobody holds back.
#[derive(Debug, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Node(Box<Tree>),
    Nodes(Vec<Tree>),
    Named { tree: Box<Tree> },
}

/// Limits that most values come near.
fn limits() -> impl Strategy<Value = ScanLimits> {
    let tight = (1..7_usize, 1..30_usize).prop_map(|(depth, values)| ScanLimits { depth, values });
    prop_oneof![tight, Just(ScanLimits::default())]
}

fn packed() -> impl Strategy<Value = Vec<u8>> {
    let nested = (0..80_usize, any::<bool>(), vec(any::<u8>(), 0..9)).prop_map(|(levels, named, inner)| {
        let level = if named { &b"\x81\xA4Node"[..] } else { &[0x91] };
        [level.repeat(levels), inner].concat()
    });
    let markers = vec(prop_oneof![any::<u8>(), 0x80..=0xDF_u8, Just(0)], 0..60);
    prop_oneof![
        4 => damaged(values::message_pack(6)),
        1 => damaged(nested),
        1 => markers,
    ]
}

fn written() -> impl Strategy<Value = Vec<u8>> {
    let nested = (0..80_usize, any::<bool>(), 0..80_usize).prop_map(|(levels, named, ends)| {
        let (begin, end) = if named { (r#"{"Node":"#, "}") } else { ("[", "]") };
        format!("{}\"Leaf\"{}", begin.repeat(levels), end.repeat(ends)).into_bytes()
    });
    let tokens =
        proptest::sample::select(&[b"[", b"]", b"{", b"}", b",", b":", b"\"", b" ", b"1", b"a", b"\\"][..]);
    prop_oneof![
        4 => damaged(values::json(6)),
        1 => damaged(nested),
        1 => vec(tokens, 0..40).prop_map(|tokens| tokens.into_iter().flatten().copied().collect()),
    ]
}

/// What rmp-serde reads at the beginning, and where that ends.
fn decode_packed(bytes: &[u8]) -> Result<(Shape, usize), rmp_serde::decode::Error> {
    let mut decoder = rmp_serde::Deserializer::new(Cursor::new(bytes));
    let shape = Shape::deserialize(&mut decoder)?;
    Ok((shape, usize::try_from(decoder.position()).unwrap()))
}

proptest! {
    #![proptest_config(runs(1000))]

    #[test]
    fn message_pack_is_accepted_if_a_decoder_reads_it_within_the_limits(bytes in packed(), limits in limits()) {
        let fits = |shape: Shape| shape.around < limits.depth && shape.values <= limits.values;
        match (measure(&bytes, limits), decode_packed(&bytes)) {
            (Ok(length), Ok((shape, end))) => {
                prop_assert_eq!(length, end);
                prop_assert!(fits(shape), "{:?}", shape);
            }
            (Ok(_), Err(error)) => prop_assert!(false, "accepted, and does not decode: {}", error),
            (Err(error), Ok((shape, _))) => prop_assert!(!fits(shape), "{:?}: {}", shape, error),
            (Err(_), Err(_)) => {}
        }
        let accepted = Codec::MessagePack.scan(&bytes, limits);
        prop_assert_eq!(accepted.is_ok(), measure(&bytes, limits) == Ok(bytes.len()));
        if accepted.is_ok() {
            let _ = Codec::MessagePack.decode::<Tree>(&bytes);
        }
    }

    #[test]
    fn what_follows_a_message_pack_value_does_not_matter_and_what_it_lacks_does(
        bytes in packed(), more in vec(any::<u8>(), 0..9), cut in any::<proptest::sample::Index>()
    ) {
        let limits = ScanLimits::default();
        if let Ok(length) = measure(&bytes, limits) {
            let value = bytes.get(..length).unwrap();
            prop_assert_eq!(measure(&[value, &more].concat(), limits), Ok(length));
            let part = value.get(..cut.index(length)).unwrap();
            prop_assert_eq!(measure(part, limits), Err(ScanError::Truncated));
        }
    }

    #[test]
    fn json_is_accepted_if_it_is_within_the_limits(bytes in written(), limits in limits()) {
        let scanned = json::scan(&bytes, limits);
        match serde_json::from_slice::<Shape>(&bytes) {
            Ok(shape) => {
                let fits = shape.containers <= limits.depth && shape.values <= limits.values;
                prop_assert_eq!(scanned.is_ok(), fits, "{:?}: {:?}", shape, scanned);
            }
            // The grammar is left to the decoder, its depth is not.
            Err(error) if scanned.is_ok() => prop_assert!(!error.to_string().contains("recursion"), "{}", error),
            Err(_) => {}
        }
        if scanned.is_ok() {
            let _ = Codec::Json.decode::<Tree>(&bytes);
        }
    }

    #[test]
    fn a_part_of_a_json_value_is_refused(bytes in values::json(6), cut in any::<proptest::sample::Index>()) {
        // Of a number or a word, a part may be one too.
        if let Some(b'[' | b'{' | b'"') = bytes.first() {
            let part = bytes.get(..cut.index(bytes.len())).unwrap();
            prop_assert_eq!(json::scan(part, ScanLimits::default()), Err(ScanError::Truncated));
        }
    }
}

/// That the targets see both, what is accepted and what is refused for each reason.
#[test]
fn the_values_are_neither_all_right_nor_all_wrong() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut count = |strategy: BoxedStrategy<Vec<u8>>,
                     scan: fn(&[u8], ScanLimits) -> Result<usize, ScanError>| {
        let mut found = [0_usize; 5];
        for _ in 0..2000 {
            let (bytes, limits) = (&strategy, limits()).new_tree(&mut runner).unwrap().current();
            let place = match scan(&bytes, limits) {
                Ok(_) => 0,
                Err(ScanError::Truncated | ScanError::Trailing) => 1,
                Err(ScanError::TooDeep(_)) => 2,
                Err(ScanError::TooMany(_)) => 3,
                Err(ScanError::Invalid(_)) => 4,
            };
            found[place] += 1;
        }
        found
    };
    for found in [
        count(packed().boxed(), measure),
        count(written().boxed(), |bytes, limits| json::scan(bytes, limits).map(|()| bytes.len())),
    ] {
        assert!(found.iter().all(|count| *count >= 5), "{found:?}");
    }
}
