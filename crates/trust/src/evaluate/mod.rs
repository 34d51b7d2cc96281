//! Whether a trust policy lets a caller in, and the whole of why or why not.

use std::fmt;

use crate::{
    caller::Caller,
    keys::{Context, Request},
    policy::{Condition, Effect, Policy, Quantifier, Statement, Test},
    provider::IdentityProvider,
    token::Token,
};

/// What the trust policy says to a request, by this policy alone: what else an organisation may deny is not looked at.
///
/// Its `Display` is a report for a person: the verdict, then for a denial each statement's reason, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The outcome.
    pub verdict: Verdict,
    /// The caller's ARN.
    pub caller: String,
    /// Every statement of the policy, in order.
    pub statements: Vec<StatementReport>,
}

/// The outcome. Statements are numbered from one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every action needed is allowed and none denied.
    Allow {
        /// The first statement that allows the main action.
        statement: usize,
    },
    /// A `Deny` applies, and nothing outweighs it.
    ExplicitDeny {
        /// The statement that denies.
        statement: usize,
        /// The action it denies.
        action: String,
    },
    /// Nothing denies, and nothing allows an action that is needed.
    ImplicitDeny {
        /// The first action that no statement allows.
        action: String,
    },
}

/// How one statement met the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementReport {
    /// The statement's place in the policy, from one.
    pub number: usize,
    /// The statement itself.
    pub statement: Statement,
    /// Whether its principal includes the caller.
    pub principal: bool,
    /// Those of the needed actions that it is about.
    pub actions: Vec<String>,
    /// Each of its conditions.
    pub conditions: Vec<ConditionReport>,
}

/// How one condition met the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionReport {
    /// Operator, key and the values wanted.
    pub condition: Condition,
    /// What the request has under the key; `None` if it lacks it.
    pub found: Option<Vec<String>>,
    /// Whether the condition holds.
    pub held: bool,
}

/// Decides about `AssumeRoleWithWebIdentity` with a token that [`IdentityProvider::find`] has given to the provider.
///
/// Tags in the token need `sts:TagSession` as well, a source identity `sts:SetSourceIdentity`: STS denies the whole call
/// without them.
pub fn decide_web_identity(
    token: &Token,
    provider: &IdentityProvider,
    policy: &Policy,
    request: &Request<'_>,
) -> Decision {
    let tags = !token.tags().is_empty() || !token.transitive_tag_keys().is_empty();
    let besides: Vec<_> = tags
        .then_some("sts:TagSession")
        .into_iter()
        .chain(token.source_identity().map(|_| "sts:SetSourceIdentity"))
        .collect();
    policy.decide(
        Caller::WebIdentity(provider),
        &besides,
        &Context::web_identity(token, provider, request),
    )
}

impl Policy {
    /// Decides whether the caller may do what it asks for: its own action ([`Caller::action`]) and those needed besides.
    pub fn decide(&self, caller: Caller<'_>, besides: &[&str], context: &Context) -> Decision {
        let needed: Vec<_> = std::iter::once(caller.action())
            .chain(besides.iter().copied())
            .collect();
        let statements: Vec<_> = self
            .statements
            .iter()
            .zip(1..)
            .map(|(statement, number)| {
                StatementReport::of(statement, number, caller, &needed, context)
            })
            .collect();
        Decision {
            verdict: verdict(&needed, &statements),
            caller: caller.arn().to_owned(),
            statements,
        }
    }
}

fn verdict(needed: &[&str], statements: &[StatementReport]) -> Verdict {
    let first = |effect, action| {
        let applying = |report: &&StatementReport| {
            report.statement.effect == effect && report.applies_to(action)
        };
        statements.iter().find(applying).map(|report| report.number)
    };
    if let Some((statement, action)) = needed
        .iter()
        .find_map(|action| Some((first(Effect::Deny, action)?, action)))
    {
        return Verdict::ExplicitDeny {
            statement,
            action: (*action).to_owned(),
        };
    }
    let allowing: Result<Vec<_>, _> = needed
        .iter()
        .map(|action| first(Effect::Allow, action).ok_or(action))
        .collect();
    match allowing {
        Ok(statements) => Verdict::Allow {
            statement: statements[0],
        }, // the main action stands first
        Err(action) => Verdict::ImplicitDeny {
            action: (*action).to_owned(),
        },
    }
}

impl Decision {
    /// Whether the role is given.
    pub fn is_allowed(&self) -> bool {
        matches!(self.verdict, Verdict::Allow { .. })
    }
}

impl StatementReport {
    fn of(
        statement: &Statement,
        number: usize,
        caller: Caller<'_>,
        needed: &[&str],
        context: &Context,
    ) -> Self {
        Self {
            number,
            statement: statement.clone(),
            principal: caller.is_among(&statement.principals),
            actions: needed
                .iter()
                .filter(|action| statement.actions.include(action))
                .map(|action| (*action).to_owned())
                .collect(),
            conditions: statement
                .conditions
                .iter()
                .map(|condition| ConditionReport::of(condition, context))
                .collect(),
        }
    }

    /// Whether the statement, be it an `Allow` or a `Deny`, applies to this action of the request.
    pub fn applies_to(&self, action: &str) -> bool {
        self.principal
            && self.actions.iter().any(|known| known == action)
            && self.conditions.iter().all(|condition| condition.held)
    }

    fn name(&self) -> String {
        match &self.statement.sid {
            Some(sid) if !sid.is_empty() => {
                format!("statement {} ({})", self.number, sid.escape_debug())
            }
            _ => format!("statement {}", self.number),
        }
    }
}

impl ConditionReport {
    fn of(condition: &Condition, context: &Context) -> Self {
        let found = context.values(&condition.key);
        Self {
            condition: condition.clone(),
            found: found.map(<[String]>::to_vec),
            held: condition.operator.holds(&condition.values, found),
        }
    }

    /// `<key> to equal "bob"`, what the condition wants.
    fn wanted(&self) -> String {
        let Condition {
            operator,
            key,
            values,
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
            Test::StringEquals | Test::StringNotEquals => "equal",
            Test::StringEqualsIgnoreCase | Test::StringNotEqualsIgnoreCase => "equal, in any case,",
            Test::StringLike | Test::StringNotLike => "be like",
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
    fn found(&self) -> String {
        let key = self.condition.key.to_ascii_lowercase();
        let whose = if key.starts_with("aws:") || key.starts_with("sts:") {
            "the request"
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
fn quoted(values: &[String], between: &str) -> String {
    if values.is_empty() {
        return "nothing".to_owned(); // an empty list in the policy
    }
    values
        .iter()
        .map(|value| format!("{value:?}"))
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
                        condition.wanted(),
                        condition.found()
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
                            condition.wanted(),
                            condition.found()
                        )?;
                    }
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
