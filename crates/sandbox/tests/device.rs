//! Somebody signs in on a device without a browser (RFC 8628).

#![allow(clippy::unwrap_used, reason = "a test may unwrap")]
#![allow(clippy::too_many_lines, reason = "a table")]

mod common;

use std::time::Duration;

use common::sign_in::{refreshed, text, token};
use common::{Answer, Clock, claims, get, post};
use keyless_sandbox::{Builder, Client, Sandbox};
use serde_json::{Value, json};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn begin(sandbox: &Sandbox) -> Value {
    let answer = post(
        &format!("{}/device_authorization", sandbox.issuer()),
        &[
            ("client_id", "keyless"),
            ("scope", "openid email offline_access"),
        ],
    )
    .await;
    assert_eq!(
        (answer.status, answer.header("cache-control")),
        (200, Some("no-store"))
    );
    answer.json()
}

async fn poll_as(sandbox: &Sandbox, device: &Value, client: &str) -> Answer {
    let code = text(device, "device_code");
    let parameters = [
        ("grant_type", GRANT),
        ("client_id", client),
        ("device_code", code),
    ];
    token(sandbox, &parameters).await
}

/// The error of a poll, or `tokens`.
async fn poll(sandbox: &Sandbox, device: &Value) -> String {
    let answer = poll_as(sandbox, device, "keyless").await;
    let body = answer.json();
    if answer.status == 200 {
        return "tokens".to_owned();
    }
    assert_eq!(answer.status, 400);
    text(&body, "error").to_owned()
}

async fn start(clock: &Clock, change: impl FnOnce(Builder) -> Builder) -> Sandbox {
    change(Sandbox::builder().clock(clock.source()))
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_person_types_the_code_and_the_device_gets_their_tokens() {
    let clock = Clock::new();
    let sandbox = start(&clock, |builder| builder).await;
    let document = get(&format!(
        "{}/.well-known/openid-configuration",
        sandbox.issuer()
    ))
    .await
    .json();
    assert_eq!(
        document["grant_types_supported"],
        json!(["authorization_code", "refresh_token", GRANT])
    );
    assert_eq!(
        text(&document, "device_authorization_endpoint"),
        format!("{}/device_authorization", sandbox.issuer())
    );

    let device = begin(&sandbox).await;
    assert_eq!(
        (&device["expires_in"], &device["interval"]),
        (&json!(600), &json!(5))
    );
    let (uri, user_code) = (
        text(&device, "verification_uri"),
        text(&device, "user_code"),
    );
    assert_eq!(
        text(&device, "verification_uri_complete"),
        format!("{uri}?user_code={user_code}")
    );
    assert_eq!(poll(&sandbox, &device).await, "authorization_pending");

    let empty = get(uri).await;
    assert!(empty.body.contains("<input id=\"user_code\""));
    let unknown = get(&format!("{uri}?user_code=BBBB-<b>")).await;
    assert!(unknown.body.contains("No device waits") && !unknown.body.contains("<b>"));
    let typed = user_code.replace('-', " ").to_lowercase().replace(' ', "+");
    let page = get(&format!("{uri}?user_code={typed}")).await;
    for expected in [
        "<strong>keyless</strong>",
        user_code,
        "Alice Archer",
        "Refuse",
    ] {
        assert!(page.body.contains(expected), "{expected}");
    }
    assert!(!page.body.contains("<script"));
    assert_eq!(poll(&sandbox, &device).await, "slow_down");

    let done = post(uri, &[("user_code", &typed), ("person", "bob")]).await;
    assert!(done.body.contains("You are signed in"), "{}", done.body);
    clock.advance(10);
    let tokens = poll_as(&sandbox, &device, "keyless").await.json();
    let told = claims(text(&tokens, "id_token"));
    assert_eq!(
        (&told["sub"], &told["aud"], told.get("nonce")),
        (&json!("user-bob"), &json!("keyless"), None)
    );
    assert_eq!(
        refreshed(&sandbox, text(&tokens, "refresh_token"))
            .await
            .status,
        200
    );
    clock.advance(10);
    assert_eq!(poll(&sandbox, &device).await, "invalid_grant", "once only");
    let late = post(uri, &[("user_code", user_code), ("person", "bob")]).await;
    assert!(late.body.contains("No device waits"));
    assert_eq!(sandbox.calls().device_authorization, 1);
}

#[tokio::test]
async fn a_device_that_polls_too_soon_has_to_wait_five_seconds_longer_each_time() {
    let clock = Clock::new();
    let sandbox = start(&clock, |builder| builder).await;
    let device = begin(&sandbox).await;
    for (wait, expected) in [
        (0, "authorization_pending"),
        (5, "authorization_pending"),
        (4, "slow_down"), // ten from now on
        (9, "slow_down"), // fifteen from now on
        (14, "slow_down"),
        (20, "authorization_pending"),
        (20, "authorization_pending"),
        (19, "slow_down"),
    ] {
        clock.advance(wait);
        assert_eq!(poll(&sandbox, &device).await, expected, "after {wait} s");
    }
    let user_code = text(&device, "user_code");
    assert!(sandbox.device_sign_in(user_code, "alice"));
    clock.advance(24);
    assert_eq!(
        poll(&sandbox, &device).await,
        "slow_down",
        "even with the answer there"
    );
    clock.advance(30);
    assert_eq!(poll(&sandbox, &device).await, "tokens");
}

#[tokio::test]
async fn each_end_of_the_wait_has_its_answer() {
    for (story, expected) in [
        ("refused on the page", "access_denied"),
        ("refused by the handle", "access_denied"),
        ("nobody of that name", "access_denied"),
        ("expired", "expired_token"),
        ("expired after the sign-in", "expired_token"),
        ("forgotten", "invalid_grant"),
        ("another code", "invalid_grant"),
        ("another client", "invalid_grant"),
    ] {
        let clock = Clock::new();
        let sandbox = start(&clock, |builder| {
            builder
                .client(Client::new("other"))
                .device_lifetime(Duration::from_mins(2))
        })
        .await;
        let mut device = begin(&sandbox).await;
        let (uri, code) = (
            text(&device, "verification_uri").to_owned(),
            text(&device, "user_code").to_owned(),
        );
        let mut client = "keyless";
        match story {
            "refused on the page" => {
                let page = post(&uri, &[("user_code", &code), ("refuse", "yes")]).await;
                assert!(page.body.contains("You have refused"));
            }
            "refused by the handle" => assert!(sandbox.device_refuse(&code)),
            "nobody of that name" => {
                assert!(!sandbox.device_sign_in(&code, "mallory"));
                post(&uri, &[("user_code", &code), ("person", "mallory")]).await;
            }
            "expired" => clock.advance(120),
            "expired after the sign-in" => {
                assert!(sandbox.device_sign_in(&code, "alice"));
                clock.advance(120);
                assert!(!sandbox.device_sign_in(&code, "alice"));
            }
            "forgotten" => {
                clock.advance(120 + 600);
                begin(&sandbox).await;
            }
            "another code" => device["device_code"] = json!("guessed"),
            _ => {
                sandbox.device_sign_in(&code, "alice");
                client = "other";
            }
        }
        let answer = poll_as(&sandbox, &device, client).await;
        assert_eq!(
            (answer.status, text(&answer.json(), "error")),
            (400, expected),
            "{story}"
        );
    }
}

#[tokio::test]
async fn who_signs_in_without_a_page_does_so_after_the_first_poll() {
    let clock = Clock::new();
    let sandbox = start(&clock, |builder| {
        builder
            .sign_in_as("carol")
            .device_interval(Duration::from_secs(1))
    })
    .await;
    let device = begin(&sandbox).await;
    assert_eq!(device["interval"], 1);
    assert_eq!(poll(&sandbox, &device).await, "authorization_pending");
    clock.advance(1);
    let tokens = poll_as(&sandbox, &device, "keyless").await.json();
    assert_eq!(claims(text(&tokens, "id_token"))["sub"], "user-carol");
}

#[tokio::test]
async fn a_faulty_request_is_refused_and_the_flow_can_be_missing() {
    let sandbox = start(&Clock::new(), |builder| builder).await;
    let endpoint = format!("{}/device_authorization", sandbox.issuer());
    for (parameters, status, expected) in [
        (&[("scope", "openid")][..], 401, "invalid_client"),
        (
            &[("client_id", "other"), ("scope", "openid")],
            401,
            "invalid_client",
        ),
        (&[("client_id", "keyless")], 400, "invalid_scope"),
        (
            &[("client_id", "keyless"), ("scope", "email")],
            400,
            "invalid_scope",
        ),
    ] {
        let answer = post(&endpoint, parameters).await;
        assert_eq!(
            (answer.status, text(&answer.json(), "error")),
            (status, expected),
            "{parameters:?}"
        );
    }
    assert_eq!(get(&endpoint).await.status, 405);

    let without = start(&Clock::new(), Builder::without_device_flow).await;
    let document = get(&format!(
        "{}/.well-known/openid-configuration",
        without.issuer()
    ))
    .await
    .json();
    assert_eq!(document.get("device_authorization_endpoint"), None);
    assert_eq!(
        document["grant_types_supported"],
        json!(["authorization_code", "refresh_token"])
    );
    for path in ["device_authorization", "device"] {
        assert_eq!(
            post(&format!("{}/{path}", without.issuer()), &[])
                .await
                .status,
            404
        );
    }
    let device = json!({ "device_code": "x" });
    assert_eq!(poll(&without, &device).await, "unsupported_grant_type");
}
