//! Text from outside, made fit to be shown: the one place that strips what a terminal would obey.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `{"` in base64url, followed by a letter: how every token of RFC 7519 in compact form begins.
const TOKEN_START: &str = "eyJ";

/// The longest text from outside that stands in a message, in characters.
const LONGEST: usize = 300;

/// The last second of the year 9999: what an HTTP date can say.
const LAST_SECOND: u64 = 253_402_300_799;

/// `text` without control characters and without those that reorder or hide what is shown, cut at 300 characters.
///
/// Every claim, `error_description`, response body or configuration value goes through here before it reaches a
/// message. Control characters could move the cursor or set the window's title; bidirectional overrides could show
/// another name than the one that is there.
///
/// ```
/// assert_eq!(keyless_token::text::printable("ali\u{1b}[31mce\n"), "ali[31mce");
/// ```
pub fn printable(text: &str) -> String {
    let plain: String = text.chars().filter(|&c| is_plain(c)).collect();
    let mut shown = without_tokens(&plain);
    if let Some((end, _)) = shown.char_indices().nth(LONGEST) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

/// `text` with `…` for the rest of whatever begins as a JSON Web Token does. Servers and commands quote what they were
/// given in what they say of it.
fn without_tokens(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(TOKEN_START) {
        let (before, token) = rest.split_at(start);
        let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let end = token.find(|c| !is_token(c)).unwrap_or(token.len());
        kept.push_str(before);
        kept.push_str(TOKEN_START);
        if end > TOKEN_START.len() {
            kept.push('…');
        }
        rest = &token[end..];
    }
    kept + rest
}

/// The last cause of `error`, such as "connection refused": the ones before it only wrap it.
pub fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

/// A time as people and HTTP headers write it, in UTC: `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// Times before 1970 or after 9999 are shown as the nearest that can be written.
pub fn time(at: SystemTime) -> String {
    let seconds = at
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
        .min(LAST_SECOND);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

fn is_plain(c: char) -> bool {
    let invisible_or_reordering = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !invisible_or_reordering
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_survives() {
        for (given, shown) in [
            ("plain", "plain"),
            ("\u{1b}]0;title\u{7}x", "]0;titlex"),
            ("a\r\nb\tc", "abc"),
            ("\u{9b}31mred", "31mred"),
            ("user\u{202e}nimda", "usernimda"),
            ("zero\u{200b}width", "zerowidth"),
            ("tag\u{e0041}ged", "tagged"),
            ("ad\u{3164}\u{34f}min\u{fe0f}\u{e0101}\u{ffa0}", "admin"),
            ("übergröße ☂", "übergröße ☂"),
        ] {
            assert_eq!(printable(given), shown, "{given:?}");
        }
    }

    #[test]
    fn a_token_that_is_quoted_is_not_shown() {
        for (given, shown) in [
            (
                "token=eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln, sorry",
                "token=eyJ…, sorry",
            ),
            ("eyJhbGciOi\u{7}JFUzI1NiJ9.x", "eyJ…"),
            ("two: eyJhbGci.x eyJhbGci.y.", "two: eyJ… eyJ…"),
            ("eyJ", "eyJ"),
        ] {
            assert_eq!(printable(given), shown, "{given:?}");
        }
        let long = format!("{}eyJ{}", "x".repeat(LONGEST - 10), "y".repeat(500));
        assert!(!printable(&long).contains("yyy"));
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        let shown = printable(&"x".repeat(10_000));
        assert_eq!(shown.chars().count(), LONGEST + 1);
        assert!(shown.ends_with('…'));
    }

    #[test]
    fn any_time_can_be_written() {
        assert_eq!(
            time(UNIX_EPOCH - Duration::from_secs(1)),
            "Thu, 01 Jan 1970 00:00:00 GMT"
        );
        assert_eq!(
            time(UNIX_EPOCH + Duration::from_secs(u64::MAX / 4)),
            "Fri, 31 Dec 9999 23:59:59 GMT"
        );
    }
}
