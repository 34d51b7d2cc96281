//! A client proves at the token endpoint that it is that client.

#![allow(clippy::unwrap_used, reason = "a test may unwrap")]
#![allow(clippy::too_many_lines, reason = "a table")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::key::Key;
use common::sign_in::{GOOD_REQUEST, authorize, but, redeem, text};
use common::{Answer, Clock, FORM, NOW, form, get, parameter, send};
use keyless_sandbox::{Client, Sandbox};
use serde_json::{Value, json};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

async fn start(clock: &Clock, client: Client) -> Sandbox {
    Sandbox::builder()
        .clock(clock.source())
        .client(client)
        .sign_in_as("alice")
        .start()
        .await
        .unwrap()
}

/// Redeems a code of the client `app`, with this header and these parameters.
async fn redeemed(sandbox: &Sandbox, header: Option<&str>, more: &[(&str, &str)]) -> Answer {
    let request = but(&GOOD_REQUEST, &[("client_id", "app")]);
    let back = authorize(sandbox, &request).await.location();
    let code = parameter(&back, "code").unwrap();
    let parameters = but(&redeem(&code), &[&[("client_id", "")], more].concat());
    let headers: Vec<_> = [FORM]
        .into_iter()
        .chain(header.map(|value| ("authorization", value)))
        .collect();
    send(
        "POST",
        &format!("{}/token", sandbox.issuer()),
        &headers,
        &form(&parameters),
    )
    .await
}

fn outcome(answer: &Answer) -> String {
    match answer.status {
        200 => "tokens".to_owned(),
        _ => text(&answer.json(), "error").to_owned(),
    }
}

async fn methods(sandbox: &Sandbox) -> Value {
    let address = format!("{}/.well-known/openid-configuration", sandbox.issuer());
    get(&address).await.json()["token_endpoint_auth_methods_supported"].clone()
}

#[tokio::test]
async fn a_secret_is_shown_where_the_client_is_to_show_it() {
    let basic = |secret: &str| format!("Basic {}", STANDARD.encode(format!("app:{secret}")));
    let (good, bad) = (basic("s%3Acret"), basic("other"));
    let id = ("client_id", "app");
    let secret = ("client_secret", "s:cret");
    // the client, and whether each way succeeds: in the header, in the form
    for (client, listed, by_header, by_form) in [
        (
            Client::new("app").secret("s:cret"),
            json!(["none", "client_secret_basic", "client_secret_post"]),
            "tokens",
            "tokens",
        ),
        (
            Client::new("app").secret_basic("s:cret"),
            json!(["none", "client_secret_basic"]),
            "tokens",
            "invalid_client",
        ),
        (
            Client::new("app").secret_post("s:cret"),
            json!(["none", "client_secret_post"]),
            "invalid_client",
            "tokens",
        ),
        (
            Client::new("app"),
            json!(["none"]),
            "invalid_client",
            "invalid_client",
        ),
    ] {
        let sandbox = start(&Clock::new(), client.clone()).await;
        assert_eq!(methods(&sandbox).await, listed, "{client:?}");
        for (header, parameters, expected) in [
            (Some(&good), &[][..], by_header),
            (Some(&good), &[id], by_header),
            (None, &[id, secret], by_form),
            (Some(&bad), &[], "invalid_client"),
            (None, &[id, ("client_secret", "other")], "invalid_client"),
            (Some(&good), &[("client_id", "keyless")], "invalid_client"),
            (Some(&good), &[secret], "invalid_request"),
            (None, &[], "invalid_client"),
        ] {
            let answer = redeemed(&sandbox, header.map(String::as_str), parameters).await;
            assert_eq!(
                outcome(&answer),
                expected,
                "{listed} {header:?} {parameters:?}"
            );
            assert_eq!(answer.status == 401, expected == "invalid_client");
        }
        let without = redeemed(&sandbox, None, &[id]).await;
        let public = listed == json!(["none"]);
        assert_eq!(
            outcome(&without),
            if public { "tokens" } else { "invalid_client" }
        );
    }
}

#[tokio::test]
async fn a_private_key_proves_the_client() {
    let (clock, key) = (Clock::new(), Key::new(1));
    let sandbox = start(&clock, Client::new("app").public_key(key.jwk())).await;
    assert_eq!(methods(&sandbox).await, json!(["none", "private_key_jwt"]));
    let token_endpoint = format!("{}/token", sandbox.issuer());
    let header = json!({ "alg": "ES256", "typ": "JWT" });
    let good = json!({
        "iss": "app", "sub": "app", "aud": sandbox.issuer(), "exp": NOW + 60, "iat": NOW,
    });
    let none = json!({ "alg": "none" });
    for (number, (changes, header, signer, expected)) in [
        (json!({}), &header, 1, "tokens"),
        (json!({ "aud": token_endpoint }), &header, 1, "tokens"),
        (
            json!({ "aud": ["x", token_endpoint] }),
            &header,
            1,
            "tokens",
        ),
        (
            json!({ "aud": "https://x.example" }),
            &header,
            1,
            "invalid_client",
        ),
        (json!({ "aud": null }), &header, 1, "invalid_client"),
        (json!({ "iss": "keyless" }), &header, 1, "invalid_client"),
        (json!({ "sub": "keyless" }), &header, 1, "invalid_client"),
        (
            json!({ "sub": "nobody", "iss": "nobody" }),
            &header,
            1,
            "invalid_client",
        ),
        (json!({ "exp": NOW }), &header, 1, "invalid_client"),
        (json!({ "exp": NOW + 3601 }), &header, 1, "invalid_client"),
        (json!({ "exp": null }), &header, 1, "invalid_client"),
        (json!({ "iat": NOW + 61 }), &header, 1, "invalid_client"),
        (json!({ "nbf": NOW + 61 }), &header, 1, "invalid_client"),
        (json!({ "jti": null }), &header, 1, "invalid_client"),
        (json!({}), &header, 2, "invalid_client"),
        (json!({}), &none, 1, "invalid_client"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut claims = good.clone();
        claims["jti"] = json!(number.to_string());
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let assertion = Key::new(signer).sign(header, &claims);
        let shown = [
            ("client_assertion_type", JWT_BEARER),
            ("client_assertion", &*assertion),
        ];
        let answer = redeemed(&sandbox, None, &shown).await;
        assert_eq!(outcome(&answer), expected, "{claims}");
        let again = redeemed(&sandbox, None, &shown).await;
        assert_eq!(outcome(&again), "invalid_client", "used before: {claims}");
    }
    let assertion = key.sign(&header, &good);
    for (shown, expected) in [
        (&[("client_assertion", &*assertion)][..], "invalid_request"),
        (
            &[
                ("client_assertion", &*assertion),
                ("client_assertion_type", "saml"),
            ],
            "invalid_request",
        ),
        (
            &[
                ("client_assertion", "x.y"),
                ("client_assertion_type", JWT_BEARER),
            ],
            "invalid_client",
        ),
        (&[("client_id", "app")], "invalid_client"),
        (
            &[("client_id", "app"), ("client_secret", "s")],
            "invalid_client",
        ),
    ] {
        let answer = redeemed(&sandbox, None, shown).await;
        assert_eq!(outcome(&answer), expected, "{shown:?}");
    }
}
