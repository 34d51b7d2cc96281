//! The authorization request goes to the identity provider before the browser does (RFC 9126).

#![allow(clippy::unwrap_used, reason = "a test may unwrap")]
#![allow(clippy::too_many_lines, reason = "a table")]

mod common;

use common::sign_in::{GOOD_REQUEST, REDIRECT, authorize, but, redeem, text, token};
use common::{Answer, Clock, get, parameter, post};
use keyless_sandbox::{Builder, Client, Sandbox};
use serde_json::json;

async fn start(clock: &Clock, change: impl FnOnce(Builder) -> Builder) -> Sandbox {
    let builder = Sandbox::builder().clock(clock.source()).sign_in_as("alice");
    change(builder.pushed_authorization_requests())
        .start()
        .await
        .unwrap()
}

async fn push(sandbox: &Sandbox, parameters: &[(&str, &str)]) -> Answer {
    post(&format!("{}/par", sandbox.issuer()), parameters).await
}

async fn pushed(sandbox: &Sandbox) -> String {
    let answer = push(sandbox, &GOOD_REQUEST).await;
    assert_eq!(
        (answer.status, answer.header("cache-control")),
        (201, Some("no-store"))
    );
    assert_eq!(answer.json()["expires_in"], 60);
    text(&answer.json(), "request_uri").to_owned()
}

#[tokio::test]
async fn a_pushed_request_is_used_once_within_a_minute_by_its_client() {
    for (story, wait, client, good) in [
        ("as it should be", 59, "keyless", true),
        ("too late", 60, "keyless", false),
        ("by another client", 0, "other", false),
    ] {
        let clock = Clock::new();
        let sandbox = start(&clock, |builder| builder.client(Client::new("other"))).await;
        let uri = pushed(&sandbox).await;
        clock.advance(wait);
        // what else stands in the address does not count
        let short = [
            ("client_id", client),
            ("request_uri", &uri),
            ("state", "changed"),
            ("redirect_uri", "https://evil.example/"),
        ];
        let answer = authorize(&sandbox, &short).await;
        assert_eq!(answer.status == 303, good, "{story}: {answer:?}");
        if good {
            let back = answer.location();
            assert!(back.as_str().starts_with(REDIRECT));
            assert_eq!(parameter(&back, "state").as_deref(), Some("s1"));
            let tokens = token(&sandbox, &redeem(&parameter(&back, "code").unwrap())).await;
            assert_eq!(tokens.status, 200);
            assert_eq!(authorize(&sandbox, &short).await.status, 400, "once");
        }
        assert_eq!(sandbox.calls().pushed, 1);
    }
}

#[tokio::test]
async fn a_faulty_request_is_refused_before_the_browser_opens() {
    let sandbox = start(&Clock::new(), |builder| {
        builder.client(Client::new("secretive").secret("s"))
    })
    .await;
    for (name, value, status, error) in [
        ("client_id", "", 401, "invalid_client"),
        ("client_id", "nobody", 401, "invalid_client"),
        ("client_id", "secretive", 401, "invalid_client"),
        (
            "redirect_uri",
            "https://evil.example/",
            400,
            "invalid_request",
        ),
        ("redirect_uri", "", 400, "invalid_request"),
        ("response_type", "token", 400, "unsupported_response_type"),
        ("code_challenge", "", 400, "invalid_request"),
        ("scope", "email", 400, "invalid_scope"),
        ("request_uri", "urn:x", 400, "invalid_request"),
    ] {
        let answer = push(&sandbox, &but(&GOOD_REQUEST, &[(name, value)])).await;
        assert_eq!(
            (answer.status, text(&answer.json(), "error")),
            (status, error),
            "{name}={value}"
        );
    }
    let with_secret = [("client_id", "secretive"), ("client_secret", "s")];
    let answer = push(&sandbox, &but(&GOOD_REQUEST, &with_secret)).await;
    assert_eq!(answer.status, 201);
}

#[tokio::test]
async fn it_can_be_missing_offered_or_required() {
    let document = async |sandbox: &Sandbox| {
        let address = format!("{}/.well-known/openid-configuration", sandbox.issuer());
        get(&address).await.json()
    };
    let required = "require_pushed_authorization_requests";

    let missing = Sandbox::builder().start().await.unwrap();
    assert_eq!(push(&missing, &GOOD_REQUEST).await.status, 404);
    let document_of_missing = document(&missing).await;
    assert_eq!(
        document_of_missing.get("pushed_authorization_request_endpoint"),
        None
    );

    let offered = start(&Clock::new(), |builder| builder).await;
    assert_eq!(document(&offered).await.get(required), None);
    let back = authorize(&offered, &GOOD_REQUEST).await.location();
    assert!(parameter(&back, "code").is_some());

    let sandbox = start(
        &Clock::new(),
        Builder::require_pushed_authorization_requests,
    )
    .await;
    assert_eq!(document(&sandbox).await[required], json!(true));
    let back = authorize(&sandbox, &GOOD_REQUEST).await.location();
    assert_eq!(
        parameter(&back, "error").as_deref(),
        Some("invalid_request")
    );
    let uri = pushed(&sandbox).await;
    let back = authorize(&sandbox, &[("client_id", "keyless"), ("request_uri", &uri)]).await;
    assert!(parameter(&back.location(), "code").is_some());
}
