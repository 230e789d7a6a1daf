//! Encoded values, right and wrong, and what a decoder finds in them.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// MessagePack values in every form that there is, the shortest or not, up to so many levels deep.
pub(super) fn message_pack(levels: u32) -> impl Strategy<Value = Vec<u8>> {
    let simple = prop_oneof![Just(0xC0), Just(0xC2), Just(0xC3), 0x00..=0x7F_u8, 0xE0..=0xFF_u8];
    let leaf = prop_oneof![
        3 => simple.prop_map(|byte| vec![byte]),
        2 => (0..10_usize, vec(any::<u8>(), 8)).prop_map(|(number, digits)| {
            let sizes = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8];
            let marker = 0xCA + u8::try_from(number).unwrap();
            [&[marker], digits.get(..sizes[number]).unwrap_or_default()].concat()
        }),
        3 => (0..7_usize, prop_oneof!["[a-z]{0,3}".prop_map(String::into_bytes), vec(any::<u8>(), 0..40)])
            .prop_map(|(form, bytes)| text_or_bytes(form, &bytes)),
        1 => (0..8_usize, vec(any::<u8>(), 17)).prop_map(|(form, bytes)| extension(form, &bytes)),
    ];
    leaf.prop_recursive(levels, 24, 4, |inner| {
        (0..6_usize, vec(inner.clone(), 0..5), inner)
            .prop_map(|(form, children, last)| container(form, children, last))
    })
}

fn text_or_bytes(form: usize, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    let head = match form {
        0 => vec![0xA0 | length.min(31)],
        1 => vec![0xD9, length],
        2 => vec![0xDA, 0, length],
        3 => vec![0xDB, 0, 0, 0, length],
        4 => vec![0xC4, length],
        5 => vec![0xC5, 0, length],
        _ => vec![0xC6, 0, 0, 0, length],
    };
    let length = if form == 0 { bytes.len().min(31) } else { bytes.len() };
    [&head, &bytes[..length]].concat()
}

fn extension(form: usize, bytes: &[u8]) -> Vec<u8> {
    match form {
        0..=4 => [&[0xD4 + u8::try_from(form).unwrap()], &bytes[..1 + (1 << form)]].concat(),
        5 => [&[0xC7, 3], &bytes[..4]].concat(),
        6 => [&[0xC8, 0, 3], &bytes[..4]].concat(),
        _ => [&[0xC9, 0, 0, 0, 3], &bytes[..4]].concat(),
    }
}

fn container(form: usize, mut children: Vec<Vec<u8>>, last: Vec<u8>) -> Vec<u8> {
    let is_map = form >= 3;
    if is_map && children.len() % 2 == 1 {
        children.push(last);
    }
    let length = u8::try_from(children.len()).unwrap() / if is_map { 2 } else { 1 };
    let head = match form {
        0 => vec![0x90 | length],
        1 => vec![0xDC, 0, length],
        2 => vec![0xDD, 0, 0, 0, length],
        3 => vec![0x80 | length],
        4 => vec![0xDE, 0, length],
        _ => vec![0xDF, 0, 0, 0, length],
    };
    [head, children.concat()].concat()
}

/// JSON values, with white space and without, up to so many levels deep.
pub(super) fn json(levels: u32) -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        r#""[a-z\[\]{},: ]{0,6}""#,
        r#""(\\"|\\\\|\\n|\\u00e9|[a-z]){0,4}""#,
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    let space = || prop_oneof![4 => Just(""), 1 => Just(" "), 1 => Just("\r\n\t ")];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
        text.clone(),
    ];
    let value = leaf.prop_recursive(levels, 24, 4, move |inner| {
        let member = (text.clone(), space(), inner.clone())
            .prop_map(|(name, space, value)| format!("{name}{space}:{space}{value}"));
        prop_oneof![
            (vec(inner, 0..5), space())
                .prop_map(|(items, space)| format!("[{space}{}{space}]", items.join(","))),
            (vec(member, 0..4), space()).prop_map(|(members, space)| {
                format!("{{{space}{}{space}}}", members.join(&format!("{space},{space}")))
            }),
        ]
    });
    value.prop_map(String::into_bytes)
}

/// What is in a value, as its decoder sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// How many arrays and maps are around the innermost value; an empty one is around none.
    pub(super) around: usize,
    /// How many arrays and maps there are at most, one in the other.
    pub(super) containers: usize,
    /// How many values, names among them.
    pub(super) values: usize,
}

impl Shape {
    const SCALAR: Shape = Shape { around: 0, containers: 0, values: 1 };
    const EMPTY: Shape = Shape { around: 0, containers: 1, values: 1 };

    fn hold(&mut self, child: Shape) {
        self.around = self.around.max(child.around + 1);
        self.containers = self.containers.max(child.containers + 1);
        self.values += child.values;
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Surveyor)
    }
}

struct Surveyor;

macro_rules! scalars {
    ($($visit:ident: $type:ty),+) => {
        $(fn $visit<E>(self, _: $type) -> Result<Shape, E> {
            Ok(Shape::SCALAR)
        })+
    };
}

impl<'de> Visitor<'de> for Surveyor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str, visit_bytes: &[u8]);

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::SCALAR)
    }

    /// An extension of MessagePack.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Shape::SCALAR)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
        let mut shape = Shape::EMPTY;
        while let Some(item) = items.next_element()? {
            shape.hold(item);
        }
        Ok(shape)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Shape, A::Error> {
        let mut shape = Shape::EMPTY;
        while let Some((name, value)) = entries.next_entry()? {
            shape.hold(name);
            shape.hold(value);
        }
        Ok(shape)
    }
}
