//! What is told about what is wrong, one misfortune a row.
#![allow(clippy::too_many_lines, reason = "tables")]

use serde_json::{Value, json};

use super::*;
use crate::fixtures::{NOW, jwt, now};

const GITHUB: &str = "token.actions.githubusercontent.com";
const ROLE: &str = "arn:aws:iam::111122223333:role/deploy";
const MAIN: &str = "repo:acme/app:ref:refs/heads/main";

fn claims(changes: &Value) -> Map<String, Value> {
    let mut claims = json!({"iss": format!("https://{GITHUB}"), "sub": MAIN, "aud": "sts.amazonaws.com", "iat": NOW, "exp": NOW + 300});
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    let mut claims = claims.as_object().expect("an object").clone();
    claims.retain(|_, value| value != "(absent)");
    claims
}

fn policy(principal: &Value, action: &Value, condition: &Value) -> String {
    let statement = [
        ("Effect", json!("Allow")),
        ("Principal", principal.clone()),
        ("Action", action.clone()),
        ("Condition", condition.clone()),
    ];
    let policy = json!({"Version": "2012-10-17", "Statement": [Value::from_iter(statement)]});
    serde_json::to_string_pretty(&policy).expect("JSON")
}

fn provider() -> IdentityProvider {
    IdentityProvider::new(
        "aws",
        "111122223333",
        &format!("https://{GITHUB}"),
        ["sts.amazonaws.com", "app"],
    )
}

fn ask(proof: Proof<'_>, providers: Option<&[IdentityProvider]>, text: &str) -> Explanation {
    let policy = Policy::parse(text).expect("a policy");
    explain(&Question {
        proof,
        providers,
        policy: &policy,
        policy_text: Some(text),
        request: Request {
            role_arn: ROLE,
            session_name: "session",
            ..Request::default()
        },
        now: now(),
    })
}

fn ids(explanation: &Explanation) -> Vec<&'static str> {
    explanation.hints.iter().map(|hint| hint.id).collect()
}

fn federated() -> Value {
    json!({"Federated": format!("arn:aws:iam::111122223333:oidc-provider/{GITHUB}")})
}

const ASSUME: &str = "sts:AssumeRoleWithWebIdentity";

/// What the proposed diff says of the lines that go and come, without their indentation.
fn changed(explanation: &Explanation) -> Vec<String> {
    let diff = explanation
        .changes
        .iter()
        .find_map(|change| change.diff.as_deref());
    diff.unwrap_or_default()
        .lines()
        .filter(|line| {
            line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---")
        })
        .map(|line| line[..1].to_owned() + line[1..].trim())
        .collect()
}

/// Who sees what stands under a condition, what is named as the reason, and what the diff changes.
#[test]
fn a_condition_that_fails_is_told_by_its_nearest_miss() {
    let key = |claim: &str| format!("{GITHUB}:{claim}");
    let on = |operator: &str, key: &str, value: Value| json!({operator: {key: value}});
    let sub = |value: &str| json!({"StringEquals": {format!("{GITHUB}:sub"): value}});
    let like = |value: &str| json!({"StringLike": {format!("{GITHUB}:sub"): value}});
    let replaced = |old: &str, new: &str| {
        vec![
            format!("-\"{GITHUB}:sub\": \"{old}\""),
            format!("+\"{GITHUB}:sub\": \"{new}\""),
        ]
    };
    let added = |old: &str, new: &str| {
        vec![
            format!("-\"{GITHUB}:sub\": \"{old}\""),
            format!("+\"{GITHUB}:sub\": [\"{old}\", \"{new}\"]"),
        ]
    };
    let renamed = |old: &str| {
        vec![
            format!("-\"{old}\": \"{MAIN}\""),
            format!("+\"{GITHUB}:sub\": \"{MAIN}\""),
        ]
    };
    let environment = "repo:acme/app:environment:prod";
    let none: Vec<String> = Vec::new();
    for (token, condition, id, change) in [
        (
            json!({}),
            sub("repo:Acme/app:ref:refs/heads/main"),
            "case-only",
            replaced("repo:Acme/app:ref:refs/heads/main", MAIN),
        ),
        (
            json!({}),
            like("repo:Acme/*:ref:*"),
            "case-only",
            added("repo:Acme/*:ref:*", MAIN),
        ),
        (
            json!({}),
            sub("repo:acme/app:*"),
            "wildcard-in-exact",
            replaced("repo:acme/app:*", MAIN),
        ),
        (
            json!({}),
            sub(" repo:acme/app:ref:refs/heads/main"),
            "space",
            replaced(" repo:acme/app:ref:refs/heads/main", MAIN),
        ),
        (
            json!({}),
            sub("repo:acme/app:ref:refs/heads/mian"),
            "typo",
            added("repo:acme/app:ref:refs/heads/mian", MAIN),
        ),
        (
            json!({}),
            like("repo:acme/tools:*"),
            "prefix-before-wildcard",
            added("repo:acme/tools:*", MAIN),
        ),
        (
            json!({}),
            sub("repo:acme/other-one:ref:refs/heads/main"),
            "value-differs",
            added("repo:acme/other-one:ref:refs/heads/main", MAIN),
        ),
        (
            json!({"sub": environment}),
            sub(MAIN),
            "github-environment",
            added(MAIN, environment),
        ),
        (
            json!({}),
            sub(environment),
            "github-no-environment",
            added(environment, MAIN),
        ),
        (
            json!({"sub": "repo:acme/app:pull_request"}),
            sub(MAIN),
            "github-pull-request",
            none.clone(),
        ),
        (
            json!({"sub": "repo:acme/app:pull_request"}),
            like("repo:acme/app:ref:*"),
            "github-pull-request",
            none.clone(),
        ),
        (
            json!({"sub": "repo:acme/app:pull_request"}),
            sub("repo:acme/app:*"),
            "wildcard-in-exact",
            none.clone(),
        ),
        (
            json!({"sub": "repo:acme/app:pull_request"}),
            sub("repo:acme/another-one:ref:refs/heads/main"),
            "value-differs",
            none.clone(),
        ),
        (
            json!({"sub": "repo:acme/app:ref:refs/tags/v1"}),
            like("repo:acme/app:ref:refs/heads/*"),
            "github-ref-kind",
            added(
                "repo:acme/app:ref:refs/heads/*",
                "repo:acme/app:ref:refs/tags/v1",
            ),
        ),
        (
            json!({"sub": "repo:acme@1/app@2:ref:refs/heads/main"}),
            sub(MAIN),
            "github-immutable-subject",
            replaced(MAIN, "repo:acme@1/app@2:ref:refs/heads/main"),
        ),
        (
            json!({}),
            sub("repo:acme@1/app@2:ref:refs/heads/main"),
            "github-legacy-subject",
            none.clone(),
        ),
        (
            json!({"sub": "repo:acme/app:environment:prod%3Aeu"}),
            sub("repo:acme/app:environment:prod:eu"),
            "percent-encoding",
            replaced(
                "repo:acme/app:environment:prod:eu",
                "repo:acme/app:environment:prod%3Aeu",
            ),
        ),
        (
            json!({"sub": "repo:acme/app:environment:prod%3Aeu"}),
            like("repo:acme/app:environment:prod:*"),
            "percent-encoding",
            added(
                "repo:acme/app:environment:prod:*",
                "repo:acme/app:environment:prod%3Aeu",
            ),
        ),
        (
            json!({}),
            sub("sts.amazonaws.com"),
            "swapped",
            replaced("sts.amazonaws.com", MAIN),
        ),
        (
            json!({"azp": "app"}),
            on("StringEquals", &key("aud"), json!("sts.amazonaws.com")),
            "azp-counts",
            vec![
                format!("-\"{GITHUB}:aud\": \"sts.amazonaws.com\""),
                format!("+\"{GITHUB}:aud\": \"app\","),
                format!("+\"{GITHUB}:sub\": \"{MAIN}\""),
            ],
        ),
        (
            json!({}),
            on(
                "StringEquals",
                &format!("https://{GITHUB}:sub"),
                json!(MAIN),
            ),
            "scheme-in-key",
            renamed(&format!("https://{GITHUB}:sub")),
        ),
        (
            json!({}),
            on(
                "StringEquals",
                &format!("https://{GITHUB}/:sub"),
                json!(MAIN),
            ),
            "scheme-in-key",
            renamed(&format!("https://{GITHUB}/:sub")),
        ),
        (
            json!({}),
            on("StringEquals", &format!("{GITHUB}/:sub"), json!(MAIN)),
            "key-slash",
            renamed(&format!("{GITHUB}/:sub")),
        ),
        (
            json!({}),
            on("StringEquals", &format!("{GITHUB}/acme:sub"), json!(MAIN)),
            "key-issuer-path",
            renamed(&format!("{GITHUB}/acme:sub")),
        ),
        (
            json!({}),
            on(
                "StringEquals",
                "token.action.githubusercontent.com:sub",
                json!(MAIN),
            ),
            "key-issuer-typo",
            renamed("token.action.githubusercontent.com:sub"),
        ),
        (
            json!({}),
            on("StringEquals", "sub", json!(MAIN)),
            "key-without-issuer",
            renamed("sub"),
        ),
        (
            json!({}),
            on("StringEquals", &format!("{GITHUB}/sub"), json!(MAIN)),
            "key-separator",
            renamed(&format!("{GITHUB}/sub")),
        ),
        (
            json!({}),
            on("StringEquals", "gitlab.com:sub", json!(MAIN)),
            "key-issuer",
            none.clone(),
        ),
        (
            json!({"repository_id": "7"}),
            on("StringEquals", &key("repositry_id"), json!("7")),
            "key-typo",
            vec![
                format!("-\"{}\": \"7\"", key("repositry_id")),
                format!("+\"{}\": \"7\"", key("repository_id")),
            ],
        ),
        (
            json!({"repository_owner": "acme"}),
            on("StringEquals", &key("repository_owner"), json!("acme")),
            "unmapped-claim",
            none.clone(),
        ),
        (
            json!({"event_name": "push"}),
            on("StringEquals", &key("event_name"), json!("push")),
            "unmapped-claim",
            none.clone(),
        ),
        (
            json!({}),
            on("StringEquals", &key("colour_of_hat"), json!("red")),
            "unknown-key",
            none.clone(),
        ),
        (
            json!({}),
            on("StringEquals", &key("environment"), json!("prod")),
            "claim-missing",
            none.clone(),
        ),
        (
            json!({}),
            on("StringEquals", "aws:PrincipalOrgID", json!("o-1")),
            "not-for-web-identity",
            none.clone(),
        ),
        (
            json!({}),
            on("IpAddress", "aws:SourceIp", json!("10.0.0.0/8")),
            "connection-key",
            none.clone(),
        ),
        (
            json!({}),
            on("StringEquals", "aws:RequestTag/team", json!("red")),
            "session-tag-missing",
            none.clone(),
        ),
        (
            json!({}),
            on("StringEquals", "sts:SourceIdentity", json!("alice")),
            "source-identity-missing",
            none.clone(),
        ),
        (
            json!({}),
            on("Bool", "sts:RoleAuthorizedByIdp", json!(true)),
            "role-not-listed",
            none.clone(),
        ),
        (
            json!({}),
            on("StringEquals", "sts:RoleSessionName", json!("other")),
            "value-differs",
            none.clone(),
        ),
        (
            json!({"amr": ["pwd"]}),
            on("ForAnyValue:StringEquals", &key("amr"), json!("mfa")),
            "value-differs",
            none.clone(),
        ),
        (
            json!({"amr": ["pwd", "mfa"]}),
            on("StringEquals", &key("amr"), json!("mfa")),
            "set-operator",
            none.clone(),
        ),
        (
            json!({}),
            on("ArnLike", &key("sub"), json!("repo:acme/*")),
            "arn-operator",
            none.clone(),
        ),
        (
            json!({}),
            on("StringNotLike", &key("sub"), json!("repo:acme/*")),
            "negated-match",
            none.clone(),
        ),
        (
            json!({}),
            on("Null", &key("sub"), json!("true")),
            "null-check",
            none.clone(),
        ),
        (
            json!({}),
            sub("${aws:RequestTag/team}"),
            "variable",
            none.clone(),
        ),
        (
            json!({"actor_id": "5"}),
            on("NumericLessThan", &key("actor_id"), json!(5)),
            "not-met",
            none.clone(),
        ),
    ] {
        let text = policy(&federated(), &json!(ASSUME), &condition);
        let claims = claims(&token);
        let explanation = ask(Proof::Claims(&claims), Some(&[provider()]), &text);
        assert_eq!(
            explanation.outcome,
            Outcome::ImplicitDeny,
            "{token} {condition}"
        );
        assert_eq!(
            ids(&explanation),
            [id],
            "{token} {condition}\n{explanation}"
        );
        assert_eq!(
            changed(&explanation),
            change,
            "{token} {condition}\n{explanation}"
        );
        assert!(explanation.hints[0].place.is_some(), "{token} {condition}");
    }
}

#[test]
fn a_statement_for_others_or_about_other_things_is_told_as_that() {
    let arn = |rest: &str| json!({"Federated": format!("arn:aws:iam::{rest}")});
    let own = format!("arn:aws:iam::111122223333:oidc-provider/{GITHUB}");
    let tags = json!({"https://aws.amazon.com/tags": {"principal_tags": {"Project": ["X"]}}});
    let source = json!({"https://aws.amazon.com/source_identity": "alice"});
    let plain = json!({});
    for (token, principal, action, id, mended) in [
        (
            &plain,
            arn(&format!("999988887777:oidc-provider/{GITHUB}")),
            json!(ASSUME),
            "other-account",
            Some(own.as_str()),
        ),
        (
            &plain,
            json!({"Federated": own.replace("arn:aws:", "arn:aws-cn:")}),
            json!(ASSUME),
            "other-partition",
            Some(&own),
        ),
        (
            &plain,
            arn(&format!("111122223333:oidc-provider/https://{GITHUB}")),
            json!(ASSUME),
            "scheme-in-arn",
            Some(&own),
        ),
        (
            &plain,
            arn(&format!("111122223333:oidc-provider/{GITHUB}/")),
            json!(ASSUME),
            "arn-slash",
            Some(&own),
        ),
        (
            &plain,
            arn("111122223333:oidc-provider/Token.actions.githubusercontent.com"),
            json!(ASSUME),
            "arn-case",
            Some(&own),
        ),
        (
            &plain,
            arn("111122223333:oidc-provider/tokens.actions.githubusercontent.com"),
            json!(ASSUME),
            "arn-typo",
            Some(&own),
        ),
        (
            &plain,
            arn(&format!("111122223333:oidc-provider/{GITHUB}/acme")),
            json!(ASSUME),
            "arn-path",
            None,
        ),
        (
            &plain,
            arn("111122223333:oidc-provider/*"),
            json!(ASSUME),
            "principal-wildcard",
            Some(&own),
        ),
        (
            &plain,
            json!({"Federated": GITHUB}),
            json!(ASSUME),
            "principal-not-arn",
            Some(&own),
        ),
        (
            &plain,
            arn("111122223333:oidc-provider/gitlab.com"),
            json!(ASSUME),
            "other-provider",
            None,
        ),
        (
            &plain,
            json!({"AWS": "*"}),
            json!(ASSUME),
            "principal-aws",
            None,
        ),
        (
            &plain,
            json!({"Service": "ec2.amazonaws.com"}),
            json!(ASSUME),
            "other-principal",
            None,
        ),
        (
            &plain,
            federated(),
            json!("sts:AssumeRole"),
            "assume-role-typed",
            Some(ASSUME),
        ),
        (
            &plain,
            federated(),
            json!(["sts:TagSession", "sts:AssumeRole"]),
            "assume-role-typed",
            Some(ASSUME),
        ),
        (
            &plain,
            federated(),
            json!("sts:AssumeRoleWithSAML"),
            "saml-typed",
            Some(ASSUME),
        ),
        (
            &plain,
            federated(),
            json!("sts:AssumeRolWithWebIdentity"),
            "action-typo",
            Some(ASSUME),
        ),
        (
            &plain,
            federated(),
            json!("sts:TagSession"),
            "action-missing",
            Some(ASSUME),
        ),
        (
            &tags,
            federated(),
            json!(ASSUME),
            "missing-tag-session",
            Some("sts:TagSession"),
        ),
        (
            &source,
            federated(),
            json!([ASSUME]),
            "missing-set-source-identity",
            Some("sts:SetSourceIdentity"),
        ),
    ] {
        let text = policy(
            &principal,
            &action,
            &json!({"StringEquals": {format!("{GITHUB}:sub"): MAIN}}),
        );
        let claims = claims(token);
        let explanation = ask(Proof::Claims(&claims), None, &text);
        assert_eq!(
            ids(&explanation),
            [id],
            "{principal} {action}\n{explanation}"
        );
        let added = changed(&explanation).concat();
        assert_eq!(
            mended.is_some_and(|mended| added.contains(mended)),
            mended.is_some(),
            "{principal} {action}\n{explanation}"
        );
        assert_eq!(
            added.is_empty(),
            mended.is_none(),
            "{principal} {action}\n{explanation}"
        );
    }
}

#[test]
fn several_misses_of_one_statement_are_mended_together() {
    let text = policy(
        &json!({"Federated": format!("arn:aws:iam::111122223333:oidc-provider/https://{GITHUB}")}),
        &json!("sts:AssumeRole"),
        &json!({"StringEquals": {format!("https://{GITHUB}:sub"): "repo:Acme/app:ref:refs/heads/main", format!("{GITHUB}:aud"): "sts.amazonaws.com"}}),
    );
    let claims =
        claims(&json!({"https://aws.amazon.com/tags": {"principal_tags": {"Project": ["X"]}}}));
    let explanation = ask(Proof::Claims(&claims), None, &text);
    assert_eq!(
        ids(&explanation),
        [
            "scheme-in-arn",
            "assume-role-typed",
            "missing-tag-session",
            "scheme-in-key",
            "case-only"
        ],
        "{explanation}"
    );
    let change = explanation.changes[0].diff.as_deref().expect("a diff");
    assert!(
        change.contains(&format!("+          \"{GITHUB}:sub\": \"{MAIN}\"")),
        "{change}"
    );
    assert!(
        change.contains(r#""sts:AssumeRoleWithWebIdentity", "sts:TagSession""#),
        "{change}"
    );
}

#[test]
fn a_change_never_lets_everybody_in() {
    let sub = format!("\"{GITHUB}:sub\": \"{MAIN}\"");
    let elsewhere =
        json!({"Federated": format!("arn:aws:iam::999988887777:oidc-provider/{GITHUB}")});
    for (principal, condition, pinned) in [
        (
            federated(),
            json!({"StringEquals": {format!("{GITHUB}:aud"): "https://github.com/acme"}}),
            true,
        ),
        (
            elsewhere.clone(),
            json!({"StringLike": {format!("{GITHUB}:sub"): "*"}}),
            true,
        ),
        (elsewhere.clone(), json!({}), true),
        (
            elsewhere,
            json!({"StringLike": {format!("{GITHUB}:sub"): "repo:acme/*"}}),
            false,
        ),
    ] {
        let text = policy(&principal, &json!(ASSUME), &condition);
        let claims = claims(&json!({}));
        let explanation = ask(Proof::Claims(&claims), None, &text);
        let added: String = changed(&explanation)
            .into_iter()
            .filter(|line| line.starts_with('+'))
            .collect();
        assert!(!added.is_empty(), "{condition}\n{explanation}");
        assert_eq!(added.contains(&sub), pinned, "{condition}\n{explanation}");
    }
}

#[test]
fn a_variable_needs_the_new_language() {
    let own = format!("arn:aws:iam::${{aws:PrincipalAccount}}:oidc-provider/{GITHUB}");
    let condition =
        json!({"StringEquals": {format!("{GITHUB}:sub"): MAIN, "aws:FederatedProvider": own}});
    let text = policy(&federated(), &json!(ASSUME), &condition);
    let old = text.replace("2012-10-17", "2008-10-17");
    let missing = text.replace(",\n  \"Version\": \"2012-10-17\"", "");
    assert_ne!(missing, text);
    let claims = claims(&json!({}));
    assert!(ask(Proof::Claims(&claims), None, &text).allowed);
    for text in [old, missing] {
        let explanation = ask(Proof::Claims(&claims), None, &text);
        assert_eq!(ids(&explanation), ["missing-version"], "{explanation}");
        assert!(
            changed(&explanation)
                .iter()
                .any(|line| line.starts_with("+\"Version\": \"2012-10-17\"")),
            "{explanation}"
        );
    }
}

#[test]
fn the_nearest_statement_is_told_first() {
    let statement = |principal: Value, subject: &str| {
        json!({"Effect": "Allow", "Principal": principal, "Action": ASSUME,
            "Condition": {"StringEquals": {format!("{GITHUB}:sub"): subject}}})
    };
    let text = json!({"Version": "2012-10-17", "Statement": [
        statement(json!({"AWS": "*"}), MAIN),
        statement(federated(), "repo:acme/another:environment:test"),
        statement(federated(), "repo:Acme/app:ref:refs/heads/main"),
    ]});
    let claims = claims(&json!({}));
    let explanation = ask(Proof::Claims(&claims), None, &text.to_string());
    let told: Vec<_> = explanation
        .hints
        .iter()
        .map(|hint| (hint.statement, hint.id))
        .collect();
    assert_eq!(told[0], (Some(3), "case-only"), "{explanation}");
    assert_eq!(
        told.last(),
        Some(&(Some(1), "principal-aws")),
        "{explanation}"
    );
    assert!(
        explanation.changes[0].words.contains("statement 3"),
        "{explanation}"
    );
}

#[test]
fn a_deny_is_named_and_not_mended() {
    let text = json!({"Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "*"},
        {"Sid": "No mains", "Effect": "Deny", "Principal": "*", "Action": "*", "Condition": {"StringLike": {format!("{GITHUB}:sub"): "*main"}}},
    ]});
    let claims = claims(&json!({}));
    let explanation = ask(Proof::Claims(&claims), None, &text.to_string());
    assert_eq!(explanation.outcome, Outcome::ExplicitDeny);
    assert_eq!(ids(&explanation), ["explicit-deny"]);
    assert!(explanation.changes.is_empty());
    let explanation = ask(Proof::Claims(&claims), None, r#"{"Statement": []}"#);
    assert_eq!(ids(&explanation), ["no-statement"]);
}

#[test]
fn a_refused_token_is_explained_and_the_policy_all_the_same() {
    let text = policy(
        &federated(),
        &json!(ASSUME),
        &json!({"StringEquals": {format!("{GITHUB}:sub"): MAIN}}),
    );
    let with =
        |header: &str, changes: Value| jwt(header, &Value::Object(claims(&changes)).to_string());
    let good = r#"{"alg":"RS256","kid":"1"}"#;
    let roles = "https://aws.amazon.com/roles";
    for (token, id, answer, policy_is_told) in [
        (
            with(good, json!({"iat": NOW - 900, "exp": NOW - 301})),
            "token-expired",
            "token-expired",
            true,
        ),
        (
            with(good, json!({"iat": NOW + 301})),
            "token-from-future",
            "issued-in-future",
            true,
        ),
        (
            with(good, json!({"nbf": NOW + 301})),
            "token-not-yet-valid",
            "not-yet-valid",
            true,
        ),
        (
            with(good, json!({"sub": "(absent)"})),
            "missing-claim",
            "missing-claim",
            false,
        ),
        (
            with(good, json!({"sub": null})),
            "null-subject",
            "unknown-token-error",
            false,
        ),
        (
            with(good, json!({"aud": []})),
            "empty-audience",
            "empty-claim",
            false,
        ),
        (
            with(good, json!({"aud": ["a", "b"]})),
            "many-audiences",
            "many-audiences",
            false,
        ),
        (
            with(good, json!({"iat": 1.5})),
            "bad-timestamp",
            "invalid-timestamp",
            false,
        ),
        (
            with(r#"{"alg":"HS256"}"#, json!({})),
            "algorithm",
            "not-validated",
            true,
        ),
        (
            with(r#"{"alg":"none"}"#, json!({})),
            "algorithm",
            "not-validated",
            true,
        ),
        (
            with(r#"{"alg":"PS256"}"#, json!({})),
            "algorithm",
            "not-validated",
            true,
        ),
        (
            with(r#"{"alg":"RS256","crit":["x"]}"#, json!({})),
            "not-a-jwt",
            "not-a-jwt",
            false,
        ),
        (
            "opaque-access-token".to_owned(),
            "not-a-jwt",
            "not-a-jwt",
            false,
        ),
        ("a.b.c.d.e".to_owned(), "not-a-jwt", "not-a-jwt", false),
        (
            with(good, json!({"https://aws.amazon.com/tags": "X"})),
            "tags-shape",
            "session-tags-format",
            false,
        ),
        (
            with(
                good,
                json!({"https://aws.amazon.com/tags": {"principal_tags": {"a": "b"}}}),
            ),
            "tags-shape",
            "principal-tags-format",
            false,
        ),
        (
            with(good, json!({"https://aws.amazon.com/source_identity": 1})),
            "source-identity-shape",
            "not-validated",
            false,
        ),
        (
            with(
                good,
                json!({roles: ["arn:aws:iam::111122223333:role/other"]}),
            ),
            "role-not-claimed",
            "role-not-claimed",
            true,
        ),
        (
            with(good, json!({roles: ["deploy"]})),
            "roles-claim-empty",
            "no-roles-claimed",
            true,
        ),
        (
            with(good, json!({roles: 1})),
            "roles-claim-shape",
            "roles-claim-format",
            true,
        ),
    ] {
        let explanation = ask(Proof::Token(&token), Some(&[provider()]), &text);
        assert_eq!(explanation.outcome, Outcome::Refused, "{id}");
        assert_eq!(ids(&explanation), [id], "{explanation}");
        assert_eq!(
            explanation.answer.as_ref().map(|said| said.id),
            Some(answer),
            "{id}"
        );
        assert_eq!(
            !explanation.statements.is_empty(),
            policy_is_told,
            "{id}\n{explanation}"
        );
        assert!(!explanation.changes.is_empty(), "{id}");
        let told = explanation.to_string() + &serde_json::to_string(&explanation).expect("JSON");
        assert!(
            token
                .split('.')
                .all(|part| part.len() < 6 || !told.contains(part)),
            "{id}: the token itself is told"
        );
    }
    let old = with(good, json!({"iat": NOW - 90_000}));
    let explanation = ask(Proof::Token(&old), Some(&[provider()]), &text);
    assert!(explanation.allowed);
    assert_eq!(ids(&explanation), ["token-old"]);
}

#[test]
fn a_provider_that_is_not_the_tokens_is_compared_with_it() {
    let text = policy(
        &federated(),
        &json!(ASSUME),
        &json!({"StringEquals": {format!("{GITHUB}:sub"): MAIN}}),
    );
    let provider = |account: &str, url: &str, ids: &[&str]| {
        IdentityProvider::new("aws", account, url, ids.iter().copied())
    };
    let (own, url, aud) = (
        "111122223333",
        format!("https://{GITHUB}"),
        "sts.amazonaws.com",
    );
    for (token, given, id, command) in [
        (
            json!({}),
            vec![],
            "no-provider",
            "create-open-id-connect-provider",
        ),
        (
            json!({}),
            vec![provider(own, "https://gitlab.com", &[aud])],
            "no-provider",
            "create-open-id-connect-provider",
        ),
        (
            json!({}),
            vec![provider(own, &format!("{url}/"), &[aud])],
            "issuer-slash",
            "create-open-id-connect-provider",
        ),
        (
            json!({}),
            vec![provider(own, &format!("{url}/acme"), &[aud])],
            "issuer-path",
            "create-open-id-connect-provider",
        ),
        (
            json!({}),
            vec![provider(own, &url.replace("token", "Token"), &[aud])],
            "issuer-case",
            "create-open-id-connect-provider",
        ),
        (
            json!({}),
            vec![provider(own, &url.replace("token", "tokens"), &[aud])],
            "issuer-typo",
            "create-open-id-connect-provider",
        ),
        (
            json!({}),
            vec![provider(own, &url.replace("https", "http"), &[aud])],
            "issuer-scheme",
            "create-open-id-connect-provider",
        ),
        (
            json!({}),
            vec![provider("999988887777", &url, &[aud])],
            "provider-in-other-account",
            "create-open-id-connect-provider",
        ),
        (
            json!({}),
            vec![provider(own, &url, &["https://github.com/acme"])],
            "client-id-missing",
            "add-client-id-to-open-id-connect-provider",
        ),
        (
            json!({}),
            vec![provider(own, &url, &["STS.amazonaws.com"])],
            "client-id-near-miss",
            "add-client-id-to-open-id-connect-provider",
        ),
        (
            json!({"azp": "app"}),
            vec![provider(own, &url, &[aud])],
            "azp-counts",
            "add-client-id-to-open-id-connect-provider",
        ),
        (
            json!({"aud": "x y'z"}),
            vec![provider(own, &url, &[aud])],
            "client-id-missing",
            r"--client-id 'x y'\''z'",
        ),
    ] {
        let claims = claims(&token);
        let explanation = ask(Proof::Claims(&claims), Some(&given), &text);
        assert_eq!(explanation.outcome, Outcome::Refused, "{id}");
        assert_eq!(
            explanation.answer.as_ref().map(|said| said.id),
            Some("not-validated"),
            "{id}"
        );
        assert_eq!(ids(&explanation), [id], "{explanation}");
        let line = explanation.changes[0].command_line().expect("a command");
        assert!(
            line.starts_with("aws iam ") && line.contains(command),
            "{line}"
        );
    }
}

#[test]
fn the_later_hop_of_a_chain_is_explained_as_well() {
    let first = "arn:aws:iam::111122223333:role/path/first";
    let caller = Caller::Role {
        role_arn: first,
        session_arn: "arn:aws:sts::111122223333:assumed-role/first/alice",
        source_identity: None,
    };
    let named = |arn: &str| json!({"AWS": arn});
    let none = json!({});
    for (principal, action, condition, id, mended) in [
        (
            named("arn:aws:iam::111122223333:role/first"),
            "sts:AssumeRole",
            &none,
            "principal-path",
            true,
        ),
        (
            named("arn:aws:iam::999988887777:role/path/first"),
            "sts:AssumeRole",
            &none,
            "other-account",
            false,
        ),
        (
            named("arn:aws:iam::111122223333:role/*"),
            "sts:AssumeRole",
            &none,
            "principal-wildcard",
            true,
        ),
        (
            named("arn:aws:iam::111122223333:role/path/First"),
            "sts:AssumeRole",
            &none,
            "principal-typo",
            true,
        ),
        (
            named("arn:aws:sts::111122223333:assumed-role/first/bob"),
            "sts:AssumeRole",
            &none,
            "other-session",
            false,
        ),
        (
            named("arn:aws:iam::111122223333:role/unlike"),
            "sts:AssumeRole",
            &none,
            "other-principal",
            false,
        ),
        (
            federated(),
            "sts:AssumeRole",
            &none,
            "principal-federated",
            false,
        ),
        (named(first), ASSUME, &none, "web-identity-typed", true),
        (
            named(first),
            "sts:AssumeRole",
            &json!({"StringEquals": {"sts:ExternalId": "42"}}),
            "external-id-missing",
            false,
        ),
        (
            named(first),
            "sts:AssumeRole",
            &json!({"StringEquals": {"id.example.com:sub": "alice"}}),
            "not-for-assume-role",
            false,
        ),
    ] {
        let text = policy(&principal, &json!(action), condition);
        let explanation = ask(Proof::Session(caller), None, &text);
        assert_eq!(ids(&explanation), [id], "{explanation}");
        assert_eq!(!explanation.changes.is_empty(), mended, "{explanation}");
        assert!(
            explanation
                .answer
                .expect("a denial")
                .message
                .starts_with("User: arn:aws:sts::"),
            "{id}"
        );
        assert!(explanation.unseen[0].contains("the caller's own policies"));
    }
}

#[test]
fn the_request_itself_is_looked_at_first() {
    let text = policy(&federated(), &json!(ASSUME), &json!({}));
    let policy = Policy::parse(&text).expect("a policy");
    let long = "x".repeat(65);
    for (role_arn, session_name, id, answer) in [
        (ROLE, long.as_str(), "session-name-length", "constraint"),
        (ROLE, "x", "session-name-length", "constraint"),
        (
            ROLE,
            "alice smith",
            "session-name-characters",
            "session-name-characters",
        ),
        ("deploy", "alice", "role-arn", "role-arn-invalid"),
    ] {
        let claims = claims(&json!({}));
        let explanation = explain(&Question {
            proof: Proof::Claims(&claims),
            providers: None,
            policy: &policy,
            policy_text: None,
            request: Request {
                role_arn,
                session_name,
                ..Request::default()
            },
            now: now(),
        });
        assert_eq!(ids(&explanation), [id]);
        assert_eq!(explanation.answer.expect("a refusal").id, answer);
    }
}

#[test]
fn nothing_from_outside_reaches_a_terminal_raw() {
    let bell = "\u{1b}]0;owned\u{7}\u{9b}2J";
    let text = policy(
        &json!({"Federated": bell}),
        &json!([bell]),
        &json!({"StringEquals": {format!("{GITHUB}:sub"): bell, bell: bell}}),
    );
    let claims = claims(
        &json!({"sub": format!("repo:{bell}/app:pull_request"), "aud": bell, "https://aws.amazon.com/roles": [bell]}),
    );
    let told = ask(Proof::Claims(&claims), Some(&[provider()]), &text).to_string();
    assert!(
        told.chars().all(|c| c == '\n' || !c.is_control()),
        "{told:?}"
    );
}
