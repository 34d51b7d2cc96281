//! The sandbox takes on the ways of well-known identity providers.

#![allow(clippy::unwrap_used, reason = "a test may unwrap")]
#![allow(clippy::too_many_lines, reason = "a table")]

mod common;

use common::sign_in::{VERIFIER, but, text};
use common::{Answer, Clock, NOW, assume, claims, form, get, parameter, post};
use keyless_sandbox::{Builder, Client, Sandbox, Shape};
use serde_json::{Value, json};

const TENANT: &str = "8a7c1f60-3c1d-4b52-9f7e-2d5b6a4c9e10";

async fn start(shape: Shape, change: impl FnOnce(Builder) -> Builder) -> Sandbox {
    let builder = Sandbox::builder()
        .clock(Clock::new().source())
        .sign_in_as("carol")
        .shaped_like(shape);
    change(builder).start().await.unwrap()
}

async fn document(sandbox: &Sandbox) -> Value {
    let issuer = sandbox.issuer().trim_end_matches('/');
    get(&format!("{issuer}/.well-known/openid-configuration"))
        .await
        .json()
}

/// Where the default client may return to.
fn redirect(shape: Shape) -> &'static str {
    match shape {
        Shape::Auth0 | Shape::OktaOrg | Shape::OktaCustom | Shape::GitLab => {
            "http://127.0.0.1:8400/callback"
        }
        Shape::Cognito => "http://localhost:8400/callback",
        Shape::EntraV1 | Shape::EntraV2 => "http://localhost:41234/callback",
        _ => "http://127.0.0.1:41234/callback",
    }
}

async fn authorize(sandbox: &Sandbox, shape: Shape, changes: &[(&str, &str)]) -> Answer {
    let good = [
        ("client_id", "keyless"),
        ("redirect_uri", redirect(shape)),
        ("response_type", "code"),
        ("scope", "openid email profile"),
        ("state", "s1"),
        ("nonce", "n1"),
        ("code_challenge", common::sign_in::CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let document = document(sandbox).await;
    let endpoint = text(&document, "authorization_endpoint");
    get(&format!("{endpoint}?{}", form(&but(&good, changes)))).await
}

async fn redeem(sandbox: &Sandbox, shape: Shape, code: &str, more: &[(&str, &str)]) -> Answer {
    let document = document(sandbox).await;
    let parameters = [
        ("grant_type", "authorization_code"),
        ("client_id", "keyless"),
        ("code", code),
        ("redirect_uri", redirect(shape)),
        ("code_verifier", VERIFIER),
    ];
    post(
        text(&document, "token_endpoint"),
        &[&parameters, more].concat(),
    )
    .await
}

const SECRET: (&str, &str) = ("client_secret", "GOCSPX-sandbox");

async fn signed_in(sandbox: &Sandbox, shape: Shape, changes: &[(&str, &str)]) -> Value {
    let back = authorize(sandbox, shape, changes).await.location();
    let code = parameter(&back, "code").unwrap_or_else(|| panic!("{shape}: {back}"));
    let secret = (shape == Shape::Google).then_some(SECRET);
    let answer = redeem(sandbox, shape, &code, secret.as_slice()).await;
    assert_eq!(answer.status, 200, "{shape}: {answer:?}");
    answer.json()
}

#[tokio::test]
async fn each_has_its_issuer_and_its_addresses_and_lets_into_aws() {
    for (shape, path, token, listed, missing) in [
        (
            Shape::Auth0,
            "/".to_owned(),
            "/oauth/token",
            &[
                "device_authorization_endpoint",
                "revocation_endpoint",
                "end_session_endpoint",
            ][..],
            &["authorization_response_iss_parameter_supported"][..],
        ),
        (
            Shape::OktaOrg,
            String::new(),
            "/oauth2/v1/token",
            &[
                "device_authorization_endpoint",
                "revocation_endpoint",
                "end_session_endpoint",
            ],
            &[],
        ),
        (
            Shape::OktaCustom,
            "/oauth2/default".to_owned(),
            "/oauth2/default/v1/token",
            &[
                "device_authorization_endpoint",
                "revocation_endpoint",
                "end_session_endpoint",
            ],
            &[],
        ),
        (
            Shape::Google,
            String::new(),
            "/token",
            &[
                "device_authorization_endpoint",
                "revocation_endpoint",
                "code_challenge_methods_supported",
            ],
            &["end_session_endpoint"],
        ),
        (
            Shape::EntraV1,
            format!("/{TENANT}/"),
            "/login/8a7c1f60-3c1d-4b52-9f7e-2d5b6a4c9e10/oauth2/token",
            &["device_authorization_endpoint", "end_session_endpoint"],
            &["revocation_endpoint", "code_challenge_methods_supported"],
        ),
        (
            Shape::EntraV2,
            format!("/{TENANT}/v2.0"),
            "/8a7c1f60-3c1d-4b52-9f7e-2d5b6a4c9e10/oauth2/v2.0/token",
            &["device_authorization_endpoint", "end_session_endpoint"],
            &["revocation_endpoint", "code_challenge_methods_supported"],
        ),
        (
            Shape::Cognito,
            "/us-east-1_Sandbox01".to_owned(),
            "/oauth2/token",
            &["revocation_endpoint", "end_session_endpoint"],
            &[
                "device_authorization_endpoint",
                "code_challenge_methods_supported",
            ],
        ),
        (
            Shape::Keycloak,
            "/realms/corp".to_owned(),
            "/realms/corp/protocol/openid-connect/token",
            &[
                "device_authorization_endpoint",
                "revocation_endpoint",
                "end_session_endpoint",
            ],
            &[],
        ),
        (
            Shape::Dex,
            "/dex".to_owned(),
            "/dex/token",
            &["device_authorization_endpoint"],
            &["revocation_endpoint", "end_session_endpoint"],
        ),
        (
            Shape::GitLab,
            String::new(),
            "/oauth/token",
            &["revocation_endpoint"],
            &["device_authorization_endpoint", "end_session_endpoint"],
        ),
    ] {
        let sandbox = start(shape, |builder| builder).await;
        let issuer: url::Url = sandbox.issuer().parse().unwrap();
        let origin = issuer.origin().ascii_serialization();
        assert_eq!(sandbox.issuer(), format!("{origin}{path}"), "{shape}");
        let document = document(&sandbox).await;
        assert_eq!(document["issuer"], sandbox.issuer(), "{shape}");
        let endpoint: url::Url = text(&document, "token_endpoint").parse().unwrap();
        assert_eq!(endpoint.path(), token, "{shape}");
        assert_eq!(
            endpoint.origin() == issuer.origin(),
            shape != Shape::Cognito,
            "{shape}"
        );
        assert!(text(&document, "jwks_uri").starts_with(&origin), "{shape}");
        assert_eq!(get(text(&document, "jwks_uri")).await.status, 200);
        for name in listed {
            assert!(document.get(name).is_some(), "{shape}: {name}");
        }
        for name in missing {
            assert_eq!(document.get(name), None, "{shape}: {name}");
        }
        let plain = get(&format!("{origin}/.well-known/openid-configuration")).await;
        assert_eq!(plain.status == 200, path.len() < 2, "{shape}");

        // An issuer with a path is one for IAM, too: in the ARN of the provider, and before the colon of its condition keys.
        let tokens = signed_in(&sandbox, shape, &[]).await;
        let token = text(&tokens, "id_token");
        for (role, allowed) in [("Admin", true), ("ReadOnly", true), ("Developer", false)] {
            let arn = sandbox.role_arn(role);
            let answer = assume(&sandbox, token, &[("RoleArn", &arn)]).await;
            assert_eq!(answer.status == 200, allowed, "{shape} {role}: {answer:?}");
            if allowed {
                let provider = format!(
                    "arn:aws:iam::111122223333:oidc-provider/{}",
                    sandbox.issuer().trim_start_matches("http://")
                );
                assert_eq!(answer.xml("Provider"), provider);
            }
        }
    }
}

#[tokio::test]
async fn each_says_in_its_own_words_who_somebody_is() {
    for (shape, expected, absent) in [
        (
            Shape::Auth0,
            json!({ "sub": "auth0|carol", "nickname": "carol", "updated_at": "2027-01-15T08:00:00Z", "email_verified": false }),
            &["azp"][..],
        ),
        (
            Shape::OktaOrg,
            json!({ "ver": 1, "amr": ["pwd"], "auth_time": NOW }),
            &[],
        ),
        (
            Shape::OktaCustom,
            json!({ "preferred_username": "carol@example.com" }),
            &[],
        ),
        (
            Shape::Google,
            json!({ "azp": "keyless", "aud": "keyless" }),
            &[],
        ),
        (
            Shape::EntraV1,
            json!({ "ver": "1.0", "tid": TENANT, "upn": "carol@example.com" }),
            &["email_verified", "auth_time", "at_hash", "azp"],
        ),
        (
            Shape::EntraV2,
            json!({ "ver": "2.0", "tid": TENANT, "preferred_username": "carol@example.com", "nbf": NOW }),
            &["email_verified", "auth_time", "at_hash", "azp"],
        ),
        (
            Shape::Cognito,
            json!({ "token_use": "id", "email_verified": "false", "cognito:username": "carol" }),
            &[],
        ),
        (
            Shape::Keycloak,
            json!({ "azp": "keyless", "typ": "ID", "acr": "1" }),
            &[],
        ),
        (Shape::Dex, json!({ "aud": "keyless" }), &["azp"]),
        (
            Shape::GitLab,
            json!({ "email": "carol@example.com", "groups_direct": [] }),
            &["name"],
        ),
    ] {
        let sandbox = start(shape, |builder| builder).await;
        let tokens = signed_in(&sandbox, shape, &[]).await;
        let told = claims(text(&tokens, "id_token"));
        assert_eq!(
            (&told["iss"], &told["nonce"]),
            (&json!(sandbox.issuer()), &json!("n1"))
        );
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(told[name], *value, "{shape}: {name}");
        }
        for name in absent {
            assert_eq!(told.get(name), None, "{shape}: {name}");
        }
    }
    let sub = async |shape, client: &str| {
        let other = Client::new(client).redirect_uri(redirect(shape));
        let sandbox = start(shape, |builder| builder.client(other)).await;
        let back = authorize(&sandbox, shape, &[("client_id", client)]).await;
        let code = parameter(&back.location(), "code").unwrap();
        let document = document(&sandbox).await;
        let parameters = [
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("code", &code),
            ("redirect_uri", redirect(shape)),
            ("code_verifier", VERIFIER),
        ];
        let tokens = post(text(&document, "token_endpoint"), &parameters).await;
        claims(text(&tokens.json(), "id_token"))["sub"].clone()
    };
    for (shape, same) in [(Shape::EntraV2, false), (Shape::Keycloak, true)] {
        let (one, other) = (sub(shape, "one").await, sub(shape, "other").await);
        assert_eq!(one == other, same, "{shape}");
    }
    let scope = "openid audience:server:client_id:aws audience:server:client_id:nobody";
    let sandbox = start(Shape::Dex, |builder| builder.client(Client::new("aws"))).await;
    let tokens = signed_in(&sandbox, Shape::Dex, &[("scope", scope)]).await;
    let told = claims(text(&tokens, "id_token"));
    assert_eq!(
        (&told["aud"], &told["azp"]),
        (&json!("aws"), &json!("keyless"))
    );
    let two = Client::new("two");
    let sandbox = start(Shape::Dex, |builder| {
        builder.client(Client::new("aws")).client(two)
    })
    .await;
    let scope = "openid audience:server:client_id:aws audience:server:client_id:two";
    let tokens = signed_in(&sandbox, Shape::Dex, &[("scope", scope)]).await;
    assert_eq!(
        claims(text(&tokens, "id_token"))["aud"],
        json!(["aws", "two"])
    );
}

#[tokio::test]
async fn each_has_its_rules_for_where_a_client_returns_to() {
    let literal = "http://127.0.0.1:5000/callback";
    let localhost = "http://localhost:5000/callback";
    let registered = "http://127.0.0.1:8400/callback";
    let registered_localhost = "http://localhost:8400/callback";
    let elsewhere = "https://evil.example/callback";
    let path = "http://127.0.0.1:5000/other";
    for (shape, good) in [
        (Shape::Auth0, &[registered, registered_localhost][..]),
        (Shape::OktaOrg, &[registered, registered_localhost]),
        (Shape::OktaCustom, &[registered, registered_localhost]),
        (Shape::GitLab, &[registered, registered_localhost]),
        (
            Shape::Google,
            &[literal, localhost, registered, registered_localhost, path],
        ),
        (Shape::EntraV1, &[localhost, registered_localhost]),
        (Shape::EntraV2, &[localhost, registered_localhost]),
        (Shape::Cognito, &[registered_localhost]),
        (
            Shape::Keycloak,
            &[literal, localhost, registered, registered_localhost],
        ),
        (
            Shape::Dex,
            &[literal, localhost, registered, registered_localhost, path],
        ),
    ] {
        let sandbox = start(shape, |builder| builder).await;
        for uri in [
            literal,
            localhost,
            registered,
            registered_localhost,
            elsewhere,
            path,
        ] {
            let answer = authorize(&sandbox, shape, &[("redirect_uri", uri)]).await;
            assert_eq!(answer.status == 303, good.contains(&uri), "{shape}: {uri}");
        }
    }
    // Registered by hand, as each allows it.
    for (shape, registered, asked, good) in [
        (
            Shape::EntraV2,
            "http://127.0.0.1/back",
            "http://127.0.0.1:5000/back",
            true,
        ),
        (
            Shape::Auth0,
            "http://127.0.0.1/back",
            "http://127.0.0.1:5000/back",
            false,
        ),
        (
            Shape::Keycloak,
            "http://127.0.0.1:5000/*",
            "http://127.0.0.1:5000/any/where",
            true,
        ),
        (
            Shape::Keycloak,
            "https://app.example/*",
            "https://evil.example/x",
            false,
        ),
        (
            Shape::Dex,
            "http://localhost:5000/back",
            "http://localhost:5000/back",
            true,
        ),
        (
            Shape::Dex,
            "http://localhost:5000/back",
            "http://localhost:5001/back",
            false,
        ),
        (
            Shape::Cognito,
            "http://127.0.0.1:5000/back",
            "http://127.0.0.1:5000/back",
            false,
        ),
        (
            Shape::Cognito,
            "https://app.example/back",
            "https://app.example/back",
            true,
        ),
    ] {
        let client = Client::new("own").redirect_uri(registered);
        let sandbox = start(shape, |builder| builder.client(client)).await;
        let changes = [("client_id", "own"), ("redirect_uri", asked)];
        let answer = authorize(&sandbox, shape, &changes).await;
        assert_eq!(answer.status == 303, good, "{shape}: {registered} {asked}");
    }
}

#[tokio::test]
async fn each_has_its_way_to_stay_signed_in() {
    let offline_access = ("scope", "openid offline_access");
    let offline = ("access_type", "offline");
    let consent = ("prompt", "consent");
    for (shape, unasked, scope) in [
        (Shape::Auth0, false, Some(true)),
        (Shape::OktaOrg, false, Some(true)),
        (Shape::OktaCustom, false, Some(true)),
        (Shape::Google, false, None),
        (Shape::EntraV1, false, Some(true)),
        (Shape::EntraV2, false, Some(true)),
        (Shape::Cognito, true, None),
        (Shape::Keycloak, true, Some(true)),
        (Shape::Dex, false, Some(true)),
        (Shape::GitLab, true, None),
    ] {
        let sandbox = start(shape, |builder| builder).await;
        let tokens = signed_in(&sandbox, shape, &[]).await;
        assert_eq!(tokens["refresh_token"].is_string(), unasked, "{shape}");
        let back = authorize(&sandbox, shape, &[offline_access])
            .await
            .location();
        let refused = parameter(&back, "error").as_deref() == Some("invalid_scope");
        assert_eq!(refused, scope.is_none(), "{shape}: {back}");
        if let Some(expected) = scope {
            let tokens = signed_in(&sandbox, shape, &[offline_access]).await;
            assert_eq!(tokens["refresh_token"].is_string(), expected, "{shape}");
        }
    }
    let google = start(Shape::Google, |builder| builder).await;
    for (changes, expected) in [
        (&[offline][..], false),
        (&[consent], false),
        (&[offline, consent], true),
    ] {
        let tokens = signed_in(&google, Shape::Google, changes).await;
        assert_eq!(tokens["refresh_token"].is_string(), expected, "{changes:?}");
    }
}

#[tokio::test]
async fn google_wants_the_secret_of_an_installed_application() {
    let sandbox = start(Shape::Google, |builder| builder).await;
    for (secret, error, description) in [
        (None, "invalid_request", Some("client_secret is missing.")),
        (Some(("client_secret", "other")), "invalid_client", None),
    ] {
        let back = authorize(&sandbox, Shape::Google, &[]).await.location();
        let code = parameter(&back, "code").unwrap();
        let answer = redeem(&sandbox, Shape::Google, &code, secret.as_slice()).await;
        let body = answer.json();
        assert_eq!(text(&body, "error"), error);
        if let Some(expected) = description {
            assert_eq!(
                (answer.status, text(&body, "error_description")),
                (400, expected)
            );
        }
    }
    assert_eq!(sandbox.client_secret(), Some("GOCSPX-sandbox"));
    let plain = start(Shape::Keycloak, |builder| builder).await;
    assert_eq!(plain.client_secret(), None);
}

#[tokio::test]
async fn a_device_is_told_in_its_own_words_where_to_send_the_person() {
    for (shape, path, named, complete) in [
        (Shape::Auth0, "/oauth/device/code", "verification_uri", true),
        (Shape::Google, "/device/code", "verification_url", false),
        (Shape::Dex, "/dex/device/code", "verification_uri", true),
        (
            Shape::GitLab,
            "/oauth/authorize_device",
            "verification_uri",
            true,
        ),
        (
            Shape::EntraV2,
            "/8a7c1f60-3c1d-4b52-9f7e-2d5b6a4c9e10/oauth2/v2.0/devicecode",
            "verification_uri",
            false,
        ),
    ] {
        let sandbox = start(shape, |builder| builder).await;
        let issuer: url::Url = sandbox.issuer().parse().unwrap();
        let origin = issuer.origin().ascii_serialization();
        let mut parameters = vec![("client_id", "keyless"), ("scope", "openid email")];
        if shape == Shape::Google {
            parameters.push(SECRET);
        }
        let device = post(&format!("{origin}{path}"), &parameters).await.json();
        let uri = text(&device, named);
        assert_eq!(
            device.get("verification_uri_complete").is_some(),
            complete,
            "{shape}"
        );
        let code = text(&device, "user_code");
        let page = get(&format!("{uri}?user_code={code}")).await;
        assert!(page.body.contains(code), "{shape}: {page:?}");
    }
    let cognito = start(Shape::Cognito, |builder| builder).await;
    let document = document(&cognito).await;
    let poll = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "keyless"),
        ("device_code", "x"),
    ];
    let answer = post(text(&document, "token_endpoint"), &poll).await;
    assert_eq!(text(&answer.json(), "error"), "unsupported_grant_type");
}

#[tokio::test]
async fn cognito_signs_out_by_parameters_of_its_own() {
    let sandbox = start(Shape::Cognito, |builder| builder).await;
    let document = document(&sandbox).await;
    let endpoint = text(&document, "end_session_endpoint");
    let back = "http://localhost:8400/signed-out";
    for (parameters, status) in [
        (&[("client_id", "keyless"), ("logout_uri", back)][..], 303),
        (
            &[("client_id", "keyless"), ("post_logout_redirect_uri", back)],
            400,
        ),
        (&[("logout_uri", back)], 400),
        (
            &[
                ("client_id", "keyless"),
                ("logout_uri", "https://evil.example/"),
            ],
            400,
        ),
    ] {
        let answer = get(&format!("{endpoint}?{}", form(parameters))).await;
        assert_eq!(answer.status, status, "{parameters:?}");
    }
    let issuer: url::Url = sandbox.issuer().parse().unwrap();
    let origin = issuer.origin().ascii_serialization();
    assert_eq!(
        get(&format!("{origin}/oauth2/authorize")).await.status,
        404,
        "the other origin"
    );
}

#[test]
fn a_shape_is_known_by_its_name() {
    for shape in Shape::ALL {
        assert_eq!(shape.to_string().parse(), Ok(shape));
    }
    let error = "Okta".parse::<Shape>().unwrap_err().to_string();
    assert!(error.starts_with("expected auth0, okta-org"), "{error}");
}
