//! One statement that lets holders of one issuer's tokens in, and what would happen to this or that token.

use crate::{
    caller::Caller,
    keys::Context,
    policy::{
        Condition, Effect, Place, Policy, Principal, Principals, Quantifier, Statement, Test,
    },
    provider::IdentityProvider,
};

use super::issuers::{Issuer, Whose};

/// A statement that allows `AssumeRoleWithWebIdentity` to one identity provider.
#[derive(Debug)]
pub(super) struct Grant<'a> {
    pub(super) policy: &'a Policy,
    /// From one.
    pub(super) number: usize,
    pub(super) statement: &'a Statement,
    pub(super) provider: IdentityProvider,
    /// Where the principal stands.
    pub(super) place: Place,
    pub(super) issuer: &'static Issuer,
}

/// Somebody who might get in and should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    /// Who can change something in the project: a branch, a pull request.
    Contributor,
    /// Who has another project of the same organization.
    Colleague,
    /// Who has an account of their own at the same issuer.
    Stranger,
}

/// Every grant of a policy.
pub(super) fn grants(policy: &Policy) -> Vec<Grant<'_>> {
    let numbered = policy.statements.iter().zip(1..);
    numbered
        .filter(|(statement, _)| {
            statement.effect == Effect::Allow && statement.actions.include(ACTION)
        })
        .flat_map(|(statement, number)| {
            providers(statement)
                .into_iter()
                .map(move |(provider, place)| {
                    let key = format!("{}:sub", provider.key_prefix());
                    let subjects = statement
                        .conditions
                        .iter()
                        .filter(|condition| condition.key.eq_ignore_ascii_case(&key));
                    let issuer = Issuer::of(
                        provider.key_prefix(),
                        subjects
                            .flat_map(|condition| condition.values.iter().map(|value| &**value)),
                    );
                    Grant {
                        policy,
                        number,
                        statement,
                        provider,
                        place,
                        issuer,
                    }
                })
        })
        .collect()
}

/// The OpenID providers that a statement names, each with its place.
pub(super) fn providers(statement: &Statement) -> Vec<(IdentityProvider, Place)> {
    let Principals::Listed(principals) = &statement.principals else {
        return Vec::new();
    };
    principals
        .iter()
        .filter_map(|principal| match principal {
            Principal::Federated(name) => Some((provider(name)?, name.place)),
            _ => None,
        })
        .collect()
}

/// The provider of an ARN, whose partition and account may be placeholders, or a built-in one.
fn provider(name: &str) -> Option<IdentityProvider> {
    if let Some((before, issuer)) = name.split_once(":oidc-provider/") {
        let (partition, account) = before.strip_prefix("arn:")?.split_once(":iam::")?;
        return Some(IdentityProvider::new(
            partition,
            account,
            &format!("https://{issuer}"),
            [""; 0],
        ));
    }
    let known = !name.contains(':') && name.contains('.') && !name.contains('*');
    known.then(|| IdentityProvider::new("aws", "", &format!("https://{name}"), [""; 0]))
}

impl<'a> Grant<'a> {
    /// The claim that a key of this issuer asks about.
    pub(super) fn claim<'k>(&self, key: &'k str) -> Option<&'k str> {
        let prefix = self.provider.key_prefix();
        let (before, claim) = key.split_at_checked(prefix.len())?;
        claim
            .strip_prefix(':')
            .filter(|_| before.eq_ignore_ascii_case(prefix))
    }

    pub(super) fn key(&self, claim: &str) -> String {
        format!("{}:{claim}", self.provider.key_prefix())
    }

    /// The conditions on a claim.
    pub(super) fn on<'s>(&'s self, claim: &'s str) -> impl Iterator<Item = &'a Condition> + 's {
        let statement = self.statement;
        statement.conditions.iter().filter(move |condition| {
            self.claim(&condition.key)
                .is_some_and(|found| found.eq_ignore_ascii_case(claim))
        })
    }

    /// The conditions on a claim that name who may come.
    pub(super) fn naming<'s>(&'s self, claim: &'s str) -> impl Iterator<Item = &'a Condition> + 's {
        self.on(claim).filter(|condition| names(condition))
    }

    /// Whether this statement lets somebody with this subject in, and no other keeps them out. `known` are the claims that go with it.
    ///
    /// All else is chosen as whoever it is would choose it; what they cannot choose, they have otherwise than the policy wants it.
    pub(super) fn lets_in(
        &self,
        subject: &str,
        known: &[(&str, Option<String>)],
        who: Who,
    ) -> bool {
        let mut context = Context::default();
        let prefix = self.provider.key_prefix();
        let now = "1800000000";
        for (key, value) in [
            ("aws:SecureTransport", "true"),
            ("aws:EpochTime", now),
            ("aws:CurrentTime", now),
            ("aws:PrincipalType", "User"),
            ("aws:FederatedProvider", self.provider.arn()),
            ("aws:PrincipalAccount", self.provider.account()),
            ("aws:SourceIp", "203.0.113.7"), // anybody's (RFC 5737)
            ("sts:RoleAuthorizedByIdp", "false"),
        ] {
            context.set(key, [value]);
        }
        for key in ["aws:RequestedRegion", "aws:UserAgent", "aws:Referer"] {
            context.set(key, [self.chosen(key, true)]);
        }
        context.set(
            "sts:RoleSessionName",
            [self.chosen("sts:RoleSessionName", true)],
        );
        let audience = self.chosen(
            &self.key("aud"),
            !self.audience_tells_tenants() || who < Who::Stranger,
        );
        context.set(self.key("aud"), [audience.clone()]);
        let original = self.key("oaud");
        let original = if self.keys().any(|key| key.eq_ignore_ascii_case(&original)) {
            self.chosen(&original, true)
        } else {
            audience
        };
        context.set(self.key("oaud"), [original]);
        if self.on("amr").next().is_some() {
            context.set(self.key("amr"), [self.chosen(&self.key("amr"), true)]);
        }
        for (claim, whose) in self
            .issuer
            .claims
            .iter()
            .copied()
            .chain([("email", Whose::Person)])
        {
            let can_choose = match whose {
                Whose::Anyone => true,
                Whose::Tenant => who < Who::Stranger,
                Whose::Project => who == Who::Contributor,
                Whose::Person | Whose::Guard => false,
            };
            let may_lack = claim == "email" || self.issuer.optional.contains(&claim);
            if may_lack && self.on(claim).all(holds_of_nothing) {
                continue;
            }
            context.set(self.key(claim), [self.chosen(&self.key(claim), can_choose)]);
        }
        for (claim, value) in known {
            context.set(format!("{prefix}:{claim}"), value.as_deref());
        }
        context.set(self.key("sub"), [subject]);
        let decision = self
            .policy
            .decide(Caller::WebIdentity(&self.provider), &[], &context);
        decision.is_allowed() && decision.statements[self.number - 1].applies_to(ACTION)
    }

    /// Whether it is the audience that tells the customers of a shared issuer apart.
    fn audience_tells_tenants(&self) -> bool {
        self.issuer.required.contains(&"aud") || self.issuer.name == "Google"
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.policy
            .statements
            .iter()
            .flat_map(|statement| &statement.conditions)
            .map(|condition| &*condition.key)
    }

    /// The value of a key as whoever can choose it would choose it: one that this statement wants, or a `Deny` lets pass.
    fn chosen(&self, key: &str, can_choose: bool) -> String {
        const OTHER: &str = "zz";
        if !can_choose {
            return OTHER.to_owned();
        }
        let wanted = self
            .statement
            .conditions
            .iter()
            .filter(|condition| !condition.operator.test.is_negated());
        let spared = self
            .policy
            .statements
            .iter()
            .filter(|statement| statement.effect == Effect::Deny);
        let spared = spared
            .flat_map(|statement| &statement.conditions)
            .filter(|condition| condition.operator.test.is_negated());
        let same = |condition: &&Condition| {
            condition.key.eq_ignore_ascii_case(key) && condition.operator.test != Test::Null
        };
        let candidates: Vec<String> = wanted
            .chain(spared)
            .filter(same)
            .flat_map(filled)
            .take(64)
            .collect();
        let all_hold = |value: &&String| {
            let mut context = Context::default();
            context.set(key, [value.as_str()]);
            let mut on = self.statement.conditions.iter().filter(same);
            on.all(|condition| condition.holds(self.policy.version, &context))
        };
        candidates
            .iter()
            .find(all_hold)
            .or(candidates.first())
            .cloned()
            .unwrap_or_else(|| OTHER.to_owned())
    }
}

/// Whether a condition says which values may come, and not which may not.
pub(super) fn names(condition: &Condition) -> bool {
    let test = condition.operator.test;
    !test.is_negated() && test != Test::Null
}

/// Whether a condition holds for a token that lacks the claim.
pub(super) fn holds_of_nothing(condition: &Condition) -> bool {
    let operator = condition.operator;
    match operator.test {
        Test::Null => condition
            .values
            .iter()
            .any(|value| value.eq_ignore_ascii_case("true")),
        test => {
            operator.if_exists
                || operator.quantifier == Some(Quantifier::ForAllValues)
                || (operator.quantifier.is_none() && test.is_negated())
        }
    }
}

/// Whether `*` and `?` stand for others under this operator.
pub(super) fn takes_wildcards(test: Test) -> bool {
    matches!(
        test,
        Test::StringLike
            | Test::StringNotLike
            | Test::ArnLike
            | Test::ArnEquals
            | Test::ArnNotLike
            | Test::ArnNotEquals
    )
}

/// Values that the condition's own values match.
fn filled(condition: &Condition) -> impl Iterator<Item = String> {
    let wildcards = takes_wildcards(condition.operator.test);
    condition.values.iter().map(move |value| {
        if wildcards {
            value.replace('*', "").replace('?', "z")
        } else {
            value.to_string()
        }
    })
}

/// The action of a request with a token.
pub(super) const ACTION: &str = "sts:AssumeRoleWithWebIdentity";
