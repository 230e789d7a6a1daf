//! Fuzz targets of the plain dialects: whatever any client of NATS sends is taken for what it is, or refused.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::time::Instant;

use super::{budget, headers};
use crate::Codec;
use crate::connection::{self, HeaderMap};
use crate::deadline::Deadline;
use crate::error::{ErrorKind, Execution};
use crate::fuzzing::{damaged, runs};
use crate::wire::dialect::{Dialect, PlainBody, detect, header};
use crate::wire::frame::MAGIC;
use crate::wire::headers::{MAX_HEADER_COUNT, MAX_HEADERS};

/// What a header says about the codec: nothing, one of them, or something else.
fn content_type() -> impl Strategy<Value = (Option<String>, Option<Codec>)> {
    let parameters = prop_oneof![Just(""), Just(";charset=utf-8"), Just(" ; q=1")];
    let named = |name: &'static str, codec| {
        (parameters.clone(), any::<bool>(), prop_oneof![Just(""), Just(" ")]).prop_map(
            move |(parameters, shout, space)| {
                let name = if shout { name.to_uppercase() } else { name.to_owned() };
                (Some(format!("{space}{name}{parameters}")), Some(codec))
            },
        )
    };
    prop_oneof![
        Just((None, None)),
        named("application/json", Codec::Json),
        named("application/msgpack", Codec::MessagePack),
        "[a-z/;= ]{0,20}".prop_map(|other| (Some(other), None)),
    ]
}

/// What the codecs themselves write: arguments, and values of any type.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let scalar = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    prop_oneof![
        scalar.clone(),
        vec(scalar.clone(), 0..40).prop_map(Into::into),
        proptest::collection::hash_map(any::<String>(), scalar, 0..40)
            .prop_map(|map| map.into_iter().collect()),
    ]
}

/// Headers of a plain message, a few or too many of them.
fn header_map() -> impl Strategy<Value = HeaderMap> {
    let name = prop_oneof![
        3 => "[!-9;-~]{1,12}",
        2 => Just(header::TIMEOUT_MS.to_owned()),
        1 => Just(header::CONTENT_TYPE.to_owned()),
    ];
    let value = prop_oneof![3 => "\\PC{0,9}", 2 => "[+ -]?[0-9]{1,22} ?", 1 => (2000..5000_usize).prop_map(|length| "x".repeat(length))];
    let entries = (vec((name, value), 0..8), prop_oneof![3 => Just(0), 1 => 55..70_usize]);
    let entries = entries.prop_map(|(mut entries, more)| {
        entries.extend((0..more).map(|number| (format!("X-{number}"), String::new())));
        entries
    });
    entries.prop_map(|entries| {
        connection::header_map(entries.iter().map(|(name, value)| (&**name, &**value))).unwrap()
    })
}

proptest! {
    #![proptest_config(runs(300))]

    #[test]
    fn what_a_codec_writes_is_taken_for_its_own(value in value(), space in "[ \t\r\n]{0,3}") {
        let body = if value.is_array() || value.is_object() { PlainBody::Arguments } else { PlainBody::Value };
        let json = format!("{space}{value}");
        prop_assert_eq!(detect(json.as_bytes(), None, body), Some(Dialect::Plain(Codec::Json)));
        let packed = rmp_serde::to_vec(&value).unwrap();
        let found = detect(&packed, None, body);
        // A small number is one byte, which may as well be a digit or white space.
        let ambiguous = matches!(packed.first(), Some(0x20..=0x7E | b'\t' | b'\r' | b'\n'));
        prop_assert!(ambiguous || found == Some(Dialect::Plain(Codec::MessagePack)), "{:x?}: {:?}", packed, found);
    }

    #[test]
    fn a_message_is_framed_if_it_begins_so_and_only_a_content_type_is_stronger_than_its_first_byte(
        bytes in damaged(vec(any::<u8>(), 0..9)), content_type in content_type()
    ) {
        let (named, codec) = content_type;
        for body in [PlainBody::Arguments, PlainBody::Value] {
            let found = detect(&bytes, named.as_deref(), body);
            if bytes.first() == Some(&MAGIC) {
                prop_assert_eq!(found, Some(Dialect::Framed));
            } else if let Some(codec) = codec {
                prop_assert_eq!(found, Some(Dialect::Plain(codec)));
            } else {
                prop_assert_ne!(found, Some(Dialect::Framed));
                prop_assert_eq!(found, detect(&bytes, None, body));
                prop_assert_eq!(found, detect(bytes.get(..1).unwrap_or_default(), None, body));
                prop_assert!(found.is_some() || body == PlainBody::Arguments, "a bare value may begin with anything");
            }
        }
    }

    #[test]
    fn headers_are_within_their_limits_or_refused(map in header_map()) {
        let first = |name: &str| map.get(name).map(|value| value.as_str());
        let sizes = map.iter().map(|(name, values)| name.to_string().len() + values[0].as_str().len());
        let size: usize = sizes.sum();
        let count = map.iter().count();
        match headers(Some(&map)) {
            Ok(headers) => {
                prop_assert!(count <= MAX_HEADER_COUNT && size <= MAX_HEADERS);
                prop_assert_eq!(headers.len(), count);
                prop_assert!(headers.iter().all(|(name, value)| first(name) == Some(value)));
            }
            Err(error) => {
                prop_assert!(count > MAX_HEADER_COUNT || size > MAX_HEADERS, "{}", error);
                prop_assert_eq!((error.kind(), error.execution()), (ErrorKind::InvalidArgument, Execution::NotExecuted));
            }
        }
    }

    #[test]
    fn a_budget_is_a_number_or_refused_and_never_longer_than_an_hour(map in header_map()) {
        let Ok(headers) = headers(Some(&map)) else { return Ok(()) };
        let text = headers.get(header::TIMEOUT_MS);
        let number = text.and_then(|text| text.trim().parse::<u64>().ok());
        match budget(&headers) {
            Ok(None) => prop_assert_eq!(text, None),
            Ok(Some(budget)) => {
                prop_assert_eq!(Some(budget), number.map(Duration::from_millis));
                let now = Instant::now();
                let left = Deadline::of(now, budget).since(now);
                prop_assert_eq!(left, budget.min(Duration::from_secs(3600)));
            }
            Err(error) => {
                prop_assert_eq!(number, None);
                prop_assert_eq!((error.kind(), error.execution()), (ErrorKind::InvalidArgument, Execution::NotExecuted));
            }
        }
    }
}
