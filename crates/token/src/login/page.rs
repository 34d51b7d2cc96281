//! What the browser shows when it comes back: neutral at first, then what came of the sign-in.

/// A page of the listener: a heading, what happened, and what to do.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) mood: Mood,
    pub(super) heading: String,
    pub(super) lines: Vec<String>,
}

/// How a page looks before it is read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mood {
    Good,
    Neutral,
    Bad,
}

impl Page {
    pub(super) fn new(mood: Mood, heading: impl Into<String>, lines: &[&str]) -> Self {
        Self {
            mood,
            heading: heading.into(),
            lines: lines.iter().map(|&line| line.to_owned()).collect(),
        }
    }

    /// The page as HTML: no script, nothing from elsewhere, and every text escaped.
    pub(super) fn html(&self) -> String {
        let heading = escape(&self.heading);
        let lines: Vec<String> = self
            .lines
            .iter()
            .map(|line| format!("<p>{}</p>", escape(line)))
            .collect();
        let lines = lines.concat();
        let (class, sign) = match self.mood {
            Mood::Good => ("good", "✓"),
            Mood::Neutral => ("neutral", "…"),
            Mood::Bad => ("bad", "!"),
        };
        format!(
            r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{heading} · keyless</title>
<style>{STYLE}</style></head>
<body><main class="{class}"><div class="sign" aria-hidden="true">{sign}</div><h1>{heading}</h1>{lines}</main></body>
</html>
"#
        )
    }
}

fn escape(text: &str) -> String {
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
p{margin:.5rem 0 0;color:var(--soft)}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_becomes_markup() {
        let html = Page::new(
            Mood::Bad,
            "<script>",
            &["a & b", "\"><img src=x onerror='x'>"],
        )
        .html();
        assert!(
            !html.contains("<script>") && !html.contains("<img") && html.contains("a &amp; b"),
            "{html}"
        );
    }
}
