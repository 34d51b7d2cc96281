//! What the browser shows when it comes back: neutral at first, then what came of the sign-in.

use crate::error::{TokenError, TokenErrorKind};

/// A page of the listener: a heading, what happened, and what to do.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    mood: Mood,
    heading: String,
    lines: Vec<String>,
    asks_again: bool,
}

/// How a page looks before it is read.
#[derive(Clone, Copy, Debug)]
enum Mood {
    Good,
    Neutral,
    Bad,
}

impl Page {
    /// The token has been checked, and it is `who`'s.
    pub(crate) fn signed_in(who: &str) -> Self {
        Self::new(
            Mood::Good,
            format!("Signed in as {who}"),
            &["You can close this page and go back to your terminal."],
        )
    }

    /// It came to nothing.
    pub(crate) fn failed(error: &TokenError) -> Self {
        let heading = match error.kind() {
            TokenErrorKind::TimedOut => "Too late to sign in",
            _ => "You are not signed in",
        };
        let advice = error.advice().unwrap_or("see your terminal");
        Self::new(
            Mood::Bad,
            heading,
            &[&sentence(&error.to_string()), &sentence(advice)],
        )
    }

    /// The token is being fetched and checked; the page asks again by itself.
    pub(super) fn checking() -> Self {
        let page = Self::new(
            Mood::Neutral,
            "Checking your sign-in",
            &[
                "This takes a moment. You can also go back to your terminal, which says what comes of it.",
            ],
        );
        Self {
            asks_again: true,
            ..page
        }
    }

    /// A response that belongs to no sign-in, or to another one.
    pub(super) fn not_this_one() -> Self {
        Self::new(
            Mood::Neutral,
            "This belongs to something else",
            &[
                "The page may be left over from an earlier time. It has changed nothing.",
                "Go on in the tab that was opened last, or run the command again.",
            ],
        )
    }

    /// The one-time link, for the second time.
    pub(super) fn link_used() -> Self {
        Self::new(
            Mood::Neutral,
            "This link has been used",
            &[
                "It leads on once, and was opened before. Go on in the tab where it was opened.",
                "If it was not you who opened it, press Ctrl-C in your terminal and run the command again.",
            ],
        )
    }

    /// A script is about to pass on what the browser brought.
    pub(super) fn relaying() -> Self {
        Self::new(Mood::Neutral, "Bringing your sign-in back", &[])
    }

    /// A script is about to press the button of a form.
    pub(super) fn going_on() -> Self {
        Self::new(Mood::Neutral, "On the way to your identity provider", &[])
    }

    /// The identity provider has sent the browser back, and has not signed the person out.
    pub(super) fn failed_to_sign_out(error: &TokenError) -> Self {
        let advice = error.advice().unwrap_or("see your terminal");
        Self::new(
            Mood::Bad,
            "You may still be signed in",
            &[&sentence(&error.to_string()), &sentence(advice)],
        )
    }

    /// The identity provider has sent the browser back after a sign-out.
    pub(super) fn signed_out() -> Self {
        Self::new(
            Mood::Good,
            "You are signed out",
            &[
                "Your identity provider has sent you back after the sign-out. Sites that you use with the same account may go on.",
                "You can close this page.",
            ],
        )
    }

    /// Whatever else is asked for.
    pub(super) fn nothing_here() -> Self {
        Self::new(
            Mood::Neutral,
            "There is nothing here",
            &["Somebody is waited for at this address, and this is not the way there."],
        )
    }

    fn new(mood: Mood, heading: impl Into<String>, lines: &[&str]) -> Self {
        Self {
            mood,
            heading: heading.into(),
            lines: lines.iter().map(|&line| line.to_owned()).collect(),
            asks_again: false,
        }
    }

    /// The page as HTML: no script, nothing from elsewhere, and every text escaped.
    pub(super) fn html(&self) -> String {
        self.html_with("")
    }

    /// The page as HTML, with markup of ours behind its lines.
    pub(super) fn html_with(&self, markup: &str) -> String {
        let heading = escape(&self.heading);
        let lines: Vec<String> = self
            .lines
            .iter()
            .map(|line| format!("<p>{}</p>", with_code(&escape(line))))
            .collect();
        let lines = lines.concat();
        let (class, sign) = match self.mood {
            Mood::Good => ("good", "✓"),
            Mood::Neutral if self.asks_again => ("neutral", "…"),
            Mood::Neutral => ("neutral", "i"),
            Mood::Bad => ("bad", "!"),
        };
        let refresh = if self.asks_again {
            r#"<meta http-equiv="refresh" content="1">"#
        } else {
            ""
        };
        format!(
            r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">{refresh}<title>{heading} · keyless</title>
<style>{STYLE}</style></head>
<body><main class="{class}"><div class="sign" aria-hidden="true">{sign}</div><div role="status"><h1>{heading}</h1>{lines}{markup}</div></main></body>
</html>
"#
        )
    }
}

/// One of our clauses as a sentence.
fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let first = letters.next().map(char::to_uppercase);
    let rest = letters.as_str();
    // An address begins a message as it is written, and a question or a cut text ends as it does.
    let first: String = match first {
        Some(_) if clause.starts_with("http") => clause.chars().take(1).collect(),
        Some(first) => first.collect(),
        None => String::new(),
    };
    let end = if clause.ends_with(['.', '?', '…']) {
        ""
    } else {
        "."
    };
    format!("{first}{rest}{end}")
}

/// What stands between backticks, set as what is typed.
fn with_code(escaped: &str) -> String {
    let mut html = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((text, (code, after))) = rest
        .split_once('`')
        .and_then(|(text, after)| Some((text, after.split_once('`')?)))
    {
        html.extend([text, "<code>", code, "</code>"]);
        rest = after;
    }
    html + rest
}

pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d2430;--soft:#56606f;--ground:#f4f6f9;--card:#fff;--line:#dfe4ea;--good:#1a7f4b;--bad:#b3261e;--neutral:#56606f}\
@media(prefers-color-scheme:dark){:root{--ink:#e8ebf0;--soft:#a9b2bf;--ground:#14181e;--card:#1d232b;--line:#333c48;--good:#5fce93;--bad:#ff8a80;--neutral:#a9b2bf}}\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--ground);color:var(--ink);font:1.0625rem/1.55 system-ui,sans-serif}\
main{max-width:30rem;width:100%;padding:2.25rem;background:var(--card);border:1px solid var(--line);border-radius:1rem;overflow-wrap:anywhere}\
.sign{width:2.75rem;height:2.75rem;border-radius:50%;border:2px solid;display:grid;place-items:center;font-size:1.35rem;font-weight:600}\
.good .sign{color:var(--good)}.bad .sign{color:var(--bad)}.neutral .sign{color:var(--neutral)}\
h1{font-size:1.4rem;line-height:1.3;margin:1.25rem 0 .75rem}\
p{margin:.5rem 0 0;color:var(--soft);text-wrap:pretty}\
code{display:inline-block;font:.95em/1.2 ui-monospace,monospace;color:var(--ink)}\
@media(max-width:30rem){body{padding:1rem}main{padding:1.5rem}}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_becomes_markup() {
        let refusal = TokenError::new(
            TokenErrorKind::Refused,
            "<script>alert(1)</script>\"><img src=x onerror='x'>",
        );
        for page in [
            Page::signed_in("a & b <script>"),
            Page::failed(&refusal.with_advice("</p><form action=\"//evil.example\">")),
        ] {
            let html = page.html();
            for markup in ["<script", "<img", "<form", "onerror='"] {
                assert!(!html.contains(markup), "{markup}: {html}");
            }
        }
        assert!(Page::signed_in("a & b").html().contains("a &amp; b"));
    }

    #[test]
    fn every_page_can_be_read_aloud_and_fetches_nothing() {
        for page in every_page() {
            let html = page.html();
            for once in [
                "<html lang=\"en\">",
                "<h1>",
                "role=\"status\"",
                "<title>",
                "<main",
            ] {
                assert_eq!(html.matches(once).count(), 1, "{once}: {html}");
            }
            for never in ["src=", "href=", "url(", "@import", "<script", "://"] {
                let ours = html.replace("https://issuer.example", "");
                assert!(!ours.contains(never), "{never}: {html}");
            }
        }
    }

    #[test]
    fn our_clauses_become_sentences() {
        for (clause, said) in [
            ("sign in again", "Sign in again."),
            (
                "https://issuer.example refused",
                "https://issuer.example refused.",
            ),
            ("did you mean it?", "Did you mean it?"),
            ("", "."),
        ] {
            assert_eq!(sentence(clause), said);
        }
        for (text, html) in [
            (
                "run `a -b` and `c`",
                "run <code>a -b</code> and <code>c</code>",
            ),
            ("a ` alone", "a ` alone"),
        ] {
            assert_eq!(with_code(text), html);
        }
    }

    /// Writes every page to the folder that `KEYLESS_PAGES` names, if it names one, to be looked at in a browser.
    #[test]
    #[ignore = "for eyes: set KEYLESS_PAGES to a folder"]
    fn pages_to_look_at() {
        let Some(folder) = std::env::var_os("KEYLESS_PAGES") else {
            return;
        };
        for (number, page) in every_page().iter().enumerate() {
            let file = std::path::Path::new(&folder).join(format!("{number}.html"));
            std::fs::write(file, page.html()).expect("written");
        }
    }

    fn every_page() -> Vec<Page> {
        let refused = TokenError::new(
            TokenErrorKind::Refused,
            "https://issuer.example refused the sign-in (access_denied: the person refused to sign in)",
        )
        .with_advice("sign in again, or ask whoever runs the identity provider to let you in");
        let late = TokenError::new(
            TokenErrorKind::TimedOut,
            "nobody signed in at https://issuer.example within 300 seconds",
        )
        .with_advice("run the command again, with a longer `--timeout` if you need more time");
        let at_length =
            TokenError::new(TokenErrorKind::Refused, "x".repeat(100) + &" y".repeat(100));
        vec![
            Page::signed_in("alice@example.com"),
            Page::failed(&refused),
            Page::failed(&late),
            Page::not_this_one(),
            Page::link_used(),
            Page::checking(),
            Page::nothing_here(),
            Page::signed_out(),
            Page::failed_to_sign_out(&refused),
            Page::going_on(),
            Page::failed(&at_length),
        ]
    }
}
