//! Why a role is not given: STS's own words, every statement and condition beside what the token has, the nearest miss in
//! words, and the smallest safe change that would allow it.
//!
//! ```
//! use std::time::{Duration, UNIX_EPOCH};
//!
//! use keyless_trust::{explain::{Proof, Question, explain}, keys::Request, policy::Policy};
//! use serde_json::json;
//!
//! let claims = json!({"iss": "https://token.actions.githubusercontent.com", "aud": "sts.amazonaws.com",
//!     "sub": "repo:Acme/app:ref:refs/heads/main", "iat": 1_800_000_000, "exp": 1_800_000_300});
//! let policy = Policy::parse(r#"{
//!     "Version": "2012-10-17",
//!     "Statement": {
//!         "Effect": "Allow",
//!         "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
//!         "Action": "sts:AssumeRoleWithWebIdentity",
//!         "Condition": {"StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}}
//!     }
//! }"#)?;
//! let explanation = explain(&Question {
//!     proof: Proof::Claims(claims.as_object().unwrap()),
//!     providers: None,
//!     policy: &policy,
//!     policy_text: None,
//!     request: Request { role_arn: "arn:aws:iam::111122223333:role/deploy", session_name: "ci", ..Request::default() },
//!     now: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
//! });
//!
//! assert!(!explanation.allowed);
//! assert_eq!(explanation.answer.unwrap().message, "Not authorized to perform sts:AssumeRoleWithWebIdentity");
//! assert_eq!(explanation.hints[0].id, "case-only");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod change;
mod condition;
mod diff;
mod fix;
mod github;
mod hint;
mod key;
mod near;
mod proof;
mod provider;
mod report;
mod request;
mod statement;
mod value;

use std::time::SystemTime;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    answer::Refusal,
    arn,
    caller::Caller,
    evaluate::{self, Decision, Verdict},
    keys::{Context, Request},
    policy::{Effect, Place, Policy},
    provider::IdentityProvider,
    token::Token,
};

pub use change::Change;
pub use hint::Hint;

/// What is asked: may this proof have this role?
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Who asks, and with what.
    pub proof: Proof<'a>,
    /// The OpenID providers of the role's account; `None` where they are not known, and then taken to be as the token needs
    /// them.
    pub providers: Option<&'a [IdentityProvider]>,
    /// The role's trust policy.
    pub policy: &'a Policy,
    /// The policy's own text, for the change that is proposed; without it there is no diff.
    pub policy_text: Option<&'a str>,
    /// The request. An empty role ARN or session name is one that is not known, and not looked at.
    pub request: Request<'a>,
    /// The time of the request.
    pub now: SystemTime,
}

/// Who asks for the role.
#[derive(Clone, Copy)]
pub enum Proof<'a> {
    /// A token as it would be sent. It appears nowhere in the explanation.
    Token(&'a str),
    /// The claims of a token.
    Claims(&'a Map<String, Value>),
    /// A session of another role, in a chain.
    Session(Caller<'a>),
}

/// Shows no token.
impl std::fmt::Debug for Proof<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(…)",
            Self::Claims(_) => "Claims(…)",
            Self::Session(_) => "Session(…)",
        })
    }
}

/// The whole answer. Its `Display` is a report for a person; `Serialize` is for machines.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// Whether the role is given, as far as this can tell.
    pub allowed: bool,
    /// What decided.
    pub outcome: Outcome,
    /// What STS says, where it does not give the role.
    pub answer: Option<Said>,
    /// What the token says of itself, where it can be read.
    pub token: Option<Facts>,
    /// What the policy says, statement by statement. Where the token is refused before, this is what it would say after.
    pub statements: Vec<StatementFacts>,
    /// Why not, the nearest miss first.
    pub hints: Vec<Hint>,
    /// What would allow it, in this order. Empty where there is nothing safe to propose.
    pub changes: Vec<Change>,
    /// What cannot be seen from here and may decide otherwise.
    pub unseen: Vec<String>,
}

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A statement allows and none denies.
    Allowed,
    /// STS refuses before it comes to the policy.
    Refused,
    /// A `Deny` applies.
    ExplicitDeny,
    /// No statement allows.
    ImplicitDeny,
}

/// What STS says, to the letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// The row of [`answer`](crate::answer).
    pub id: &'static str,
    /// `<Code>`.
    pub code: &'static str,
    /// `<Message>`.
    pub message: String,
    /// What it means.
    pub cause: &'static str,
}

impl From<&Refusal> for Said {
    fn from(refusal: &Refusal) -> Self {
        Self {
            id: refusal.answer.id,
            code: refusal.answer.code,
            message: refusal.message.clone(),
            cause: refusal.answer.cause,
        }
    }
}

/// What a token says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// The audience that counts: `azp` where there is one, else `aud`.
    pub audience: String,
    /// The condition keys that AWS gives the request, with their values.
    pub keys: Vec<(String, Vec<String>)>,
}

/// One statement and the request.
#[derive(Clone, Debug, Serialize)]
pub struct StatementFacts {
    /// From one.
    pub number: usize,
    /// `Sid`.
    pub sid: Option<String>,
    /// Where it begins.
    pub place: Place,
    /// Whether it is a `Deny`.
    pub denies: bool,
    /// Whether its principal includes the caller.
    pub principal: bool,
    /// Those of the needed actions that it is about.
    pub actions: Vec<String>,
    /// Its conditions.
    pub conditions: Vec<ConditionFacts>,
}

/// One condition and the request.
#[derive(Clone, Debug, Serialize)]
pub struct ConditionFacts {
    /// The condition key, as the policy writes it.
    pub key: String,
    /// The operator.
    pub operator: String,
    /// The values wanted.
    pub wanted: Vec<String>,
    /// What the request has; `None` if it lacks the key.
    pub found: Option<Vec<String>>,
    /// Whether the condition holds.
    pub held: bool,
    /// Where the key stands.
    pub place: Place,
}

/// Explains what STS would do, and why.
pub fn explain(question: &Question<'_>) -> Explanation {
    let mut found = Findings::default();
    if let Some(refusal) = request::check(&question.request, &mut found) {
        found.refusal.get_or_insert(refusal);
    }
    match question.proof {
        Proof::Session(caller) => {
            let decision = evaluate::decide_assume_role(caller, question.policy, &question.request);
            let context = Context::assume_role(caller, &question.request);
            decided(question, caller, &decision, &context, None, found)
        }
        Proof::Token(_) | Proof::Claims(_) => {
            let Some(token) = proof::read(question, &mut found) else {
                return found.into_explanation(question, None, None);
            };
            let provider = provider::find(question, &token, &mut found);
            if let Err(refusal) = proof::check_roles(&token, question.request.role_arn, &mut found)
            {
                found.refusal.get_or_insert(refusal);
            }
            let decision = evaluate::decide_web_identity(
                &token,
                &provider,
                question.policy,
                &question.request,
            );
            let context = Context::web_identity(&token, &provider, &question.request);
            let caller = Caller::WebIdentity(&provider);
            decided(question, caller, &decision, &context, Some(&token), found)
        }
    }
}

fn decided(
    question: &Question<'_>,
    caller: Caller<'_>,
    decision: &Decision,
    context: &Context,
    token: Option<&Token>,
    mut found: Findings,
) -> Explanation {
    let looking = Looking {
        caller,
        context,
        token,
        policy: question.policy,
        decision,
    };
    let fixes = statement::look(&looking, &mut found);
    if let (Some(text), false) = (question.policy_text, decision.is_allowed()) {
        found
            .changes
            .extend(change::propose(&looking, text, &fixes));
    }
    let facts = token.map(|token| Facts {
        issuer: token.issuer().to_owned(),
        subject: token.subject().to_owned(),
        audience: token.audience().to_owned(),
        keys: context
            .iter()
            .map(|(key, values)| (key.to_owned(), values.to_vec()))
            .collect(),
    });
    found.into_explanation(question, facts, Some(decision))
}

/// All that a look at a policy needs.
struct Looking<'a> {
    caller: Caller<'a>,
    context: &'a Context,
    token: Option<&'a Token>,
    policy: &'a Policy,
    decision: &'a Decision,
}

/// What has come to light so far.
#[derive(Default)]
struct Findings {
    /// The first refusal, in the service's order.
    refusal: Option<Refusal>,
    hints: Vec<Hint>,
    changes: Vec<Change>,
}

impl Findings {
    fn into_explanation(
        self,
        question: &Question<'_>,
        token: Option<Facts>,
        decision: Option<&Decision>,
    ) -> Explanation {
        let outcome = match (&self.refusal, decision.map(|decision| &decision.verdict)) {
            (None, Some(Verdict::Allow { .. })) => Outcome::Allowed,
            (None, Some(Verdict::ExplicitDeny { .. })) => Outcome::ExplicitDeny,
            (None, Some(Verdict::ImplicitDeny { .. })) => Outcome::ImplicitDeny,
            _ => Outcome::Refused,
        };
        let denied = decision.and_then(|decision| decision.refusal(question.request.role_arn));
        Explanation {
            allowed: outcome == Outcome::Allowed,
            outcome,
            answer: self.refusal.or(denied).as_ref().map(Said::from),
            token,
            statements: decision.map(facts).unwrap_or_default(),
            hints: self.hints,
            changes: self.changes,
            unseen: unseen(question, outcome),
        }
    }
}

fn facts(decision: &Decision) -> Vec<StatementFacts> {
    let condition = |report: &evaluate::ConditionReport| ConditionFacts {
        key: report.condition.key.text.clone(),
        operator: report.condition.operator.to_string(),
        wanted: report
            .condition
            .values
            .iter()
            .map(|value| value.text.clone())
            .collect(),
        found: report.found.clone(),
        held: report.held,
        place: report.condition.key.place,
    };
    decision
        .statements
        .iter()
        .map(|report| StatementFacts {
            number: report.number,
            sid: report.statement.sid.as_ref().map(|sid| sid.text.clone()),
            place: report.statement.place,
            denies: report.statement.effect == Effect::Deny,
            principal: report.principal,
            actions: report.actions.clone(),
            conditions: report.conditions.iter().map(condition).collect(),
        })
        .collect()
}

/// What this cannot see, said as it is.
fn unseen(question: &Question<'_>, outcome: Outcome) -> Vec<String> {
    let mut unseen = Vec::new();
    let mut say = |words: &str| unseen.push(words.to_owned());
    let session = matches!(question.proof, Proof::Session(_));
    if session {
        say("the caller's own policies, which must allow sts:AssumeRole on the role as well");
    } else if !matches!(outcome, Outcome::Refused) {
        say(
            "the token's signature, and whether AWS can fetch the issuer's keys from the public internet",
        );
    }
    if question.providers.is_none() && !session {
        say(
            "the account's OpenID providers: whether there is one for the issuer, and with which client ids (give them with --provider)",
        );
    }
    if question.request.role_arn.is_empty() && !session {
        say(
            "which account the role is in: it must be the one of the OpenID provider that the policy names (give its ARN with --role)",
        );
    }
    say(
        "whether the role exists under this name in this account: STS answers a role that is missing with the same AccessDenied",
    );
    say(
        "a resource control policy of the organisation, which denies over the trust policy and shows up nowhere else",
    );
    say("a change made seconds ago: IAM takes up to 15 s to bring it everywhere");
    unseen
}

/// The partition and account of the role, as far as the request or the policy tells.
fn home<'a>(question: &'a Question<'_>) -> (&'a str, &'a str) {
    let named = question
        .policy
        .statements
        .iter()
        .flat_map(|statement| statement.principals.named())
        .map(|principal| &**principal.name())
        .find(|name| name.contains(":oidc-provider/"));
    [Some(question.request.role_arn), named]
        .into_iter()
        .flatten()
        .find_map(|name| Some((arn::partition(name)?, arn::account(name)?)))
        .unwrap_or(("aws", ""))
}

#[cfg(test)]
mod tests;
