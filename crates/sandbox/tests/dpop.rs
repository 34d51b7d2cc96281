//! A client proves that it holds a key, and its refresh tokens are of no use without (RFC 9449).

#![allow(clippy::unwrap_used, reason = "a test may unwrap")]
#![allow(clippy::too_many_lines, reason = "a table")]

mod common;

use common::key::Key;
use common::sign_in::{GOOD_REQUEST, authorize, but, code, redeem, refresh, text};
use common::{Answer, Clock, FORM, NOW, form, get, parameter, send};
use keyless_sandbox::{Builder, Client, Sandbox};
use serde_json::{Value, json};

async fn start(clock: &Clock, change: impl FnOnce(Builder) -> Builder) -> Sandbox {
    let builder = Sandbox::builder().clock(clock.source()).sign_in_as("alice");
    change(builder.dpop()).start().await.unwrap()
}

/// A proof for the token endpoint, with a few claims changed.
fn proof(sandbox: &Sandbox, key: &Key, id: &str, changes: &Value) -> String {
    let mut claims = json!({
        "jti": id, "htm": "POST", "htu": format!("{}/token", sandbox.issuer()), "iat": NOW,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    key.sign(
        &json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": key.jwk() }),
        &claims,
    )
}

async fn ask(sandbox: &Sandbox, proofs: &[&str], parameters: &[(&str, &str)]) -> Answer {
    ask_at(sandbox, "token", proofs, parameters).await
}

async fn ask_at(
    sandbox: &Sandbox,
    path: &str,
    proofs: &[&str],
    parameters: &[(&str, &str)],
) -> Answer {
    let headers: Vec<_> = std::iter::once(FORM)
        .chain(proofs.iter().map(|proof| ("DPoP", *proof)))
        .collect();
    let address = format!("{}/{path}", sandbox.issuer());
    send("POST", &address, &headers, &form(parameters)).await
}

fn outcome(answer: &Answer) -> String {
    let body = answer.json();
    match answer.status {
        200 => text(&body, "token_type").to_owned(),
        _ => text(&body, "error").to_owned(),
    }
}

#[tokio::test]
async fn a_refresh_token_is_bound_to_the_key_of_a_public_client() {
    let (clock, key, other) = (Clock::new(), Key::new(1), Key::new(2));
    let sandbox = start(&clock, |builder| {
        builder.client(Client::new("secretive").secret("s"))
    })
    .await;
    let address = format!("{}/.well-known/openid-configuration", sandbox.issuer());
    let document = get(&address).await.json();
    assert_eq!(
        document["dpop_signing_alg_values_supported"],
        json!(["ES256"])
    );

    let none = json!({});
    let first = proof(&sandbox, &key, "1", &none);
    let answer = ask(&sandbox, &[&first], &redeem(&code(&sandbox).await)).await;
    assert_eq!(outcome(&answer), "DPoP");
    let tokens = answer.json();
    let token = text(&tokens, "refresh_token");
    for (story, proofs, expected) in [
        ("without a proof", vec![], "invalid_grant"),
        (
            "with another's key",
            vec![proof(&sandbox, &other, "2", &none)],
            "invalid_grant",
        ),
        (
            "with a proof again",
            vec![first.clone()],
            "invalid_dpop_proof",
        ),
        (
            "with its key",
            vec![proof(&sandbox, &key, "3", &none)],
            "DPoP",
        ),
    ] {
        let proofs: Vec<_> = proofs.iter().map(String::as_str).collect();
        let answer = ask(&sandbox, &proofs, &refresh(token)).await;
        assert_eq!(outcome(&answer), expected, "{story}");
    }

    // Without a proof nothing is bound, and a confidential client's are bound by its secret alone.
    let tokens = ask(&sandbox, &[], &redeem(&code(&sandbox).await)).await;
    assert_eq!(outcome(&tokens), "Bearer");
    let answer = ask(
        &sandbox,
        &[],
        &refresh(text(&tokens.json(), "refresh_token")),
    )
    .await;
    assert_eq!(outcome(&answer), "Bearer");
    let id = [("client_id", "secretive")];
    let back = authorize(&sandbox, &but(&GOOD_REQUEST, &id))
        .await
        .location();
    let code = parameter(&back, "code").unwrap();
    let secret = [("client_id", "secretive"), ("client_secret", "s")];
    let shown = proof(&sandbox, &key, "4", &none);
    let tokens = ask(&sandbox, &[&shown], &but(&redeem(&code), &secret))
        .await
        .json();
    let token = text(&tokens, "refresh_token");
    let answer = ask(&sandbox, &[], &but(&refresh(token), &secret)).await;
    assert_eq!(outcome(&answer), "Bearer");
}

#[tokio::test]
async fn a_proof_is_checked_wholly() {
    let (clock, key) = (Clock::new(), Key::new(1));
    let sandbox = start(&clock, |builder| builder).await;
    let address = format!("{}/token", sandbox.issuer());
    for (number, (changes, expected)) in [
        (json!({}), "DPoP"),
        (json!({ "htu": format!("{address}?a=b#c") }), "DPoP"),
        (json!({ "iat": NOW - 60 }), "DPoP"),
        (json!({ "iat": NOW + 60 }), "DPoP"),
        (json!({ "iat": NOW - 61 }), "invalid_dpop_proof"),
        (json!({ "iat": NOW + 61 }), "invalid_dpop_proof"),
        (json!({ "iat": "now" }), "invalid_dpop_proof"),
        (json!({ "iat": null }), "invalid_dpop_proof"),
        (json!({ "htm": "GET" }), "invalid_dpop_proof"),
        (json!({ "htm": "post" }), "invalid_dpop_proof"),
        (json!({ "htu": sandbox.issuer() }), "invalid_dpop_proof"),
        (json!({ "htu": null }), "invalid_dpop_proof"),
        (json!({ "jti": null }), "invalid_dpop_proof"),
        (json!({ "jti": "" }), "invalid_dpop_proof"),
        (json!({ "jti": 1 }), "invalid_dpop_proof"),
    ]
    .into_iter()
    .enumerate()
    {
        let shown = proof(&sandbox, &key, &number.to_string(), &changes);
        let answer = ask(&sandbox, &[&shown], &redeem(&code(&sandbox).await)).await;
        assert_eq!(outcome(&answer), expected, "{changes}");
    }
    let claims = json!({ "jti": "a", "htm": "POST", "htu": address, "iat": NOW });
    let mut private = key.jwk();
    private["d"] = json!("AQ");
    let good = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": key.jwk() });
    for (name, value) in [
        ("typ", json!("JWT")),
        ("typ", json!(null)),
        ("alg", json!("none")),
        ("alg", json!("RS256")),
        ("jwk", json!(null)),
        ("jwk", private),
        ("jwk", Key::new(2).jwk()),
        ("jwk", json!({ "kty": "oct", "k": "AQ" })),
    ] {
        let mut header = good.clone();
        header[name] = value;
        let shown = key.sign(&header, &claims);
        let answer = ask(&sandbox, &[&shown], &redeem(&code(&sandbox).await)).await;
        assert_eq!(
            (answer.status, &*outcome(&answer)),
            (400, "invalid_dpop_proof"),
            "{header}"
        );
    }
    let (one, two) = (
        proof(&sandbox, &key, "b", &json!({})),
        proof(&sandbox, &key, "c", &json!({})),
    );
    for proofs in [&[&*one, &*two][..], &["x.y.z"], &["nonsense"]] {
        let answer = ask(&sandbox, proofs, &redeem(&code(&sandbox).await)).await;
        assert_eq!(outcome(&answer), "invalid_dpop_proof");
    }
}

#[tokio::test]
async fn a_nonce_is_asked_for_and_the_code_survives_it() {
    let (clock, key) = (Clock::new(), Key::new(1));
    let sandbox = start(&clock, Builder::dpop_nonce).await;
    let code = code(&sandbox).await;
    let mut nonce = None;
    for (id, expected) in [("1", "use_dpop_nonce"), ("2", "DPoP")] {
        let changes = json!({ "nonce": nonce });
        let shown = proof(&sandbox, &key, id, &changes);
        let answer = ask(&sandbox, &[&shown], &redeem(&code)).await;
        assert_eq!(outcome(&answer), expected);
        nonce = answer.header("dpop-nonce").map(str::to_owned);
        assert!(nonce.is_some());
    }
    let guessed = proof(&sandbox, &key, "3", &json!({ "nonce": "guessed" }));
    let answer = ask(&sandbox, &[&guessed], &redeem(&code)).await;
    assert_eq!(outcome(&answer), "use_dpop_nonce");
    for _ in 0..2 {
        clock.advance(60);
        ask(&sandbox, &[], &redeem("x")).await;
    }
    let now = NOW + 120;
    let old = proof(&sandbox, &key, "4", &json!({ "nonce": nonce, "iat": now }));
    let answer = ask(&sandbox, &[&old], &redeem(&code)).await;
    assert_eq!(outcome(&answer), "use_dpop_nonce", "too old");
}

#[tokio::test]
async fn a_code_can_be_bound_beforehand() {
    let (clock, key, other) = (Clock::new(), Key::new(1), Key::new(2));
    let sandbox = start(&clock, Builder::pushed_authorization_requests).await;
    let thumbprint = key.thumbprint();
    let bound = but(&GOOD_REQUEST, &[("dpop_jkt", &thumbprint)]);
    for (story, signer, expected) in [
        ("with its key", Some(&key), "DPoP"),
        ("with another", Some(&other), "invalid_grant"),
        ("without", None, "invalid_grant"),
    ] {
        for by_proof in [false, true] {
            let pushed = if by_proof {
                let par = json!({ "htu": format!("{}/par", sandbox.issuer()) });
                let shown = proof(&sandbox, &key, &format!("par {story}"), &par);
                let answer = ask_at(&sandbox, "par", &[&shown], &GOOD_REQUEST).await;
                text(&answer.json(), "request_uri").to_owned()
            } else {
                String::new()
            };
            let short = [("client_id", "keyless"), ("request_uri", &*pushed)];
            let request = if by_proof { &short[..] } else { &bound };
            let code = parameter(&authorize(&sandbox, request).await.location(), "code").unwrap();
            let shown =
                signer.map(|key| proof(&sandbox, key, &format!("{story} {by_proof}"), &json!({})));
            let shown: Vec<_> = shown.iter().map(String::as_str).collect();
            let answer = ask(&sandbox, &shown, &redeem(&code)).await;
            assert_eq!(
                outcome(&answer),
                expected,
                "{story}, pushed with a proof: {by_proof}"
            );
        }
    }
    let par = json!({ "htu": format!("{}/par", sandbox.issuer()) });
    let shown = proof(&sandbox, &other, "mismatch", &par);
    let answer = ask_at(&sandbox, "par", &[&shown], &bound).await;
    assert_eq!(outcome(&answer), "invalid_dpop_proof");
}
