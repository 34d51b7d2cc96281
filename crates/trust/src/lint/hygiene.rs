//! The rules about what works and could be tidier, and those about names.

use crate::{
    document::{Document, Role},
    policy::{Condition, Place, Quantifier},
};

use super::{
    Findings,
    catalogue::{high, hygiene},
    grant::{Grant, Who},
    reach::{Reach, subjects},
};

pub(super) fn check(grant: &Grant<'_>, reaches: &[Reach], findings: &mut Findings) {
    names(grant, reaches, findings);
    legacy_beside_immutable(grant, findings);
    for claim in ["sub", "aud"] {
        for condition in grant
            .on(claim)
            .filter(|condition| condition.operator.quantifier.is_some())
        {
            has_one_value(grant, condition, findings);
        }
    }
    for condition in grant
        .statement
        .conditions
        .iter()
        .filter(|condition| condition.operator.quantifier == Some(Quantifier::ForAnyValue))
    {
        if grant
            .claim(&condition.key)
            .is_some_and(|claim| !["sub", "aud", "amr", "oaud"].contains(&claim))
        {
            has_one_value(grant, condition, findings);
        }
    }
    let names_session = grant
        .statement
        .conditions
        .iter()
        .any(|condition| condition.key.eq_ignore_ascii_case("sts:RoleSessionName"));
    if grant.issuer.name == "Microsoft Sentinel" && !names_session {
        findings.add(
            hygiene::SESSION_NAME_UNPINNED,
            grant.statement.place,
            grant.number,
            "no condition on sts:RoleSessionName tells whose Sentinel it is",
        );
    }
}

fn has_one_value(grant: &Grant<'_>, condition: &Condition, findings: &mut Findings) {
    let message = format!(
        "{} compares {}, which has one value",
        condition.operator,
        condition.key.escape_debug()
    );
    findings.add(
        hygiene::SET_OPERATOR_ON_SINGLE_VALUE,
        condition.operator_place,
        grant.number,
        &message,
    );
}

/// Values that are tight and made of nothing but names.
fn names(grant: &Grant<'_>, reaches: &[Reach], findings: &mut Findings) {
    let (rule, ids): (_, &[&str]) = match grant.issuer.name {
        "GitLab" if grant.issuer.shared => (
            high::GITLAB_NAMESPACE_REUSE,
            &["project_id", "namespace_id"],
        ),
        "GitLab" => (hygiene::MUTABLE_IDENTIFIERS_ONLY, &[]),
        "GitHub Actions" => (
            hygiene::MUTABLE_IDENTIFIERS_ONLY,
            &["repository_id", "repository_owner_id"],
        ),
        _ => return,
    };
    if ids.iter().any(|id| grant.naming(id).next().is_some()) {
        return;
    }
    for reach in reaches
        .iter()
        .filter(|reach| reach.who <= Some(Who::Contributor))
    {
        let value = reach.value.as_deref().unwrap_or_default();
        let named = value.starts_with("project_path:")
            || (value.starts_with("repo:") && !value.contains('@'));
        if named {
            let message = format!("\"{}\" holds names only", value.escape_debug());
            findings.add(rule, reach.place, grant.number, &message);
        }
    }
}

fn legacy_beside_immutable(grant: &Grant<'_>, findings: &mut Findings) {
    let values: Vec<_> = subjects(grant).collect();
    let without_ids: Vec<_> = values
        .iter()
        .filter_map(|value| names_of_immutable(&value.pattern))
        .collect();
    for value in values
        .iter()
        .filter(|value| without_ids.contains(&value.pattern))
    {
        let message = format!(
            "\"{}\" stands beside the same with ids",
            value.pattern.escape_debug()
        );
        findings.add(
            hygiene::LEGACY_SUB_STALE,
            value.place,
            grant.number,
            &message,
        );
    }
}

/// `repo:acme@1/app@2:…` without its ids.
fn names_of_immutable(subject: &str) -> Option<String> {
    let (names, context) = subject.strip_prefix("repo:")?.split_once(':')?;
    let (owner, repository) = names.split_once('/')?;
    Some(format!(
        "repo:{}/{}:{context}",
        owner.split_once('@')?.0,
        repository.split_once('@')?.0
    ))
}

pub(super) fn check_role(role: &Role, federated: bool, findings: &mut Findings) {
    let place = role.policy_place;
    let name = role.name.as_deref().unwrap_or(&role.origin).escape_debug();
    if let Some(seconds) = role.max_session.filter(|seconds| *seconds > LONG_SESSION) {
        let message = format!("a session of {name} may last {} hours", seconds / 3600);
        findings.add(hygiene::MAX_SESSION_TOO_LONG, place, None, &message);
    }
    // A bare policy does not tell, and a name says that it came with what a document knows of the role.
    if federated && role.name.is_some() && role.permissions_boundary.is_none() {
        let message =
            format!("{name} can be taken from outside AWS and has no permissions boundary");
        findings.add(hygiene::NO_PERMISSIONS_BOUNDARY, place, None, &message);
    }
}

pub(super) fn check_providers(document: &Document, findings: &mut Findings) {
    for (url, thumbprints) in &document.thumbprints {
        let url = url.escape_debug();
        for thumbprint in thumbprints {
            let lower = thumbprint.to_ascii_lowercase();
            let well_formed =
                lower.len() == 40 && lower.bytes().all(|digit| digit.is_ascii_hexdigit());
            if !well_formed || STALE.contains(&lower.as_str()) {
                let message = format!(
                    "the thumbprint \"{}\" of {url} is of no certificate in use",
                    thumbprint.escape_debug()
                );
                findings.add(hygiene::THUMBPRINT_STALE, Place::default(), None, &message);
            }
        }
        if PUBLIC
            .iter()
            .any(|host| url.to_string().starts_with(&format!("https://{host}")))
        {
            let message = format!(
                "{url} has a certificate of a public authority, and IAM does not look at its thumbprints"
            );
            findings.add(
                hygiene::THUMBPRINT_UNNECESSARY,
                Place::default(),
                None,
                &message,
            );
        }
    }
}

/// Four hours.
const LONG_SESSION: u32 = 4 * 3600;

/// Of certificates that are gone: GitHub's first ones (its changelog of 2023-06-27 names the two that followed), and the placeholder that many copy.
const STALE: [&str; 3] = [
    "a031c46782e6e6c662c2c87c76da9aa62ccabd8e",
    "15e29108718111e59b3dad31954647e3c344a231",
    "ffffffffffffffffffffffffffffffffffffffff",
];

/// Issuers known to have certificates of public authorities.
const PUBLIC: [&str; 9] = [
    "token.actions.githubusercontent.com",
    "gitlab.com",
    "app.terraform.io",
    "oidc.circleci.com",
    "agent.buildkite.com",
    "api.bitbucket.org",
    "oidc.vercel.com",
    "oidc.eks.",
    "accounts.google.com",
];
