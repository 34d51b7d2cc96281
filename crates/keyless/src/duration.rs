//! Lengths of time as people write them.

use std::time::Duration;

use crate::error::ConfigError;

/// Reads `90s`, `15m`, `1h`, `1h30m`, or a plain number of seconds.
///
/// ```
/// # use std::time::Duration;
/// assert_eq!(keyless::parse_duration("1h30m").unwrap(), Duration::from_secs(5400));
/// ```
///
/// # Errors
/// With the text that was found.
pub fn parse_duration(text: &str) -> Result<Duration, ConfigError> {
    let unreadable = || {
        ConfigError::new(format!("{text:?} is not a length of time"))
            .with_advice("write it as 15m, 1h, 1h30m or 3600 (seconds)")
    };
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let (mut total, mut number) = (0_u64, String::new());
    for c in text.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let unit = match c {
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return Err(unreadable()),
        };
        let count: u64 = number.parse().map_err(|_| unreadable())?;
        total = count
            .checked_mul(unit)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(unreadable)?;
        number.clear();
    }
    if text.is_empty() || !number.is_empty() {
        return Err(unreadable());
    }
    Ok(Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("1h", Some(3600)),
            ("90m", Some(5400)),
            ("1h30m", Some(5400)),
            ("45s", Some(45)),
            ("3600", Some(3600)),
        ] {
            assert_eq!(
                parse_duration(text).ok().map(|duration| duration.as_secs()),
                seconds,
                "{text:?}"
            );
        }
        for text in [
            "",
            "h",
            "1h30",
            "-1h",
            "1 h",
            "1d",
            "99999999999999999999h",
            "18446744073709551615h",
        ] {
            assert!(parse_duration(text).is_err(), "{text:?}");
        }
    }
}
