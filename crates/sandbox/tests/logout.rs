//! A person is signed in in a browser, and signs out; or has left the company.

#![allow(clippy::unwrap_used, reason = "a test may unwrap")]
#![allow(clippy::too_many_lines, reason = "a table")]

mod common;

use common::sign_in::{GOOD_REQUEST, authorize, but, question, redeem, refreshed, text, token};
use common::{Answer, Clock, FORM, claims, form, get, parameter, post, send};
use keyless_sandbox::{Client, Sandbox};
use serde_json::{Value, json};

const BACK: &str = "http://127.0.0.1:40404/signed-out";

/// A browser: it keeps the cookie that it is given.
#[derive(Default)]
struct Browser(Option<String>);

impl Browser {
    async fn send(&mut self, method: &str, url: &str, parameters: &[(&str, &str)]) -> Answer {
        let cookie = self.0.clone().map(|cookie| format!("other=1; {cookie}"));
        let headers: Vec<_> = [FORM]
            .into_iter()
            .chain(cookie.as_deref().map(|cookie| ("cookie", cookie)))
            .collect();
        let answer = match method {
            "GET" => send("GET", &format!("{url}?{}", form(parameters)), &headers, "").await,
            _ => send("POST", url, &headers, &form(parameters)).await,
        };
        if let Some(set) = answer.header("set-cookie") {
            for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
                assert!(set.contains(attribute), "{set}");
            }
            let pair = set.split(';').next().unwrap();
            self.0 = (!set.contains("Max-Age=0")).then(|| pair.to_owned());
        }
        answer
    }

    async fn authorize(&mut self, sandbox: &Sandbox, changes: &[(&str, &str)]) -> Answer {
        let address = format!("{}/authorize", sandbox.issuer());
        self.send("GET", &address, &but(&GOOD_REQUEST, changes))
            .await
    }

    /// Chooses this person on the page, and redeems the code.
    async fn sign_in(&mut self, sandbox: &Sandbox, login: &str) -> Value {
        let page = self.authorize(sandbox, &[("prompt", "login")]).await;
        let choice = [("request", question(&page)), ("person", login)];
        let address = format!("{}/sign-in", sandbox.issuer());
        let back = self.send("POST", &address, &choice).await.location();
        let code = parameter(&back, "code").unwrap();
        token(sandbox, &redeem(&code)).await.json()
    }

    async fn end_session(&mut self, sandbox: &Sandbox, parameters: &[(&str, &str)]) -> Answer {
        let address = format!("{}/end_session", sandbox.issuer());
        self.send("GET", &address, parameters).await
    }

    async fn is_signed_in(&mut self, sandbox: &Sandbox) -> bool {
        self.authorize(sandbox, &[]).await.status == 303
    }
}

async fn start(clock: &Clock) -> Sandbox {
    let other = Client::new("other").post_logout_redirect_uri("https://app.example.com/bye");
    Sandbox::builder()
        .clock(clock.source())
        .client(other)
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_second_sign_in_in_the_same_browser_is_silent() {
    let clock = Clock::new();
    let sandbox = start(&clock).await;
    let mut browser = Browser::default();
    let first = browser.sign_in(&sandbox, "bob").await;
    clock.advance(60);
    for (changes, silent) in [
        (&[][..], true),
        (&[("prompt", "none")], true),
        (&[("max_age", "60")], true),
        (&[("max_age", "59")], false),
        (&[("prompt", "login")], false),
        (&[("prompt", "select_account")], false),
        (&[("prompt", "consent login")], false),
    ] {
        let answer = browser.authorize(&sandbox, changes).await;
        assert_eq!(answer.status == 303, silent, "{changes:?}");
        if silent {
            let code = parameter(&answer.location(), "code").unwrap();
            let tokens = token(&sandbox, &redeem(&code)).await.json();
            let (told, before) = (
                claims(text(&tokens, "id_token")),
                claims(text(&first, "id_token")),
            );
            assert_eq!(told["sub"], "user-bob");
            assert_eq!(told["auth_time"], before["auth_time"]);
        }
    }
    assert_eq!(
        Browser::default().authorize(&sandbox, &[]).await.status,
        200
    );
    let mut forged = Browser(Some(browser.0.unwrap() + "x"));
    assert!(!forged.is_signed_in(&sandbox).await);
}

#[tokio::test]
async fn a_hint_signs_out_at_once_and_ends_the_refresh_tokens() {
    for (story, hinted, state) in [
        ("by GET", "bob", Some("s 1")),
        ("without state", "bob", None),
        ("expired", "bob", None),
        ("without a cookie", "bob", None),
        ("somebody else's", "carol", None),
    ] {
        let clock = Clock::new();
        let sandbox = start(&clock).await;
        let (mut browser, mut elsewhere) = (Browser::default(), Browser::default());
        let carol = elsewhere.sign_in(&sandbox, "carol").await;
        clock.advance(1);
        let bob = browser.sign_in(&sandbox, "bob").await;
        let tokens = if hinted == "bob" { &bob } else { &carol };
        if story == "expired" {
            clock.advance(7200);
        }
        let hint = text(tokens, "id_token");
        let request = [
            ("id_token_hint", hint),
            ("post_logout_redirect_uri", BACK),
            ("state", state.unwrap_or_default()),
        ];
        let mut bare = Browser::default();
        let asked = if story == "without a cookie" {
            &mut bare
        } else {
            &mut browser
        };
        let answer = asked.end_session(&sandbox, &request).await;
        if hinted == "carol" {
            assert!(answer.body.contains("Sign out?") && answer.body.contains("<strong>bob"));
            assert!(browser.is_signed_in(&sandbox).await, "{story}");
            continue;
        }
        let back = answer.location();
        assert!(back.as_str().starts_with(BACK));
        assert_eq!(parameter(&back, "state").as_deref(), state);
        assert!(!browser.is_signed_in(&sandbox).await, "{story}");
        assert!(elsewhere.is_signed_in(&sandbox).await, "{story}");
        let refused = refreshed(&sandbox, text(&bob, "refresh_token")).await;
        assert_eq!(text(&refused.json(), "error"), "invalid_grant", "{story}");
        assert_eq!(
            refreshed(&sandbox, text(&carol, "refresh_token"))
                .await
                .status,
            200
        );
        assert_eq!(sandbox.calls().end_session, 1);
    }
}

#[tokio::test]
async fn without_a_hint_the_person_is_asked() {
    let sandbox = start(&Clock::new()).await;
    for (answer, signed_out) in [("no", false), ("yes", true)] {
        let mut browser = Browser::default();
        let tokens = browser.sign_in(&sandbox, "alice").await;
        let address = format!("{}/end_session", sandbox.issuer());
        let request = [("client_id", "keyless"), ("post_logout_redirect_uri", BACK)];
        let page = browser.send("POST", &address, &request).await;
        assert!(page.body.contains("Sign out?") && !page.body.contains("<script"));
        assert!(browser.is_signed_in(&sandbox).await);
        let choice = [("request", question(&page)), ("sign_out", answer)];
        let address = format!("{}/sign-out", sandbox.issuer());
        let said = browser.send("POST", &address, &choice).await;
        if signed_out {
            assert_eq!(said.location().as_str(), BACK);
        } else {
            assert!(said.body.contains("still signed in"));
        }
        let again = browser.send("POST", &address, &choice).await;
        assert_eq!(again.status, 400, "answered once");
        assert_eq!(browser.is_signed_in(&sandbox).await, !signed_out);
        let refreshed = refreshed(&sandbox, text(&tokens, "refresh_token")).await;
        assert_eq!(refreshed.status == 200, !signed_out);
    }
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let sandbox = start(&Clock::new()).await;
    let mut browser = Browser::default();
    let tokens = browser.sign_in(&sandbox, "alice").await;
    let hint = text(&tokens, "id_token");
    let forged = format!("{}AAAA", &hint[..hint.len() - 4]);
    let foreign = sandbox.mint(&json!({ "iss": "https://other.example", "sub": "user-alice", "aud": "keyless", "auth_time": 1 }));
    let uri = |uri| ("post_logout_redirect_uri", uri);
    for request in [
        &[("id_token_hint", hint), uri("https://evil.example/")][..],
        &[("id_token_hint", hint), uri("http://127.0.0.1:40404/other")],
        &[("id_token_hint", hint), uri("https://app.example.com/bye")],
        &[uri(BACK)],
        &[("client_id", "nobody"), uri(BACK)],
        &[("client_id", "other"), ("id_token_hint", hint), uri(BACK)],
        &[("id_token_hint", &forged), uri(BACK)],
        &[("id_token_hint", &foreign), uri(BACK)],
        &[("id_token_hint", "nonsense")],
        &[("state", "a"), ("state", "b")],
    ] {
        let answer = browser.end_session(&sandbox, request).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (400, None),
            "{request:?}"
        );
    }
    assert!(browser.is_signed_in(&sandbox).await);
    let page = browser
        .end_session(&sandbox, &[("id_token_hint", hint)])
        .await;
    assert!(page.body.contains("You are signed out"));
    assert!(!browser.is_signed_in(&sandbox).await);
}

#[tokio::test]
async fn whoever_has_left_cannot_sign_in_and_has_nothing_left() {
    let clock = Clock::new();
    let sandbox = start(&clock).await;
    let mut browser = Browser::default();
    let tokens = browser.sign_in(&sandbox, "alice").await;
    let waiting = authorize(&sandbox, &GOOD_REQUEST).await;
    let back = browser.authorize(&sandbox, &[]).await.location();
    let code = parameter(&back, "code").unwrap();
    let device = post(
        &format!("{}/device_authorization", sandbox.issuer()),
        &[("client_id", "keyless"), ("scope", "openid")],
    )
    .await
    .json();
    assert!(sandbox.device_sign_in(text(&device, "user_code"), "alice"));

    assert!(!sandbox.end_person("nobody"));
    assert!(sandbox.end_person("alice"));
    assert!(!sandbox.end_person("alice"), "only once");

    let error = |answer: &Answer| text(&answer.json(), "error").to_owned();
    let refused = refreshed(&sandbox, text(&tokens, "refresh_token")).await;
    assert_eq!(error(&refused), "invalid_grant");
    assert_eq!(
        error(&token(&sandbox, &redeem(&code)).await),
        "invalid_grant"
    );
    let poll = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "keyless"),
        ("device_code", text(&device, "device_code")),
    ];
    assert_eq!(error(&token(&sandbox, &poll).await), "access_denied");
    let page = browser.authorize(&sandbox, &[]).await;
    assert!(!page.body.contains("Alice") && page.body.contains("Bob"));
    let choice = [("request", question(&waiting)), ("person", "alice")];
    let back = post(&format!("{}/sign-in", sandbox.issuer()), &choice).await;
    assert_eq!(
        parameter(&back.location(), "error").as_deref(),
        Some("access_denied")
    );
    sandbox.sign_in_as("alice");
    let back = authorize(&sandbox, &GOOD_REQUEST).await.location();
    assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"));
    assert_eq!(sandbox.id_token_for("alice"), None);
    assert!(sandbox.id_token_for("bob").is_some());
}

#[tokio::test]
async fn sign_out_and_revocation_can_be_missing() {
    let sandbox = Sandbox::builder()
        .without_end_session()
        .without_revocation()
        .start()
        .await
        .unwrap();
    let address = format!("{}/.well-known/openid-configuration", sandbox.issuer());
    let document = get(&address).await.json();
    for (name, path) in [
        ("end_session_endpoint", "end_session"),
        ("revocation_endpoint", "revoke"),
    ] {
        assert_eq!(document.get(name), None);
        let answer = post(&format!("{}/{path}", sandbox.issuer()), &[]).await;
        assert_eq!(answer.status, 404);
    }
}
