//! The steps of a sign-in as a client takes them.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part; a test may unwrap"
)]

use keyless_sandbox::Sandbox;
use serde_json::Value;

use super::{Answer, form, get, parameter, post};

pub(crate) const REDIRECT: &str = "http://127.0.0.1:41234/callback";

pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"; // RFC 7636, appendix B

pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) const GOOD_REQUEST: [(&str, &str); 8] = [
    ("client_id", "keyless"),
    ("redirect_uri", REDIRECT),
    ("response_type", "code"),
    ("scope", "openid email profile offline_access"),
    ("state", "s1"),
    ("nonce", "n1"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

pub(crate) async fn scripted() -> Sandbox {
    Sandbox::builder()
        .sign_in_as("alice")
        .start()
        .await
        .unwrap()
}

/// The good request with some parameters set otherwise, or left out where the value is empty.
pub(crate) fn but<'a>(
    good: &[(&'a str, &'a str)],
    changes: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let kept = good
        .iter()
        .filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    kept.chain(changes)
        .copied()
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

pub(crate) async fn authorize(sandbox: &Sandbox, parameters: &[(&str, &str)]) -> Answer {
    get(&format!(
        "{}/authorize?{}",
        sandbox.issuer(),
        form(parameters)
    ))
    .await
}

pub(crate) async fn code(sandbox: &Sandbox) -> String {
    parameter(&authorize(sandbox, &GOOD_REQUEST).await.location(), "code").unwrap()
}

pub(crate) async fn token(sandbox: &Sandbox, parameters: &[(&str, &str)]) -> Answer {
    post(&format!("{}/token", sandbox.issuer()), parameters).await
}

pub(crate) fn redeem(code: &str) -> [(&str, &str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", "keyless"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ]
}

pub(crate) fn refresh(token: &str) -> [(&str, &str); 3] {
    [
        ("grant_type", "refresh_token"),
        ("client_id", "keyless"),
        ("refresh_token", token),
    ]
}

pub(crate) async fn refreshed(sandbox: &Sandbox, refresh_token: &str) -> Answer {
    token(sandbox, &refresh(refresh_token)).await
}

pub(crate) fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {answer}"))
}

/// The name of the question on the page.
pub(crate) fn question(page: &Answer) -> &str {
    let (_, rest) = page.body.split_once("name=\"request\" value=\"").unwrap();
    rest.split('"').next().unwrap()
}
