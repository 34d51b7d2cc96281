//! A code becomes tokens, tokens are renewed and taken back, and all the ways in which that is refused.

#![allow(clippy::unwrap_used, reason = "a test may unwrap")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::sign_in::{
    GOOD_REQUEST, authorize, but, code, question, redeem, refresh, refreshed, scripted, text, token,
};
use common::{Clock, FORM, NOW, claims, form, get, parameter, post, send};
use keyless_sandbox::{Client, Sandbox};
use serde_json::json;

#[tokio::test]
async fn a_code_is_good_for_its_own_client_address_and_verifier_only() {
    let wrong_verifier = "x".repeat(43);
    for (name, value, error) in [
        ("grant_type", "", "invalid_request"),
        ("grant_type", "password", "unsupported_grant_type"),
        ("client_id", "", "invalid_client"),
        ("client_id", "another", "invalid_client"),
        ("client_id", "second", "invalid_grant"),
        ("client_secret", "guessed", "invalid_client"),
        ("code", "", "invalid_request"),
        ("code", "guessed", "invalid_grant"),
        ("redirect_uri", "", "invalid_grant"),
        (
            "redirect_uri",
            "http://127.0.0.1:41235/callback",
            "invalid_grant",
        ),
        ("code_verifier", "", "invalid_grant"),
        ("code_verifier", "short", "invalid_grant"),
        ("code_verifier", &wrong_verifier, "invalid_grant"),
    ] {
        let sandbox = Sandbox::builder()
            .sign_in_as("alice")
            .client(Client::new("second"))
            .start()
            .await
            .unwrap();
        let code = code(&sandbox).await;
        let answer = token(&sandbox, &but(&redeem(&code), &[(name, value)])).await;
        assert_eq!(
            answer.status,
            if error == "invalid_client" { 401 } else { 400 },
            "{name}={value}"
        );
        assert_eq!(answer.json()["error"], error, "{name}={value}");
        assert_eq!(sandbox.calls().token, 1);
    }
}

#[tokio::test]
async fn only_forms_are_read_at_the_token_endpoint() {
    let sandbox = scripted().await;
    let address = format!("{}/token", sandbox.issuer());
    let body = form(&redeem("x"));
    let json = send(
        "POST",
        &address,
        &[("content-type", "application/json")],
        &body,
    )
    .await;
    assert_eq!(
        (json.status, json.json()["error"].clone()),
        (400, json!("invalid_request"))
    );
    let twice = send("POST", &address, &[FORM], &format!("{body}&code=y")).await;
    assert_eq!(
        (twice.status, twice.json()["error"].clone()),
        (400, json!("invalid_request"))
    );
    assert_eq!(get(&address).await.status, 405);
    assert_eq!(
        get(&format!("{}/elsewhere", sandbox.issuer())).await.status,
        404
    );
}

#[tokio::test]
async fn a_code_lasts_a_minute_and_an_open_question_ten() {
    let clock = Clock::new();
    let sandbox = Sandbox::builder()
        .clock(clock.source())
        .sign_in_as("alice")
        .start()
        .await
        .unwrap();
    let (in_time, too_late) = (code(&sandbox).await, code(&sandbox).await);
    clock.advance(59);
    assert_eq!(token(&sandbox, &redeem(&in_time)).await.status, 200);
    clock.advance(1);
    assert_eq!(
        token(&sandbox, &redeem(&too_late)).await.json()["error_description"],
        "the code has expired"
    );

    let sandbox = Sandbox::builder()
        .clock(clock.source())
        .start()
        .await
        .unwrap();
    let page = authorize(&sandbox, &GOOD_REQUEST).await;
    let question = question(&page);
    clock.advance(600);
    assert_eq!(
        post(
            &format!("{}/sign-in", sandbox.issuer()),
            &[("request", question), ("person", "alice")]
        )
        .await
        .status,
        400
    );
}

#[tokio::test]
async fn a_code_that_is_used_twice_takes_back_what_it_gave() {
    let sandbox = scripted().await;
    let code = code(&sandbox).await;
    let tokens = token(&sandbox, &redeem(&code)).await.json();
    assert_eq!(
        token(&sandbox, &redeem(&code)).await.json()["error"],
        "invalid_grant"
    );
    let answer = refreshed(&sandbox, text(&tokens, "refresh_token")).await;
    assert_eq!(
        answer.json()["error_description"],
        "the refresh token was revoked"
    );
}

#[tokio::test]
async fn a_refresh_token_is_replaced_by_each_use() {
    let clock = Clock::new();
    let sandbox = Sandbox::builder()
        .clock(clock.source())
        .sign_in_as("alice")
        .start()
        .await
        .unwrap();
    let first = token(&sandbox, &redeem(&code(&sandbox).await)).await.json();
    clock.advance(7200);
    let second = refreshed(&sandbox, text(&first, "refresh_token"))
        .await
        .json();
    let renewed = claims(text(&second, "id_token"));
    assert_eq!(
        (&renewed["iat"], &renewed["auth_time"]),
        (&json!(NOW + 7200), &json!(NOW))
    );
    assert!(renewed.get("nonce").is_none(), "a nonce is for the first");
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_eq!(
        refreshed(&sandbox, text(&second, "refresh_token"))
            .await
            .status,
        200
    );
    assert_eq!((sandbox.calls().token, sandbox.calls().refresh), (3, 2));
}

#[tokio::test]
async fn a_used_refresh_token_gives_the_thief_away() {
    for (detect, newest_survives) in [(true, false), (false, true)] {
        let sandbox = Sandbox::builder()
            .sign_in_as("alice")
            .refresh_reuse_detection(detect)
            .start()
            .await
            .unwrap();
        let first = token(&sandbox, &redeem(&code(&sandbox).await)).await.json();
        let second = refreshed(&sandbox, text(&first, "refresh_token"))
            .await
            .json();
        let reuse = refreshed(&sandbox, text(&first, "refresh_token")).await;
        assert_eq!(reuse.json()["error"], "invalid_grant");
        let newest = refreshed(&sandbox, text(&second, "refresh_token")).await;
        assert_eq!(
            newest.status == 200,
            newest_survives,
            "with detection: {detect}"
        );
    }
}

#[tokio::test]
async fn a_refresh_can_ask_for_less_and_never_for_more() {
    let sandbox = scripted().await;
    let back = authorize(
        &sandbox,
        &but(&GOOD_REQUEST, &[("scope", "openid email offline_access")]),
    )
    .await
    .location();
    let tokens = token(&sandbox, &redeem(&parameter(&back, "code").unwrap()))
        .await
        .json();
    let granted = refresh(text(&tokens, "refresh_token"));
    let more = token(&sandbox, &but(&granted, &[("scope", "openid profile")])).await;
    assert_eq!(more.json()["error"], "invalid_scope");
    let less = token(&sandbox, &but(&granted, &[("scope", "openid")]))
        .await
        .json();
    assert!(claims(text(&less, "id_token")).get("email").is_none());
}

#[tokio::test]
async fn a_revoked_refresh_token_is_of_no_use() {
    let sandbox = scripted().await;
    let tokens = token(&sandbox, &redeem(&code(&sandbox).await)).await.json();
    let refresh_token = text(&tokens, "refresh_token");
    let revoke = |client| [("client_id", client), ("token", refresh_token)];
    let address = format!("{}/revoke", sandbox.issuer());
    assert_eq!(post(&address, &revoke("another")).await.status, 401);
    assert_eq!(post(&address, &revoke("keyless")).await.status, 200);
    assert_eq!(
        refreshed(&sandbox, refresh_token).await.json()["error"],
        "invalid_grant"
    );
    assert_eq!(
        post(
            &address,
            &[("client_id", "keyless"), ("token", "unheard of")]
        )
        .await
        .status,
        200
    );
}

#[tokio::test]
async fn a_confidential_client_proves_itself() {
    let sandbox = Sandbox::builder()
        .sign_in_as("bob")
        .client(Client::new("web").secret("p:ss w=rd"))
        .start()
        .await
        .unwrap();
    let address = format!("{}/token", sandbox.issuer());
    for (secret, status) in [("p%3Ass+w%3Drd", 200), ("wrong", 401)] {
        let back = authorize(&sandbox, &but(&GOOD_REQUEST, &[("client_id", "web")]))
            .await
            .location();
        let code = parameter(&back, "code").unwrap();
        let body = form(&but(&redeem(&code), &[("client_id", "")]));
        let basic = format!("Basic {}", STANDARD.encode(format!("web:{secret}")));
        assert_eq!(
            send("POST", &address, &[FORM, ("authorization", &basic)], &body)
                .await
                .status,
            status
        );
    }
    let back = authorize(&sandbox, &but(&GOOD_REQUEST, &[("client_id", "web")]))
        .await
        .location();
    let code = parameter(&back, "code").unwrap();
    assert_eq!(
        token(&sandbox, &but(&redeem(&code), &[("client_id", "web")]))
            .await
            .status,
        401,
        "without its secret"
    );
    let with_secret = but(
        &redeem(&code),
        &[("client_id", "web"), ("client_secret", "p:ss w=rd")],
    );
    assert_eq!(token(&sandbox, &with_secret).await.status, 200);
}
