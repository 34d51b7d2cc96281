//! Parameters of a call, checked as the API model says before anything else is looked at.
//!
//! The lengths, patterns and bounds are those of the model `sts/2011-06-15`.

use std::time::Duration;

use keyless_trust::answer::{self, Refusal};
use serde_json::Value;

use crate::form::Form;

/// What every way to assume a role has.
pub(super) struct Common<'a> {
    pub(super) role_arn: &'a str,
    pub(super) session_name: &'a str,
    pub(super) duration: Duration,
    pub(super) policy_characters: usize, // session policies and the ARNs of managed ones together
}

impl Common<'_> {
    /// The account in the role's ARN.
    pub(super) fn account(&self) -> &str {
        self.role_arn.split(':').nth(4).unwrap_or_default()
    }
}

/// Collects what is wrong with single parameters, since STS tells it all at once.
pub(super) struct Check<'a> {
    form: &'a Form,
    wrong: Vec<Refusal>,
}

impl<'a> Check<'a> {
    pub(super) fn new(form: &'a Form) -> Check<'a> {
        Check {
            form,
            wrong: Vec::new(),
        }
    }

    /// A parameter that has to be there, within these lengths. It is told by the value `shown`, or as it is.
    pub(super) fn required(
        &mut self,
        name: &str,
        lengths: (usize, usize),
        shown: Option<&str>,
    ) -> &'a str {
        if self.form.value(name).is_none() {
            self.wrong
                .push(answer::MISSING_MEMBER.refuse(&[("field", &member(name))]));
        }
        self.optional(name, lengths, shown).unwrap_or_default()
    }

    /// A parameter that may be there, within these lengths.
    pub(super) fn optional(
        &mut self,
        name: &str,
        (least, most): (usize, usize),
        shown: Option<&str>,
    ) -> Option<&'a str> {
        let value = self.form.value(name)?;
        let length = value.chars().count();
        let bound = if length < least {
            ("greater", least)
        } else {
            ("less", most)
        };
        if !(least..=most).contains(&length) {
            let constraint = format!(
                "Member must have length {} than or equal to {}",
                bound.0, bound.1
            );
            self.fail(name, shown.unwrap_or(value), &constraint);
        }
        Some(value)
    }

    fn fail(&mut self, name: &str, value: &str, constraint: &str) {
        let values = [
            ("value", value),
            ("field", &member(name)),
            ("constraint", constraint),
        ];
        self.wrong.push(answer::CONSTRAINT.refuse(&values));
    }

    /// `RoleArn`, `RoleSessionName`, `DurationSeconds`, and the lengths of the session policies.
    pub(super) fn common(&mut self) -> Common<'a> {
        let role_arn = self.required("RoleArn", (20, 2048), None);
        let session_name = self.required("RoleSessionName", (2, 64), None);
        if !session_name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
        {
            self.wrong
                .push(answer::SESSION_NAME_CHARACTERS.refuse(&[("value", session_name)]));
        }
        self.limits(role_arn, session_name)
    }

    /// The same where the proof names the session; the name here is empty.
    pub(super) fn unnamed(&mut self) -> Common<'a> {
        let role_arn = self.required("RoleArn", (20, 2048), None);
        self.limits(role_arn, "")
    }

    fn limits(&mut self, role_arn: &'a str, session_name: &'a str) -> Common<'a> {
        let policy = self.optional("Policy", (1, 2048), None).unwrap_or_default();
        let mut policy_characters = policy.chars().count();
        for number in 1..=10 {
            let arn = self.optional(&format!("PolicyArns.member.{number}.arn"), (20, 2048), None);
            policy_characters += arn.unwrap_or_default().len();
        }
        Common {
            role_arn,
            session_name,
            duration: Duration::from_secs(self.duration()),
            policy_characters,
        }
    }

    fn duration(&mut self) -> u64 {
        let Some(value) = self.form.value("DurationSeconds") else {
            return 3600;
        };
        match value.parse() {
            Ok(seconds @ 900..=43200) => return seconds,
            Ok(..900) => self
                .wrong
                .push(answer::DURATION_TOO_SHORT.refuse(&[("value", value)])),
            Ok(_) => self
                .wrong
                .push(answer::DURATION_TOO_LONG.refuse(&[("value", value)])),
            Err(_) => self.fail("DurationSeconds", value, "Member must be an integer"),
        }
        3600
    }

    /// Refuses if anything was wrong; else goes on with what takes the parameters together.
    pub(super) fn done(self, common: &Common<'_>) -> Result<(), Refusal> {
        if self.wrong.len() > 1 {
            let each = self.wrong.iter().map(|refusal| {
                refusal
                    .message
                    .trim_start_matches("1 validation error detected: ")
            });
            let message = format!(
                "{} validation errors detected: {}",
                self.wrong.len(),
                each.collect::<Vec<_>>().join("; ")
            );
            return Err(answer::VALIDATION.refuse(&[("message", &message)]));
        }
        if let Some(refusal) = self.wrong.into_iter().next() {
            return Err(refusal);
        }
        if !is_role(common.role_arn) {
            return Err(answer::ROLE_ARN_INVALID.refuse(&[]));
        }
        if let Some(policy) = self.form.value("Policy") {
            let parsed = serde_json::from_str::<Value>(policy).ok();
            if parsed.is_none_or(|policy| policy.get("Statement").is_none()) {
                return Err(
                    answer::MALFORMED_POLICY.refuse(&[("message", "Syntax errors in policy.")])
                );
            }
        }
        if common.policy_characters > MOST_POLICY {
            let percent = (common.policy_characters * 100 / MOST_POLICY).to_string();
            return Err(answer::POLICY_TOO_LARGE.refuse(&[("percent", &percent)]));
        }
        Ok(())
    }
}

/// How the model names a parameter of the wire.
fn member(name: &str) -> String {
    let (first, rest) = name.split_at(1.min(name.len()));
    first.to_ascii_lowercase() + rest
}

fn is_role(arn: &str) -> bool {
    let fields: Vec<_> = arn.splitn(6, ':').collect();
    matches!(fields[..], ["arn", partition, "iam", "", account, resource]
        if partition.starts_with("aws")
            && account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && resource.starts_with("role/"))
}

/// The plain characters of all session policies together.
pub(super) const MOST_POLICY: usize = 2048;
