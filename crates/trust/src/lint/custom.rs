//! GitHub's other ways to say who it is: a subject made of chosen claims, and the reusable workflow.

use super::{
    catalogue::{critical, high},
    grammar::{Part, witness},
    grant::{Grant, Who, holds_of_nothing, takes_wildcards},
    reach::{Candidate, Reach},
    rule::Rule,
};

/// What a subject of chosen claims, such as `repository_owner:acme:environment:production`, lets in. `None` where it is none.
pub(super) fn of_subject(grant: &Grant<'_>, candidate: &Candidate) -> Option<Reach> {
    grant.issuer.whose("job_workflow_ref")?;
    let claims = claims(&candidate.pattern)?;
    let value = |name: &str| {
        claims
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    };
    let is_open =
        |value: &str| value.is_empty() || candidate.wildcards && value.contains(['*', '?']);
    let fixed = |name: &str| value(name).is_some_and(|value| !is_open(value));
    let narrowed = [
        "environment",
        "context",
        "ref",
        "job_workflow_ref",
        "job_workflow_sha",
        "sha",
    ]
    .into_iter()
    .any(fixed);
    let within = || {
        if value("context") == Some("pull_request") {
            (
                Some(Who::Contributor),
                Some(high::GITHUB_PULL_REQUEST_SUBJECT),
            )
        } else if narrowed {
            (None, None)
        } else {
            (
                Some(Who::Contributor),
                Some(high::GITHUB_REPO_WILDCARD_CONTEXT),
            )
        }
    };
    let open = |name: &str, part| {
        let as_subject = format!("repo:{}:pull_request", value(name).unwrap_or_default());
        REPOSITORY
            .iter()
            .any(|grammar| witness(grammar, &as_subject, candidate.wildcards, part).is_some())
    };
    let (who, rule) = if let Some(name) = ["repo", "repository"]
        .into_iter()
        .find(|name| value(name).is_some())
    {
        if open(name, Part::Tenant) && grant.issuer.shared {
            (Some(Who::Stranger), Some(critical::ORG_PREFIX_WILDCARD))
        } else if open(name, Part::Project) {
            (
                Some(Who::Colleague),
                Some(critical::WILDCARD_BEFORE_BOUNDARY),
            )
        } else if open(name, Part::Any) {
            within()
        } else {
            return None; // no name of a repository
        }
    } else if fixed("repository_id") {
        within()
    } else if let Some(workflow) = value("job_workflow_ref") {
        of_workflow(grant, workflow, candidate.wildcards)
    } else if fixed("repository_owner") || fixed("repository_owner_id") {
        (Some(Who::Colleague), Some(high::ORG_WIDE))
    } else {
        (Some(Who::Stranger), Some(critical::ABUSABLE_CLAIM_ONLY))
    };
    Some(Reach {
        who,
        rule,
        example: candidate.pattern.replace(['*', '?'], "z"),
        place: candidate.place,
        value: Some(candidate.pattern.clone()),
    })
}

/// What a statement lets in that pins a reusable workflow by the key `job_workflow_ref`: whoever calls it runs what it says.
pub(super) fn of_workflow_key(grant: &Grant<'_>) -> Option<Vec<Reach>> {
    grant.issuer.whose("job_workflow_ref")?;
    let conditions: Vec<_> = grant
        .naming("job_workflow_ref")
        .filter(|condition| !holds_of_nothing(condition))
        .collect();
    let values = conditions.iter().flat_map(|condition| {
        condition.values.iter().map(|value| {
            let (who, rule) = of_workflow(grant, value, takes_wildcards(condition.operator.test));
            Reach {
                who,
                rule,
                example: format!("job_workflow_ref {value}"),
                place: value.place,
                value: Some(value.to_string()),
            }
        })
    });
    (!conditions.is_empty()).then(|| values.collect())
}

fn of_workflow(
    grant: &Grant<'_>,
    value: &str,
    wildcards: bool,
) -> (Option<Who>, Option<&'static Rule>) {
    let open = |part| witness(WORKFLOW, value, wildcards, part).is_some();
    if open(Part::Tenant) && grant.issuer.shared {
        (Some(Who::Stranger), Some(critical::ORG_PREFIX_WILDCARD))
    } else if open(Part::Project) {
        (
            Some(Who::Colleague),
            Some(critical::WILDCARD_BEFORE_BOUNDARY),
        )
    } else if open(Part::Context) {
        (Some(Who::Contributor), Some(high::BRANCH_WILDCARD))
    } else {
        (None, None)
    }
}

/// `repo:acme/app:environment:production` taken apart; `None` where it does not begin with the name of a claim.
fn claims(subject: &str) -> Option<Vec<(&str, String)>> {
    let mut claims: Vec<(&str, String)> = Vec::new();
    for part in subject.split(':') {
        let complete = claims.last().is_none_or(|(_, value)| !value.is_empty());
        match claims.last_mut() {
            _ if complete && is_claim(part) => claims.push((part, String::new())),
            None => return None,
            Some((_, value)) => {
                if !value.is_empty() {
                    value.push(':');
                }
                value.push_str(part);
            }
        }
    }
    Some(claims)
}

/// Whether a subject of chosen claims may have this one.
pub(super) fn is_claim(name: &str) -> bool {
    CLAIMS.contains(&name)
}

/// The claims that a template of GitHub's may name.
const CLAIMS: [&str; 22] = [
    "repo",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "repository_visibility",
    "context",
    "environment",
    "ref",
    "ref_type",
    "ref_protected",
    "head_ref",
    "base_ref",
    "job_workflow_ref",
    "job_workflow_sha",
    "workflow",
    "workflow_ref",
    "workflow_sha",
    "actor",
    "actor_id",
    "runner_environment",
    "sha",
];
const REPOSITORY: [&str; 2] = [
    "repo:{owner!}/{repo+}:pull_request",
    "repo:{owner!}@{owner_id!}/{repo+}@{repo_id+}:pull_request",
];
const WORKFLOW: &str = "{owner!}/{repo+}/<path>@|<ref>";
