//! Times and names as people read them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use keyless::text;

use crate::output;

/// RFC 3339 in UTC, whole seconds: `2026-01-01T00:00:00Z`.
pub(crate) fn rfc3339(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    });
    // Fails for years beyond 9999 alone, and no token or session lasts until then.
    DateTime::from_secs(seconds)
        .fmt(Format::DateTime)
        .unwrap_or_else(|_| "9999-12-31T23:59:59Z".into())
}

/// `2026-01-01 14:05 UTC, in 59 minutes`, or how long ago.
pub(crate) fn when(at: SystemTime, now: SystemTime) -> String {
    let stamp = rfc3339(at).replace('T', " ");
    let minute = stamp.rsplit_once(':').map_or(&*stamp, |(minute, _)| minute);
    let distance = match at.duration_since(now) {
        Ok(left) => format!("in {}", length(left)),
        Err(past) => format!("{} ago", length(past.duration())),
    };
    format!("{minute} UTC, {distance}")
}

/// `45 seconds`, `59 minutes`, `1 hour`, `11 h 30 min`: the two parts that matter, rounded.
pub(crate) fn length(time: Duration) -> String {
    let plural =
        |count: u64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let minutes = if time < Duration::from_mins(1) {
        0
    } else {
        (time.as_secs() + 30) / 60
    };
    match (minutes / 60, minutes % 60) {
        (0, 0) => plural(time.as_secs(), "second"),
        (0, minutes) => plural(minutes, "minute"),
        (hours, 0) => plural(hours, "hour"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// Reads a length of time from the command line, where an error has one line.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    keyless::parse_duration(text)
        .map_err(|error| format!("{error}; {}", error.advice().unwrap_or_default()))
}

/// How long a person may be waited for. Nobody waits longer than a token lives.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    match time(text)? {
        timeout if timeout > Duration::from_hours(24) => Err("at most 24h".into()),
        timeout => Ok(timeout),
    }
}

/// All of `text`, however long, without what a terminal would obey.
pub(crate) fn whole(text: &str) -> String {
    let one = |c: char| text::printable(c.encode_utf8(&mut [0; 4]));
    text.chars().map(one).collect()
}

/// The name at the end of a role's ARN.
pub(crate) fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// How wide a line may be, since what is said is read on terminals and in issues.
pub(crate) const WIDTH: usize = 80;

/// `text` behind `head`; on a terminal in lines of [`WIDTH`], the further ones as far to the right as `text` begins. It ends its line.
pub(crate) fn folded(head: &str, text: &str) -> String {
    if !output::stdout_is_terminal() {
        return format!("{head}{text}\n");
    }
    let margin = head.chars().count();
    let lines = wrapped(text, WIDTH - margin);
    let between = format!("\n{:margin$}", "");
    format!("{head}{}\n", lines.join(&between))
}

/// `text` in lines of at most `width` characters, broken between words. A word that is longer stays whole, so that it can be
/// copied.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut room = 0;
    if text.is_empty() {
        return lines;
    }
    for word in text.split(' ') {
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if length < room => {
                line.push(' ');
                line.push_str(word);
                room -= length + 1;
            }
            _ => {
                lines.push(word.to_owned());
                room = width.saturating_sub(length);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_no_word_is_broken() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("one  two", 100), ["one  two"]);
        assert_eq!(
            wrapped("a https://id.example/long b", 6),
            ["a", "https://id.example/long", "b"]
        );
        assert!(wrapped("", 10).is_empty());
    }

    #[test]
    fn nobody_is_waited_for_longer_than_a_day() {
        assert_eq!(timeout("24h"), Ok(Duration::from_hours(24)));
        for long in ["24h1s", "18446744073709551615"] {
            assert_eq!(timeout(long), Err("at most 24h".into()));
        }
    }

    #[test]
    fn a_long_text_is_shown_whole_and_tame() {
        let long = "x".repeat(400);
        assert_eq!(whole(&format!("\u{1b}{long}\n")), long);
    }

    #[test]
    fn times_are_told_as_people_say_them() {
        let now = UNIX_EPOCH + Duration::from_hours(500_000);
        for (seconds, said) in [
            (45, "2027-01-15 08:00 UTC, in 45 seconds"),
            (3540, "2027-01-15 08:59 UTC, in 59 minutes"),
            (3599, "2027-01-15 08:59 UTC, in 1 hour"),
            (3600, "2027-01-15 09:00 UTC, in 1 hour"),
            (41_400, "2027-01-15 19:30 UTC, in 11 h 30 min"),
        ] {
            assert_eq!(when(now + Duration::from_secs(seconds), now), said);
        }
        assert_eq!(
            when(now, now + Duration::from_mins(2)),
            "2027-01-15 08:00 UTC, 2 minutes ago"
        );
        assert_eq!(
            rfc3339(now + Duration::from_millis(999)),
            "2027-01-15T08:00:00Z"
        );
    }
}
