//! Which roles a token could take, and which it only just could not.

use serde::Serialize;

use crate::{
    caller::Caller,
    evaluate::{ConditionReport, Decision, StatementReport, Verdict, decide_web_identity},
    keys::{Context, Request},
    policy::{Effect, Policy},
    provider::IdentityProvider,
    token::Token,
};

/// What a role's trust policy says to a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Grant {
    /// It lets the token in.
    Taken {
        /// The statement that does, from one.
        statement: usize,
    },
    /// One thing alone is missing.
    Near {
        /// What.
        #[serde(flatten)]
        miss: Miss,
    },
    /// It does not.
    Denied,
}

/// The one thing that keeps a token out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "because", rename_all = "kebab-case")]
pub enum Miss {
    /// A condition of a statement that would let it in otherwise.
    Condition {
        /// The statement, from one.
        statement: usize,
        /// The condition key.
        key: String,
        /// What the policy wants, in words.
        wanted: String,
        /// What the token has, in words.
        found: String,
    },
    /// An action that the token needs besides, as it has tags or a source identity.
    Action {
        /// Such as `sts:TagSession`.
        action: String,
    },
    /// A statement that denies.
    Denied {
        /// The statement, from one.
        statement: usize,
    },
    /// The token lists roles in a claim, and this is none of them.
    RolesClaim,
}

/// A token, and how thoroughly its chances are looked at.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) token: Token,
    pub(super) near: bool,
}

/// The name of the session that is asked for; a policy may ask for another.
const SESSION_NAME: &str = "keyless";

impl Candidate {
    /// What the policy of a role says to the token: as STS would say it, if the role's account has an OpenID provider for
    /// the token's issuer and audience.
    pub(super) fn ask(&self, policy: &Policy, role_arn: &str, account: &str) -> Grant {
        let token = &self.token;
        let partition = role_arn.split(':').nth(1).unwrap_or("aws");
        let provider =
            IdentityProvider::new(partition, account, token.issuer(), [token.audience()]);
        let caller = Caller::WebIdentity(&provider);
        // Most roles are for others: nothing about the request needs to be known for that.
        if !policy
            .statements
            .iter()
            .any(|statement| caller.is_among(&statement.principals))
        {
            return Grant::Denied;
        }
        let request = Request {
            role_arn,
            session_name: SESSION_NAME,
            ..Request::default()
        };
        let is_listed = token.check_roles_claim(role_arn).is_ok();
        let context = Context::web_identity(token, &provider, &request);
        let may_be_taken = policy.allows(caller, &[], &context);
        if !self.near && !(is_listed && may_be_taken) {
            return Grant::Denied;
        }
        let decision = decide_web_identity(token, &provider, policy, &request);
        let miss = match (is_listed, &decision.verdict) {
            (true, Verdict::Allow { statement }) => {
                return Grant::Taken {
                    statement: *statement,
                };
            }
            (false, Verdict::Allow { .. }) => Some(Miss::RolesClaim),
            (false, _) => None,
            (true, Verdict::ExplicitDeny { statement, .. }) => {
                let rest_allows = decision.allows_but_for_denials(caller.action());
                rest_allows.then_some(Miss::Denied {
                    statement: *statement,
                })
            }
            (true, Verdict::ImplicitDeny { action }) if action != caller.action() => {
                Some(Miss::Action {
                    action: action.clone(),
                })
            }
            (true, Verdict::ImplicitDeny { .. }) => decision.one_condition(caller.action()),
        };
        match miss.filter(|_| self.near) {
            Some(miss) => Grant::Near { miss },
            None => Grant::Denied,
        }
    }
}

impl Decision {
    fn allows_but_for_denials(&self, action: &str) -> bool {
        self.statements
            .iter()
            .any(|report| report.statement.effect == Effect::Allow && report.applies_to(action))
    }

    /// The only condition that fails in an `Allow` statement for the caller and this action.
    fn one_condition(&self, action: &str) -> Option<Miss> {
        self.statements.iter().find_map(|report| {
            let is_for_it = report.statement.effect == Effect::Allow
                && report.principal
                && report.actions.iter().any(|known| known == action);
            let failed = report.only_failure().filter(|_| is_for_it)?;
            Some(Miss::Condition {
                statement: report.number,
                key: failed.condition.key.to_string(),
                wanted: failed.wanted_words(),
                found: failed.found_words(),
            })
        })
    }
}

impl StatementReport {
    fn only_failure(&self) -> Option<&ConditionReport> {
        let mut failed = self.conditions.iter().filter(|condition| !condition.held);
        failed.next().filter(|_| failed.next().is_none())
    }
}
