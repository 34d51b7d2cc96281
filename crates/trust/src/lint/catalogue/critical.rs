//! Strangers get in.

super::rules! { Critical:

NO_SUBJECT_CONDITION = "no-subject-condition", "nothing says whose tokens are let in",
    why "The issuer is shared: anybody can open an account there and get tokens with the audience of their choice. Without a condition on the subject, each of them can take this role.",
    fix "Pin the subject to one branch or environment of one project, beside the audience.",
    bad r#""StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                 "token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}"#,
    source "IAM user guide, \"Identity-provider controls for shared OIDC providers\"; Datadog Security Labs, \"No keys attached\" (2023)";

SUBJECT_STAR = "subject-star", "the subject may be anything",
    why "The value matches every subject that the issuer gives out, in every account there. In a list one such value is enough.",
    fix "Replace the value by the subject of the one project that is meant.",
    bad r#""StringLike": {"token.actions.githubusercontent.com:sub": "repo:*"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}"#,
    source "Tinder Security Labs, \"Identifying vulnerabilities in GitHub Actions & AWS OIDC configurations\" (2023)";

ORG_PREFIX_WILDCARD = "org-prefix-wildcard", "a wildcard stands where the name of the organization ends or begins",
    why "Names are free to register. `repo:acme*` also matches `repo:acme-evil/…`, which anybody can create, and whose branches and environments they choose.",
    fix "Write the organization's name out, up to the slash that ends it; with its immutable id where the subject has one.",
    bad r#""StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme*"}"#,
    good r#""StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/app:environment:production"}"#,
    source "IAM user guide, condition operators: `*` matches any characters, `/` and `:` among them; Wiz, \"Secure by default\"";

WILDCARD_BEFORE_BOUNDARY = "wildcard-before-boundary", "a wildcard stands before the name of the project ends",
    why "Every project of the organization gets in, or every one whose name begins so: also one that somebody with little more than the right to create projects makes tomorrow.",
    fix "Write the project's name out, up to the separator that ends it.",
    bad r#""StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/app*"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}"#,
    source "Tinder Security Labs (2023); IAM user guide, condition operators";

PRINCIPAL_STAR = "principal-star", "the principal is everybody",
    why "An Allow for everybody lets in each AWS account, or each identity provider of the account, unless a condition keeps them out.",
    fix "Name the one provider, role or service that is meant.",
    bad r#""Principal": {"Federated": "*"}"#,
    good r#""Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}"#,
    source "IAM user guide, \"AWS JSON policy elements: Principal\"";

FORALLVALUES_VACUOUS = "forallvalues-vacuous", "ForAllValues holds where the token lacks the claim",
    why "ForAllValues asks every value that is there, and where there is none it is content. A job that uses no environment has no `environment` claim and so meets any condition on it. AWS says: do not use it with Allow.",
    fix "Use the plain operator; on a claim with several values add `\"Null\": {KEY: \"false\"}`.",
    bad r#""ForAllValues:StringEquals": {"token.actions.githubusercontent.com:environment": "production"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:environment": "production"}"#,
    source "IAM user guide, \"Set operators for multivalued context keys\"";

IFEXISTS_VACUOUS = "ifexists-vacuous", "IfExists holds where the token lacks the claim",
    why "With IfExists the condition counts only for tokens that have the claim. Who gets a token without it is let in.",
    fix "Use the operator without IfExists.",
    bad r#""StringEqualsIfExists": {"id.example.com:email": "alice@example.com"}"#,
    good r#""StringEquals": {"id.example.com:email": "alice@example.com"}"#,
    source "IAM user guide, \"…IfExists condition operators\"";

NEGATED_ONLY = "negated-only", "conditions only say who is kept out",
    why "StringNotLike and its kin hold for everybody they do not name, and for tokens that lack the claim. A list of the unwanted never ends.",
    fix "Say who is let in, with StringEquals on the subject; keep out by a Deny what must be kept out.",
    bad r#""StringNotLike": {"token.actions.githubusercontent.com:sub": "repo:evil/*"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}"#,
    source "IAM user guide, \"Condition operators: negated matching\"";

NULL_TRUE = "null-true", "the condition asks that a claim be absent",
    why "`Null: true` holds where the token lacks the claim. That names nobody, and with a key that AWS does not map it holds for everybody.",
    fix "Ask for the value that the claim must have; `\"Null\": {KEY: \"false\"}` asks for its presence.",
    bad r#""Null": {"token.actions.githubusercontent.com:environment": "true"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}"#,
    source "IAM user guide, \"Condition operator to check existence of condition keys\"";

OR_HOLE = "or-hole", "one loose value undoes the tight ones beside it",
    why "Values of a list, and statements, are alternatives: whoever meets one of them is in. The loosest decides.",
    fix "Remove the loose value or statement, or make it as tight as the others.",
    bad r#""StringLike": {"token.actions.githubusercontent.com:sub": ["repo:acme/app:ref:refs/heads/main", "repo:acme*"]}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}"#,
    source "IAM user guide, \"Evaluation logic for multiple context keys or values\"";

ABUSABLE_CLAIM_ONLY = "abusable-claim-only", "only claims are pinned that anybody can set in a project of their own",
    why "Each repository has a `main`, may call a workflow or an environment what it likes, and a user's name can pass to somebody else. Such claims narrow down a subject; without one they keep nobody out.",
    fix "Pin the subject, or the immutable id of the project, as well.",
    bad r#""StringEquals": {"token.actions.githubusercontent.com:ref": "refs/heads/main"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:repository_id": "7891011",
                 "token.actions.githubusercontent.com:ref": "refs/heads/main"}"#,
    source "GitHub, \"OpenID Connect reference\"; the vectors of subvectors";

}
