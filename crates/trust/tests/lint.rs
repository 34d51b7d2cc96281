//! What the lint says: each rule where it is broken and just not broken, and the vectors of `subvectors`.
#![allow(clippy::too_many_lines, reason = "tables")]

use std::collections::{BTreeMap, BTreeSet};
use std::{env, fs, path::Path};

use keyless_trust::{
    document::{self, Document},
    lint::{self, Facts, Finding, Severity},
    provider::IdentityProvider,
};
use serde_json::{Value, json};

const GITHUB: &str = "token.actions.githubusercontent.com";
const ACCOUNT: &str = "111122223333";
const WEB: &str = "sts:AssumeRoleWithWebIdentity";

fn provider(issuer: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}")
}

/// A statement for this issuer, its conditions written with `_` for the issuer.
fn allow(issuer: &str, conditions: &str) -> Value {
    let conditions: Value =
        serde_json::from_str(&conditions.replace("_:", &format!("{issuer}:"))).expect(conditions);
    json!({"Effect": "Allow", "Principal": {"Federated": provider(issuer)}, "Action": WEB, "Condition": conditions})
}

fn policy(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn role(document: &Value) -> Document {
    document::read(&document.to_string()).expect("a document")
}

fn lint_document(document: &Value, facts: &Facts<'_>) -> Vec<Finding> {
    let document = role(document);
    assert_eq!(document.problems, []);
    let mut findings = lint::lint_providers(&document);
    findings.extend(
        document
            .roles
            .iter()
            .flat_map(|role| lint::lint(role, facts)),
    );
    findings
}

fn ids(findings: &[Finding]) -> BTreeSet<&'static str> {
    findings.iter().map(|finding| finding.rule.id).collect()
}

/// The rules about a policy with one statement for GitHub, whose audience is pinned.
fn github(conditions: &str) -> BTreeSet<&'static str> {
    one(GITHUB, conditions)
}

fn one(issuer: &str, conditions: &str) -> BTreeSet<&'static str> {
    ids(&lint_document(
        &policy(&[allow(issuer, conditions)]),
        &Facts::default(),
    ))
}

const MAIN: &str = r#"{"StringEquals": {"_:aud": "sts.amazonaws.com", "_:sub": "repo:acme@1/app@2:ref:refs/heads/main"}}"#;

#[test]
fn a_policy_as_it_should_be_draws_nothing() {
    assert_eq!(github(MAIN), BTreeSet::new());
    for (issuer, conditions) in [
        (
            "gitlab.com",
            r#"{"StringEquals": {"_:aud": "a", "_:sub": "project_path:acme/app:ref_type:branch:ref:main", "_:project_id": "20"}}"#,
        ),
        (
            "corp.eu.auth0.com/",
            r#"{"StringEquals": {"_:aud": "client", "_:sub": "auth0|6516e2f3"}}"#,
        ),
        (
            "corp.okta.com",
            r#"{"StringEquals": {"_:aud": "client", "_:email": "alice@example.com"}}"#,
        ),
        (
            "accounts.google.com",
            r#"{"StringEquals": {"_:aud": "117", "_:oaud": "a", "_:sub": "117"}}"#,
        ),
        (
            "oidc.eks.eu-west-1.amazonaws.com/id/ABC",
            r#"{"StringEquals": {"_:aud": "sts.amazonaws.com", "_:sub": "system:serviceaccount:shop:web"}}"#,
        ),
        (
            "app.terraform.io",
            r#"{"StringEquals": {"_:aud": "a", "_:sub": "organization:acme:project:web:workspace:prod:run_phase:apply"}}"#,
        ),
        (
            "agent.buildkite.com",
            r#"{"StringEquals": {"_:aud": "a"}, "StringLike": {"_:sub": "organization:acme:pipeline:app:ref:refs/heads/main:commit:*:step:*"}}"#,
        ),
        (
            "oidc.vercel.com/acme",
            r#"{"StringEquals": {"_:aud": "https://vercel.com/acme", "_:sub": "owner:acme:project:shop:environment:production"}}"#,
        ),
        (
            "oidc.circleci.com/org/1",
            r#"{"StringEquals": {"_:aud": "1", "_:sub": "org/1/project/2/user/3"}}"#,
        ),
        (
            "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
            r#"{"StringEquals": {"_:aud": "a"}, "StringLike": {"_:sub": "{9f}:*"}}"#,
        ),
    ] {
        assert_eq!(
            one(issuer, conditions),
            BTreeSet::new(),
            "{issuer} {conditions}"
        );
    }
}

/// On a statement for one issuer: the rule, where it is broken, and where it just is not.
const STATEMENTS: &[(&str, &str, &str, &str)] = &[
    (
        "no-subject-condition",
        GITHUB,
        r#"{"StringEquals": {"_:aud": "a"}}"#,
        MAIN,
    ),
    (
        "subject-star",
        GITHUB,
        r#"{"StringEquals": {"_:aud": "a"}, "StringLike": {"_:sub": "repo:*/*"}}"#,
        r#"{"StringLike": {"_:sub": "repo:acme/*"}}"#,
    ),
    (
        "subject-star",
        GITHUB,
        r#"{"StringLike": {"_:sub": ["repo:acme/app:pull_request", "?*"]}}"#,
        r#"{"StringEquals": {"_:sub": "*"}}"#,
    ),
    (
        "org-prefix-wildcard",
        GITHUB,
        r#"{"StringLike": {"_:sub": "repo:acme*"}}"#,
        r#"{"StringLike": {"_:sub": "repo:acme/*"}}"#,
    ),
    (
        "org-prefix-wildcard",
        GITHUB,
        r#"{"StringLike": {"_:sub": "repo:*/app:ref:refs/heads/main"}}"#,
        r#"{"StringLike": {"_:sub": "repo:acme*@1/app*@2:ref:refs/heads/main"}}"#,
    ),
    (
        "org-prefix-wildcard",
        "gitlab.com",
        r#"{"StringLike": {"_:sub": "project_path:acme*:ref_type:branch:ref:main"}}"#,
        r#"{"StringLike": {"_:sub": "project_path:acme/*:ref_type:branch:ref:main"}}"#,
    ),
    (
        "wildcard-before-boundary",
        GITHUB,
        r#"{"StringLike": {"_:sub": "repo:acme/app*"}}"#,
        r#"{"StringLike": {"_:sub": "repo:acme/app:*"}}"#,
    ),
    (
        "wildcard-before-boundary",
        GITHUB,
        r#"{"StringLike": {"_:sub": "repo:acme/*"}}"#,
        r#"{"StringLike": {"_:sub": "repo:acme/*"}, "StringEquals": {"_:repository": "acme/app"}}"#,
    ),
    (
        "wildcard-before-boundary",
        GITHUB,
        r#"{"StringLike": {"_:repository": "acme/*"}}"#,
        r#"{"StringLike": {"_:repository": "acme/app"}}"#,
    ),
    (
        "forallvalues-vacuous",
        GITHUB,
        r#"{"ForAllValues:StringEquals": {"_:environment": "production"}}"#,
        r#"{"StringEquals": {"_:environment": "production"}}"#,
    ),
    (
        "forallvalues-vacuous",
        GITHUB,
        r#"{"ForAllValues:StringEquals": {"_:environment": "production"}}"#,
        r#"{"ForAllValues:StringEquals": {"_:sub": "repo:acme/app:environment:production"}}"#,
    ),
    (
        "ifexists-vacuous",
        "corp.okta.com",
        r#"{"StringEqualsIfExists": {"_:email": "a@example.com"}}"#,
        r#"{"StringEqualsIfExists": {"_:sub": "0oa1"}}"#,
    ),
    (
        "ifexists-vacuous",
        GITHUB,
        r#"{"StringEqualsIfExists": {"_:enterprise_id": "3"}}"#,
        r#"{"StringEqualsIfExists": {"_:repository_id": "3"}}"#,
    ),
    (
        "negated-only",
        GITHUB,
        r#"{"StringNotLike": {"_:sub": "repo:evil/*"}}"#,
        r#"{"StringNotLike": {"_:sub": "repo:evil/*"}, "StringEquals": {"_:sub": "repo:acme/app:pull_request"}}"#,
    ),
    (
        "null-true",
        GITHUB,
        r#"{"Null": {"_:environment": "true"}}"#,
        r#"{"Null": {"_:sub": "true"}}"#,
    ),
    (
        "or-hole",
        GITHUB,
        r#"{"StringLike": {"_:sub": ["repo:acme/app:ref:refs/heads/main", "repo:acme*"]}}"#,
        r#"{"StringLike": {"_:sub": ["repo:acme/app:ref:refs/heads/main", "repo:acme/web:ref:refs/heads/main"]}}"#,
    ),
    (
        "abusable-claim-only",
        GITHUB,
        r#"{"StringEquals": {"_:ref": "refs/heads/main"}}"#,
        r#"{"StringEquals": {"_:ref": "refs/heads/main", "_:repository_id": "2"}}"#,
    ),
    (
        "abusable-claim-only",
        GITHUB,
        r#"{"StringEquals": {"_:sub": "environment:production"}}"#,
        r#"{"StringEquals": {"_:sub": "repository:acme/app:environment:production"}}"#,
    ),
    (
        "aud-not-pinned",
        GITHUB,
        r#"{"StringEquals": {"_:sub": "repo:acme/app:ref:refs/heads/main"}}"#,
        MAIN,
    ),
    (
        "org-wide",
        GITHUB,
        r#"{"StringEquals": {"_:repository_owner_id": "1"}}"#,
        r#"{"StringEquals": {"_:repository_owner_id": "1", "_:repository_id": "2"}}"#,
    ),
    (
        "org-wide",
        "gitlab.com",
        r#"{"StringEquals": {"_:namespace_id": "1"}}"#,
        r#"{"StringEquals": {"_:namespace_id": "1", "_:project_id": "2"}}"#,
    ),
    (
        "private-issuer-without-subject",
        "corp.eu.auth0.com/",
        r#"{"StringEquals": {"_:aud": "client"}}"#,
        r#"{"StringEquals": {"_:aud": "client", "_:email": "a@example.com"}}"#,
    ),
    (
        "private-issuer-without-subject",
        "corp.eu.auth0.com/",
        r#"{"StringLike": {"_:sub": "auth0|*"}}"#,
        r#"{"StringLike": {"_:sub": "auth0|65*"}}"#,
    ),
    (
        "subject-star",
        GITHUB,
        r#"{"StringLike": {"_:sub": "*"}, "StringEquals": {"aws:RequestedRegion": "eu-west-1"}, "IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}"#,
        r#"{"StringLike": {"_:sub": "*"}, "IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}"#,
    ),
    (
        "wildcard-before-boundary",
        "github.example.com/_services/token",
        r#"{"StringLike": {"_:sub": "repo:*/app:ref:refs/heads/main"}}"#,
        r#"{"StringLike": {"_:sub": "repo:acme/app:ref:refs/heads/*"}}"#,
    ),
    (
        "org-prefix-wildcard",
        "scalr.io",
        r#"{"StringLike": {"_:sub": "account:acme*"}}"#,
        r#"{"StringLike": {"_:sub": "account:acme:*"}}"#,
    ),
    (
        "branch-wildcard",
        "agent.buildkite.com",
        r#"{"StringLike": {"_:sub": "organization:acme:pipeline:app:*"}}"#,
        r#"{"StringLike": {"_:sub": "organization:acme:pipeline:app:ref:refs/tags/v1:commit:*:step:*"}}"#,
    ),
    (
        "environment-wildcard",
        GITHUB,
        r#"{"StringLike": {"_:sub": "repo:acme/app:*", "_:environment": "*"}}"#,
        r#"{"StringLike": {"_:sub": "repo:acme/app:*", "_:environment": "production"}}"#,
    ),
    (
        "github-pull-request-subject",
        GITHUB,
        r#"{"StringEquals": {"_:sub": "repo:acme/app:pull_request"}}"#,
        r#"{"StringEquals": {"_:actor_id": "583231"}}"#,
    ),
    (
        "github-repo-wildcard-context",
        GITHUB,
        r#"{"StringLike": {"_:repository": "acme/app"}}"#,
        r#"{"StringEquals": {"_:sub": "repo:acme/*"}}"#,
    ),
    (
        "github-pull-request-subject",
        GITHUB,
        r#"{"StringEquals": {"_:sub": "repo:acme/app:pull_request"}}"#,
        r#"{"StringEquals": {"_:sub": "repo:acme/app:environment:pull_request"}}"#,
    ),
    (
        "github-repo-wildcard-context",
        GITHUB,
        r#"{"StringLike": {"_:sub": "repo:acme/app:*"}}"#,
        r#"{"StringLike": {"_:sub": "repo:acme/app:*"}, "StringEquals": {"_:ref": "refs/heads/main", "_:environment": "production"}}"#,
    ),
    (
        "github-repo-wildcard-context",
        GITHUB,
        r#"{"StringEquals": {"_:sub": "repo:acme/app"}}"#,
        r#"{"StringEquals": {"_:sub": "repo:acme/app:context:ref:refs/heads/main"}}"#,
    ),
    (
        "branch-wildcard",
        GITHUB,
        r#"{"StringLike": {"_:sub": "repo:acme/app:ref:refs/heads/main*"}}"#,
        r#"{"StringLike": {"_:sub": "repo:acme/app:ref:refs/heads/release/*"}}"#,
    ),
    (
        "environment-wildcard",
        GITHUB,
        r#"{"StringLike": {"_:sub": "repo:acme/app:environment:prod*"}}"#,
        r#"{"StringLike": {"_:sub": "repo:acme/app:environment:prod"}}"#,
    ),
    (
        "gitlab-mr-looks-like-branch",
        "gitlab.com",
        r#"{"StringLike": {"_:sub": "project_path:acme/app:ref_type:branch:ref:*"}}"#,
        r#"{"StringLike": {"_:sub": "project_path:acme/app:ref_type:branch:ref:*"}, "StringEquals": {"_:ref_protected": "true"}}"#,
    ),
    (
        "gitlab-namespace-reuse",
        "gitlab.com",
        r#"{"StringEquals": {"_:sub": "project_path:acme/app:ref_type:branch:ref:main"}}"#,
        r#"{"StringEquals": {"_:sub": "project_id:20:ref_type:branch:ref:main"}}"#,
    ),
    (
        "volatile-sub",
        "oidc.circleci.com/org/1",
        r#"{"StringLike": {"_:sub": "org/1/project/*/user/3"}}"#,
        r#"{"StringLike": {"_:sub": "org/1/project/2/user/3"}}"#,
    ),
    (
        "tfc-run-phase-wildcard",
        "app.terraform.io",
        r#"{"StringLike": {"_:sub": "organization:acme:project:a:workspace:b:run_phase:*"}}"#,
        r#"{"StringLike": {"_:sub": "organization:acme:project:a:workspace:b:run_phase:apply"}}"#,
    ),
    (
        "bitbucket-step-only",
        "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
        r#"{"StringLike": {"_:sub": "*:{step}"}}"#,
        r#"{"StringLike": {"_:sub": "{repository}:*"}}"#,
    ),
    (
        "irsa-subject-missing",
        "oidc.eks.eu-west-1.amazonaws.com/id/ABC",
        r#"{"StringLike": {"_:sub": "system:serviceaccount:*"}}"#,
        r#"{"StringLike": {"_:sub": "system:serviceaccount:shop:*"}}"#,
    ),
    (
        "google-aud-without-sub",
        "accounts.google.com",
        r#"{"StringEquals": {"_:aud": "1.apps.googleusercontent.com"}}"#,
        r#"{"StringEquals": {"_:aud": "117", "_:sub": "117"}}"#,
    ),
    (
        "cognito-unauthenticated-amr",
        "cognito-identity.amazonaws.com",
        r#"{"StringEquals": {"_:aud": "pool"}}"#,
        r#"{"StringEquals": {"_:aud": "pool"}, "ForAnyValue:StringLike": {"_:amr": "authenticated"}}"#,
    ),
    (
        "cognito-unauthenticated-amr",
        "cognito-identity.amazonaws.com",
        r#"{"StringEquals": {"_:aud": "pool"}, "ForAnyValue:StringLike": {"_:amr": "unauth*"}}"#,
        r#"{"StringEquals": {"_:aud": "pool"}, "ForAnyValue:StringEquals": {"_:amr": "graph.facebook.com"}}"#,
    ),
    (
        "vercel-preview-shares-prod",
        "oidc.vercel.com/acme",
        r#"{"StringLike": {"_:sub": "owner:acme:project:shop:environment:*"}}"#,
        r#"{"StringLike": {"_:sub": "owner:acme:project:shop:environment:production"}}"#,
    ),
    (
        "iam-refuses",
        GITHUB,
        r#"{"StringLike": {"_:sub": ["*", "repo:acme/app:*"]}}"#,
        r#"{"StringLike": {"_:sub": ["repo:acme/app:*", "*"]}}"#,
    ),
    (
        "iam-refuses",
        GITHUB,
        r#"{"ForAnyValue:StringLike": {"_:sub": "repo:acme/app:*"}}"#,
        r#"{"StringLike": {"_:job_workflow_ref": "acme/app/.github/workflows/x.yml@refs/heads/main"}}"#,
    ),
    (
        "iam-refuses",
        "oidc.vercel.com",
        r#"{"StringLike": {"_:sub": "owner:acme:project:shop:environment:production"}}"#,
        r#"{"StringEquals": {"_:aud": "https://vercel.com/acme"}}"#,
    ),
    (
        "iam-refuses",
        "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d/",
        r#"{"StringEquals": {"_:aud": "api://x"}}"#,
        r#"{"StringEquals": {"sts:RoleSessionName": "MicrosoftSentinel_1"}}"#,
    ),
    (
        "literal-wildcard-in-exact-operator",
        GITHUB,
        r#"{"StringEquals": {"_:sub": "repo:acme/app:*"}}"#,
        r#"{"StringLike": {"_:sub": "repo:acme/app:*"}}"#,
    ),
    (
        "undocumented-condition-key",
        GITHUB,
        r#"{"StringEquals": {"_:repository_owner": "acme"}}"#,
        r#"{"StringEquals": {"_:Repository_Owner_Id": "1"}}"#,
    ),
    (
        "undocumented-condition-key",
        GITHUB,
        r#"{"StringEquals": {"sts:ExternalId": "1"}}"#,
        r#"{"StringEquals": {"sts:RoleSessionName": "1"}}"#,
    ),
    (
        "key-issuer-mismatch",
        "corp.eu.auth0.com/",
        r#"{"StringEquals": {"corp.eu.auth0.com:sub": "a"}}"#,
        r#"{"StringEquals": {"Corp.eu.auth0.com/:sub": "a"}}"#,
    ),
    (
        "key-issuer-mismatch",
        GITHUB,
        r#"{"StringEquals": {"https://token.actions.githubusercontent.com:sub": "a"}}"#,
        MAIN,
    ),
    (
        "case-only-mismatch",
        GITHUB,
        r#"{"StringEquals": {"_:aud": "STS.amazonaws.com"}}"#,
        r#"{"StringEqualsIgnoreCase": {"_:aud": "STS.amazonaws.com"}}"#,
    ),
    (
        "case-only-mismatch",
        GITHUB,
        r#"{"StringEquals": {"_:sub": "Repo:acme/app:ref:refs/heads/main"}}"#,
        r#"{"StringEquals": {"_:sub": "repo:Acme/App:ref:refs/heads/main"}}"#,
    ),
    (
        "tagsession-missing",
        "corp.okta.com",
        r#"{"StringEquals": {"aws:RequestTag/Project": "a"}}"#,
        r#"{"StringEquals": {"sts:RoleSessionName": "a"}}"#,
    ),
    (
        "setsourceidentity-missing",
        "corp.okta.com",
        r#"{"StringEquals": {"sts:SourceIdentity": "a"}}"#,
        r#"{"StringNotEquals": {"sts:SourceIdentity": "a"}}"#,
    ),
    (
        "azp-vs-aud",
        "accounts.google.com",
        r#"{"StringEquals": {"_:aud": "sts.amazonaws.com"}}"#,
        r#"{"StringEquals": {"_:oaud": "sts.amazonaws.com", "_:aud": "117"}}"#,
    ),
    (
        "immutable-sub-needed",
        GITHUB,
        r#"{"StringEquals": {"_:sub": "repo:acme@1/app:ref:refs/heads/main"}}"#,
        r#"{"StringEquals": {"_:sub": "repo:acme@1/app@2:ref:refs/heads/main"}}"#,
    ),
    (
        "subject-never-matches",
        GITHUB,
        r#"{"StringEquals": {"_:sub": "repo:acme/app:refs/heads/main"}}"#,
        r#"{"StringEquals": {"_:sub": "repo:acme/app:ref:refs/heads/main"}}"#,
    ),
    (
        "subject-never-matches",
        "app.terraform.io",
        r#"{"StringEquals": {"_:sub": "organization:acme:workspace:b:run_phase:apply"}}"#,
        r#"{"StringLike": {"_:sub": "organization:acme:*:workspace:b:run_phase:apply"}}"#,
    ),
    (
        "environment-overrides-ref",
        GITHUB,
        r#"{"StringEquals": {"_:sub": "repo:acme/app:ref:refs/heads/main", "_:environment": "production"}}"#,
        r#"{"StringEquals": {"_:sub": "repo:acme/app:environment:production", "_:ref": "refs/heads/main"}}"#,
    ),
    (
        "colon-encoding",
        GITHUB,
        r#"{"StringEquals": {"_:sub": "repo:acme/app:environment:production:eu"}}"#,
        r#"{"StringEquals": {"_:sub": "repo:acme/app:environment:production%3Aeu"}}"#,
    ),
    (
        "colon-encoding",
        GITHUB,
        r#"{"StringEquals": {"_:sub": "repo:acme/app:environment:a:b"}}"#,
        r#"{"StringEquals": {"_:sub": "repo:acme/app:environment:a:job_workflow_ref:acme/app/.github/workflows/x.yml@refs/heads/main"}}"#,
    ),
    (
        "idp-authorized-role-missing",
        GITHUB,
        r#"{"Bool": {"sts:RoleAuthorizedByIdp": "true"}}"#,
        r#"{"Bool": {"sts:RoleAuthorizedByIdp": "false"}}"#,
    ),
    (
        "idp-authorized-role-missing",
        GITHUB,
        r#"{"Bool": {"sts:RoleAuthorizedByIdp": "true"}}"#,
        MAIN,
    ),
    (
        "arn-operator-on-subject",
        GITHUB,
        r#"{"ArnLike": {"_:sub": "repo:acme/app:*"}}"#,
        r#"{"ArnLike": {"aws:FederatedProvider": "arn:aws:iam::1:oidc-provider/x"}}"#,
    ),
    (
        "mutable-identifiers-only",
        GITHUB,
        r#"{"StringEquals": {"_:sub": "repo:acme/app:ref:refs/heads/main"}}"#,
        r#"{"StringEquals": {"_:sub": "repo:acme/app:ref:refs/heads/main", "_:repository_id": "2"}}"#,
    ),
    (
        "legacy-sub-stale",
        GITHUB,
        r#"{"StringEquals": {"_:sub": ["repo:acme/app:pull_request", "repo:acme@1/app@2:pull_request"]}}"#,
        r#"{"StringEquals": {"_:sub": ["repo:acme/web:pull_request", "repo:acme@1/app@2:pull_request"]}}"#,
    ),
    (
        "ref-pattern",
        GITHUB,
        r#"{"StringLike": {"_:sub": "repo:acme/app:ref:refs/tags/v*"}}"#,
        r#"{"StringLike": {"_:sub": "repo:acme/app:ref:refs/tags/v1"}}"#,
    ),
    (
        "set-operator-on-single-value",
        GITHUB,
        r#"{"ForAnyValue:StringEquals": {"_:sub": "repo:acme/app:ref:refs/heads/main"}}"#,
        r#"{"ForAnyValue:StringEquals": {"_:amr": "a"}}"#,
    ),
    (
        "circleci-ssh-rerun",
        "oidc.circleci.com/org/1",
        r#"{"StringEquals": {"_:oidc.circleci.com/project-id": "2"}}"#,
        r#"{"StringEquals": {"_:sub": "org/1/project/2/user/3"}}"#,
    ),
    (
        "session-name-unpinned",
        "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d/",
        r#"{"StringEquals": {"_:aud": "api://x"}}"#,
        r#"{"StringEquals": {"sts:RoleSessionName": "a"}}"#,
    ),
];

/// On a whole document, and what is known besides.
fn documents() -> Vec<(&'static str, Value, Value)> {
    let main = allow(GITHUB, MAIN);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut statement = main.clone();
        change(&mut statement);
        policy(&[statement])
    };
    let good = policy(std::slice::from_ref(&main));
    let described = |session: u32, boundary: bool| {
        let mut role = json!({"Role": {"RoleName": "ci", "Arn": format!("arn:aws:iam::{ACCOUNT}:role/ci"), "MaxSessionDuration": session,
            "AssumeRolePolicyDocument": good}});
        if boundary {
            role["Role"]["PermissionsBoundary"] =
                json!({"PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/edge"});
        }
        role
    };
    let thumbprints = |url: &str, thumbprint: &str| json!({"Url": url, "ClientIDList": ["a"], "ThumbprintList": [thumbprint]});
    let current = "0123456789012345678901234567890123456789";
    let in_account = |account: &str| json!({"Role": {"Arn": format!("arn:aws:iam::{account}:role/ci"), "AssumeRolePolicyDocument": good}});
    vec![
        (
            "principal-star",
            with(&|statement| statement["Principal"] = json!({"Federated": "*"})),
            good.clone(),
        ),
        (
            "principal-star",
            policy(&[json!({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"})]),
            policy(&[json!({"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"})]),
        ),
        (
            "principal-star",
            policy(&[
                json!({"Effect": "Allow", "NotPrincipal": {"AWS": "444455556666"}, "Action": "sts:AssumeRole"}),
            ]),
            policy(&[
                json!({"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "sts:AssumeRole"}),
            ]),
        ),
        (
            "or-hole",
            policy(&[
                main.clone(),
                allow(GITHUB, r#"{"StringLike": {"_:sub": "repo:acme/*"}}"#),
            ]),
            policy(&[allow(GITHUB, r#"{"StringLike": {"_:sub": "repo:acme/*"}}"#)]),
        ),
        (
            "wildcard-before-boundary",
            policy(&[allow(GITHUB, r#"{"StringLike": {"_:sub": "repo:acme/*"}}"#)]),
            policy(&[
                allow(GITHUB, r#"{"StringLike": {"_:sub": "repo:acme/*"}}"#),
                json!({"Effect": "Deny", "Principal": "*", "Action": "*", "Condition": {"StringNotEquals": {format!("{GITHUB}:repository"): "acme/app"}}}),
            ]),
        ),
        (
            "no-subject-condition",
            policy(&[
                allow(GITHUB, r#"{"StringEquals": {"_:aud": "a"}}"#),
                json!({"Effect": "Deny", "Principal": "*", "Action": "*", "Condition": {"StringNotEquals": {format!("{GITHUB}:ref"): "refs/heads/main"}}}),
            ]),
            policy(&[
                allow(GITHUB, r#"{"StringEquals": {"_:aud": "a"}}"#),
                json!({"Effect": "Deny", "Principal": "*", "Action": "*", "Condition": {"StringNotLike": {format!("{GITHUB}:sub"): "repo:acme/*"}}}),
            ]),
        ),
        (
            "missing-version-with-variables",
            json!({"Statement": [allow("corp.okta.com", r#"{"StringEquals": {"aws:RequestTag/a": "${aws:userid}"}}"#)]}),
            policy(&[allow(
                "corp.okta.com",
                r#"{"StringEquals": {"aws:RequestTag/a": "${aws:userid}"}}"#,
            )]),
        ),
        (
            "tagsession-missing",
            policy(&[allow(
                "corp.okta.com",
                r#"{"StringEquals": {"aws:RequestTag/a": "b"}}"#,
            )]),
            policy(&[
                allow(
                    "corp.okta.com",
                    r#"{"StringEquals": {"aws:RequestTag/a": "b"}}"#,
                ),
                json!({"Effect": "Allow", "Principal": {"Federated": provider("corp.okta.com")}, "Action": "sts:TagSession"}),
            ]),
        ),
        (
            "wrong-action",
            with(&|statement| statement["Action"] = json!("sts:AssumeRole")),
            with(&|statement| statement["Action"] = json!("sts:TagSession")),
        ),
        (
            "provider-in-other-account",
            in_account("444455556666"),
            in_account(ACCOUNT),
        ),
        (
            "policy-too-long",
            with(&|statement| statement["Sid"] = json!("x".repeat(2_048))),
            good.clone(),
        ),
        (
            "max-session-too-long",
            described(14_401, true),
            described(14_400, true),
        ),
        (
            "no-permissions-boundary",
            described(3_600, false),
            described(3_600, true),
        ),
        (
            "thumbprint-unnecessary",
            thumbprints(GITHUB, current),
            thumbprints("id.example.com", current),
        ),
        (
            "thumbprint-stale",
            thumbprints("id.example.com", "ab"),
            thumbprints("id.example.com", current),
        ),
        (
            "thumbprint-stale",
            thumbprints(GITHUB, "A031C46782E6E6C662C2C87C76DA9AA62CCABD8E"),
            thumbprints(GITHUB, current),
        ),
    ]
}

#[test]
fn each_rule_fires_where_it_is_broken_and_not_beside_it() {
    let mut fired = BTreeSet::new();
    for (rule, issuer, bad, near_miss) in STATEMENTS {
        assert!(
            one(issuer, bad).contains(rule),
            "{rule} does not fire on {bad}, but {:?}",
            one(issuer, bad)
        );
        assert!(
            !one(issuer, near_miss).contains(rule),
            "{rule} fires on {near_miss}"
        );
        fired.insert(*rule);
    }
    for (rule, bad, near_miss) in documents() {
        let of = |document: &Value| ids(&lint_document(document, &Facts::default()));
        assert!(
            of(&bad).contains(rule),
            "{rule} does not fire on {bad}, but {:?}",
            of(&bad)
        );
        assert!(
            !of(&near_miss).contains(rule),
            "{rule} fires on {near_miss}"
        );
        fired.insert(rule);
    }
    fired.insert("aud-not-in-client-id-list"); // the test below
    let all: BTreeSet<_> = lint::rules().map(|rule| rule.id).collect();
    assert_eq!(
        all.difference(&fired).collect::<Vec<_>>(),
        Vec::<&&str>::new()
    );
}

#[test]
fn what_a_provider_is_registered_for_counts() {
    let providers = [IdentityProvider::new(
        "aws",
        ACCOUNT,
        "https://corp.okta.com",
        ["keyless", "App"],
    )];
    let facts = Facts {
        providers: &providers,
        ..Facts::default()
    };
    for (audience, expected) in [
        ("keyless", None),
        ("other", Some("aud-not-in-client-id-list")),
        ("app", Some("case-only-mismatch")),
    ] {
        let conditions =
            format!(r#"{{"StringEquals": {{"_:aud": "{audience}", "_:sub": "alice"}}}}"#);
        let found = ids(&lint_document(
            &policy(&[allow("corp.okta.com", &conditions)]),
            &facts,
        ));
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            expected.into_iter().collect::<Vec<_>>(),
            "{audience}"
        );
    }
    let only_one = [IdentityProvider::new(
        "aws",
        ACCOUNT,
        "https://corp.okta.com",
        ["keyless"],
    )];
    let without_audience = policy(&[allow(
        "corp.okta.com",
        r#"{"StringEquals": {"_:sub": "alice"}}"#,
    )]);
    let facts = Facts {
        providers: &only_one,
        ..Facts::default()
    };
    assert_eq!(
        ids(&lint_document(&without_audience, &facts)),
        BTreeSet::new(),
        "the provider takes no other audience"
    );
}

#[test]
fn the_quota_can_be_raised() {
    let long = policy(&[
        json!({"Sid": "x".repeat(3_000), "Effect": "Deny", "Principal": "*", "Action": "*"}),
    ]);
    assert!(ids(&lint_document(&long, &Facts::default())).contains("policy-too-long"));
    assert_eq!(
        lint_document(
            &long,
            &Facts {
                quota: 4_096,
                ..Facts::default()
            }
        ),
        []
    );
}

#[test]
fn white_space_does_not_count_against_the_quota() {
    let text = policy(&[allow(GITHUB, MAIN)]).to_string();
    let spacious = text.replace(',', &format!(",\n{}", " ".repeat(1_000)));
    assert!(spacious.len() > 2_048);
    let document = document::read(&spacious).expect("a policy");
    assert_eq!(lint::lint(&document.roles[0], &Facts::default()), []);
}

#[test]
fn a_finding_says_where_who_and_what_to_do() {
    let text = format!(
        "{{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [{{\n    \"Effect\": \"Allow\", \"Principal\": {{\"Federated\": \"{}\"}}, \"Action\": \"{WEB}\",\n    \"Condition\": {{\"StringLike\": {{\n      \"{GITHUB}:aud\": \"a\",\n      \"{GITHUB}:sub\": [\"repo:acme/app:pull_request\",\n        \"repo:acme-\\u001b*\"]}}}}}}]}}",
        provider(GITHUB)
    );
    let document = document::read(&text).expect("a policy");
    let findings = lint::lint(&document.roles[0], &Facts::default());
    let worst = &findings[0];
    assert_eq!(
        (
            worst.rule.id,
            worst.place.line,
            worst.place.column,
            worst.statement
        ),
        ("or-hole", 8, 9, Some(1))
    );
    assert!(
        worst.message.contains("strangers at GitHub Actions")
            && worst.message.contains("repo:acme-\\u{1b}z/z"),
        "{}",
        worst.message
    );
    assert!(!worst.message.contains('\u{1b}'));
    assert!(worst.fix.contains("as tight as the others"));
    assert_eq!(findings[1].rule.id, "github-pull-request-subject");
    assert_eq!(findings[1].place.line, 7);
}

#[test]
fn each_rule_has_a_name_a_page_and_an_example() {
    let rules: Vec<_> = lint::rules().collect();
    let names: BTreeSet<_> = rules.iter().map(|rule| rule.id).collect();
    assert_eq!(names.len(), rules.len());
    assert!(rules.is_sorted_by_key(|rule| std::cmp::Reverse(rule.severity)));
    for rule in rules {
        assert_eq!(lint::rule(rule.id), Some(rule));
        let page = rule.page();
        assert!(
            page.starts_with(&format!("{} ({})\n", rule.id, rule.severity)) && page.ends_with('\n'),
            "{page}"
        );
        assert!(page.contains("Why") && page.contains("Source"));
    }
    assert_eq!(lint::rule("no-such-rule"), None);
}

#[test]
fn whatever_is_written_there_the_lint_comes_to_an_end() {
    for value in [
        "",
        "*",
        "?",
        ":",
        "repo:",
        "repo:/",
        "repo:a/b:",
        "ß*\u{0}",
        "${",
        "${aws:userid}",
        &"*?".repeat(60),
        &"repo:*/".repeat(40),
    ] {
        for operator in [
            "StringLike",
            "StringEquals",
            "ForAllValues:StringNotLikeIfExists",
            "ArnLike",
            "Null",
            "Bool",
        ] {
            let value = if ["Null", "Bool"].contains(&operator) {
                "true"
            } else {
                value
            };
            for issuer in [
                GITHUB,
                "gitlab.com",
                "ß.example.com",
                "cognito-identity.amazonaws.com",
            ] {
                let document = policy(&[
                    json!({"Effect": "Allow", "Principal": {"Federated": [provider(issuer), "accounts.google.com", "x"]}, "Action": "*",
                    "Condition": {operator: {format!("{issuer}:sub"): value, format!("{issuer}:"): value, "ß": value}}}),
                ]);
                lint_document(&document, &Facts::default());
            }
        }
    }
}

/// Vectors graded dangerous whose condition another vector grades less: what it is, and why the lint follows the other.
const GRADED_OTHERWISE: &[(&str, &str)] = &[
    // The same condition as gh-aws-environment-colon-encoded-exact, graded safe: nothing in it tells that a twin exists.
    (
        "gh-aws-environment-colon-twin-collides",
        "gh-aws-environment-colon-encoded-exact",
    ),
    // The same as circleci-aws-docs-projectid-aud-pin, graded caution: no condition can keep such a token out.
    (
        "circleci-aws-ssh-rerun-debug-token-admitted",
        "circleci-aws-docs-projectid-aud-pin",
    ),
];

#[test]
#[ignore = "needs KEYLESS_VECTORS"]
#[allow(clippy::print_stderr, reason = "the table, under --nocapture")]
fn the_lint_agrees_with_the_grades_of_the_vectors() {
    let folder =
        env::var_os("KEYLESS_VECTORS").expect("KEYLESS_VECTORS names the folder of the vectors");
    let mut table: BTreeMap<(String, &str), usize> = BTreeMap::new();
    let mut conditions: BTreeMap<String, String> = BTreeMap::new();
    let (mut wrong, mut lines) = (Vec::new(), Vec::new());
    for suite in ["github-aws.json", "gitlab-aws.json", "circleci-aws.json"] {
        let text = fs::read_to_string(Path::new(&folder).join("subject-conditions").join(suite))
            .expect("the vectors");
        let suite: Value = serde_json::from_str(&text).expect("JSON");
        for vector in suite["vectors"].as_array().expect("vectors") {
            let id = vector["id"].as_str().expect("an id");
            let grade = vector["judgment"]["grade"].as_str().unwrap_or("none");
            let (issuer, condition) = translate(vector);
            conditions.insert(id.to_owned(), condition.to_string());
            let findings = lint_document(
                &policy(&[allow(issuer, &condition.to_string())]),
                &Facts::default(),
            );
            // That nothing but names is pinned may be said of safe ones too.
            let of_names = ["mutable-identifiers-only", "gitlab-namespace-reuse"];
            let worst = findings
                .iter()
                .filter(|finding| !of_names.contains(&finding.rule.id))
                .map(|finding| finding.rule.severity)
                .max();
            let worst_of_all = findings.iter().map(|finding| finding.rule.severity).max();
            let names_subject = condition.to_string().contains(":sub\"");
            match grade {
                "dangerous"
                    if worst_of_all < Some(Severity::High)
                        && !GRADED_OTHERWISE.iter().any(|(known, _)| *known == id) =>
                {
                    wrong.push(format!("{id}: {:?}", ids(&findings)));
                }
                "safe" if names_subject && worst > Some(Severity::Hygiene) => {
                    wrong.push(format!("{id}: {:?}", ids(&findings)));
                }
                _ => {}
            }
            *table
                .entry((
                    grade.to_owned(),
                    worst_of_all.map_or("nothing", Severity::name),
                ))
                .or_default() += 1;
            lines.push(format!(
                "| {id} | {grade} | {} |",
                ids(&findings).into_iter().collect::<Vec<_>>().join(", ")
            ));
        }
    }
    for ((grade, severity), count) in &table {
        eprintln!("| {grade} | {severity} | {count} |");
    }
    eprintln!("{}", lines.join("\n"));
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(lines.len(), 80);
    for (dangerous, other) in GRADED_OTHERWISE {
        assert_eq!(
            conditions[*dangerous], conditions[*other],
            "{dangerous} is no exception"
        );
    }
}

/// The issuer, and the condition of a vector with the audience pinned, so that what is said is about the subject.
fn translate(vector: &Value) -> (&'static str, Value) {
    let issuer = match vector["issuer"].as_str() {
        Some("github") => GITHUB,
        Some("gitlab") => "gitlab.com",
        Some("circleci") => "oidc.circleci.com/org/2a3b4c5d-1111-2222-3333-444455556666",
        other => panic!("{other:?}"),
    };
    let condition = &vector["condition"];
    let parts = condition["of"]
        .as_array()
        .map_or(std::slice::from_ref(condition), Vec::as_slice);
    let mut conditions = json!({});
    for part in parts {
        let operator = match part["consumer"].as_str() {
            Some("aws-stringequals") => "StringEquals",
            Some("aws-stringlike") => "StringLike",
            other => panic!("{other:?}"),
        };
        let operator = part["qualifier"]
            .as_str()
            .map_or(operator.to_owned(), |qualifier| {
                format!("{qualifier}:{operator}")
            });
        conditions[operator][format!("{issuer}:{}", part["claim"].as_str().unwrap_or("sub"))] =
            part["pattern"].clone();
    }
    if !conditions.to_string().contains(":aud\"") {
        conditions["StringEquals"][format!("{issuer}:aud")] = json!("sts.amazonaws.com");
    }
    (issuer, conditions)
}
