//! Which keys a request has, and which it lacks.

use serde_json::{Value, json};

use super::*;
use crate::fixtures::{REQUEST, read};

fn context(url: &str, mut claims: Value) -> Context {
    claims["iss"] = json!(url);
    let provider = IdentityProvider::new("aws", "111122223333", url, ["keyless"]);
    Context::web_identity(&read(&claims).expect("a good token"), &provider, &REQUEST)
}

fn has(context: &Context, key: &str) -> Vec<String> {
    context
        .values(key)
        .map(<[String]>::to_vec)
        .unwrap_or_default()
}

#[test]
fn a_claim_becomes_a_key_only_where_aws_maps_it() {
    for (url, key, found) in [
        (
            "https://id.example.com",
            "id.example.com:sub",
            vec!["alice"],
        ),
        (
            "https://id.example.com",
            "ID.Example.com:SUB",
            vec!["alice"],
        ),
        (
            "https://id.example.com/",
            "id.example.com/:sub",
            vec!["alice"],
        ),
        ("https://id.example.com/", "id.example.com:sub", vec![]),
        (
            "http://127.0.0.1:41234/",
            "127.0.0.1:41234/:email",
            vec!["alice@example.com"],
        ),
        (
            "https://id.example.com",
            "id.example.com:repository",
            vec![],
        ),
        (
            "https://token.actions.githubusercontent.com",
            "token.actions.githubusercontent.com:repository",
            vec!["acme/app"],
        ),
        (
            "https://token.actions.githubusercontent.com/acme",
            "token.actions.githubusercontent.com/acme:repository",
            vec!["acme/app"],
        ),
        (
            "https://token.actions.githubusercontent.com/acme/x",
            "token.actions.githubusercontent.com/acme/x:repository",
            vec![],
        ),
        (
            "https://token.actions.githubusercontent.com",
            "token.actions.githubusercontent.com:event_name",
            vec![],
        ),
        ("https://gitlab.com", "gitlab.com:project_id", vec!["20"]),
        (
            "https://gitlab.example.com",
            "gitlab.example.com:project_id",
            vec![],
        ),
        (
            "https://accounts.google.com",
            "accounts.google.com:google/organization_number",
            vec!["77"],
        ),
        (
            "https://oidc.circleci.com/org/42",
            "oidc.circleci.com/org/42:oidc.circleci.com/project-id",
            vec!["p"],
        ),
        (
            "https://idcs-1.identity.oraclecloud.com",
            "idcs-1.identity.oraclecloud.com:rpst_id",
            vec!["r"],
        ),
        (
            "https://idcs-1.evil.com/identity.oraclecloud.com",
            "idcs-1.evil.com/identity.oraclecloud.com:rpst_id",
            vec![],
        ),
        (
            "https://agent.acme.buildkite.dev",
            "agent.acme.buildkite.dev:pipeline_id",
            vec!["b"],
        ),
    ] {
        let claims = json!({
            "email": "alice@example.com", "repository": "acme/app", "event_name": "push", "project_id": 20, "google/organization_number": 77,
            "oidc.circleci.com/project-id": "p", "rpst_id": "r", "pipeline_id": "b",
        });
        assert_eq!(has(&context(url, claims), key), found, "{key} of {url}");
    }
}

#[test]
fn azp_is_the_audience_and_oaud_keeps_the_original() {
    let context = context(
        "https://id.example.com",
        json!({"aud": ["one", "two"], "azp": "app"}),
    );
    assert_eq!(has(&context, "id.example.com:aud"), ["app"]);
    assert_eq!(has(&context, "id.example.com:oaud"), ["one", "two"]);
}

#[test]
fn a_caller_with_a_token_is_no_aws_principal() {
    let context = context(
        "https://id.example.com",
        json!({"email": null, "amr": ["pwd", "mfa"]}),
    );
    let arn = "arn:aws:iam::111122223333:oidc-provider/id.example.com";
    for (key, found) in [
        ("sts:RoleSessionName", vec!["session"]),
        ("sts:RoleAuthorizedByIdp", vec!["false"]),
        ("aws:PrincipalAccount", vec!["111122223333"]),
        ("aws:PrincipalType", vec!["User"]),
        ("aws:userid", vec![arn]),
        ("aws:FederatedProvider", vec![arn]),
        ("id.example.com:amr", vec!["pwd", "mfa"]),
        ("id.example.com:email", vec![]),
        ("aws:PrincipalArn", vec![]),
        ("sts:ExternalId", vec![]),
        ("sts:SourceIdentity", vec![]),
        ("aws:TagKeys", vec![]),
        ("sts:TransitiveTagKeys", vec![]),
    ] {
        assert_eq!(has(&context, key), found, "{key}");
    }
}

#[test]
fn what_the_token_asks_for_the_session_can_be_asked_about() {
    let context = context(
        "https://id.example.com",
        json!({
            "https://aws.amazon.com/tags": {"principal_tags": {"Project": ["X"]}, "transitive_tag_keys": ["Project"]},
            "https://aws.amazon.com/source_identity": "alice",
            "https://aws.amazon.com/roles": ["arn:aws:iam::111122223333:role/app"],
        }),
    );
    for (key, found) in [
        ("aws:RequestTag/Project", "X"),
        ("aws:TagKeys", "Project"),
        ("sts:TransitiveTagKeys", "Project"),
        ("sts:SourceIdentity", "alice"),
        ("sts:RoleAuthorizedByIdp", "true"),
    ] {
        assert_eq!(has(&context, key), [found], "{key}");
    }
}

#[test]
fn a_role_that_assumes_a_role_is_known_by_its_arn() {
    let caller = Caller::Role {
        role_arn: "arn:aws:iam::1:role/path/a",
        session_arn: "arn:aws:sts::1:assumed-role/a/s",
        source_identity: None,
    };
    let context = Context::assume_role(
        caller,
        &Request {
            role_arn: "arn:aws:iam::2:role/b",
            session_name: "next",
            external_id: Some("42"),
            ..Request::default()
        },
    );
    assert_eq!(
        context
            .iter()
            .map(|(key, values)| format!("{key}={}", values.join(",")))
            .collect::<Vec<_>>(),
        [
            "aws:PrincipalAccount=1",
            "aws:PrincipalArn=arn:aws:iam::1:role/path/a",
            "aws:PrincipalType=AssumedRole",
            "sts:ExternalId=42",
            "sts:RoleSessionName=next"
        ]
    );
}
