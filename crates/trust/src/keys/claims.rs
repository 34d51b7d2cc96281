//! Which claims of which issuer become condition keys, as data.
//!
//! Source: IAM user guide, "IAM and AWS STS condition context keys", section on web identity federation.

use crate::policy::wildcard_matches;

/// The table's version: it goes up with each change of the table.
pub const TABLE_VERSION: u32 = 1;

/// The month in which the table was last compared with AWS's. A claim that it lacks may be newer than it.
pub const CHECKED: &str = "2026-11";

/// Whether a claim of this name becomes a condition key for every issuer. Case does not count, as in all keys.
pub fn is_of_every_issuer(name: &str) -> bool {
    ["aud", "oaud", "sub", "amr", "email"].contains(&name.to_ascii_lowercase().as_str())
}

/// The claims of this issuer that become condition keys besides those of every issuer, which are `aud`, `oaud`, `sub`,
/// `amr` and `email`. The issuer is written as in the keys: without its scheme, path and trailing slash kept.
///
/// ```
/// use keyless_trust::keys::claims_for;
///
/// assert!(claims_for("token.actions.githubusercontent.com").any(|claim| claim == "repository_id"));
/// assert_eq!(claims_for("gitlab.example.com").count(), 0); // GitLab's keys are those of gitlab.com alone
/// ```
pub fn claims_for(issuer: &str) -> impl Iterator<Item = &'static str> {
    ISSUERS
        .iter()
        .filter(move |(pattern, _)| is_issuer(pattern, issuer))
        .flat_map(|(_, claims)| claims.iter().copied())
}

/// Whether a claim becomes a condition key for this issuer, as far as this table knows. Case does not count.
pub fn is_mapped(issuer: &str, claim: &str) -> bool {
    is_of_every_issuer(claim) || claims_for(issuer).any(|known| known.eq_ignore_ascii_case(claim))
}

/// A `*` in the table stands for something within one label of the host or segment of the path.
fn is_issuer(pattern: &str, issuer: &str) -> bool {
    let separator = ['/', '.'];
    pattern.split(separator).count() == issuer.split(separator).count()
        && pattern.matches(separator).eq(issuer.matches(separator))
        && pattern
            .split(separator)
            .zip(issuer.split(separator))
            .all(|(wanted, found)| !found.is_empty() && wildcard_matches(wanted, found))
}

const GITHUB: &[&str] = &[
    "actor",
    "actor_id",
    "job_workflow_ref",
    "repository",
    "repository_id",
    "repository_owner_id",
    "workflow",
    "ref",
    "environment",
    "enterprise_id",
];

const BUILDKITE: &[&str] = &[
    "organization_slug",
    "organization_id",
    "pipeline_slug",
    "pipeline_id",
    "cluster_name",
    "cluster_id",
    "build_branch",
];

const ISSUERS: &[(&str, &[&str])] = &[
    ("token.actions.githubusercontent.com", GITHUB),
    ("token.actions.githubusercontent.com/*", GITHUB),
    ("accounts.google.com", &["google/organization_number"]),
    ("oidc.circleci.com/org/*", &["oidc.circleci.com/project-id"]),
    ("idcs-*.identity.oraclecloud.com", &["rpst_id"]),
    (
        "gitlab.com",
        &[
            "namespace_id",
            "project_id",
            "user_id",
            "user_login",
            "user_email",
            "user_access_level",
            "ref_protected",
            "pipeline_source",
            "runner_environment",
        ],
    ),
    ("agent.buildkite.com", BUILDKITE),
    ("agent.*.buildkite.dev", BUILDKITE),
];
