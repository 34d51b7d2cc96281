//! How many people a value of a condition takes, by what is known of the issuers' claims.

use super::Reach;
use crate::lint;

/// Shared issuers whose audience is their customer's own, so that pinning it leaves that customer alone.
pub(super) fn has_audience_of_its_own(issuer: &str) -> bool {
    matches!(
        issuer,
        "accounts.google.com"
            | "api.pulumi.com/oidc"
            | "cognito-identity.amazonaws.com"
            | "oidc.vercel.com"
            | "sandboxes.cloud"
    )
}

/// The literal text before the first wildcard or policy variable, and whether there is one.
fn head(value: &str, with_wildcards: bool) -> (&str, bool) {
    let end = if with_wildcards {
        value.find(['*', '?'])
    } else {
        None
    };
    let end = end.into_iter().chain(value.find("${")).min();
    (&value[..end.unwrap_or(value.len())], end.is_some())
}

/// What a claim of an identity provider says about whom a value takes; `None` where it narrows nothing.
pub(super) fn claim(issuer: &str, name: &str, value: &str, with_wildcards: bool) -> Option<Reach> {
    let (head, is_pattern) = head(value, with_wildcards);
    let exactly = |reach| (!is_pattern).then_some(reach);
    match name {
        "sub" => subject(issuer, head, is_pattern),
        // `owner/repository`, and a path within it: as in the subject, but never a single job.
        "repository" | "job_workflow_ref" => subject(
            issuer,
            &format!("repo:{head}{}", if is_pattern { "" } else { ":" }),
            is_pattern,
        )
        .map(|reach| reach.max(Reach::Several)),
        "repository_id"
        | "project_id"
        | "oidc.circleci.com/project-id"
        | "pipeline_id"
        | "cluster_id"
        | "rpst_id" => exactly(Reach::Several),
        "repository_owner_id"
        | "enterprise_id"
        | "namespace_id"
        | "organization_id"
        | "organization_slug"
        | "google/organization_number" => exactly(Reach::Organisation),
        "user_id" | "user_login" | "user_email" | "id" => exactly(Reach::Named),
        "app_id" => exactly(Reach::Issuer),
        "email" if !is_pattern => Some(Reach::Named),
        "email" => (value.trim_start_matches(['*', '?']).len() > 1).then_some(Reach::Organisation),
        "aud" if has_audience_of_its_own(issuer) => exactly(Reach::Issuer),
        // Set by whoever runs the job, in a repository of their own: environment, ref, workflow, actor and the like.
        _ => None,
    }
}

fn subject(issuer: &str, head: &str, is_pattern: bool) -> Option<Reach> {
    if !is_pattern {
        // What a stranger's pull request may run as.
        let anyone_may_propose = head.starts_with("repo:") && head.ends_with(":pull_request");
        return Some(if anyone_may_propose {
            Reach::Several
        } else {
            Reach::Named
        });
    }
    let Some((leader, end, within)) = GRAMMARS
        .iter()
        .find(|(leader, ..)| head.starts_with(leader))
    else {
        // No grammar is known. At an issuer of one's own a beginning narrows; at a shared one it may be a customer's name.
        return match (head.is_empty(), lint::is_shared(issuer)) {
            (true, _) => None,
            (false, true) => Some(Reach::Organisation),
            (false, false) => Some(Reach::Several),
        };
    };
    // Without the boundary behind it, `repo:acme*` is `repo:acme-evil/…` too, and `repo:*` is everybody.
    let (owner, rest) = head[leader.len()..].split_once(*end)?;
    let part = rest.find(within).map(|at| &rest[at + within.len()..]);
    let is_within = part
        .and_then(|part| part.split_once(':'))
        .is_some_and(|(name, _)| !name.is_empty());
    (!owner.is_empty()).then_some(if is_within {
        Reach::Several
    } else {
        Reach::Organisation
    })
}

/// How subjects begin, what ends the owner's name in them, and what the name of a part of the owner's comes after.
const GRAMMARS: [(&str, char, &str); 8] = [
    ("repo:", '/', ""),                    // GitHub
    ("project_path:", '/', ""),            // GitLab
    ("organization:", ':', "workspace:"),  // HCP Terraform
    ("organization:", ':', "pipeline:"),   // Buildkite
    ("account:", ':', "pipeline:"),        // Codefresh, Scalr
    ("pulumi:deploy:org:", ':', "stack:"), // Pulumi
    ("owner:", ':', "project:"),           // Vercel
    ("system:serviceaccount:", ':', ""),   // Kubernetes: a namespace and its accounts
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_reaches_as_far_as_its_first_wildcard_lets_it() {
        use Reach::{Named, Organisation, Several};
        const GITHUB: &str = "token.actions.githubusercontent.com";
        for (issuer, name, value, expected) in [
            (
                GITHUB,
                "sub",
                "repo:acme/app:ref:refs/heads/main",
                Some(Named),
            ),
            (GITHUB, "sub", "repo:acme/app:pull_request", Some(Several)),
            (GITHUB, "sub", "repo:acme/app:*", Some(Several)),
            (GITHUB, "sub", "repo:acme/app*", Some(Organisation)),
            (GITHUB, "sub", "repo:acme/*", Some(Organisation)),
            (GITHUB, "sub", "repo:acme*", None),
            (GITHUB, "sub", "repo:*", None),
            (GITHUB, "sub", "repo:*/app:ref:refs/heads/main", None),
            (GITHUB, "sub", "repo:/app:*", None),
            (GITHUB, "sub", "*", None),
            (GITHUB, "sub", "repo:${aws:RequestTag/x}", None),
            (GITHUB, "repository", "acme/app", Some(Several)),
            (GITHUB, "repository", "acme/*", Some(Organisation)),
            (GITHUB, "repository", "acme*", None),
            (
                GITHUB,
                "job_workflow_ref",
                "acme/ci/.github/workflows/x.yml@*",
                Some(Organisation),
            ),
            (GITHUB, "repository_owner_id", "12", Some(Organisation)),
            (GITHUB, "repository_id", "1*", None),
            (GITHUB, "environment", "prod", None),
            (GITHUB, "actor", "alice", None),
            (GITHUB, "aud", "sts.amazonaws.com", None),
            (
                "gitlab.com",
                "sub",
                "project_path:acme/app:ref_type:branch:*",
                Some(Several),
            ),
            (
                "gitlab.com",
                "sub",
                "project_path:acme/*",
                Some(Organisation),
            ),
            ("gitlab.com", "sub", "project_path:*", None),
            (
                "app.terraform.io",
                "sub",
                "organization:acme:*",
                Some(Organisation),
            ),
            (
                "app.terraform.io",
                "sub",
                "organization:acme:project:p:workspace:w:run_phase:*",
                Some(Several),
            ),
            ("accounts.google.com", "aud", "123", Some(Reach::Issuer)),
            ("corp.eu.auth0.com/", "sub", "github|*", Some(Several)),
            ("corp.eu.auth0.com/", "email", "alice@acme.com", Some(Named)),
            (
                "corp.eu.auth0.com/",
                "email",
                "*@acme.com",
                Some(Organisation),
            ),
            ("corp.eu.auth0.com/", "email", "*", None),
            (
                "oidc.eks.eu-west-1.amazonaws.com/id/A",
                "sub",
                "system:serviceaccount:*",
                None,
            ),
            (
                "oidc.eks.eu-west-1.amazonaws.com/id/A",
                "sub",
                "system:serviceaccount:web:*",
                Some(Organisation),
            ),
        ] {
            assert_eq!(claim(issuer, name, value, true), expected, "{name} {value}");
        }
        assert_eq!(
            claim(GITHUB, "sub", "repo:*", false),
            Some(Named),
            "a literal star is nobody's"
        );
    }
}
