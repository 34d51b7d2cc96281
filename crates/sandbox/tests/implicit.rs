//! The answer comes through the browser: an ID token without a code, in the fragment or in a form that posts itself.

#![allow(clippy::unwrap_used, reason = "a test may unwrap")]
#![allow(clippy::too_many_lines, reason = "a table")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use common::sign_in::{GOOD_REQUEST, REDIRECT, authorize, but, question, redeem, text, token};
use common::{Answer, Clock, NOW, claims, get, parameter, post};
use keyless_sandbox::{Builder, Client, Sandbox};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use url::Url;

const REQUEST: [(&str, &str); 6] = [
    ("client_id", "old"),
    ("redirect_uri", REDIRECT),
    ("response_type", "id_token"),
    ("scope", "openid email"),
    ("state", "s\"1"),
    ("nonce", "n1"),
];

async fn start(change: impl FnOnce(Builder) -> Builder) -> Sandbox {
    let builder = Sandbox::builder().clock(Clock::new().source());
    change(builder.client(Client::new("old").implicit()))
        .start()
        .await
        .unwrap()
}

/// What is in the fragment, as if it were a query.
fn fragment(answer: &Answer) -> Url {
    let mut location = answer.location();
    assert_eq!(location.query(), None);
    let fragment = location.fragment().unwrap().to_owned();
    location.set_query(Some(&fragment));
    location
}

/// A field of the form that posts itself.
fn field<'a>(page: &'a Answer, name: &str) -> Option<&'a str> {
    let (_, rest) = page.body.split_once(&format!("name=\"{name}\" value=\""))?;
    rest.split('"').next()
}

#[tokio::test]
async fn an_id_token_comes_in_the_fragment() {
    let sandbox = start(|builder| builder).await;
    let page = authorize(&sandbox, &REQUEST).await;
    let choice = [("request", question(&page)), ("person", "alice")];
    let answer = post(&format!("{}/sign-in", sandbox.issuer()), &choice).await;
    let back = fragment(&answer);
    assert!(back.as_str().starts_with(REDIRECT));
    assert_eq!(parameter(&back, "state").as_deref(), Some("s\"1"));
    assert_eq!(parameter(&back, "iss").as_deref(), Some(sandbox.issuer()));
    for absent in ["code", "access_token", "token_type"] {
        assert_eq!(parameter(&back, absent), None);
    }
    assert_eq!(
        claims(&parameter(&back, "id_token").unwrap()),
        json!({
            "iss": sandbox.issuer(), "sub": "user-alice", "aud": "old", "iat": NOW, "exp": NOW + 3600, "auth_time": NOW, "nonce": "n1",
            "email": "alice@example.com", "email_verified": true,
        })
    );

    let address = format!("{}/.well-known/openid-configuration", sandbox.issuer());
    let document = get(&address).await.json();
    for (name, expected) in [
        ("response_types_supported", json!(["code", "id_token"])),
        (
            "response_modes_supported",
            json!(["query", "form_post", "fragment"]),
        ),
    ] {
        assert_eq!(document[name], expected);
    }
}

#[tokio::test]
async fn a_form_posts_itself_by_script_or_button() {
    let sandbox = start(|builder| builder.sign_in_as("alice").s_hash()).await;
    let request = but(&REQUEST, &[("response_mode", "form_post")]);
    let page = authorize(&sandbox, &request).await;
    assert_eq!(page.status, 200);
    assert!(
        page.body
            .contains(&format!("<form method=\"post\" action=\"{REDIRECT}\">"))
    );
    assert!(page.body.contains("<button>Go on</button>"));
    let (_, script) = page.body.split_once("<script>").unwrap();
    let script = script.split("</script>").next().unwrap();
    let hash = format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script)));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains(&hash), "{policy}");
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(field(&page, "state"), Some("s&quot;1"));
    let told = claims(field(&page, "id_token").unwrap());
    assert_eq!(
        told["s_hash"],
        URL_SAFE_NO_PAD.encode(&Sha256::digest("s\"1")[..16])
    );

    let request = but(&GOOD_REQUEST, &[("response_mode", "form_post")]);
    let page = authorize(&sandbox, &request).await;
    let tokens = token(&sandbox, &redeem(field(&page, "code").unwrap())).await;
    assert_eq!(tokens.status, 200);
    let page = authorize(&sandbox, &but(&request, &[("code_challenge", "")])).await;
    assert_eq!(field(&page, "error"), Some("invalid_request"));
}

#[tokio::test]
async fn what_the_implicit_flow_refuses() {
    let sandbox = start(|builder| builder.sign_in_as("alice")).await;
    for (changes, error) in [
        (&[("nonce", "")][..], "invalid_request"),
        (&[("response_mode", "query")], "invalid_request"),
        (&[("response_mode", "jwt")], "invalid_request"),
        (&[("scope", "email")], "invalid_scope"),
        (&[("client_id", "keyless")], "unauthorized_client"),
        (
            &[("response_type", "id_token token")],
            "unsupported_response_type",
        ),
        (&[("response_type", "token")], "unsupported_response_type"),
        (
            &[("response_type", "code id_token")],
            "unsupported_response_type",
        ),
    ] {
        let answer = authorize(&sandbox, &but(&REQUEST, changes)).await;
        let back = fragment(&answer);
        assert_eq!(
            parameter(&back, "error").as_deref(),
            Some(error),
            "{changes:?}"
        );
        assert_eq!(parameter(&back, "id_token"), None);
    }
    let request = but(&REQUEST, &[("response_mode", "form_post"), ("nonce", "")]);
    let page = authorize(&sandbox, &request).await;
    assert_eq!(field(&page, "error"), Some("invalid_request"));
    let code = token(
        &sandbox,
        &[("grant_type", "implicit"), ("client_id", "old")],
    )
    .await;
    assert_eq!(text(&code.json(), "error"), "unsupported_grant_type");
}
