//! It works and is safe, and could be tidier.

super::rules! { Hygiene:

MUTABLE_IDENTIFIERS_ONLY = "mutable-identifiers-only", "who is let in is known by names alone, which can pass to somebody else",
    why "An organization or a repository can be renamed or deleted, and its name taken by others. Their tokens look the same.",
    fix "Use the immutable subject (`repo:OWNER@ID/REPO@ID:…`) where the repository has it, or add StringEquals on repository_id.",
    bad r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme@123456/app@7891011:ref:refs/heads/main"}"#,
    source "GitHub, \"OpenID Connect reference\", immutable subject claims";

LEGACY_SUB_STALE = "legacy-sub-stale", "the old form of the subject stands beside the immutable one",
    why "Once a repository has immutable subjects it never has the old ones again. What is left of the old form waits for whoever takes the name.",
    fix "Remove the value without ids as soon as the repository's tokens have them.",
    bad r#""token.actions.githubusercontent.com:sub": ["repo:acme/app:ref:refs/heads/main", "repo:acme@1/app@2:ref:refs/heads/main"]"#,
    good r#""token.actions.githubusercontent.com:sub": "repo:acme@1/app@2:ref:refs/heads/main""#,
    source "GitHub, \"OpenID Connect reference\", immutable subject claims";

REF_PATTERN = "ref-pattern", "a pattern lets in several branches or tags",
    why "The role is as safe as the rules that protect all of them. Tags can be moved by whoever may push, unless a rule forbids it.",
    fix "Protect everything that the pattern matches, or name the one that is meant.",
    bad r#""StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/release/*"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:environment:production"}"#,
    source "GitHub, \"About rulesets\"";

SET_OPERATOR_ON_SINGLE_VALUE = "set-operator-on-single-value", "a set operator compares a claim that has one value",
    why "It reads as if it made the condition tighter and does not. ForAllValues would let tokens in that lack the claim.",
    fix "Use the operator without ForAllValues or ForAnyValue.",
    bad r#""ForAnyValue:StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}"#,
    source "IAM user guide, \"Single-valued vs. multivalued context keys\"";

CIRCLECI_SSH_RERUN = "circleci-ssh-rerun", "a rerun with SSH has the same token as the job",
    why "Whoever may rerun a job with SSH can read its token and take the role by hand. AWS maps no claim that tells such a run, so no condition can keep it out.",
    fix "Switch reruns with SSH off for the project, or pin the user at the end of the subject.",
    bad r#""StringEquals": {"oidc.circleci.com/org/ORG:oidc.circleci.com/project-id": "PROJECT"}"#,
    good r#""StringEquals": {"oidc.circleci.com/org/ORG:sub": "org/ORG/project/PROJECT/user/USER"}"#,
    source "CircleCI, \"OpenID Connect tokens\"; the vectors of subvectors, which grade one such condition both ways";

THUMBPRINT_UNNECESSARY = "thumbprint-unnecessary", "the provider has thumbprints that IAM does not look at",
    why "IAM trusts the well-known certificate authorities by itself. A list of thumbprints that nobody needs is one that somebody will believe to protect something.",
    fix "Leave the list out where the issuer's certificate is of a public authority.",
    bad r#"thumbprint_list = ["6938fd4d98bab03faadb97b34396831e3780aea1"]"#,
    good r"(no thumbprint_list)",
    source "IAM user guide, \"Obtain the thumbprint for an OpenID Connect identity provider\"";

THUMBPRINT_STALE = "thumbprint-stale", "a thumbprint is none, or one that is long out of use",
    why "It is that of a certificate that its issuer replaced years ago, or is not 40 hexadecimal digits.",
    fix "Leave the list out, or compute it anew from the certificate in use.",
    bad r#"thumbprint_list = ["a031c46782e6e6c662c2c87c76da9aa62ccabd8e"]"#,
    good r"(no thumbprint_list)",
    source "GitHub changelog, 2023-06-27, on its thumbprints";

SESSION_NAME_UNPINNED = "session-name-unpinned", "the name of the session is not pinned for Microsoft Sentinel",
    why "All customers of Sentinel come from one tenant of Entra. Only the session's name, which holds the workspace's id, tells them apart.",
    fix "Add StringEquals on sts:RoleSessionName.",
    bad r#""StringEquals": {"sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d/:aud": "api://…"}"#,
    good r#""StringEquals": {"sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d/:aud": "api://…", "sts:RoleSessionName": "MicrosoftSentinel_WORKSPACE"}"#,
    source "IAM user guide, \"Identity-provider controls for shared OIDC providers\"";

MAX_SESSION_TOO_LONG = "max-session-too-long", "a session may last longer than four hours",
    why "A session that leaks opens the account for as long as it lasts; it cannot be taken back by itself.",
    fix "Lower MaxSessionDuration to what a job takes. Keyless renews sessions by itself.",
    bad r#""MaxSessionDuration": 43200"#,
    good r#""MaxSessionDuration": 3600"#,
    source "IAM user guide, \"Update settings for a role\"";

NO_PERMISSIONS_BOUNDARY = "no-permissions-boundary", "a role for outsiders has no permissions boundary",
    why "Whoever may attach a policy to this role raises what comes in from outside. A boundary sets the most it can ever be.",
    fix "Set a permissions boundary on roles that identity providers outside AWS can take.",
    bad r"aws iam create-role --role-name deploy …",
    good r"aws iam create-role --role-name deploy --permissions-boundary arn:aws:iam::111122223333:policy/edge …",
    source "IAM user guide, \"Permissions boundaries for IAM entities\"";

}
