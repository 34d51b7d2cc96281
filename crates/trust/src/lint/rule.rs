//! A rule of the catalogue: what it is called, how bad it is, why, and what to do.

use std::fmt;

/// How bad a finding is. The greater is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It works and is safe, and could be tidier.
    Hygiene,
    /// It does not do what it is meant to do: somebody who should get in is kept out, or IAM refuses it.
    Correctness,
    /// People or jobs get in who are near: another branch, a pull request, another project.
    High,
    /// Strangers get in.
    Critical,
}

impl Severity {
    /// `critical`, `high`, `correctness` or `hygiene`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Correctness => "correctness",
            Self::Hygiene => "hygiene",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A rule of the catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, stable from one version to the next: `subject-star`.
    pub id: &'static str,
    /// How bad a breach is.
    pub severity: Severity,
    /// What is wrong, as a lower-case clause.
    pub title: &'static str,
    /// Why that is bad.
    pub why: &'static str,
    /// What to do about it.
    pub fix: &'static str,
    /// A condition, or another part of a policy, that breaks the rule.
    pub bad: &'static str,
    /// The same, mended.
    pub good: &'static str,
    /// Who says so: the page of AWS or of the identity provider, or the report.
    pub source: &'static str,
}

impl Rule {
    /// All about the rule, for reading in a terminal: about twenty lines, the last one ended.
    pub fn page(&self) -> String {
        let indented = |text: &str| {
            let lines: Vec<_> = text
                .lines()
                .map(|line| {
                    format!(
                        "  {line}
"
                    )
                })
                .collect();
            lines.concat()
        };
        format!(
            "{} ({})\n{}\n\nWhy\n{}\nWhat to do\n{}\nInstead of\n{}\nwrite\n{}\nSource\n{}",
            self.id,
            self.severity,
            self.title,
            indented(&wrapped(self.why)),
            indented(&wrapped(self.fix)),
            indented(self.bad),
            indented(self.good),
            indented(&wrapped(self.source)),
        )
    }
}

/// Lines of at most 90 characters.
fn wrapped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < 90 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}
