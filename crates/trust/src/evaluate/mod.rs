//! Whether a trust policy lets a caller in, and the whole of why or why not.

mod words;

use std::time::SystemTime;

use crate::{
    answer::{self, Refusal},
    caller::Caller,
    keys::{Context, Request},
    policy::{Condition, Effect, Policy, Statement, Version},
    provider::IdentityProvider,
    saml::{Assertion, SamlProvider},
    token::Token,
};

/// All that STS looks at before it comes to the role, in its own order: the token's shape, claims and times, its provider
/// among those of the role's account, its signature, and the roles that it lists.
///
/// The signature is the caller's to check, where it can: STS itself fetches the key from the issuer.
pub fn admit<'a>(
    jwt: &str,
    now: SystemTime,
    providers: &'a [IdentityProvider],
    role_arn: &str,
    signature: impl FnOnce(&Token) -> Result<(), Refusal>,
) -> Result<(Token, &'a IdentityProvider), Refusal> {
    let token = Token::read(jwt, now)?;
    let provider = IdentityProvider::find(providers, &token)?;
    signature(&token)?;
    token.check_roles_claim(role_arn)?;
    Ok((token, provider))
}

/// What the trust policy says to a request, by this policy alone: what else an organisation may deny is not looked at.
///
/// Its `Display` is a report for a person: the verdict, then for a denial each statement's reason, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The outcome.
    pub verdict: Verdict,
    /// The caller's ARN.
    pub caller: String,
    /// Whether the caller comes with a token, and not with another role's session.
    pub web_identity: bool,
    /// The actions that the request needs, its own first.
    pub needed: Vec<String>,
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
    policy.decide(
        Caller::WebIdentity(provider),
        &besides(tags, token.source_identity().is_some()),
        &Context::web_identity(token, provider, request),
    )
}

/// Decides about `AssumeRoleWithSAML` with an assertion that is good for the provider.
///
/// Tags and a source identity in the assertion need what those of a token need: [`decide_web_identity`].
pub fn decide_saml(
    assertion: &Assertion,
    provider: &SamlProvider,
    policy: &Policy,
    request: &Request<'_>,
) -> Decision {
    let tags =
        assertion.tags().next().is_some() || assertion.transitive_tag_keys().next().is_some();
    policy.decide(
        Caller::Saml(provider),
        &besides(tags, assertion.source_identity().is_some()),
        &Context::saml(assertion, provider, request),
    )
}

/// Decides about `AssumeRole` by a session of another role, the later hop of a chain.
///
/// The trust policy alone: the caller's own policies must allow the same. A source identity from an earlier hop goes along
/// and needs `sts:SetSourceIdentity` here as well (IAM user guide, "Monitor and control actions taken with assumed roles").
pub fn decide_assume_role(caller: Caller<'_>, policy: &Policy, request: &Request<'_>) -> Decision {
    let tags = !request.tags.is_empty() || !request.transitive_tag_keys.is_empty();
    let source_identity = request.source_identity.is_some()
        || matches!(
            caller,
            Caller::Role {
                source_identity: Some(_),
                ..
            }
        );
    policy.decide(
        caller,
        &besides(tags, source_identity),
        &Context::assume_role(caller, request),
    )
}

/// The actions that a call needs besides its own.
fn besides(tags: bool, source_identity: bool) -> Vec<&'static str> {
    let tags = tags.then_some("sts:TagSession");
    let source_identity = source_identity.then_some("sts:SetSourceIdentity");
    tags.into_iter().chain(source_identity).collect()
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
                StatementReport::of(statement, number, self.version, caller, &needed, context)
            })
            .collect();
        Decision {
            verdict: verdict(&needed, &statements),
            caller: caller.arn().to_owned(),
            web_identity: matches!(caller, Caller::WebIdentity(_)),
            needed: needed.iter().map(|action| (*action).to_owned()).collect(),
            statements,
        }
    }

    /// Whether [`Policy::decide`] would allow, without its reasons: for one caller and very many policies.
    pub fn allows(&self, caller: Caller<'_>, besides: &[&str], context: &Context) -> bool {
        let applies = |effect, action| {
            self.statements.iter().any(|statement| {
                statement.effect == effect
                    && caller.is_among(&statement.principals)
                    && statement.actions.include(action)
                    && statement
                        .conditions
                        .iter()
                        .all(|condition| condition.holds(self.version, context))
            })
        };
        std::iter::once(caller.action())
            .chain(besides.iter().copied())
            .all(|action| applies(Effect::Allow, action) && !applies(Effect::Deny, action))
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

    /// What STS says to the caller about a denial; it never tells which statement or condition. `None` where it allows.
    pub fn refusal(&self, role_arn: &str) -> Option<Refusal> {
        let (Verdict::ExplicitDeny { action, .. } | Verdict::ImplicitDeny { action }) =
            &self.verdict
        else {
            return None;
        };
        Some(match self.needed[0].as_str() {
            "sts:AssumeRoleWithWebIdentity" => answer::NOT_AUTHORIZED.refuse(&[]),
            "sts:AssumeRoleWithSAML" => answer::SAML_NOT_AUTHORIZED.refuse(&[]),
            _ => answer::ASSUME_ROLE_DENIED.refuse(&[
                ("caller", &self.caller),
                ("action", action),
                ("role", role_arn),
            ]),
        })
    }
}

impl StatementReport {
    fn of(
        statement: &Statement,
        number: usize,
        version: Version,
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
                .map(|condition| ConditionReport::of(condition, version, context))
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
    fn of(condition: &Condition, version: Version, context: &Context) -> Self {
        Self {
            condition: condition.clone(),
            found: context.values(&condition.key).map(<[String]>::to_vec),
            held: condition.holds(version, context),
        }
    }
}

#[cfg(test)]
mod tests;
