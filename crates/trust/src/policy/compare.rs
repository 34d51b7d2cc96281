//! What a number, a date, an address and bytes are in a condition, and how two of them compare.

use std::{cmp::Ordering, net::IpAddr};

use base64::{Engine, engine::general_purpose::STANDARD};

/// A number: digits, a sign, a fraction, an exponent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(i128),
    Fraction(f64),
}

pub(super) fn number(text: &str) -> Option<Number> {
    if let Ok(whole) = text.parse() {
        return Some(Number::Whole(whole));
    }
    // Rust reads "inf" and "NaN" as numbers as well.
    let digits = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse()
        .ok()
        .filter(|number: &f64| digits && number.is_finite())
        .map(Number::Fraction)
}

impl Number {
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        #[allow(
            clippy::cast_precision_loss,
            reason = "the other one is no more precise"
        )]
        let float = |number| match number {
            Self::Whole(whole) => whole as f64,
            Self::Fraction(fraction) => fraction,
        };
        match (self, other) {
            (Self::Whole(left), Self::Whole(right)) => Some(left.cmp(&right)),
            (left, right) => float(left).partial_cmp(&float(right)),
        }
    }
}

/// A moment in nanoseconds of Unix time: ISO 8601 as W3C profiles it (`2026-11-22`, `2026-11-22T18:00:00Z`,
/// `2026-11-22T18:00+01:00`), or seconds. Four digits are a year.
pub(crate) fn date(text: &str) -> Option<i128> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if unsigned.len() != 4 && unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(i128::from(text.parse::<i64>().ok()?) * SECOND);
    }
    let (day, time) = match text.split_once(['T', 't']) {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let mut parts = day.splitn(3, '-');
    let year = digits(parts.next()?, 4)?;
    let month = parts.next().map_or(Some(1), |month| digits(month, 2))?;
    let last = parts.next();
    if time.is_some() && last.is_none() {
        return None; // a time needs a whole day
    }
    let day = last.map_or(Some(1), |day| digits(day, 2))?;
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    let midnight = i128::from(days_from_epoch(year, month, day)) * DAY;
    Some(midnight + time.map_or(Some(0), time_of_day)?)
}

/// `18:00Z`, `18:00:00.5+01:00`: nanoseconds since midnight in UTC.
fn time_of_day(text: &str) -> Option<i128> {
    let zone = text.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = text.split_at(zone);
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let (hours, minutes) = zone[1..].split_once(':')?;
            let offset = digits(hours, 2)? * 60 + digits(minutes, 2)?;
            if zone.starts_with('-') {
                -offset
            } else {
                offset
            }
        }
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = match parts.next() {
        Some(second) => digits(second, 2)?,
        None if fraction.is_empty() => 0,
        None => return None,
    };
    if hour > 23
        || minute > 59
        || second > 60
        || !fraction.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let nanoseconds: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(9)
        .collect();
    let seconds = (hour * 60 + minute - offset) * 60 + second;
    Some(i128::from(seconds) * SECOND + nanoseconds.parse::<i128>().ok()?)
}

fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, the year beginning in March so that the leap day is last.
fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
        - 719_468
}

/// An address or a block of them: `203.0.113.7`, `203.0.113.0/24`, `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    address: u128,
    prefix: u32,
    width: u32,
}

pub(super) fn block(text: &str) -> Option<Block> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let (address, width) = match address.parse().ok()? {
        IpAddr::V4(four) => (u128::from(u32::from(four)), 32),
        IpAddr::V6(six) => (u128::from(six), 128),
    };
    let prefix = match prefix {
        None => width,
        Some(prefix) => prefix.parse().ok().filter(|prefix| *prefix <= width)?,
    };
    Some(Block {
        address,
        prefix,
        width,
    })
}

impl Block {
    /// Whether all of the other block lies in this one.
    pub(super) fn contains(self, other: Self) -> bool {
        let shift = self.width - self.prefix;
        let network = |block: Self| block.address.checked_shr(shift).unwrap_or(0); // a /0 of version 6 shifts all out
        self.width == other.width && self.prefix <= other.prefix && network(self) == network(other)
    }
}

/// The bytes of a base64 text.
pub(super) fn binary(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

const SECOND: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * SECOND;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_every_form_that_the_guide_names() {
        for (text, seconds) in [
            ("1970-01-01", Some(0)),
            ("1970", Some(0)),
            ("2026-11", Some(1_793_491_200)),
            ("2026-11-22T18:00:00Z", Some(1_795_370_400)),
            ("2026-11-22T18:00Z", Some(1_795_370_400)),
            ("2026-11-22T19:00:00+01:00", Some(1_795_370_400)),
            ("2026-11-22T12:30:00-05:30", Some(1_795_370_400)),
            ("1795370400", Some(1_795_370_400)),
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("2000-02-29", Some(951_782_400)),
            ("1900-02-29", None),
            ("0000-01-01", Some(-62_167_219_200)),
            ("2026-13-01", None),
            ("2026-1-1", None),
            ("2026-11-22T18:00:00", None), // no zone
            ("2026-11T18:00Z", None),
            ("2026-11-22T25:00Z", None),
            ("tomorrow", None),
            ("", None),
            ("-", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(
                date(text),
                seconds.map(|seconds: i128| seconds * SECOND),
                "{text}"
            );
        }
        assert_eq!(date("1970-01-01T00:00:00.25Z"), Some(250_000_000));
    }

    #[test]
    fn a_block_contains_what_begins_as_it_does() {
        for (wide, narrow, contains) in [
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.114.0", false),
            ("203.0.113.7", "203.0.113.7", true),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("0.0.0.0/0", "::1", false),
            ("203.0.113.7", "203.0.113.0/24", false),
        ] {
            let (wide, narrow) = (block(wide).expect(wide), block(narrow).expect(narrow));
            assert_eq!(wide.contains(narrow), contains, "{wide:?} {narrow:?}");
        }
        for wrong in [
            "",
            "203.0.113",
            "203.0.113.0/33",
            "::/129",
            "10.0.0.0/-1",
            "a/8",
        ] {
            assert_eq!(block(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn numbers_compare_as_numbers() {
        let compare = |left, right| number(left)?.compare(number(right)?);
        assert_eq!(compare("10", "9"), Some(Ordering::Greater));
        assert_eq!(compare("1.0", "1"), Some(Ordering::Equal));
        assert_eq!(
            compare("9007199254740993", "9007199254740992"),
            Some(Ordering::Greater)
        );
        assert_eq!(compare("-2e3", "-1999.5"), Some(Ordering::Less));
        for wrong in ["", "inf", "NaN", "0x10", "1,5", "e", "1e999"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }
}
