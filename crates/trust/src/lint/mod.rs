//! What is wrong with a trust policy: who gets in that should not, who is kept out that should not, and what could be tidier.
//!
//! A policy is judged by what it does. For each issuer it trusts, subjects of strangers, of other projects and of other branches are made up that
//! its patterns match, and the whole policy is asked about them.
//!
//! ```
//! use keyless_trust::{document, lint::{self, Facts}};
//!
//! let document = document::read(r#"{"Version": "2012-10-17", "Statement": [{
//!     "Effect": "Allow",
//!     "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
//!     "Action": "sts:AssumeRoleWithWebIdentity",
//!     "Condition": {
//!         "StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"},
//!         "StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme*"}
//!     }
//! }]}"#)?;
//!
//! let findings = lint::lint(&document.roles[0], &Facts::default());
//! assert_eq!(findings[0].rule.id, "org-prefix-wildcard");
//! assert_eq!(findings[0].place.line, 7);
//! assert!(findings[0].message.contains("repo:acmez/z:pull_request"));
//! # Ok::<(), document::DocumentError>(())
//! ```

mod catalogue;
mod correctness;
mod custom;
mod grammar;
mod grant;
mod hygiene;
mod iam;
mod issuers;
mod reach;
mod rule;
mod shape;

use std::collections::BTreeMap;

use crate::{
    document::{Document, Role},
    keys::Context,
    policy::{Effect, Place, Policy, Principal, Principals, Statement},
    provider::IdentityProvider,
};

use catalogue::{critical, high};
use grant::{Grant, Who};
use reach::Reach;

pub use issuers::{ISSUERS_CHECKED, ISSUERS_VERSION};
pub use rule::{Rule, Severity};

/// What is known besides the policy.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The account's OpenID providers, as far as they are known. Of others nothing is assumed.
    pub providers: &'a [IdentityProvider],
    /// How many characters a trust policy may have, white space not counted.
    pub quota: usize,
}

impl Default for Facts<'_> {
    /// No providers, and the quota that an account has unless it asked for more.
    fn default() -> Self {
        Self {
            providers: &[],
            quota: 2_048,
        }
    }
}

/// A breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// Where in the document: the value, key, principal or statement to change.
    pub place: Place,
    /// The statement, from one; none where it is about the role or the provider.
    pub statement: Option<usize>,
    /// What was found, as a lower-case clause.
    pub message: String,
    /// What to do about it.
    pub fix: String,
}

/// All that is wrong with a role's trust policy, the worst first, then in the order of the policy.
pub fn lint(role: &Role, facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings = Findings::default();
    let policy = &role.policy;
    everybody(policy, &mut findings);
    let grants = grant::grants(policy);
    for (grant, reaches) in judged(&grants) {
        for reach in &reaches {
            if let Some(rule) = reach.rule {
                findings.add(rule, reach.place, grant.number, &describe(grant, reach));
            }
        }
        audience(grant, facts, &mut findings);
        guests(grant, &mut findings);
        iam::check(grant, &mut findings);
        correctness::check(grant, role, facts, &mut findings);
        hygiene::check(grant, &reaches, &mut findings);
    }
    correctness::check_policy(role, facts, &mut findings);
    hygiene::check_role(role, !grants.is_empty(), &mut findings);
    findings.placed(role)
}

/// What is wrong with the providers of a document, beside [what is wrong with its roles](lint).
pub fn lint_providers(document: &Document) -> Vec<Finding> {
    let mut findings = Findings::default();
    hygiene::check_providers(document, &mut findings);
    findings.0
}

/// Every rule, the worst first.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    catalogue::RULES.into_iter().flatten().copied()
}

/// The rule of this name.
pub fn rule(id: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.id == id)
}

/// Whether anybody in the world can get tokens of this issuer, written as in condition keys.
pub(crate) fn is_shared(issuer: &str) -> bool {
    issuers::Issuer::of(issuer, std::iter::empty()).shared
}

/// The findings so far; each once.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(
        &mut self,
        rule: &'static Rule,
        place: Place,
        statement: impl Into<Option<usize>>,
        message: &str,
    ) {
        let finding = Finding {
            rule,
            place,
            statement: statement.into(),
            message: message.to_owned(),
            fix: rule.fix.to_owned(),
        };
        if !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }

    fn placed(mut self, role: &Role) -> Vec<Finding> {
        self.0
            .sort_by_key(|finding| (std::cmp::Reverse(finding.rule.severity), finding.place));
        for finding in &mut self.0 {
            finding.place = role.place_in_document(finding.place);
        }
        self.0
    }
}

/// An Allow for everybody, whatever its conditions say about tokens.
fn everybody(policy: &Policy, findings: &mut Findings) {
    let numbered = policy.statements.iter().zip(1..);
    for (statement, number) in numbered.filter(|(statement, _)| statement.effect == Effect::Allow) {
        let (principals, message) = match &statement.principals {
            Principals::AllBut(named) => (
                named.iter().take(1).collect::<Vec<_>>(),
                "NotPrincipal under Allow lets in everybody but a few",
            ),
            Principals::Listed(named) => (
                named
                    .iter()
                    .filter(|principal| is_everybody(principal, statement))
                    .collect(),
                "everybody is let in, from every account and identity provider",
            ),
        };
        for principal in principals {
            findings.add(
                critical::PRINCIPAL_STAR,
                principal.name().place,
                number,
                message,
            );
        }
    }
}

/// Conditions may keep AWS principals out, which is for others to judge.
fn is_everybody(principal: &Principal, statement: &Statement) -> bool {
    let is_free = statement.conditions.is_empty();
    match principal {
        Principal::Everyone(_) => is_free || statement.actions.include(grant::ACTION),
        Principal::Aws(name) => &**name == "*" && is_free,
        Principal::Federated(name) => &**name == "*",
        _ => false,
    }
}

/// What each grant lets in; a loose value beside tight ones is called a hole.
fn judged<'a, 'p>(grants: &'a [Grant<'p>]) -> Vec<(&'a Grant<'p>, Vec<Reach>)> {
    let mut judged: Vec<_> = grants
        .iter()
        .map(|grant| (grant, reach::of(grant)))
        .collect();
    let is_loose = |reach: &Reach| reach.who >= Some(Who::Colleague);
    let mut tight: BTreeMap<String, usize> = BTreeMap::new();
    for (grant, reaches) in &judged {
        let count = reaches
            .iter()
            .filter(|reach| !is_loose(reach) && reach.value.is_some())
            .count();
        *tight
            .entry(grant.provider.key_prefix().to_owned())
            .or_default() += count;
    }
    let by_pattern = [
        critical::ORG_PREFIX_WILDCARD,
        critical::WILDCARD_BEFORE_BOUNDARY,
    ];
    for (grant, reaches) in &mut judged {
        let beside_tight = tight
            .get(grant.provider.key_prefix())
            .is_some_and(|count| *count > 0);
        for reach in reaches
            .iter_mut()
            .filter(|reach| beside_tight && is_loose(reach))
        {
            if reach.rule.is_some_and(|rule| by_pattern.contains(&rule)) {
                reach.rule = Some(critical::OR_HOLE);
            }
        }
    }
    judged
}

fn describe(grant: &Grant<'_>, reach: &Reach) -> String {
    let issuer = grant.issuer.name;
    let whom = match reach.who {
        Some(Who::Stranger) => format!("strangers at {issuer}"),
        Some(Who::Colleague) if grant.issuer.grammars.is_empty() => {
            format!("all users of {issuer}")
        }
        Some(Who::Colleague) => "other projects of the organization".to_owned(),
        _ => "other runs of the project".to_owned(),
    };
    let example = reach.example.escape_debug();
    match &reach.value {
        Some(value) if *value == reach.example => {
            format!("{whom} get in, with the subject \"{example}\"")
        }
        Some(value) => format!(
            "\"{}\" lets {whom} in, such as \"{example}\"",
            value.escape_debug()
        ),
        None => format!("{whom} get in, whatever their subject, such as \"{example}\""),
    }
}

fn audience(grant: &Grant<'_>, facts: &Facts<'_>, findings: &mut Findings) {
    // These two call it app_id.
    let has_none = ["graph.facebook.com", "www.amazon.com"].contains(&grant.provider.key_prefix());
    let pins = |claim| {
        grant.naming(claim).any(|condition| {
            condition
                .values
                .iter()
                .all(|value| !value.chars().all(|c| c == '*'))
        })
    };
    let known = facts
        .providers
        .iter()
        .find(|known| known.key_prefix() == grant.provider.key_prefix());
    let only_one = known.is_some_and(|known| known.client_ids().len() == 1);
    if !has_none && !only_one && !pins("aud") && !pins("oaud") {
        let message = format!(
            "no condition on {} says for whom the token was made",
            grant.key("aud").escape_debug()
        );
        findings.add(
            high::AUD_NOT_PINNED,
            grant.statement.place,
            grant.number,
            &message,
        );
    }
}

/// Cognito tells guests from people who signed in by `amr`.
fn guests(grant: &Grant<'_>, findings: &mut Findings) {
    let mut guest = Context::default();
    guest.set(grant.key("amr"), ["unauthenticated"]);
    let let_in = grant
        .on("amr")
        .all(|condition| condition.holds(grant.policy.version, &guest));
    if grant.issuer.name == "Amazon Cognito" && let_in {
        let place = grant
            .on("amr")
            .next()
            .map_or(grant.statement.place, |condition| condition.key.place);
        findings.add(
            high::COGNITO_UNAUTHENTICATED_AMR,
            place,
            grant.number,
            "no condition on amr keeps out those who never signed in",
        );
    }
}
