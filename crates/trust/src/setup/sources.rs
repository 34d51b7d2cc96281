//! What is known of the issuers that roles are set up for, as data: how they are named, their addresses, audiences and subjects.
//!
//! Sources: each service's own page on OpenID Connect with AWS, and the IAM user guide, "Available keys for AWS OIDC federation".

/// The month in which the table was last compared with what the services document.
pub const CHECKED: &str = "2026-11";

/// Counts the changes of the table.
pub const VERSION: u32 = 1;

/// A kind of token, and what a role for it needs to know.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The word before the colon of an [`Allow`](super::Allow).
    pub name: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// How an allowed subject is written; what stands in brackets may be left out.
    pub form: &'static str,
    /// One that is written so.
    pub example: &'static str,
    /// The issuer where none is named; `{…}` stands for a part of the allowed subject.
    pub issuer: Option<&'static str>,
    /// The audience where none is named; `{…}` as in the issuer.
    pub audience: Option<&'static str>,
    /// What a subject looks like; `*` stands for what differs from one token to the next.
    pub subject: &'static str,
    /// How `keyless` gets the token, as a line of an identity in its configuration; empty where a person signs in.
    pub proof: &'static str,
}

/// Every source, in the order in which they are shown.
pub const SOURCES: &[Source] = &[
    Source {
        name: "github",
        label: "GitHub Actions",
        form: "github:OWNER[@ID]/REPO[@ID](@BRANCH | #tag:TAG | #environment:NAME | #pull_request)",
        example: "github:acme/app@main",
        issuer: Some("https://token.actions.githubusercontent.com"),
        audience: Some("sts.amazonaws.com"),
        subject: "repo:OWNER[@ID]/REPO[@ID]:(ref:refs/heads/BRANCH | ref:refs/tags/TAG | environment:NAME | pull_request)",
        proof: r#"token_command = ["sh", "-c", "curl -sSf -H \"Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN\" \"$ACTIONS_ID_TOKEN_REQUEST_URL&audience=AUDIENCE\" | jq -j .value"]"#,
    },
    Source {
        name: "gitlab",
        label: "GitLab CI",
        form: "gitlab:GROUP[:ID]/PROJECT[:ID](@PROTECTED-BRANCH | #branch:ANY-BRANCH | #tag:PROTECTED-TAG)",
        example: "gitlab:acme/app@main",
        issuer: Some("https://gitlab.com"),
        audience: Some("sts.amazonaws.com"),
        subject: "project_path:GROUP/PROJECT:ref_type:(branch | tag):ref:NAME",
        proof: r#"token_env = "AWS_ID_TOKEN"   # in .gitlab-ci.yml: id_tokens: {AWS_ID_TOKEN: {aud: AUDIENCE}}"#,
    },
    Source {
        name: "circleci",
        label: "CircleCI",
        form: "circleci:ORGANIZATION-ID/PROJECT-ID",
        example: "circleci:2a3b4c5d-1111-2222-3333-444455556666/76543210-ba98-fedc-3210-edcba0987654",
        issuer: Some("https://oidc.circleci.com/org/{organization}"),
        audience: Some("{organization}"),
        subject: "org/ORGANIZATION-ID/project/PROJECT-ID/user/*",
        proof: r#"token_env = "CIRCLE_OIDC_TOKEN""#,
    },
    Source {
        name: "buildkite",
        label: "Buildkite",
        form: "buildkite:ORGANIZATION[:ID]/PIPELINE[:ID]@BRANCH",
        example: "buildkite:acme/deploy@main",
        issuer: Some("https://agent.buildkite.com"),
        audience: Some("sts.amazonaws.com"),
        subject: "organization:ORGANIZATION:pipeline:PIPELINE:ref:refs/heads/BRANCH:commit:*",
        proof: r#"token_command = ["buildkite-agent", "oidc", "request-token", "--audience", "AUDIENCE"]"#,
    },
    Source {
        name: "bitbucket",
        label: "Bitbucket Pipelines",
        form: "bitbucket:WORKSPACE[:ID]/REPO-ID[#environment:ID]",
        example: "bitbucket:acme:0a1b2c3d-1111-2222-3333-444455556666/9f8e7d6c-aaaa-bbbb-cccc-ddddeeeeffff",
        issuer: Some(
            "https://api.bitbucket.org/2.0/workspaces/{workspace}/pipelines-config/identity/oidc",
        ),
        audience: Some("ari:cloud:bitbucket::workspace/{workspace_id}"),
        subject: "{REPO-ID}[:{ENVIRONMENT-ID}]:*",
        proof: r#"token_env = "BITBUCKET_STEP_OIDC_TOKEN"   # in bitbucket-pipelines.yml: oidc: true"#,
    },
    Source {
        name: "tfc",
        label: "HCP Terraform",
        form: "tfc:ORGANIZATION/PROJECT/WORKSPACE[/(plan | apply)]",
        example: "tfc:acme/Default Project/network/apply",
        issuer: Some("https://app.terraform.io"),
        audience: Some("aws.workload.identity"),
        subject: "organization:ORGANIZATION:project:PROJECT:workspace:WORKSPACE:run_phase:(plan | apply)",
        proof: r#"token_env = "TFC_WORKLOAD_IDENTITY_TOKEN"   # with the workspace's variable TFC_WORKLOAD_IDENTITY_AUDIENCE = "AUDIENCE""#,
    },
    Source {
        name: "k8s",
        label: "Kubernetes",
        form: "k8s:NAMESPACE/SERVICE-ACCOUNT",
        example: "k8s:web/frontend",
        issuer: None, // each cluster has its own
        audience: Some("sts.amazonaws.com"),
        subject: "system:serviceaccount:NAMESPACE:SERVICE-ACCOUNT",
        proof: r#"token_file = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token""#,
    },
    Source {
        name: "gcp",
        label: "Google Cloud",
        form: "gcp:SERVICE-ACCOUNT-UNIQUE-ID",
        example: "gcp:112233445566778899001",
        issuer: Some(GOOGLE),
        audience: Some("sts.amazonaws.com"),
        subject: "SERVICE-ACCOUNT-UNIQUE-ID",
        proof: r#"token_command = ["curl", "-sSf", "-H", "Metadata-Flavor: Google", "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity?audience=AUDIENCE&format=full"]"#,
    },
    Source {
        name: "email",
        label: "a person, by address",
        form: "email:ADDRESS",
        example: "email:alice@example.com",
        issuer: None,
        audience: None, // the application's client id
        subject: "*",
        proof: "",
    },
    Source {
        name: "sub",
        label: "a subject, to the letter",
        form: "sub:SUBJECT",
        example: "sub:auth0|5f7c8ec7c33c6c004bbafe82",
        issuer: None,
        audience: None,
        subject: "SUBJECT",
        proof: "",
    },
];

/// Google's issuer, which every account knows without a provider of its own.
pub(super) const GOOGLE: &str = "https://accounts.google.com";

/// The source whose one issuer this is, `None` for the others. What it is like is known without asking it.
///
/// ```
/// use keyless_trust::setup::source_at;
///
/// assert_eq!(source_at("https://gitlab.com").map(|source| source.label), Some("GitLab CI"));
/// assert_eq!(source_at("https://gitlab.example.com"), None);
/// ```
pub fn source_at(issuer: &str) -> Option<&'static Source> {
    SOURCES.iter().find(|source| source.issuer == Some(issuer))
}
