//! Others than those meant get in, from near by.

super::rules! { High:

AUD_NOT_PINNED = "aud-not-pinned", "the audience is not pinned",
    why "A token that was made for another service, and that this service may keep or leak, opens the role as well, as far as the provider lists its audience.",
    fix "Add StringEquals on the audience, usually sts.amazonaws.com.",
    bad r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                 "token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}"#,
    source "IAM user guide, \"Create a role for OpenID Connect federation\"; RFC 7519 §4.1.3";

ORG_WIDE = "org-wide", "every project of the organization gets in",
    why "What is pinned is the organization and not the project. Whoever may create a project there, or change an unimportant one, can take the role.",
    fix "Pin the project too, by its id or in the subject.",
    bad r#""StringEquals": {"token.actions.githubusercontent.com:repository_owner_id": "1342004"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:repository_id": "7891011"}"#,
    source "GitHub, \"OpenID Connect reference\"; GitLab, \"Configure OpenID Connect in AWS\"";

PRIVATE_ISSUER_WITHOUT_SUBJECT = "private-issuer-without-subject", "everybody at the identity provider gets in",
    why "Whoever can get a token there for this audience can take the role: every user of the tenant, and where users may register themselves, everybody. IAM demands no condition here.",
    fix "Pin the subject, or the e-mail address, of those who are meant.",
    bad r#""StringEquals": {"corp.eu.auth0.com/:aud": "client"}"#,
    good r#""StringEquals": {"corp.eu.auth0.com/:aud": "client", "corp.eu.auth0.com/:sub": "auth0|6516e2f3"}"#,
    source "IAM user guide, \"Create a role for OpenID Connect federation\"";

GITHUB_PULL_REQUEST_SUBJECT = "github-pull-request-subject", "pull requests get in",
    why "A job for a pull request runs code that nobody has reviewed, and with `pull_request_target` in the name of the repository also for forks. Its subject is the same whatever branch it comes from.",
    fix "Let in a protected branch or an environment with reviewers instead; give pull requests a role that can only read.",
    bad r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:pull_request"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:environment:production"}"#,
    source "GitHub, \"OpenID Connect reference\", subject claims; GitHub Security Lab, \"Preventing pwn requests\"";

GITHUB_REPO_WILDCARD_CONTEXT = "github-repo-wildcard-context", "every run of the repository gets in: any branch, tag, environment and pull request",
    why "Whoever can push a branch or open a pull request from one can run changed code with this role, before anybody has seen it. The protection of branches and environments does not help.",
    fix "End the subject with the one branch or environment that is meant.",
    bad r#""StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/app:*"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}"#,
    source "GitHub, \"Security hardening with OpenID Connect\"; the vectors of subvectors";

BRANCH_WILDCARD = "branch-wildcard", "a wildcard lets in branches or tags that anybody with write access can create",
    why "`refs/heads/main*` also matches `main-hotfix`, which no rule protects. Who may push a branch can take the role.",
    fix "Name the branch; or end the fixed part with a slash, and protect all that it matches.",
    bad r#""StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main*"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}"#,
    source "IAM user guide, condition operators; the vectors of subvectors";

ENVIRONMENT_WILDCARD = "environment-wildcard", "a wildcard lets in environments that nobody protects",
    why "Protection rules belong to one environment. A job can name a new one that the pattern matches too, and GitHub creates it on the spot, unprotected.",
    fix "Name the environment. A colon in its name is written %3A.",
    bad r#""StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/app:environment:production*"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:environment:production"}"#,
    source "GitHub, \"Managing environments for deployment\"; the vectors of subvectors";

GITLAB_MR_LOOKS_LIKE_BRANCH = "gitlab-mr-looks-like-branch", "every branch gets in, and those of merge requests look like any other",
    why "The subject of a merge request's pipeline is that of its source branch, and of a tag that is named like a branch only `ref_type` tells. So code under review gets the role.",
    fix "Name the branch and `ref_type:branch`, or require `gitlab.com:ref_protected` to be \"true\".",
    bad r#""StringLike": {"gitlab.com:sub": "project_path:acme/app:ref_type:branch:ref:*"}"#,
    good r#""StringEquals": {"gitlab.com:sub": "project_path:acme/app:ref_type:branch:ref:main", "gitlab.com:project_id": "20"}"#,
    source "GitLab, \"OpenID Connect authentication using ID tokens\"; the vectors of subvectors";

GITLAB_NAMESPACE_REUSE = "gitlab-namespace-reuse", "the project is known by its path alone, which can pass to somebody else",
    why "After a rename, a transfer or a deletion somebody else may take the path at gitlab.com, and their jobs have the same subject. GitLab and AWS recommend the ids.",
    fix "Add StringEquals on gitlab.com:project_id, or on gitlab.com:namespace_id.",
    bad r#""StringEquals": {"gitlab.com:sub": "project_path:acme/app:ref_type:branch:ref:main"}"#,
    good r#""StringEquals": {"gitlab.com:sub": "project_path:acme/app:ref_type:branch:ref:main", "gitlab.com:project_id": "20"}"#,
    source "GitLab, \"Configure OpenID Connect in AWS\"";

VOLATILE_SUB = "volatile-sub", "the subject holds the name of one user, and a wildcard elsewhere lets others in",
    why "In CircleCI's subject the user stands last, and is whoever started the pipeline. A pattern that pins the user and leaves the project open follows a person into every project.",
    fix "Pin oidc.circleci.com/project-id, and the user only beside it.",
    bad r#""StringLike": {"oidc.circleci.com/org/ORG:sub": "org/ORG/project/*/user/USER"}"#,
    good r#""StringLike": {"oidc.circleci.com/org/ORG:sub": "org/ORG/project/PROJECT/user/*"}"#,
    source "CircleCI, \"OpenID Connect tokens\"";

TFC_RUN_PHASE_WILDCARD = "tfc-run-phase-wildcard", "a plan can take the role that is meant for the apply",
    why "A plan runs code of whoever proposes a change, providers and external data sources included, before anybody agrees to it.",
    fix "End the subject with run_phase:apply, and give the plan a role that can only read.",
    bad r#""StringLike": {"app.terraform.io:sub": "organization:acme:project:web:workspace:prod:run_phase:*"}"#,
    good r#""StringEquals": {"app.terraform.io:sub": "organization:acme:project:web:workspace:prod:run_phase:apply"}"#,
    source "HashiCorp, \"Use dynamic credentials with the AWS provider\"";

BITBUCKET_STEP_ONLY = "bitbucket-step-only", "the repository is not pinned",
    why "Every repository of the workspace has tokens of the same issuer and audience. Without the repository's UUID in front, each gets in.",
    fix "Begin the subject with the repository's UUID, braces included.",
    bad r#""StringLike": {"…:sub": "*:{step-uuid}"}"#,
    good r#""StringLike": {"…:sub": "{repository-uuid}:*"}"#,
    source "Atlassian, \"Deploy on AWS using Bitbucket Pipelines OpenID Connect\"";

IRSA_SUBJECT_MISSING = "irsa-subject-missing", "every pod of the cluster gets in",
    why "Whoever can start a pod, or ask for a service account's token, in any namespace can take the role.",
    fix "Pin the subject to one service account of one namespace.",
    bad r#""StringLike": {"oidc.eks.eu-west-1.amazonaws.com/id/ABC:sub": "system:serviceaccount:*:*"}"#,
    good r#""StringEquals": {"oidc.eks.eu-west-1.amazonaws.com/id/ABC:sub": "system:serviceaccount:shop:checkout"}"#,
    source "Amazon EKS user guide, \"IAM roles for service accounts\"";

GOOGLE_AUD_WITHOUT_SUB = "google-aud-without-sub", "the audience is pinned and not the account",
    why "Everybody with a Google account can get a token for an OAuth client, and every service account for any audience. `aud` is the token's `azp`, which says which client asked and not who.",
    fix "Pin accounts.google.com:sub to the numeric id of the account, beside aud and oaud.",
    bad r#""StringEquals": {"accounts.google.com:aud": "123.apps.googleusercontent.com"}"#,
    good r#""StringEquals": {"accounts.google.com:aud": "117", "accounts.google.com:oaud": "sts.amazonaws.com", "accounts.google.com:sub": "117"}"#,
    source "IAM user guide, condition keys for web identity federation: aud, oaud, sub";

COGNITO_UNAUTHENTICATED_AMR = "cognito-unauthenticated-amr", "guests who never signed in get in",
    why "A Cognito identity pool gives tokens to whoever asks, unless amr must be `authenticated`.",
    fix "Add `\"ForAnyValue:StringLike\": {\"cognito-identity.amazonaws.com:amr\": \"authenticated\"}`.",
    bad r#""StringEquals": {"cognito-identity.amazonaws.com:aud": "eu-west-1:pool"}"#,
    good r#""StringEquals": {"cognito-identity.amazonaws.com:aud": "eu-west-1:pool"},
"ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"}"#,
    source "Amazon Cognito developer guide, \"IAM roles: role trust and permissions\"";

VERCEL_PREVIEW_SHARES_PROD = "vercel-preview-shares-prod", "previews can take the role of production",
    why "A preview is deployed from any branch before review, and has the same issuer, team and project.",
    fix "End the subject with environment:production, and give previews a role of their own.",
    bad r#""StringLike": {"oidc.vercel.com/acme:sub": "owner:acme:project:shop:environment:*"}"#,
    good r#""StringEquals": {"oidc.vercel.com/acme:sub": "owner:acme:project:shop:environment:production"}"#,
    source "Vercel, \"OpenID Connect federation reference\"";

}
