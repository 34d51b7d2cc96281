//! A person signs in, and what the identity provider tells and refuses on the way to the code.

#![allow(clippy::unwrap_used, reason = "a test may unwrap")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::sign_in::{
    GOOD_REQUEST, REDIRECT, authorize, but, question, redeem, scripted, text, token,
};
use common::{Clock, NOW, claims, get, parameter, post};
use keyless_sandbox::{Person, Sandbox};
use p256::ecdsa::signature::Verifier as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

#[tokio::test]
async fn the_discovery_document_has_what_clients_and_sts_require() {
    let sandbox = scripted().await;
    let document = get(&format!(
        "{}/.well-known/openid-configuration",
        sandbox.issuer()
    ))
    .await
    .json();
    assert_eq!(document["issuer"], sandbox.issuer());
    for (name, expected) in [
        ("response_types_supported", json!(["code"])),
        ("subject_types_supported", json!(["public"])),
        ("id_token_signing_alg_values_supported", json!(["ES256"])),
        ("code_challenge_methods_supported", json!(["S256"])),
        (
            "authorization_response_iss_parameter_supported",
            json!(true),
        ),
        ("token_endpoint_auth_methods_supported", json!(["none"])),
    ] {
        assert_eq!(document[name], expected, "{name}");
    }
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "revocation_endpoint",
    ] {
        assert!(
            text(&document, name).starts_with(sandbox.issuer()),
            "{name}"
        );
    }
    let keys = get(text(&document, "jwks_uri")).await.json();
    assert_eq!(
        keys["keys"].as_array().unwrap().len(),
        2,
        "the current key and the next"
    );
    assert!(!keys.to_string().contains("\"d\""), "no private half");
    assert_eq!((sandbox.calls().discovery, sandbox.calls().jwks), (1, 1));
}

#[tokio::test]
async fn a_person_chooses_who_to_be_and_the_client_gets_their_tokens() {
    let clock = Clock::new();
    let sandbox = Sandbox::builder()
        .clock(clock.source())
        .start()
        .await
        .unwrap();

    let page = authorize(&sandbox, &GOOD_REQUEST).await;
    assert_eq!(page.status, 200);
    for expected in [
        "Alice Archer",
        "bob@example.com",
        "Carol Cooper",
        "email not verified",
        "Refuse to sign in",
        "<html lang=\"en\">",
    ] {
        assert!(page.body.contains(expected), "{expected}");
    }
    assert!(
        !page.body.contains("<script")
            && !page.body.contains("src=")
            && !page.body.contains("http-equiv")
    );
    let question = question(&page);

    let choice = [("request", question), ("person", "carol")];
    let back = post(&format!("{}/sign-in", sandbox.issuer()), &choice)
        .await
        .location();
    assert!(back.as_str().starts_with(REDIRECT));
    assert_eq!(parameter(&back, "state").unwrap(), "s1");
    assert_eq!(parameter(&back, "iss").unwrap(), sandbox.issuer());
    let again = post(&format!("{}/sign-in", sandbox.issuer()), &choice).await;
    assert_eq!(again.status, 400, "a question is answered once");

    let tokens = token(&sandbox, &redeem(&parameter(&back, "code").unwrap())).await;
    assert_eq!(tokens.header("cache-control"), Some("no-store"));
    let tokens = tokens.json();
    assert_eq!(
        (&tokens["token_type"], &tokens["expires_in"]),
        (&json!("Bearer"), &json!(3600))
    );
    let at_hash = URL_SAFE_NO_PAD.encode(&Sha256::digest(text(&tokens, "access_token"))[..16]);
    assert_eq!(
        claims(text(&tokens, "id_token")),
        json!({
            "iss": sandbox.issuer(), "sub": "user-carol", "aud": "keyless", "iat": NOW, "exp": NOW + 3600, "auth_time": NOW, "nonce": "n1",
            "at_hash": at_hash, "email": "carol@example.com", "email_verified": false, "name": "Carol Cooper",
        })
    );
    assert!(tokens["refresh_token"].is_string());
}

#[tokio::test]
async fn a_token_is_signed_by_a_published_key() {
    let sandbox = scripted().await;
    let token = sandbox.id_token_for("bob").unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let header: Value = serde_json::from_slice(
        &URL_SAFE_NO_PAD
            .decode(signed.split('.').next().unwrap())
            .unwrap(),
    )
    .unwrap();
    let keys = get(&format!("{}/jwks", sandbox.issuer())).await.json();
    let key = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"] == header["kid"])
        .unwrap();
    let part = |name| URL_SAFE_NO_PAD.decode(text(key, name)).unwrap();
    let point = [vec![4], part("x"), part("y")].concat();
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).unwrap();
    let signature =
        p256::ecdsa::Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    key.verify(signed.as_bytes(), &signature).unwrap();
}

#[tokio::test]
async fn only_what_was_asked_for_is_told() {
    let sandbox = scripted().await;
    let back = authorize(
        &sandbox,
        &but(&GOOD_REQUEST, &[("scope", "openid phone"), ("nonce", "")]),
    )
    .await
    .location();
    let tokens = token(&sandbox, &redeem(&parameter(&back, "code").unwrap()))
        .await
        .json();
    let claims = claims(text(&tokens, "id_token"));
    for absent in ["email", "email_verified", "name", "nonce"] {
        assert!(claims.get(absent).is_none(), "{absent}");
    }
    assert_eq!(tokens["scope"], "openid");
    assert!(
        tokens.get("refresh_token").is_none(),
        "offline_access was not asked for"
    );
}

#[tokio::test]
async fn a_person_may_refuse() {
    let sandbox = Sandbox::builder().start().await.unwrap();
    let page = authorize(&sandbox, &GOOD_REQUEST).await;
    let question = question(&page);
    let back = post(
        &format!("{}/sign-in", sandbox.issuer()),
        &[("request", question), ("refuse", "yes")],
    )
    .await
    .location();
    assert_eq!(parameter(&back, "error").unwrap(), "access_denied");
    assert_eq!(parameter(&back, "state").unwrap(), "s1");
    assert_eq!(parameter(&back, "code"), None);
}

#[tokio::test]
async fn without_a_known_client_and_address_there_is_no_redirect() {
    let sandbox = scripted().await;
    for (name, value) in [
        ("client_id", ""),
        ("client_id", "another"),
        ("redirect_uri", ""),
        ("redirect_uri", "https://evil.example/callback"),
        ("redirect_uri", "http://127.0.0.1:41234/other"),
        ("redirect_uri", "http://127.0.0.1:41234/callback?x=<script>"),
        ("redirect_uri", "http://127.0.0.1:41234/callback#fragment"),
    ] {
        let answer = authorize(&sandbox, &but(&GOOD_REQUEST, &[(name, value)])).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (400, None),
            "{name}={value}"
        );
        assert!(!answer.body.contains("<script"));
    }
    let twice = [&GOOD_REQUEST[..], &[("client_id", "keyless")]].concat();
    assert_eq!(authorize(&sandbox, &twice).await.status, 400);
}

#[tokio::test]
async fn a_faulty_authorization_request_is_sent_back_with_its_error() {
    let sandbox = Sandbox::builder().start().await.unwrap();
    for (name, value, error) in [
        ("response_type", "", "invalid_request"),
        ("response_type", "none", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("response_mode", "jwt", "invalid_request"),
        ("scope", "", "invalid_scope"),
        ("scope", "email openidx", "invalid_scope"),
        ("state", "", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("request", "eyJ", "request_not_supported"),
        ("request_uri", "https://x", "request_uri_not_supported"),
        ("prompt", "none", "login_required"),
    ] {
        let back = authorize(&sandbox, &but(&GOOD_REQUEST, &[(name, value)]))
            .await
            .location();
        assert_eq!(
            parameter(&back, "error").as_deref(),
            Some(error),
            "{name}={value}"
        );
        assert_eq!(parameter(&back, "iss").as_deref(), Some(sandbox.issuer()));
        assert_eq!(
            parameter(&back, "state").as_deref(),
            (name != "state").then_some("s1")
        );
    }
}

#[tokio::test]
async fn people_can_be_brought_along() {
    let dave = Person::new("dave", "dave@example.com")
        .name("<Dave> & \"Co\"")
        .claim("sub", "d-1")
        .claim("groups", json!(["ops"]));
    let builder = Sandbox::builder().person(dave);
    let sandbox = builder.start().await.unwrap();
    let claims = claims(&sandbox.id_token_for("dave").unwrap());
    assert_eq!(
        (&claims["sub"], &claims["groups"]),
        (&json!("d-1"), &json!(["ops"]))
    );
    assert!(
        authorize(&sandbox, &GOOD_REQUEST)
            .await
            .body
            .contains("&lt;Dave&gt; &amp; &quot;Co&quot;")
    );
    assert_eq!(sandbox.id_token_for("nobody"), None);

    let error = Sandbox::builder()
        .sign_in_as("nobody")
        .start()
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "nobody in the sandbox is called nobody");
}

#[tokio::test]
async fn an_rsa_key_is_there_on_request() {
    let sandbox = Sandbox::builder().rsa(true).start().await.unwrap();
    let keys = get(&format!("{}/jwks", sandbox.issuer())).await.json();
    let kinds: Vec<_> = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| text(key, "alg"))
        .collect();
    assert_eq!(kinds, ["ES256", "ES256", "RS256"]);
    let document = get(&format!(
        "{}/.well-known/openid-configuration",
        sandbox.issuer()
    ))
    .await
    .json();
    assert_eq!(
        document["id_token_signing_alg_values_supported"],
        json!(["ES256", "RS256"])
    );
}
