//! What hostile bytes are refused for before a decoder sees them.

use rmp::Marker;

/// The limits of one encoded value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ScanLimits {
    /// How deep values may be nested.
    pub(crate) depth: usize,
    /// How many values there may be in all.
    pub(crate) values: usize,
}

impl Default for ScanLimits {
    fn default() -> Self {
        ScanLimits { depth: 64, values: 100_000 }
    }
}

/// Why bytes were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScanError {
    #[error("the value ends before it is complete")]
    Truncated,
    #[error("something follows the value")]
    Trailing,
    #[error("values are nested deeper than {0}")]
    TooDeep(usize),
    #[error("there are more than {0} values")]
    TooMany(usize),
    #[error("a byte at {0} starts no value")]
    Invalid(usize),
}

/// Checks that the bytes are exactly one MessagePack value within the limits.
///
/// It neither recurses nor allocates for what a length only declares. rmp-serde's own guard does not count the
/// nesting of enums, and forty kilobytes of them overflow the stack, which ends the process.
pub(crate) fn message_pack(bytes: &[u8], limits: ScanLimits) -> Result<(), ScanError> {
    if measure(bytes, limits)? == bytes.len() { Ok(()) } else { Err(ScanError::Trailing) }
}

/// The length of the first MessagePack value in the bytes.
pub(crate) fn measure(bytes: &[u8], limits: ScanLimits) -> Result<usize, ScanError> {
    // How many values the innermost array or map still lacks, and how deep it lies.
    let (mut left, mut depth) = (1_usize, 0_usize);
    // The same of those around it that are to go on. Flat arguments need none, and so no allocation.
    let mut outer: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    let mut values = 0;
    loop {
        values += 1;
        if values > limits.values {
            return Err(ScanError::TooMany(limits.values));
        }
        let (after, children) = head(bytes, at)?;
        at = after;
        left -= 1;
        if children > 0 {
            if depth + 1 >= limits.depth {
                return Err(ScanError::TooDeep(limits.depth));
            }
            // Each value takes a byte at least: a longer declaration cannot be true.
            if children > bytes.len() - at {
                return Err(ScanError::Truncated);
            }
            if left > 0 {
                outer.push((left, depth));
            }
            (left, depth) = (children, depth + 1);
        }
        if left == 0 {
            match outer.pop() {
                Some(around) => (left, depth) = around,
                None => return Ok(at),
            }
        }
    }
}

/// Where the value that begins at `at` ends, without its children, and how many of those follow.
fn head(bytes: &[u8], at: usize) -> Result<(usize, usize), ScanError> {
    let first = *bytes.get(at).ok_or(ScanError::Truncated)?;
    let at = at + 1;
    // Small numbers and short texts are most of what there is.
    if first < 0x80 {
        return Ok((at, 0));
    }
    if first & 0xE0 == 0xA0 {
        let end = at + usize::from(first & 0x1F);
        return if end <= bytes.len() { Ok((end, 0)) } else { Err(ScanError::Truncated) };
    }
    let marker = Marker::from_u8(first);
    let (skip, children) = match marker {
        Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => (0, 0),
        Marker::U8 | Marker::I8 => (1, 0),
        Marker::U16 | Marker::I16 => (2, 0),
        Marker::U32 | Marker::I32 | Marker::F32 => (4, 0),
        Marker::U64 | Marker::I64 | Marker::F64 => (8, 0),
        Marker::FixExt1 => (2, 0),
        Marker::FixExt2 => (3, 0),
        Marker::FixExt4 => (5, 0),
        Marker::FixExt8 => (9, 0),
        Marker::FixExt16 => (17, 0),
        Marker::FixStr(length) => (usize::from(length), 0),
        Marker::Str8 | Marker::Bin8 => (length(bytes, at, 1)?.saturating_add(1), 0),
        Marker::Str16 | Marker::Bin16 => (length(bytes, at, 2)?.saturating_add(2), 0),
        Marker::Str32 | Marker::Bin32 => (length(bytes, at, 4)?.saturating_add(4), 0),
        Marker::Ext8 => (length(bytes, at, 1)?.saturating_add(2), 0),
        Marker::Ext16 => (length(bytes, at, 2)?.saturating_add(3), 0),
        Marker::Ext32 => (length(bytes, at, 4)?.saturating_add(5), 0),
        Marker::FixArray(length) => (0, usize::from(length)),
        Marker::FixMap(length) => (0, 2 * usize::from(length)),
        Marker::Array16 => (2, length(bytes, at, 2)?),
        Marker::Array32 => (4, length(bytes, at, 4)?),
        Marker::Map16 => (2, 2 * length(bytes, at, 2)?),
        Marker::Map32 => (4, length(bytes, at, 4)?.saturating_mul(2)),
        Marker::Reserved => return Err(ScanError::Invalid(at - 1)),
    };
    let end = at.checked_add(skip).filter(|end| *end <= bytes.len()).ok_or(ScanError::Truncated)?;
    Ok((end, children))
}

/// A big-endian length of so many bytes.
fn length(bytes: &[u8], at: usize, width: usize) -> Result<usize, ScanError> {
    let digits = bytes.get(at..at + width).ok_or(ScanError::Truncated)?;
    Ok(digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scan(bytes: &[u8]) -> Result<(), ScanError> {
        message_pack(bytes, ScanLimits::default())
    }

    #[test]
    fn refuses_each_kind_of_harm() {
        let enums = [0x81, 0xA1, b'a'].repeat(40_000 / 3);
        assert_eq!(scan(&enums), Err(ScanError::TooDeep(64)));
        assert_eq!(scan(&[0x91; 40_000]), Err(ScanError::TooDeep(64)));
        assert_eq!(scan(&[0xC6, 0xFF, 0xFF, 0xFF, 0xFF, 1]), Err(ScanError::Truncated), "4 GiB of bytes");
        assert_eq!(scan(&[0xDD, 0xFF, 0xFF, 0xFF, 0xFF, 1]), Err(ScanError::Truncated), "4 Gi elements");
        assert_eq!(scan(&[0xDF, 0xFF, 0xFF, 0xFF, 0xFF, 1]), Err(ScanError::Truncated), "4 Gi pairs");
        assert_eq!(scan(&[0x01, 0x01]), Err(ScanError::Trailing));
        assert_eq!(scan(&[]), Err(ScanError::Truncated));
        assert_eq!(scan(&[0x92, 0xC1, 0x01]), Err(ScanError::Invalid(1)));
        let mut many = vec![0xDD, 0, 1, 0x86, 0xA0];
        many.resize(many.len() + 100_000, 0);
        assert_eq!(scan(&many), Err(ScanError::TooMany(100_000)));
    }

    #[test]
    fn a_depth_of_64_is_allowed_and_one_more_is_not() {
        let mut nested = vec![0x91; 63];
        nested.push(0x01);
        assert_eq!(scan(&nested), Ok(()));
        nested.insert(0, 0x91);
        assert_eq!(scan(&nested), Err(ScanError::TooDeep(64)));
    }

    proptest! {
        #[test]
        fn accepts_whatever_the_encoder_writes(
            value in proptest::collection::btree_map(any::<String>(), proptest::collection::vec(any::<(i64, f64, bool, Option<String>)>(), 0..8), 0..8)
        ) {
            prop_assert_eq!(scan(&rmp_serde::to_vec_named(&value).unwrap()), Ok(()));
        }
    }
}
