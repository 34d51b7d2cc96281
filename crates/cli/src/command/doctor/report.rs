//! The report: a line for each check for people, or JSON for machines.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::finding::{Finding, State};
use super::mask::Mask;
use crate::output::{Output, Tone};
use crate::words::{WIDTH, whole, wrapped};

/// Everything that was found, in the order of the checks.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) profile: Option<String>,
    pub(super) findings: Vec<(&'static str, Finding)>,
}

impl Report {
    /// The same with nothing in it that says who somebody is.
    pub(super) fn masked(mut self, mask: &Mask) -> Self {
        for (_, finding) in &mut self.findings {
            finding.said = mask.over(&finding.said);
            finding.advice = finding.advice.as_deref().map(|advice| mask.over(advice));
        }
        self
    }

    /// The exit code of the first failure; 0 where there is none.
    pub(super) fn code(&self) -> u8 {
        let mut codes = self
            .findings
            .iter()
            .filter_map(|(_, finding)| match finding.state {
                State::Fail(code) => Some(code),
                _ => None,
            });
        codes.next().unwrap_or(0)
    }

    pub(super) fn text(&self, output: Output) -> String {
        let mut text = format!("keyless {} on {}", env!("CARGO_PKG_VERSION"), platform());
        if let Some(profile) = &self.profile {
            let _ = write!(text, ", profile {}", whole(profile));
        }
        text.push_str("\n\n");
        let longest = self.findings.iter().map(|(id, _)| id.len()).max();
        let column = longest.unwrap_or_default();
        for (id, finding) in &self.findings {
            let (mark, tone) = mark(finding.state);
            let mark = tone.map_or(mark.to_owned(), |tone| output.on_stdout(mark, tone));
            let lines = wrapped(&whole(&finding.said), WIDTH - column - 4);
            let advice = finding.advice.as_deref().map(whole);
            let advised = wrapped(&advice.unwrap_or_default(), WIDTH - column - 6);
            for (number, line) in lines.iter().enumerate() {
                let _ = match number {
                    0 => writeln!(text, "{mark} {id:<column$}  {line}"),
                    _ => writeln!(text, "  {:<column$}  {line}", ""),
                };
            }
            for (number, line) in advised.iter().enumerate() {
                let arrow = if number == 0 { "→" } else { " " };
                let arrow = output.on_stdout(arrow, Tone::Hint);
                let _ = writeln!(text, "  {:<column$}  {arrow} {line}", "");
            }
        }
        let _ = writeln!(text, "\n{}", self.summary());
        text
    }

    pub(super) fn json(&self) -> String {
        let checks: Vec<Value> = self
            .findings
            .iter()
            .map(|(id, finding)| {
                json!({
                    "id": id,
                    "state": word(finding.state),
                    "said": whole(&finding.said),
                    "advice": finding.advice.as_deref().map(whole),
                })
            })
            .collect();
        let whole = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "platform": platform(),
            "profile": self.profile,
            "checks": checks,
            "exit_code": self.code(),
        });
        format!("{whole:#}\n")
    }

    /// `1 failed (role), 2 warnings (config, entries), 12 passed, 3 not tried`.
    fn summary(&self) -> String {
        let count = |state: &str| {
            let of = self.findings.iter();
            of.filter(|(_, finding)| word(finding.state) == state)
                .count()
        };
        let warnings = match count("warn") {
            1 => "warning",
            _ => "warnings",
        };
        let parts = [
            ("fail", "failed"),
            ("warn", warnings),
            ("pass", "passed"),
            ("skip", "not tried"),
        ];
        let parts = parts.map(|(state, what)| (state, count(state), what));
        // In a long list, what to look at is found by its name.
        let named = |state: &str| {
            let of = self.findings.iter();
            let of = of.filter(|(_, finding)| word(finding.state) == state);
            of.map(|(id, _)| *id).collect::<Vec<_>>().join(", ")
        };
        let parts = parts.iter().filter(|(_, count, _)| *count > 0);
        let parts: Vec<String> = parts
            .map(|(state, count, what)| match *state {
                "fail" | "warn" => format!("{count} {what} ({})", named(state)),
                _ => format!("{count} {what}"),
            })
            .collect();
        parts.join(", ")
    }
}

fn platform() -> String {
    format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)
}

fn mark(state: State) -> (&'static str, Option<Tone>) {
    match state {
        State::Pass => ("✓", Some(Tone::Good)),
        State::Warn => ("!", Some(Tone::Warning)),
        State::Fail(_) => ("✗", Some(Tone::Bad)),
        State::Skip => ("–", None),
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Pass => "pass",
        State::Warn => "warn",
        State::Fail(_) => "fail",
        State::Skip => "skip",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_decides_how_it_ends() {
        let report = |findings: Vec<Finding>| Report {
            profile: None,
            findings: findings.into_iter().map(|finding| ("x", finding)).collect(),
        };
        for (findings, code, summary) in [
            (
                vec![Finding::pass(""), Finding::warn("")],
                0,
                "1 warning (x), 1 passed",
            ),
            (
                vec![
                    Finding::skip(""),
                    Finding::fail(6, ""),
                    Finding::fail(5, ""),
                ],
                6,
                "2 failed (x, x), 1 not tried",
            ),
        ] {
            let report = report(findings);
            assert_eq!((report.code(), &*report.summary()), (code, summary));
        }
    }
}
