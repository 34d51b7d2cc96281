//! The smallest safe change that would allow it: as a diff of the policy, or as a command.

use std::ops::Range;

use serde::Serialize;

use super::{
    Looking, diff,
    fix::{Fix, Miss},
};
use crate::{
    caller::Caller,
    json::{self, Kind, Value},
    keys::Context,
    policy::{Place, Policy},
};

/// One thing to do. A value that it proposes for a policy is exactly the token's, never a wildcard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What to do: a clause.
    pub words: String,
    /// The policy's change, as a unified diff.
    pub diff: Option<String>,
    /// A command of the AWS CLI, argument by argument.
    pub command: Option<Vec<String>>,
}

impl Change {
    pub(super) fn advice(words: &str) -> Self {
        Self {
            words: words.to_owned(),
            diff: None,
            command: None,
        }
    }

    pub(super) fn command(words: &str, command: &[&str]) -> Self {
        Self {
            command: Some(command.iter().map(|part| (*part).to_owned()).collect()),
            ..Self::advice(words)
        }
    }

    /// The command as one would type it in a shell.
    pub fn command_line(&self) -> Option<String> {
        let quoted = |part: &String| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,@+".contains(&byte);
            if !part.is_empty() && part.bytes().all(plain) {
                part.clone()
            } else {
                format!("'{}'", part.replace('\'', r"'\''"))
            }
        };
        let parts: Vec<_> = self.command.as_ref()?.iter().map(quoted).collect();
        Some(parts.join(" "))
    }
}

/// Writes the fixes of the nearest statement that has them for all it lacks into the policy, and proposes the result if it
/// does allow what is asked, and not to everybody else of the issuer as well: then it pins the subject besides.
pub(super) fn propose(looking: &Looking<'_>, text: &str, misses: &[Miss]) -> Option<Change> {
    let needed = &looking.decision.needed;
    let besides: Vec<_> = needed.iter().skip(1).map(String::as_str).collect();
    let stranger = stranger(looking);
    let lets = |policy: &Policy, context| policy.allows(looking.caller, &besides, context);
    let is_safe = |policy: &Policy| {
        stranger
            .as_ref()
            .is_none_or(|stranger| lets(looking.policy, stranger) || !lets(policy, stranger))
    };
    misses.iter().find_map(|miss| {
        let fixes = miss.fixes.clone().filter(|fixes| !fixes.is_empty())?;
        let pinned = pin(looking).map(|pin| [fixes.clone(), vec![pin]].concat());
        let (changed, is_pinned) = [Some(fixes), pinned]
            .into_iter()
            .flatten()
            .zip([false, true])
            .find_map(|(fixes, is_pinned)| {
                let changed = apply(text, miss.statement, &fixes)?;
                let policy = Policy::parse(&changed).ok()?;
                (lets(&policy, looking.context) && is_safe(&policy)).then_some((changed, is_pinned))
            })?;
        // A policy on one line is easier to compare when it is laid out.
        let lay_out = |text: &str| match json::parse(text) {
            Ok(value) if !text.trim().contains('\n') => pretty(&value, 0),
            _ => text.to_owned(),
        };
        let diff = diff::unified("trust-policy.json", &lay_out(text), &lay_out(&changed));
        let besides = if is_pinned {
            "; it pins the subject as well, since everybody else of the issuer would come in otherwise"
        } else {
            ""
        };
        Some(Change {
            words: format!("change statement {} of the trust policy{besides}", miss.statement),
            diff: Some(diff.chars().filter(|c| *c == '\n' || !c.is_control()).collect()),
            command: None,
        })
    })
}

/// The same request with the token of somebody else: every claim of the issuer's but the audience says another thing.
fn stranger(looking: &Looking<'_>) -> Option<Context> {
    let Caller::WebIdentity(provider) = looking.caller else {
        return None;
    };
    let prefix = format!("{}:", provider.key_prefix());
    let mut stranger = looking.context.clone();
    for (key, _) in looking.context.iter() {
        let claim = key.strip_prefix(&prefix);
        if claim.is_some_and(|claim| claim != "aud" && claim != "oaud") {
            stranger.set(key, ["(somebody else)"]);
        }
    }
    Some(stranger)
}

/// The condition that nobody but the token's subject meets.
fn pin(looking: &Looking<'_>) -> Option<Fix> {
    let Caller::WebIdentity(provider) = looking.caller else {
        return None;
    };
    let value = looking.token?.subject().to_owned();
    (!value.is_empty() && !value.contains("${")).then(|| Fix::Pin {
        key: format!("{}:sub", provider.key_prefix()),
        value,
    })
}

/// The text with the fixes written into it, and nothing else touched.
fn apply(text: &str, statement: usize, fixes: &[Fix]) -> Option<String> {
    let root = json::parse(text).ok()?;
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut additions: Vec<(&Value, Vec<String>)> = Vec::new();
    let one = *list(root.get("Statement")?).get(statement - 1)?;
    for fix in fixes {
        match fix {
            Fix::Pin { key, value } => {
                let pair = format!("{}: {}", quoted(key), quoted(value));
                let operator = format!("\"StringEquals\": {{{pair}}}");
                edits.push(match one.get("Condition") {
                    None => insertion(text, one, &format!("\"Condition\": {{{operator}}}"))?,
                    Some(condition) => match condition.get("StringEquals") {
                        Some(keys) => insertion(text, keys, &pair)?,
                        None => insertion(text, condition, &operator)?,
                    },
                });
            }
            Fix::Version => edits.push(match root.get("Version") {
                Some(version) => (version.span.clone(), quoted("2012-10-17")),
                None => (
                    root.span.start + 1..root.span.start + 1,
                    format!(
                        "{}\"Version\": \"2012-10-17\",",
                        break_after(text, root.span.start + 1)
                    ),
                ),
            }),
            Fix::Principal { index, name } => {
                let principals = one.get("Principal")?;
                let names = principals
                    .as_object()?
                    .iter()
                    .flat_map(|member| list(&member.value));
                let principal = names.into_iter().nth(*index)?;
                edits.push((principal.span.clone(), quoted(name)));
            }
            Fix::Action { replaces, name } => {
                let actions = one.get("Action")?;
                match replaces {
                    Some(index) => {
                        edits.push((list(actions).get(*index)?.span.clone(), quoted(name)));
                    }
                    None => add(&mut additions, actions, name),
                }
            }
            Fix::Key { condition, key } => {
                let (member, _) = self::condition(one, *condition)?;
                // A name's place is that of its opening quote; it ends where its own reading does.
                let start = offset(text, member.name.place)?;
                let name = json::parse(text.get(start..).and_then(first_string)?).ok()?;
                edits.push((start..start + name.span.end, quoted(key)));
            }
            Fix::Value {
                condition,
                replaces,
                value,
            } => {
                let (_, values) = self::condition(one, *condition)?;
                match replaces {
                    Some(index) => {
                        edits.push((list(values).get(*index)?.span.clone(), quoted(value)));
                    }
                    None => add(&mut additions, values, value),
                }
            }
        }
    }
    for (values, new) in additions {
        let (range, added) = addition(text, values, &new);
        // A single value may be replaced and joined by another at once.
        match edits.iter_mut().find(|(replaced, _)| *replaced == range) {
            Some((_, replacement)) => {
                let old = text.get(range).unwrap_or_default();
                *replacement = added.replacen(old, replacement, 1);
            }
            None => edits.push((range, added)),
        }
    }
    edits.sort_by_key(|(range, _)| range.start);
    let mut changed = text.to_owned();
    for (range, new) in edits.into_iter().rev() {
        changed.replace_range(range, &new);
    }
    Some(changed)
}

fn add<'a>(additions: &mut Vec<(&'a Value, Vec<String>)>, to: &'a Value, new: &str) {
    match additions
        .iter_mut()
        .find(|(values, _)| values.span == to.span)
    {
        Some((_, all)) => all.push(new.to_owned()),
        None => additions.push((to, vec![new.to_owned()])),
    }
}

/// How values are added to what may be a list or a single one, in the way the list is laid out.
fn addition(text: &str, values: &Value, new: &[String]) -> (Range<usize>, String) {
    let new: Vec<_> = new.iter().map(|value| quoted(value)).collect();
    match values.as_array() {
        None => {
            let old = text.get(values.span.clone()).unwrap_or_default();
            (values.span.clone(), format!("[{old}, {}]", new.join(", ")))
        }
        Some([]) => (values.span.clone(), format!("[{}]", new.join(", "))),
        Some([.., last]) => {
            let before = text.get(..last.span.start).unwrap_or_default();
            let gap = &before[before.trim_end().len()..]; // the space in front of the last one
            let gap = if gap.is_empty() { " " } else { gap };
            let between = format!(",{gap}");
            (
                last.span.end..last.span.end,
                between.clone() + &new.join(&between),
            )
        }
    }
}

/// How a member is added to an object, in the way the object is laid out.
fn insertion(text: &str, object: &Value, member: &str) -> Option<(Range<usize>, String)> {
    let Some(last) = object.as_object()?.last() else {
        return Some((object.span.clone(), format!("{{{member}}}")));
    };
    let before = text.get(..offset(text, last.name.place)?)?;
    let gap = &before[before.trim_end().len()..];
    let end = last.value.span.end;
    Some((end..end, format!(",{gap}{member}")))
}

/// The condition of this number, operators and keys counted through: its member, and its value or values.
fn condition(statement: &Value, number: usize) -> Option<(&json::Member, &Value)> {
    let operators = statement.get("Condition")?.as_object()?;
    let member = operators
        .iter()
        .filter_map(|operator| operator.value.as_object())
        .flatten()
        .nth(number)?;
    Some((member, &member.value))
}

fn list(value: &Value) -> Vec<&Value> {
    match value.as_array() {
        Some(values) => values.iter().collect(),
        None => vec![value],
    }
}

/// The byte at which a place is.
fn offset(text: &str, place: Place) -> Option<usize> {
    let line: usize = text
        .split_inclusive('\n')
        .take(place.line - 1)
        .map(str::len)
        .sum();
    let (before, _) = text.get(line..)?.char_indices().nth(place.column - 1)?;
    Some(line + before)
}

/// The JSON string that a text begins with.
fn first_string(text: &str) -> Option<&str> {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find_map(|(at, character)| {
        let ends = character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        ends.then_some(at)
    })?;
    text.get(..=end)
}

/// The line break and indentation that follow a place, if any does.
fn break_after(text: &str, at: usize) -> String {
    let rest = text.get(at..).unwrap_or_default();
    rest[..rest.len() - rest.trim_start().len()].to_owned()
}

fn pretty(value: &Value, depth: usize) -> String {
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    let block = |open: &str, lines: Vec<String>, close: &str| {
        if lines.is_empty() {
            format!("{open}{close}")
        } else {
            format!(
                "{open}\n{inner}{}\n{outer}{close}",
                lines.join(&format!(",\n{inner}"))
            )
        }
    };
    match &value.kind {
        Kind::Null => "null".to_owned(),
        Kind::Bool(value) => value.to_string(),
        Kind::Number(text) => text.clone(),
        Kind::String(text) => quoted(text),
        Kind::Array(values) => block(
            "[",
            values
                .iter()
                .map(|value| pretty(value, depth + 1))
                .collect(),
            "]",
        ),
        Kind::Object(members) => {
            let line = |member: &json::Member| {
                format!(
                    "{}: {}",
                    quoted(&member.name),
                    pretty(&member.value, depth + 1)
                )
            };
            block("{", members.iter().map(line).collect(), "}")
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
