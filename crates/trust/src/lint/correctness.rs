//! The rules about what keeps people out by mistake.

use crate::{
    arn,
    document::Role,
    keys::claims_for,
    policy::{Condition, Effect, Place, Statement, Test, Version},
};

use super::{
    Facts, Findings,
    catalogue::correctness as rules,
    grant::{ACTION, Grant, names, providers},
    shape,
};

/// What is about a statement and one of its issuers.
pub(super) fn check(grant: &Grant<'_>, role: &Role, facts: &Facts<'_>, findings: &mut Findings) {
    for condition in &grant.statement.conditions {
        let mut add =
            |rule, place: Place, message: String| findings.add(rule, place, grant.number, &message);
        operator(grant, condition, &mut add);
        key(grant, condition, &mut add);
        case(grant, condition, facts, &mut add);
    }
    shape::check(grant, findings);
    session(grant, findings);
    audiences(grant, facts, findings);
    if let (Some(wanted), Some(found)) =
        (role.account.as_deref(), arn::account(grant.provider.arn()))
        && wanted != found
        && !found.contains("${")
    {
        let message = format!(
            "the provider is in account {}, the role in {}",
            found.escape_debug(),
            wanted.escape_debug()
        );
        findings.add(
            rules::PROVIDER_IN_OTHER_ACCOUNT,
            grant.place,
            grant.number,
            &message,
        );
    }
}

/// What is about the policy as a whole.
pub(super) fn check_policy(role: &Role, facts: &Facts<'_>, findings: &mut Findings) {
    let length = role
        .text
        .chars()
        .filter(|character| !character.is_whitespace())
        .count();
    if length > facts.quota {
        let message = format!(
            "{length} characters without white space, and the quota is {}",
            facts.quota
        );
        findings.add(rules::POLICY_TOO_LONG, role.policy_place, None, &message);
    }
    for (statement, number) in role.policy.statements.iter().zip(1..) {
        if role.policy.version == Version::V2008 {
            for value in statement
                .conditions
                .iter()
                .flat_map(|condition| &condition.values)
                .filter(|value| value.contains("${"))
            {
                let message = format!("\"{}\" is compared letter by letter", value.escape_debug());
                findings.add(rules::MISSING_VERSION, value.place, number, &message);
            }
        }
        action(statement, number, findings);
    }
}

type Add<'a> = &'a mut dyn FnMut(&'static super::Rule, Place, String);

fn operator(grant: &Grant<'_>, condition: &Condition, add: Add<'_>) {
    let Some(claim) = grant.claim(&condition.key) else {
        return;
    };
    let test = condition.operator.test;
    let exact = matches!(
        test,
        Test::StringEquals
            | Test::StringNotEquals
            | Test::StringEqualsIgnoreCase
            | Test::StringNotEqualsIgnoreCase
    );
    for value in condition
        .values
        .iter()
        .filter(|value| exact && value.contains(['*', '?']))
    {
        add(
            rules::LITERAL_WILDCARD,
            value.place,
            format!(
                "{} takes \"{}\" letter by letter",
                condition.operator,
                value.escape_debug()
            ),
        );
    }
    if matches!(
        test,
        Test::ArnEquals | Test::ArnLike | Test::ArnNotEquals | Test::ArnNotLike
    ) {
        add(
            rules::ARN_OPERATOR_ON_SUBJECT,
            condition.operator_place,
            format!(
                "{} compares {}, which is no ARN",
                condition.operator,
                claim.escape_debug()
            ),
        );
    }
}

fn key(grant: &Grant<'_>, condition: &Condition, add: Add<'_>) {
    let key = &*condition.key;
    let lower = key.to_ascii_lowercase();
    let place = condition.key.place;
    if let Some(claim) = grant.claim(key) {
        let known = ["aud", "oaud", "sub", "amr", "email"]
            .into_iter()
            .chain(claims_for(grant.provider.key_prefix()));
        let known = known.chain(grant.issuer.claims.iter().map(|(claim, _)| *claim)); // Facebook's and Amazon's
        let mut known = known.filter(|known| known.eq_ignore_ascii_case(claim));
        if known.next().is_none() {
            let checked = crate::keys::CHECKED;
            add(
                rules::UNDOCUMENTED_KEY,
                place,
                format!(
                    "AWS makes no condition key of {}'s claim {} (as of {checked})",
                    grant.issuer.name,
                    claim.escape_debug()
                ),
            );
        }
    } else if lower.starts_with("aws:") || lower.starts_with("sts:") || lower.starts_with("saml:") {
        if ABSENT
            .iter()
            .any(|absent| lower == *absent || (absent.ends_with('/') && lower.starts_with(absent)))
        {
            add(
                rules::UNDOCUMENTED_KEY,
                place,
                format!(
                    "{} is not there in a request with a token",
                    key.escape_debug()
                ),
            );
        }
    } else if !providers(grant.statement)
        .iter()
        .any(|(provider, _)| belongs_to(key, provider.key_prefix()))
    {
        let wanted = grant.provider.key_prefix();
        let hint = if key.contains("://") {
            ", without https://"
        } else if lower.rsplit_once(':').is_some_and(|(before, _)| {
            before.trim_end_matches('/') == wanted.to_ascii_lowercase().trim_end_matches('/')
        }) {
            ", with or without a slash at its end as the provider has it"
        } else {
            ""
        };
        add(
            rules::KEY_ISSUER_MISMATCH,
            place,
            format!(
                "{} is not of the issuer {}{hint}",
                key.escape_debug(),
                wanted.escape_debug()
            ),
        );
    }
}

fn belongs_to(key: &str, prefix: &str) -> bool {
    key.split_at_checked(prefix.len())
        .is_some_and(|(before, after)| {
            before.eq_ignore_ascii_case(prefix) && after.starts_with(':')
        })
}

/// Values that would match in another case: audiences that the provider lists, and the fixed words of subjects.
fn case(grant: &Grant<'_>, condition: &Condition, facts: &Facts<'_>, add: Add<'_>) {
    let (Some(claim), Test::StringEquals | Test::StringLike) =
        (grant.claim(&condition.key), condition.operator.test)
    else {
        return;
    };
    for value in &condition.values {
        let right = match claim.to_ascii_lowercase().as_str() {
            "aud" => client_ids(grant, facts)
                .into_iter()
                .flatten()
                .map(String::as_str)
                .chain(["sts.amazonaws.com"])
                .find(|id| id.eq_ignore_ascii_case(value)),
            "sub" => [
                "repo:",
                "project_path:",
                "organization:",
                "system:serviceaccount:",
                "org/",
                "owner:",
            ]
            .into_iter()
            .find(|word| {
                grant
                    .issuer
                    .grammars
                    .iter()
                    .any(|grammar| grammar.text.starts_with(word))
                    && belongs(value, word)
            })
            .filter(|word| !value.starts_with(word)),
            _ => None,
        };
        let exactly =
            client_ids(grant, facts).is_some_and(|ids| ids.iter().any(|id| *id == **value));
        if let Some(right) = right.filter(|right| *right != &**value && !exactly) {
            add(
                rules::CASE_ONLY_MISMATCH,
                value.place,
                format!("\"{}\" is spelled \"{right}\"", value.escape_debug()),
            );
        }
    }
}

fn belongs(value: &str, word: &str) -> bool {
    value
        .get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

fn client_ids<'a>(grant: &Grant<'_>, facts: &Facts<'a>) -> Option<&'a [String]> {
    let known = facts
        .providers
        .iter()
        .find(|known| known.key_prefix() == grant.provider.key_prefix())?;
    Some(known.client_ids())
}

fn audiences(grant: &Grant<'_>, facts: &Facts<'_>, findings: &mut Findings) {
    let google = grant.issuer.name == "Google";
    for value in grant.naming("aud").flat_map(|condition| &condition.values) {
        let text = value.escape_debug();
        let is_client = value.bytes().all(|digit| digit.is_ascii_digit())
            || value.ends_with(".apps.googleusercontent.com");
        if google && !is_client && !value.contains('*') {
            let message = format!(
                "\"{text}\" is no numeric id and no OAuth client, and so never Google's aud"
            );
            findings.add(rules::AZP_VS_AUD, value.place, grant.number, &message);
        }
        if let Some(ids) = client_ids(grant, facts)
            && !value.contains(['*', '?'])
            && !ids.iter().any(|id| id.eq_ignore_ascii_case(value))
        {
            let message = format!("the provider does not list \"{text}\"");
            findings.add(
                rules::AUD_NOT_IN_CLIENT_ID_LIST,
                value.place,
                grant.number,
                &message,
            );
        }
    }
}

/// Conditions on what a session is to carry.
fn session(grant: &Grant<'_>, findings: &mut Findings) {
    let allows = |action: &str| {
        let mut same = grant
            .policy
            .statements
            .iter()
            .filter(|statement| statement.effect == Effect::Allow);
        same.any(|statement| {
            statement.actions.include(action)
                && providers(statement)
                    .iter()
                    .any(|(provider, _)| provider.arn() == grant.provider.arn())
        })
    };
    for condition in grant
        .statement
        .conditions
        .iter()
        .filter(|condition| names(condition))
    {
        let key = condition.key.to_ascii_lowercase();
        let tags = key.starts_with("aws:requesttag/")
            || key == "aws:tagkeys"
            || key == "sts:transitivetagkeys";
        let text = condition.key.escape_debug();
        if tags && !allows("sts:TagSession") {
            findings.add(
                rules::TAGSESSION_MISSING,
                condition.key.place,
                grant.number,
                &format!("{text} needs sts:TagSession"),
            );
        }
        if key == "sts:sourceidentity" && !allows("sts:SetSourceIdentity") {
            findings.add(
                rules::SETSOURCEIDENTITY_MISSING,
                condition.key.place,
                grant.number,
                &format!("{text} needs sts:SetSourceIdentity"),
            );
        }
        let wanted = condition
            .values
            .iter()
            .any(|value| value.eq_ignore_ascii_case("true"));
        if key == "sts:roleauthorizedbyidp" && wanted && !grant.issuer.custom_claims {
            let message = format!("{} does not list roles in its tokens", grant.issuer.name);
            findings.add(
                rules::IDP_AUTHORIZED_ROLE_MISSING,
                condition.key.place,
                grant.number,
                &message,
            );
        }
    }
}

/// A statement for an OpenID provider that does not allow what its tokens are for.
fn action(statement: &Statement, number: usize, findings: &mut Findings) {
    let about_tokens = |action: &str| statement.actions.include(action);
    let besides = ["sts:TagSession", "sts:SetSourceIdentity"]
        .into_iter()
        .any(about_tokens);
    if statement.effect == Effect::Allow && !about_tokens(ACTION) && !besides {
        for (_, place) in providers(statement) {
            findings.add(
                rules::WRONG_ACTION,
                place,
                number,
                &format!("the statement does not allow {ACTION} to this provider"),
            );
        }
    }
}

/// Keys about AWS principals, which a caller with a token is none of, and those of other requests.
const ABSENT: [&str; 13] = [
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principaltag/",
    "aws:principalisawsservice",
    "aws:multifactorauthage",
    "aws:multifactorauthpresent",
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:username",
    "sts:externalid",
    "sts:identitytokenaudience",
    "sts:durationseconds",
];
