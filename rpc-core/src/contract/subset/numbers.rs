//! Numbers that are written against numbers that are read.

use serde_json::Value;

use super::Finding;
use super::shape::Shape;

/// Whether this is the format of a number.
pub(super) fn is_format(format: &Value) -> bool {
    let Some(format) = format.as_str() else { return false };
    integers(format).is_some() || matches!(format, "float" | "double")
}

/// What differs between two shapes that both are numbers.
pub(super) fn compare(place: &str, written: &Shape, read: &Shape) -> Vec<Finding> {
    let (own, other) = (format(written), format(read));
    // What has 128 bits is written as bytes in MessagePack, which no other number is read from.
    let is_plain = |format: Option<&str>| format.is_none_or(|format| is_format(&format.into()));
    if own != other && !(is_plain(own) && is_plain(other) && !own.is_some_and(is_wide)) {
        let message = format!("{written} may be written, where {read} is read, which may look different");
        return vec![Finding::breaking(place, message)];
    }
    let (writes, reads) = (Range::of(written), Range::of(read));
    if !reads.holds(&writes) {
        let message = format!("{written} may be written, and not all of them can be read as {read}");
        return vec![Finding::breaking(place, message)];
    }
    if written.choice().is_some() {
        return Vec::new();
    }
    match (own, other) {
        (Some("double"), Some("float")) => {
            let message = "numbers are written with more digits than are read".to_owned();
            vec![Finding::compatible(place, message)]
        }
        _ if own != other || written.ty() != read.ty() || !writes.holds(&reads) => {
            vec![Finding::compatible(place, format!("{written} is written, and {read} is read"))]
        }
        _ => Vec::new(),
    }
}

fn format(shape: &Shape) -> Option<&str> {
    shape.get("format").and_then(Value::as_str)
}

fn is_wide(format: &str) -> bool {
    matches!(format, "int128" | "uint128")
}

/// The least and the greatest integer of a format.
fn integers(format: &str) -> Option<(i128, i128)> {
    Some(match format {
        "int8" => (i8::MIN.into(), i8::MAX.into()),
        "int16" => (i16::MIN.into(), i16::MAX.into()),
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        "int64" | "int" => (i64::MIN.into(), i64::MAX.into()),
        "uint8" => (0, u8::MAX.into()),
        "uint16" => (0, u16::MAX.into()),
        "uint32" => (0, u32::MAX.into()),
        "uint64" | "uint" => (0, u64::MAX.into()),
        "int128" => (i128::MIN, i128::MAX),
        // Twice as many fit, which makes no difference: nothing else that is read here is as large.
        "uint128" => (0, i128::MAX),
        _ => return None,
    })
}

/// The numbers between two bounds, of which either may be missing.
struct Range {
    least: Option<Bound>,
    greatest: Option<Bound>,
}

/// Integers are exact: two to the power of 63 and the number below it are the same to a float.
#[derive(Clone, Copy)]
enum Bound {
    Exact(i128),
    Float(f64),
}

impl Range {
    fn of(shape: &Shape) -> Self {
        let mut range = Range { least: None, greatest: None };
        if let Some((least, greatest)) = format(shape).and_then(integers) {
            range.start_at(Bound::Exact(least));
            range.end_at(Bound::Exact(greatest));
        }
        let bound = |keyword| Bound::of(shape.get(keyword)?);
        bound("minimum").into_iter().for_each(|least| range.start_at(least));
        bound("exclusiveMinimum").into_iter().for_each(|least| range.start_at(least.moved(1)));
        bound("maximum").into_iter().for_each(|greatest| range.end_at(greatest));
        bound("exclusiveMaximum").into_iter().for_each(|greatest| range.end_at(greatest.moved(-1)));
        let values = || shape.choice().into_iter().flatten().filter_map(Bound::of);
        let lower = |one: Bound, other: Bound| if other.is_below(one) { other } else { one };
        let higher = |one: Bound, other: Bound| if one.is_below(other) { other } else { one };
        values().reduce(lower).into_iter().for_each(|least| range.start_at(least));
        values().reduce(higher).into_iter().for_each(|greatest| range.end_at(greatest));
        range
    }

    /// Leaves out what is below.
    fn start_at(&mut self, bound: Bound) {
        if self.least.is_none_or(|least| least.is_below(bound)) {
            self.least = Some(bound);
        }
    }

    /// Leaves out what is above.
    fn end_at(&mut self, bound: Bound) {
        if self.greatest.is_none_or(|greatest| bound.is_below(greatest)) {
            self.greatest = Some(bound);
        }
    }

    fn holds(&self, other: &Range) -> bool {
        let from = match (self.least, other.least) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(other)) => !other.is_below(own),
        };
        let to = match (self.greatest, other.greatest) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(other)) => !own.is_below(other),
        };
        from && to
    }
}

impl Bound {
    fn of(value: &Value) -> Option<Self> {
        let exact = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
        exact.map(Bound::Exact).or_else(|| value.as_f64().map(Bound::Float))
    }

    /// The next integer; a float's neighbour is as good as itself.
    fn moved(self, by: i128) -> Self {
        match self {
            Bound::Exact(number) => Bound::Exact(number.saturating_add(by)),
            float @ Bound::Float(_) => float,
        }
    }

    fn is_below(self, other: Bound) -> bool {
        match (self, other) {
            (Bound::Exact(own), Bound::Exact(other)) => own < other,
            (own, other) => own.float() < other.float(),
        }
    }

    fn float(self) -> f64 {
        match self {
            Bound::Exact(number) => number as f64,
            Bound::Float(number) => number,
        }
    }
}
