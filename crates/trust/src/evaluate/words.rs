//! A decision told in words, a line for each reason.

use std::fmt;

use super::{ConditionReport, Decision, Verdict};
use crate::policy::{Condition, Effect, Quantifier, Test};

impl ConditionReport {
    /// `<key> to equal "bob"`, what the condition wants.
    pub fn wanted_words(&self) -> String {
        let Condition {
            operator,
            key,
            values,
            ..
        } = &self.condition;
        let each = match operator.quantifier {
            Some(Quantifier::ForAnyValue) => "a value of ",
            Some(Quantifier::ForAllValues) => "every value of ",
            None => "",
        };
        let not = if operator.test.is_negated() {
            "not "
        } else {
            ""
        };
        let verb = match operator.test {
            Test::StringEquals | Test::StringNotEquals | Test::BinaryEquals => "equal",
            Test::StringEqualsIgnoreCase | Test::StringNotEqualsIgnoreCase => "equal, in any case,",
            Test::StringLike
            | Test::StringNotLike
            | Test::ArnEquals
            | Test::ArnNotEquals
            | Test::ArnLike
            | Test::ArnNotLike => "be like",
            Test::NumericEquals | Test::NumericNotEquals => "be the number",
            Test::NumericLessThan => "be less than",
            Test::NumericLessThanEquals => "be at most",
            Test::NumericGreaterThan => "be greater than",
            Test::NumericGreaterThanEquals => "be at least",
            Test::DateEquals | Test::DateNotEquals => "be the moment",
            Test::DateLessThan => "be before",
            Test::DateLessThanEquals => "be no later than",
            Test::DateGreaterThan => "be after",
            Test::DateGreaterThanEquals => "be no earlier than",
            Test::IpAddress | Test::NotIpAddress => "be within",
            Test::Bool | Test::Null => "be",
        };
        let values = if operator.test == Test::Null {
            let words = values.iter().map(|absent| {
                if absent.eq_ignore_ascii_case("true") {
                    "absent"
                } else {
                    "present"
                }
            });
            words.collect::<Vec<_>>().join(" or ")
        } else {
            quoted(values, " or ")
        };
        format!("{each}{} {not}to {verb} {values}", key.escape_debug())
    }

    /// `the token has "alice"`, what is there instead.
    pub fn found_words(&self) -> String {
        let key = self.condition.key.to_ascii_lowercase();
        let whose = if key.starts_with("aws:") || key.starts_with("sts:") {
            "the request"
        } else if key.starts_with("saml:") {
            "the assertion"
        } else {
            "the token"
        };
        match &self.found {
            Some(values) => format!("{whose} has {}", quoted(values, " and ")),
            None => format!("{whose} does not have it"),
        }
    }
}

/// Values from outside, quoted, so that no control character of theirs reaches a terminal.
fn quoted(values: &[impl AsRef<str>], between: &str) -> String {
    if values.is_empty() {
        return "nothing".to_owned(); // an empty list in the policy
    }
    values
        .iter()
        .map(|value| format!("{:?}", value.as_ref()))
        .collect::<Vec<_>>()
        .join(between)
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |number: &usize| self.statements[number - 1].name();
        match &self.verdict {
            Verdict::Allow { statement } => write!(f, "allowed by {}", name(statement)),
            Verdict::ExplicitDeny { statement, action } => {
                write!(f, "{action} is denied by {}", name(statement))?;
                for condition in &self.statements[statement - 1].conditions {
                    write!(
                        f,
                        "\n{} wants {}, and {}",
                        name(statement),
                        condition.wanted_words(),
                        condition.found_words()
                    )?;
                }
                Ok(())
            }
            Verdict::ImplicitDeny { action } => {
                write!(f, "no statement allows {action}")?;
                for report in self
                    .statements
                    .iter()
                    .filter(|report| report.statement.effect == Effect::Allow)
                {
                    if !report.principal {
                        write!(
                            f,
                            "\n{} is for {}; the caller is {}",
                            report.name(),
                            report.statement.principals,
                            self.caller.escape_debug()
                        )?;
                    }
                    if !report.actions.contains(action) {
                        write!(f, "\n{} does not allow {action}", report.name())?;
                    }
                    for condition in report.conditions.iter().filter(|condition| !condition.held) {
                        write!(
                            f,
                            "\n{} wants {}; {}",
                            report.name(),
                            condition.wanted_words(),
                            condition.found_words()
                        )?;
                    }
                }
                Ok(())
            }
        }
    }
}
