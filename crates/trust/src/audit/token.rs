//! Which roles a token could take, and which it only just could not.

use serde::Serialize;

use crate::{
    arn,
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

/// A token to be tried on many roles.
///
/// It is assumed that each role's account has an OpenID provider for the token's issuer and audience, and that the session
/// is called `keyless`.
#[derive(Clone, Debug)]
pub struct Candidate {
    token: Token,
    near: bool,
    /// What a request in the account that was asked about last has, as most roles are in the same.
    known: Option<(IdentityProvider, Context)>,
}

/// The name of the session that is asked for; a policy may ask for another.
const SESSION_NAME: &str = "keyless";

impl Candidate {
    /// A candidate with this token.
    pub fn new(token: Token) -> Self {
        Self {
            token,
            near: false,
            known: None,
        }
    }

    /// Also tells what one thing alone keeps the token from ([`Grant::Near`]).
    #[must_use]
    pub fn near_misses(self) -> Self {
        Self { near: true, ..self }
    }

    /// What the trust policy of a role says to the token, as STS would say it.
    pub fn ask(&mut self, policy: &Policy, role_arn: &str) -> Grant {
        let (token, near) = (&self.token, self.near);
        let (provider, context) = known(&mut self.known, token, role_arn);
        let caller = Caller::WebIdentity(provider);
        let is_listed = token.check_roles_claim(role_arn);
        context.set(
            "sts:RoleAuthorizedByIdp",
            [if matches!(is_listed, Ok(true)) {
                "true"
            } else {
                "false"
            }],
        );
        let may_be_taken = is_listed.is_ok() && policy.allows(caller, &[], context);
        if !near && !may_be_taken {
            return Grant::Denied;
        }
        // Most roles are for others: no report about them is needed.
        if !policy
            .statements
            .iter()
            .any(|statement| caller.is_among(&statement.principals))
        {
            return Grant::Denied;
        }
        let request = request(role_arn);
        let decision = decide_web_identity(token, provider, policy, &request);
        let miss = match (is_listed.is_ok(), &decision.verdict) {
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
        match miss.filter(|_| near) {
            Some(miss) => Grant::Near { miss },
            None => Grant::Denied,
        }
    }
}

/// What a request in the role's account has.
fn known<'a>(
    known: &'a mut Option<(IdentityProvider, Context)>,
    token: &Token,
    role_arn: &str,
) -> &'a mut (IdentityProvider, Context) {
    let account = arn::account(role_arn).unwrap_or_default();
    let is_known = known
        .as_ref()
        .is_some_and(|(provider, _)| provider.account() == account);
    if !is_known {
        *known = None;
    }
    known.get_or_insert_with(|| {
        let partition = role_arn.split(':').nth(1).unwrap_or("aws");
        let provider =
            IdentityProvider::new(partition, account, token.issuer(), [token.audience()]);
        let context = Context::web_identity(token, &provider, &request(role_arn));
        (provider, context)
    })
}

fn request(role_arn: &str) -> Request<'_> {
    Request {
        role_arn,
        session_name: SESSION_NAME,
        ..Request::default()
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
