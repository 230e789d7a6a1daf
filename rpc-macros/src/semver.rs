//! Versions as semver.org defines them.

/// Whether this is `MAJOR.MINOR.PATCH`, with `-pre.release` and `+build` where wanted.
pub(crate) fn is_valid(version: &str) -> bool {
    let (version, build) = split(version, '+');
    let (core, pre_release) = split(version, '-');
    let numbers: Vec<&str> = core.split('.').collect();
    numbers.len() == 3
        && numbers.into_iter().all(is_number)
        && build.is_none_or(|build| build.split('.').all(is_identifier))
        && pre_release.is_none_or(|pre_release| pre_release.split('.').all(is_pre_release))
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn is_number(text: &str) -> bool {
    is_digits(text) && (text == "0" || !text.starts_with('0'))
}

fn is_pre_release(text: &str) -> bool {
    is_identifier(text) && (!is_digits(text) || is_number(text))
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn three_numbers_are_a_version() {
        for version in
            ["0.0.0", "1.2.3", "10.20.30", "1.0.0-rc.1", "1.0.0-0a", "1.0.0+20260101", "1.0.0--x.7+b.00"]
        {
            assert!(is_valid(version), "{version}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        for version in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "01.2.3",
            "1.2.x",
            "v1.2.3",
            "1.2.3-",
            "1.2.3-01",
            "1.2.3+",
            "1.2.3-a..b",
        ] {
            assert!(!is_valid(version), "{version}");
        }
    }
}
