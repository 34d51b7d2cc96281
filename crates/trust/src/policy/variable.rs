//! Policy variables, such as `${aws:RequestTag/team, 'none'}`: filled in with what the request has.
//!
//! Source: IAM user guide, "IAM policy elements: Variables and tags".

use std::borrow::Cow;

use crate::{
    keys::Context,
    policy::{
        Test, Version,
        wildcard::{Glyph, glyphs_match},
    },
};

/// A condition's value, ready to be compared.
#[derive(Debug)]
pub(super) enum Wanted<'a> {
    /// As it stands in the policy.
    Plain(&'a str),
    /// With its variables filled in. What they brought is text, whatever it looks like.
    Filled(Vec<Glyph>),
    /// A variable has no value, and so the value has none: it equals nothing and nothing is like it.
    Nothing,
}

/// The values of a condition for one request.
///
/// The old language has no variables, nor have operators that compare anything but strings and ARNs: there `${…}` is text.
pub(super) fn resolve<'a>(
    values: &'a [impl AsRef<str>],
    test: Test,
    version: Version,
    context: &Context,
) -> Vec<Wanted<'a>> {
    let variables = version == Version::V2012 && test.takes_variables();
    values
        .iter()
        .map(|value| {
            let value = value.as_ref();
            if variables && value.contains("${") {
                fill(value, context).map_or(Wanted::Nothing, Wanted::Filled)
            } else {
                Wanted::Plain(value)
            }
        })
        .collect()
}

fn fill(value: &str, context: &Context) -> Option<Vec<Glyph>> {
    let mut filled = Vec::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((variable, after)) = after.split_once('}') else {
            break; // never closed: text
        };
        filled.extend(before.chars().map(Glyph::of));
        filled.extend(one(variable, context)?.chars().map(Glyph::Char));
        rest = after;
    }
    filled.extend(rest.chars().map(Glyph::of));
    Some(filled)
}

/// `${*}`, `${?}` and `${$}` are those characters. A key that has several values has none to fill in.
fn one<'a>(variable: &'a str, context: &'a Context) -> Option<&'a str> {
    if matches!(variable, "*" | "?" | "$") {
        return Some(variable);
    }
    let (key, default) = match variable.split_once(',') {
        None => (variable, None),
        Some((key, default)) => {
            let quoted = default.trim().strip_prefix('\'');
            (key, quoted.and_then(|default| default.strip_suffix('\'')))
        }
    };
    match context.values(key.trim()) {
        Some([value]) => Some(value),
        _ => default,
    }
}

impl Wanted<'_> {
    /// The value where there are no wildcards; `None` for one that equals nothing.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Plain(text) => Some(Cow::Borrowed(text)),
            Self::Filled(glyphs) => Some(glyphs.iter().map(|glyph| glyph.literal()).collect()),
            Self::Nothing => None,
        }
    }

    /// Whether a text is like it, `*` and `?` being wildcards.
    pub(super) fn is_like(&self, text: &str) -> bool {
        match self {
            Self::Plain(pattern) => glyphs_match(pattern.chars().map(Glyph::of), text),
            Self::Filled(glyphs) => glyphs_match(glyphs.iter().copied(), text),
            Self::Nothing => false,
        }
    }

    /// Whether an ARN is like it: each of the six parts by itself, so that no wildcard crosses the colon before the last.
    pub(super) fn is_arn_like(&self, arn: &str) -> bool {
        let glyphs: Vec<Glyph> = match self {
            Self::Plain(pattern) => pattern.chars().map(Glyph::of).collect(),
            Self::Filled(glyphs) => glyphs.clone(),
            Self::Nothing => return false,
        };
        let wanted: Vec<_> = glyphs
            .splitn(6, |glyph| *glyph == Glyph::Char(':'))
            .collect();
        let found: Vec<_> = arn.splitn(6, ':').collect();
        wanted.len() == 6
            && found.len() == 6
            && wanted
                .iter()
                .zip(found)
                .all(|(wanted, found)| glyphs_match(wanted.iter().copied(), found))
    }
}
