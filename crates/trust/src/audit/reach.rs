//! How far a statement of a trust policy opens a role to somebody outside.

use super::{Audience, Danger, Fault, Outsider, Power, Reach, Shown, Way, subject};
use crate::{
    arn, document,
    lint::{self, Facts, Severity},
    policy::{
        Condition, Effect, Operator, Policy, Principal, Principals, Quantifier, Statement, Test,
    },
};

/// Who may get in from outside the role's account, and the services that may.
pub(super) fn ways(policy: &Policy, account: &str) -> (Vec<Way>, Vec<String>) {
    let (mut ways, mut services) = (Vec::new(), Vec::new());
    let allowing = |(_, statement): &(usize, &Statement)| statement.effect == Effect::Allow;
    for (number, statement) in (1..).zip(&policy.statements).filter(allowing) {
        let outsiders: Vec<Outsider> = match &statement.principals {
            Principals::Listed(principals) => principals
                .iter()
                .filter_map(|principal| match principal {
                    Principal::Everyone(_) => Some(Outsider::Everyone),
                    Principal::Aws(name) => aws(name, account),
                    Principal::Federated(name) => Some(federated(name)),
                    Principal::Service(name) => {
                        services.push(name.to_string());
                        None
                    }
                    Principal::CanonicalUser(_) => None, // of S3 alone
                })
                .collect(),
            Principals::AllBut(_) => vec![Outsider::Everyone],
        };
        ways.extend(
            outsiders
                .into_iter()
                .filter(|from| from.is_let_in_by(statement))
                .map(|from| way(from, statement, number, account)),
        );
    }
    services.sort();
    services.dedup();
    (ways, services)
}

/// A principal of another account; `None` for one of the role's own, and for the id that is left of a deleted one.
fn aws(name: &str, own: &str) -> Option<Outsider> {
    if name == "*" {
        return Some(Outsider::AnyAccount);
    }
    let is_account = name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit());
    let account = if is_account {
        name
    } else {
        arn::account(name)?
    };
    (account != own).then(|| Outsider::Account {
        account: account.to_owned(),
        principal: (!is_account && !name.ends_with(":root")).then(|| name.to_owned()),
    })
}

fn federated(name: &str) -> Outsider {
    let account = || arn::account(name).map(str::to_owned);
    if name == "*" {
        Outsider::AnyIdentityProvider
    } else if let Some((_, issuer)) = name.split_once(":oidc-provider/") {
        Outsider::Oidc {
            issuer: issuer.to_owned(),
            account: account(),
        }
    } else if let Some((_, name)) = name.split_once(":saml-provider/") {
        Outsider::Saml {
            name: name.to_owned(),
        }
    } else {
        Outsider::Oidc {
            issuer: name.to_owned(),
            account: None,
        }
    }
}

impl Outsider {
    fn is_let_in_by(&self, statement: &Statement) -> bool {
        let actions: &[&str] = match self {
            Self::Everyone => &[
                "sts:AssumeRole",
                "sts:AssumeRoleWithWebIdentity",
                "sts:AssumeRoleWithSAML",
            ],
            Self::AnyIdentityProvider => {
                &["sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"]
            }
            Self::Oidc { .. } => &["sts:AssumeRoleWithWebIdentity"],
            Self::Saml { .. } => &["sts:AssumeRoleWithSAML"],
            Self::AnyAccount | Self::Account { .. } => &["sts:AssumeRole"],
        };
        actions
            .iter()
            .any(|action| statement.actions.include(action))
    }

    /// Whom it takes where nothing narrows it.
    fn all(&self) -> Reach {
        match self {
            Self::Everyone | Self::AnyIdentityProvider | Self::AnyAccount => Reach::Anyone,
            Self::Oidc { issuer, .. } if lint::is_shared(issuer) => Reach::Anyone,
            Self::Oidc { .. }
            | Self::Account {
                principal: None, ..
            } => Reach::Issuer,
            // A SAML response names the role: the identity provider has chosen each of them for it.
            Self::Saml { .. }
            | Self::Account {
                principal: Some(_), ..
            } => Reach::Named,
        }
    }
}

fn way(from: Outsider, statement: &Statement, number: usize, account: &str) -> Way {
    let (mut reach, mut by) = (from.all(), None);
    let elsewhere =
        matches!(&from, Outsider::Oidc { account: Some(other), .. } if other != account);
    if elsewhere {
        reach = Reach::Nobody; // the identity provider must be in the role's own account
    }
    for condition in &statement.conditions {
        if let Some(narrowed) = narrowed(&from, condition).filter(|narrowed| *narrowed < reach) {
            (reach, by) = (narrowed, Some(Shown::from(condition)));
        }
    }
    Way {
        audience: audience(&from, statement),
        from,
        statement: number,
        reach,
        by,
        danger: Danger::Low, // told when the role's power is known
        faults: Vec::new(),  // told by the rules
        conditions: statement.conditions.iter().map(Shown::from).collect(),
    }
}

/// Whether what holds under it can be relied on: not for a key that is absent (`IfExists`, `ForAllValues`), and not for all
/// but some (the negated operators).
fn is_sure(operator: Operator) -> bool {
    !operator.if_exists
        && operator.quantifier != Some(Quantifier::ForAllValues)
        && !operator.test.is_negated()
        && operator.test != Test::Null
}

/// To how many a condition narrows its statement; `None` where it does not.
fn narrowed(from: &Outsider, condition: &Condition) -> Option<Reach> {
    if !is_sure(condition.operator) {
        return None;
    }
    let wildcards = condition.operator.test.takes_wildcards();
    let key = condition.key.to_ascii_lowercase();
    let claim = claim_of(from, &key);
    if claim.is_none() && !is_of_the_request(&key) {
        return matches!(from, Outsider::Oidc { .. }).then_some(Reach::Nobody);
    }
    let each = |value: &str| match claim {
        Some((issuer, name)) => subject::claim(issuer, name, value, wildcards),
        None => request_key(&key, value, wildcards),
    };
    // Any of the values will do, so the widest counts.
    condition
        .values
        .iter()
        .map(|value| each(value).unwrap_or(Reach::Anyone))
        .max()
        .filter(|reach| *reach < Reach::Anyone)
}

/// The issuer and the claim behind a condition key, in lower case, if it is one of the outsider's.
fn claim_of<'a>(from: &'a Outsider, key: &'a str) -> Option<(&'a str, &'a str)> {
    match from {
        Outsider::Oidc { issuer, .. } => {
            let (prefix, name) = key.split_at_checked(issuer.len())?;
            let name = name.strip_prefix(':')?;
            prefix
                .eq_ignore_ascii_case(issuer)
                .then_some((issuer, name))
        }
        // Any issuer's claim narrows it to that issuer's. The last colon, as an issuer on loopback has one of its own.
        Outsider::Everyone | Outsider::AnyIdentityProvider if !is_of_the_request(key) => {
            key.rsplit_once(':')
        }
        _ => None,
    }
}

fn is_of_the_request(key: &str) -> bool {
    ["aws:", "sts:", "saml:"]
        .iter()
        .any(|service| key.starts_with(service))
}

/// To how many a key narrows that is no identity provider's.
fn request_key(key: &str, value: &str, with_wildcards: bool) -> Option<Reach> {
    let is_pattern = with_wildcards && value.contains(['*', '?']);
    let exactly = |reach| (!is_pattern).then_some(reach);
    match key {
        "aws:principalorgid" | "aws:principalorgpaths" | "aws:resourceorgid" => {
            (!value.starts_with(['*', '?'])).then_some(Reach::Organisation)
        }
        "aws:principalaccount" => exactly(Reach::Issuer),
        "aws:principalarn" | "aws:userid" => match arn::account(value) {
            Some(account) if is_pattern && !account.contains(['*', '?']) => Some(Reach::Several),
            _ => exactly(Reach::Named),
        },
        "sts:externalid" => exactly(Reach::Several),
        "sts:roleauthorizedbyidp" => (value == "true").then_some(Reach::Named),
        "saml:sub" | "saml:edupersonprincipalname" | "saml:namequalifier" | "saml:mail" => {
            Some(if is_pattern {
                Reach::Several
            } else {
                Reach::Named
            })
        }
        "aws:sourceip" => (!value.ends_with("/0")).then_some(Reach::Organisation),
        "aws:sourcevpc" | "aws:sourcevpce" => exactly(Reach::Organisation),
        key if key.starts_with("aws:requesttag/") => exactly(Reach::Several),
        _ => None,
    }
}

fn audience(from: &Outsider, statement: &Statement) -> Audience {
    if !matches!(from, Outsider::Oidc { .. }) {
        return Audience::NotApplicable;
    }
    let mut pinned = Audience::NotAtAll;
    for condition in &statement.conditions {
        let key = condition.key.to_ascii_lowercase();
        let is_audience =
            claim_of(from, &key).is_some_and(|(_, name)| matches!(name, "aud" | "oaud" | "app_id"));
        if !is_audience || !is_sure(condition.operator) {
            continue;
        }
        let wild = condition.operator.test.takes_wildcards();
        if !wild
            || condition
                .values
                .iter()
                .all(|value| !value.contains(['*', '?']))
        {
            return Audience::Exactly;
        }
        if condition
            .values
            .iter()
            .all(|value| value.chars().any(|c| c != '*' && c != '?'))
        {
            pinned = Audience::ByPattern;
        }
    }
    pinned
}

impl From<&Condition> for Shown {
    fn from(condition: &Condition) -> Self {
        Self {
            operator: condition.operator.to_string(),
            key: condition.key.to_string(),
            values: condition.values.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Way {
    /// How dangerous it is to give a role of this power away like that: what the rules say, else what the reach says.
    pub(super) fn judge(&mut self, power: &Power, has_deny: bool) {
        let admin = power.is_administrator();
        let is_account = matches!(self.from, Outsider::Account { .. });
        let by_reach = match self.reach {
            Reach::Anyone => Danger::Critical,
            Reach::Issuer if !is_account => Danger::High,
            Reach::Issuer | Reach::Organisation | Reach::Several if admin => Danger::High,
            Reach::Issuer | Reach::Organisation | Reach::Several => Danger::Medium,
            Reach::Named if admin => Danger::Medium,
            Reach::Named | Reach::Nobody => Danger::Low,
        };
        // The rules weigh denials, the reach does not.
        let is_overruled = has_deny && matches!(self.from, Outsider::Oidc { .. });
        let by_reach = if is_overruled {
            by_reach.min(Danger::Medium)
        } else {
            by_reach
        };
        let by_rules = self.faults.iter().map(|fault| fault.danger).max();
        self.danger = by_rules.map_or(by_reach, |danger| danger.max(by_reach));
    }
}

/// What the rules say about the statements of a policy: what is critical or high, with the statement's number.
pub(super) fn faults(role: &document::Role) -> Vec<(usize, Fault)> {
    lint::lint(role, &Facts::default())
        .into_iter()
        .filter_map(|finding| {
            let danger = match finding.rule.severity {
                Severity::Critical => Danger::Critical,
                Severity::High => Danger::High,
                Severity::Correctness | Severity::Hygiene => return None,
            };
            let fault = Fault {
                rule: finding.rule.id,
                message: finding.message,
                danger,
            };
            Some((finding.statement?, fault))
        })
        .collect()
}

impl Outsider {
    /// Whether it comes with an identity provider's token, which the rules are about.
    pub(super) fn has_token(&self) -> bool {
        matches!(
            self,
            Self::Oidc { .. } | Self::AnyIdentityProvider | Self::Everyone
        )
    }
}
