//! It does not do what it is meant to: somebody who should get in is kept out, or IAM refuses it.

super::rules! { Correctness:

IAM_REFUSES = "iam-refuses", "IAM will refuse this policy",
    why "For issuers that many share IAM takes a new or changed trust policy only if the claim that tells their users apart is compared with StringEquals, StringEqualsIgnoreCase or StringLike, and not with a value that matches everybody. Roles from before June 2025 stay until they are edited.",
    fix "Compare the claim that the message names with the value of those who are meant.",
    bad r#""StringLike": {"token.actions.githubusercontent.com:sub": "*"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}"#,
    source "IAM user guide, \"Identity-provider controls for shared OIDC providers\"";

LITERAL_WILDCARD = "literal-wildcard-in-exact-operator", "a wildcard under an operator that takes it literally",
    why "StringEquals compares letter by letter: an asterisk is an asterisk. No subject holds one, so the value matches nobody.",
    fix "Write the value out, or use StringLike.",
    bad r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:*"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}"#,
    source "IAM user guide, \"String condition operators\"";

UNDOCUMENTED_KEY = "undocumented-condition-key", "a condition key that a request with a token does not have",
    why "AWS makes only some claims of some issuers into condition keys. On any other key a plain operator never holds, and one with IfExists or a negation always does. Keys about AWS principals are absent too, since the caller is none. A key may be newer than the table here.",
    fix "Use a key that AWS maps, or put the claim into the subject where the issuer allows that.",
    bad r#""StringEquals": {"token.actions.githubusercontent.com:repository_owner": "acme"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:repository_owner_id": "1342004"}"#,
    source "IAM user guide, \"IAM and AWS STS condition context keys\", web identity federation";

KEY_ISSUER_MISMATCH = "key-issuer-mismatch", "a condition key of another issuer than the principal's",
    why "A key begins with the issuer as the provider's ARN has it: without https://, with its path, and with the slash at its end if it has one. On the key of another issuer the condition compares nothing.",
    fix "Write the key with the issuer of the provider's ARN, to the letter.",
    bad r#""StringEquals": {"corp.eu.auth0.com:sub": "auth0|6516e2f3"}   for oidc-provider/corp.eu.auth0.com/"#,
    good r#""StringEquals": {"corp.eu.auth0.com/:sub": "auth0|6516e2f3"}"#,
    source "IAM user guide, \"Create an OpenID Connect identity provider in IAM\"";

CASE_ONLY_MISMATCH = "case-only-mismatch", "a value that differs from the right one only in case",
    why "Values are compared with case, names of keys are not.",
    fix "Write the value as the token has it.",
    bad r#""StringEquals": {"token.actions.githubusercontent.com:aud": "STS.amazonaws.com"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}"#,
    source "IAM user guide, \"String condition operators\"";

MISSING_VERSION = "missing-version-with-variables", "a policy variable in the old language, where it is text",
    why "Without `\"Version\": \"2012-10-17\"` a policy is of 2008, and ${…} is compared letter by letter.",
    fix "Add `\"Version\": \"2012-10-17\"`.",
    bad r#"{"Statement": [{… "StringEquals": {"aws:RequestTag/team": "${aws:PrincipalAccount}"} …}]}"#,
    good r#"{"Version": "2012-10-17", "Statement": [{… "StringEquals": {"aws:RequestTag/team": "${aws:PrincipalAccount}"} …}]}"#,
    source "IAM user guide, \"IAM JSON policy elements: Version\"";

TAGSESSION_MISSING = "tagsession-missing", "conditions on session tags, and sts:TagSession is not allowed",
    why "A token with tags needs sts:TagSession for the same principal: without it STS denies the whole call. A token without them does not meet the condition.",
    fix "Add sts:TagSession to the actions of the statement.",
    bad r#""Action": "sts:AssumeRoleWithWebIdentity", … "aws:RequestTag/Project": "app""#,
    good r#""Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"], … "aws:RequestTag/Project": "app""#,
    source "IAM user guide, \"Pass session tags in AWS STS\"";

SETSOURCEIDENTITY_MISSING = "setsourceidentity-missing", "a condition on the source identity, and sts:SetSourceIdentity is not allowed",
    why "A token with a source identity needs sts:SetSourceIdentity for the same principal: without it STS denies the whole call.",
    fix "Add sts:SetSourceIdentity to the actions of the statement.",
    bad r#""Action": "sts:AssumeRoleWithWebIdentity", … "sts:SourceIdentity": "alice""#,
    good r#""Action": ["sts:AssumeRoleWithWebIdentity", "sts:SetSourceIdentity"], … "sts:SourceIdentity": "alice""#,
    source "IAM user guide, \"Monitor and control actions taken with assumed roles\"";

AUD_NOT_IN_CLIENT_ID_LIST = "aud-not-in-client-id-list", "an audience that the provider does not list",
    why "STS refuses a token whose audience is not among the provider's client ids before it looks at the role. So nobody ever meets this value.",
    fix "Add the audience to the provider: `aws iam add-client-id-to-open-id-connect-provider`; or remove it here.",
    bad r#""StringEquals": {"id.example.com:aud": "app"}   with ClientIDList ["keyless"]"#,
    good r#""StringEquals": {"id.example.com:aud": "keyless"}"#,
    source "STS API reference, AssumeRoleWithWebIdentity";

AZP_VS_AUD = "azp-vs-aud", "what Google calls the audience is AWS's oaud",
    why "Google's tokens have an azp, and AWS takes that for `aud`: the numeric id of the service account, or the OAuth client. The audience that was asked for is in `oaud`.",
    fix "Compare the requested audience with accounts.google.com:oaud, and aud with the account's numeric id.",
    bad r#""StringEquals": {"accounts.google.com:aud": "sts.amazonaws.com"}"#,
    good r#""StringEquals": {"accounts.google.com:oaud": "sts.amazonaws.com", "accounts.google.com:aud": "117", "accounts.google.com:sub": "117"}"#,
    source "IAM user guide, condition keys for web identity federation: aud, oaud";

IMMUTABLE_SUB_NEEDED = "immutable-sub-needed", "a subject that is half of the old form and half of the immutable one",
    why "GitHub writes ids behind both names or behind neither. One without the other is a subject that no token has.",
    fix "Write `repo:OWNER@OWNER_ID/REPO@REPO_ID:…`; `gh api repos/OWNER/REPO` prints both ids.",
    bad r#""token.actions.githubusercontent.com:sub": "repo:acme@123456/app:ref:refs/heads/main""#,
    good r#""token.actions.githubusercontent.com:sub": "repo:acme@123456/app@7891011:ref:refs/heads/main""#,
    source "GitHub, \"OpenID Connect reference\", immutable subject claims";

SUBJECT_NEVER_MATCHES = "subject-never-matches", "a subject that this issuer does not give out",
    why "The value has not the shape of the issuer's subjects, so no token meets it. A part may be missing, such as `ref:` before `refs/heads/`.",
    fix "Compare it with the `sub` of a token: `keyless explain` says where they differ.",
    bad r#""token.actions.githubusercontent.com:sub": "repo:acme/app:refs/heads/main""#,
    good r#""token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main""#,
    source "The identity provider's page on the subject of its tokens";

ENVIRONMENT_OVERRIDES_REF = "environment-overrides-ref", "a subject with a branch and a condition on an environment",
    why "A job that uses an environment has it in the subject in place of the branch. So no token has both.",
    fix "End the subject with environment:NAME, and pin the branch with the key `ref`.",
    bad r#""…:sub": "repo:acme/app:ref:refs/heads/main", "…:environment": "production""#,
    good r#""…:sub": "repo:acme/app:environment:production", "…:ref": "refs/heads/main""#,
    source "GitHub, \"OpenID Connect reference\", subject claims";

COLON_ENCODING = "colon-encoding", "a colon in a value, which GitHub writes as %3A",
    why "In a subject GitHub writes a colon of an environment's, branch's or tag's name as %3A.",
    fix "Write %3A in the subject, and the colon itself under the key `environment`. No wildcard in its place: it would let other environments in.",
    bad r#""…:sub": "repo:acme/app:environment:production:eu""#,
    good r#""…:sub": "repo:acme/app:environment:production%3Aeu""#,
    source "GitHub, \"OpenID Connect reference\", subject claims";

PROVIDER_IN_OTHER_ACCOUNT = "provider-in-other-account", "the provider is in another account than the role",
    why "A role trusts identity providers of its own account only.",
    fix "Create the provider in the role's account, and name that one.",
    bad r"arn:aws:iam::444455556666:oidc-provider/id.example.com   for a role in 111122223333",
    good r"arn:aws:iam::111122223333:oidc-provider/id.example.com",
    source "STS API reference, AssumeRoleWithWebIdentity";

POLICY_TOO_LONG = "policy-too-long", "the policy is longer than the quota",
    why "IAM counts the characters of a trust policy, white space left out, and takes 2048 by default.",
    fix "Put values together into lists, drop Sids, or ask for a higher quota (L-C07B4B0D).",
    bad r"(2049 characters)",
    good r"(2048 characters)",
    source "IAM user guide, \"IAM and AWS STS quotas\"";

IDP_AUTHORIZED_ROLE_MISSING = "idp-authorized-role-missing", "the role wants to be listed in the token, and this issuer lists none",
    why "sts:RoleAuthorizedByIdp is true only where the token's claim https://aws.amazon.com/roles names the role. This issuer has no way to put it in.",
    fix "Remove the condition, and pin the subject.",
    bad r#""Bool": {"sts:RoleAuthorizedByIdp": "true"}   for token.actions.githubusercontent.com"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}"#,
    source "IAM user guide, \"IAM and AWS STS condition context keys\"";

ARN_OPERATOR_ON_SUBJECT = "arn-operator-on-subject", "an ARN operator compares what is no ARN",
    why "ArnLike takes both sides apart at their colons, into six parts. A subject has other colons, so it holds for none, or for others than it seems to.",
    fix "Use StringEquals, or StringLike.",
    bad r#""ArnLike": {"token.actions.githubusercontent.com:sub": "repo:acme/app:*"}"#,
    good r#""StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}"#,
    source "IAM user guide, \"Amazon Resource Name (ARN) condition operators\"";

WRONG_ACTION = "wrong-action", "the action is not the one that a token uses",
    why "With a token a role is taken by sts:AssumeRoleWithWebIdentity. A statement for an OpenID provider that does not allow it lets nobody in.",
    fix "Use sts:AssumeRoleWithWebIdentity.",
    bad r#""Principal": {"Federated": "arn:…:oidc-provider/…"}, "Action": "sts:AssumeRole""#,
    good r#""Principal": {"Federated": "arn:…:oidc-provider/…"}, "Action": "sts:AssumeRoleWithWebIdentity""#,
    source "IAM user guide, \"Create a role for OpenID Connect federation\"";

}
