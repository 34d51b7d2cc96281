//! A person signs in, and all the ways in which that is refused. Spoken over HTTP, as a client would.

#![allow(
    clippy::unwrap_used,
    reason = "a test may; clippy sees only the test functions themselves as such"
)]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use common::{Answer, Clock, FORM, NOW, claims, form, get, parameter, post, send};
use keyless_sandbox::{Builder, Client, Person, Sandbox};
use p256::ecdsa::signature::Verifier as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const REDIRECT: &str = "http://127.0.0.1:41234/callback";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"; // RFC 7636, appendix B
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

const GOOD_REQUEST: [(&str, &str); 8] = [
    ("client_id", "keyless"),
    ("redirect_uri", REDIRECT),
    ("response_type", "code"),
    ("scope", "openid email profile offline_access"),
    ("state", "s1"),
    ("nonce", "n1"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

async fn scripted() -> Sandbox {
    Sandbox::builder()
        .sign_in_as("alice")
        .start()
        .await
        .unwrap()
}

/// The good request with some parameters set otherwise, or left out where the value is empty.
fn but<'a>(good: &[(&'a str, &'a str)], changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = good
        .iter()
        .filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    kept.chain(changes)
        .copied()
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

async fn authorize(sandbox: &Sandbox, parameters: &[(&str, &str)]) -> Answer {
    get(&format!(
        "{}/authorize?{}",
        sandbox.issuer(),
        form(parameters)
    ))
    .await
}

async fn code(sandbox: &Sandbox) -> String {
    parameter(&authorize(sandbox, &GOOD_REQUEST).await.location(), "code").unwrap()
}

async fn token(sandbox: &Sandbox, parameters: &[(&str, &str)]) -> Answer {
    post(&format!("{}/token", sandbox.issuer()), parameters).await
}

fn redeem(code: &str) -> [(&str, &str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", "keyless"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ]
}

fn refresh(token: &str) -> [(&str, &str); 3] {
    [
        ("grant_type", "refresh_token"),
        ("client_id", "keyless"),
        ("refresh_token", token),
    ]
}

async fn refreshed(sandbox: &Sandbox, refresh_token: &str) -> Answer {
    token(sandbox, &refresh(refresh_token)).await
}

fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {answer}"))
}

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
    let question = page
        .body
        .split("name=\"request\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();

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
    let question = page
        .body
        .split("name=\"request\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
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
        ("response_type", "id_token", "unsupported_response_type"),
        ("response_mode", "form_post", "invalid_request"),
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
    let question = page
        .body
        .split("name=\"request\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
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

#[tokio::test]
async fn people_can_be_brought_along() {
    let dave = Person::new("dave", "dave@example.com")
        .name("<Dave> & \"Co\"")
        .claim("sub", "d-1")
        .claim("groups", json!(["ops"]));
    let builder: Builder = Sandbox::builder().person(dave);
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
