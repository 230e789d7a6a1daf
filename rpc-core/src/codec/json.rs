//! The limits of [`scan`](super::scan) for JSON.

use super::scan::{ScanError, ScanLimits};

/// Checks depth and number of values, and that nothing follows the value. The grammar itself is left to the decoder.
pub(crate) fn scan(bytes: &[u8], limits: ScanLimits) -> Result<(), ScanError> {
    let mut depth = 0_usize;
    let mut values = 0;
    let mut complete = false;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' => continue,
            b']' | b'}' => {
                depth = depth.checked_sub(1).ok_or(ScanError::Invalid(at - 1))?;
                complete = depth == 0;
                continue;
            }
            _ if complete => return Err(ScanError::Trailing),
            _ => {}
        }
        values += 1;
        if values > limits.values {
            return Err(ScanError::TooMany(limits.values));
        }
        match byte {
            b'[' | b'{' => {
                depth += 1;
                if depth > limits.depth {
                    return Err(ScanError::TooDeep(limits.depth));
                }
            }
            b'"' => at = string_end(bytes, at)?,
            _ => at = scalar_end(bytes, at),
        }
        complete = depth == 0;
    }
    if complete { Ok(()) } else { Err(ScanError::Truncated) }
}

/// Behind the closing quote of the string that has begun before `at`.
fn string_end(bytes: &[u8], mut at: usize) -> Result<usize, ScanError> {
    loop {
        match bytes.get(at).ok_or(ScanError::Truncated)? {
            b'"' => return Ok(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Behind the last byte of a number or a word.
fn scalar_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let length = rest.iter().position(|byte| b" \t\r\n,:]}[{\"".contains(byte));
    at + length.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<(), ScanError> {
        scan(json.as_bytes(), ScanLimits { depth: 4, values: 20 })
    }

    #[test]
    fn counts_what_a_decoder_would_build() {
        assert_eq!(check(r#" {"a": [1, "x\"]}[[[[[[", null]} "#), Ok(()));
        assert_eq!(check("[[[[1]]]]"), Ok(()));
        assert_eq!(check("[[[[[1]]]]]"), Err(ScanError::TooDeep(4)));
        assert_eq!(check(&format!("[{}1]", "1,".repeat(18))), Ok(()));
        assert_eq!(check(&format!("[{}1]", "1,".repeat(19))), Err(ScanError::TooMany(20)));
        assert_eq!(check("1 2"), Err(ScanError::Trailing));
        assert_eq!(check("{} {}"), Err(ScanError::Trailing));
        assert_eq!(check("[1"), Err(ScanError::Truncated));
        assert_eq!(check(r#""open"#), Err(ScanError::Truncated));
        assert_eq!(check("]"), Err(ScanError::Invalid(0)));
        assert_eq!(check(""), Err(ScanError::Truncated));
    }
}
