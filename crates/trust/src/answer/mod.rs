//! What STS answers: each refusal with its code, text, cause and cure, in one table.
//!
//! Three readers share the table. A client turns an error into advice with [`classify`], a sandbox gives the real
//! service's words with [`Answer::refuse`], and an explanation predicts them. The rows are named `static`s, such as
//! [`NOT_AUTHORIZED`]; [`all`] gives every one.
//!
//! ```
//! use keyless_trust::answer::{self, Kind};
//!
//! let answer = answer::classify("InvalidIdentityToken", "Missing a required claim: sub").expect("a known code");
//! assert_eq!(answer.id, "missing-claim");
//! assert_eq!(answer.kind, Kind::TokenRejected);
//! assert_eq!(answer.render(&[("claim", "sub")]), "Missing a required claim: sub");
//! ```

mod rows;
mod saml;

use std::fmt;

pub use rows::*;
pub use saml::*;

/// One thing STS says, and what is to be made of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// A stable name in kebab-case, for scripts and documentation.
    pub id: &'static str,
    /// `<Code>` as it stands in the response.
    pub code: &'static str,
    /// The HTTP status the code comes with.
    pub status: u16,
    /// `<Message>` as the service words it now; what varies is a `{placeholder}`.
    pub text: &'static str,
    /// Wordings of earlier years, or looser ones, that mean the same. Compatible servers still send them.
    pub former: &'static [&'static str],
    /// Why STS says so: one clause.
    pub cause: &'static str,
    /// What to do about it.
    pub advice: &'static str,
    /// Who has to act.
    pub kind: Kind,
    /// Whether the same request may succeed a moment later.
    pub retry: bool,
}

/// What a refusal is about, and so who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The proof itself was not accepted: expired, malformed, or not for this account. A fresh one may be.
    TokenRejected,
    /// The proof was accepted and the role was not given.
    AccessDenied,
    /// Something in the request or in the account is set wrongly.
    Misconfigured,
    /// Too many requests.
    Throttled,
    /// STS, or the identity provider behind it, could not do its part.
    Unreachable,
    /// The answer was not one that STS gives.
    Malformed,
}

impl Answer {
    /// The current text, its placeholders filled in. A placeholder without a value stays as it is.
    pub fn render(&self, values: &[(&str, &str)]) -> String {
        let (head, named) = parts(self.text);
        let mut message = head.to_owned();
        for (name, text) in named {
            match values.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => message.push_str(value),
                None => message.extend(["{", name, "}"]),
            }
            message.push_str(text);
        }
        message
    }

    /// This answer, given: [`Answer::render`] and the row it came from.
    pub fn refuse(&'static self, values: &[(&str, &str)]) -> Refusal {
        Refusal {
            answer: self,
            message: self.render(values),
        }
    }

    fn says(&self, message: &str) -> bool {
        std::iter::once(&self.text)
            .chain(self.former)
            .any(|template| fits(template, message))
    }
}

/// The row for an error of STS: by `code` first, then by `message`.
///
/// A message that no row of the code knows gets the code's general row, an unknown code `None`. The code may carry
/// the suffix `Exception` or lack it, as the SDKs and the compatible servers do not agree about that.
pub fn classify(code: &str, message: &str) -> Option<&'static Answer> {
    let code = if code.starts_with("Throttl") || code == "TooManyRequestsException" {
        THROTTLING.code
    } else {
        code
    };
    // `ExpiredToken` and `ExpiredTokenException` are two things, so a code to the letter comes first.
    let exact = || all().filter(|row| row.code == code);
    let loose = || all().filter(|row| bare(row.code) == bare(code));
    let find = |rows: Vec<&'static Answer>| {
        let row = rows.iter().find(|row| row.says(message)).or(rows.last());
        row.copied()
    };
    find(exact().collect()).or_else(|| find(loose().collect()))
}

/// Every row. Within a code they go from the particular to the general: the last one is the code's general row.
pub fn all() -> impl Iterator<Item = &'static Answer> {
    SAML.iter().chain(ROWS).copied()
}

/// The row called `id`.
pub fn of_id(id: &str) -> Option<&'static Answer> {
    all().find(|row| row.id == id)
}

fn bare(code: &str) -> &str {
    code.strip_suffix("Exception").unwrap_or(code)
}

/// STS says no: the row, and its text for this request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it means.
    pub answer: &'static Answer,
    /// What STS would put into `<Message>`.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A message may repeat what a request said.
        let message: String = self.message.chars().filter(|c| !c.is_control()).collect();
        write!(f, "{} ({}: {message})", self.answer.cause, self.answer.code)
    }
}

impl std::error::Error for Refusal {}

/// Cuts a template at its placeholders: the text before the first, then each name with the text that follows it.
fn parts(template: &str) -> (&str, impl DoubleEndedIterator<Item = (&str, &str)>) {
    let (head, tail) = template.split_at(template.find('{').unwrap_or(template.len()));
    let named = tail.split('{').filter_map(|piece| piece.split_once('}'));
    (head, named)
}

/// Whether a message is the template with something, or nothing, in each placeholder.
fn fits(template: &str, message: &str) -> bool {
    let (head, mut named) = parts(template);
    let Some((_, last)) = named.next_back() else {
        return message == template;
    };
    let Some(between) = message
        .strip_prefix(head)
        .and_then(|rest| rest.strip_suffix(last))
    else {
        return false;
    };
    // Taking each text at its first place leaves the most room for the ones after it.
    named
        .try_fold(between, |rest, (_, text)| {
            rest.find(text).map(|at| &rest[at + text.len()..])
        })
        .is_some()
}

#[cfg(test)]
mod tests;
