//! The flows of the certified identity provider and of Auth0's, by plain HTTP and with no code of ours: the real parts do what the stories
//! are built on.
#![allow(clippy::too_many_lines, reason = "a table")]

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as URL};
use http::{HeaderMap, Request, StatusCode, header};
use keyless::{Http, HttpClient};
use keyless_tests::browser::{Arrival, Browser};
use keyless_tests::real::{self, Running};
use keyless_token::Limits;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::DecodePrivateKey;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::form_urlencoded::{Serializer, byte_serialize};

const REDIRECT: &str = "http://127.0.0.1:1/callback";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

type Fields = Vec<(String, String)>;

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn query(fields: &Fields) -> String {
    Serializer::new(String::new()).extend_pairs(fields).finish()
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    json: Value,
}

impl Answer {
    fn text(&self, name: &str) -> &str {
        self.json[name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name}: {}", self.json))
    }

    fn error(&self) -> &str {
        assert!(
            self.status.is_client_error(),
            "{}: {}",
            self.status,
            self.json
        );
        self.text("error")
    }
}

async fn post(address: &str, form: Fields, headers: &[(&str, String)]) -> Answer {
    let mut request =
        Request::post(address).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(query(&form).into_bytes()).expect("a request");
    let answer = Http::default()
        .send(request, Limits::default())
        .await
        .expect("an answer");
    let (head, body) = answer.into_parts();
    let json = serde_json::from_slice(&body).unwrap_or_default();
    Answer {
        status: head.status,
        headers: head.headers,
        json,
    }
}

/// The identity provider, and one of its clients.
struct Client<'a> {
    provider: &'a Running,
    id: &'a str,
}

impl Client<'_> {
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.provider.url())
    }

    /// An authorization request, with `more` to it.
    fn request(&self, response_type: &str, more: &[(&str, &str)]) -> Fields {
        let challenge = URL.encode(Sha256::digest(VERIFIER));
        let mut request = fields(&[
            ("client_id", self.id),
            ("response_type", response_type),
            ("redirect_uri", REDIRECT),
            ("scope", "openid email offline_access"),
            ("prompt", "consent"),
            ("state", "our state"),
            ("nonce", "our nonce"),
        ]);
        if response_type == "code" {
            request.extend(fields(&[
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ]));
        }
        request.extend(fields(more));
        request
    }

    async fn sign_in(&self, browser: &mut Browser, request: &Fields) -> Arrival {
        let address = format!("{}?{}", self.at("/auth"), query(request));
        let arrival = browser.sign_in_until(&address, "alice", "/callback").await;
        assert_eq!(arrival.parameter("state").as_deref(), Some("our state"));
        arrival
    }

    /// Signs in, and gives the code.
    async fn code(&self) -> String {
        let arrival = self
            .sign_in(&mut Browser::default(), &self.request("code", &[]))
            .await;
        arrival.parameter("code").expect("a code")
    }

    async fn token(&self, grant: &[(&str, &str)], headers: &[(&str, String)]) -> Answer {
        let mut form = fields(&[("client_id", self.id)]);
        form.extend(fields(grant));
        post(&self.at("/token"), form, headers).await
    }

    async fn redeem(&self, code: &str, headers: &[(&str, String)]) -> Answer {
        self.token(&redemption(code), headers).await
    }

    async fn refresh(&self, token: &str, headers: &[(&str, String)]) -> Answer {
        let grant = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.token(&grant, headers).await
    }
}

fn redemption(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ]
}

/// The claims of a token, which nobody has checked.
fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL.decode(claims).expect("Base64")).expect("JSON")
}

fn is_of_alice(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json);
    assert_eq!(
        claims(answer.text("id_token"))["email"],
        "alice@example.com"
    );
}

fn jws(mut header: Value, claims: &Value, key: &SigningKey) -> String {
    header["alg"] = json!("ES256");
    let signed = [header.to_string(), claims.to_string()]
        .map(|part| URL.encode(part))
        .join(".");
    let signature: Signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", URL.encode(signature.to_bytes()))
}

/// Seconds of now, and a number that is told once.
fn now_and_once() -> (u64, String) {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    (now.as_secs(), now.as_nanos().to_string())
}

/// A DPoP header (RFC 9449 §4.2) for the token endpoint of `client`.
fn proof(
    client: &Client<'_>,
    key: &SigningKey,
    nonce: Option<&str>,
) -> [(&'static str, String); 1] {
    let point = key.verifying_key().to_sec1_point(false);
    let jwk = json!({ "kty": "EC", "crv": "P-256",
        "x": URL.encode(point.x().expect("a point")), "y": URL.encode(point.y().expect("a point")) });
    let (iat, jti) = now_and_once();
    let mut claims = json!({ "htm": "POST", "htu": client.at("/token"), "iat": iat, "jti": jti });
    if let Some(nonce) = nonce {
        claims["nonce"] = json!(nonce);
    }
    [(
        "dpop",
        jws(json!({ "typ": "dpop+jwt", "jwk": jwk }), &claims, key),
    )]
}

fn key(byte: u8) -> SigningKey {
    SigningKey::from_slice(&[byte; 32]).expect("a number below the curve's order")
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn a_device_is_let_in_by_its_link_by_its_code_or_not_at_all() {
    let Some(parts) = real::parts() else { return };
    let provider = parts.oidc_provider();
    let client = Client {
        provider: &provider,
        id: "keyless",
    };
    for way in ["its link", "its code", "not at all"] {
        let request = fields(&[
            ("client_id", "keyless"),
            ("scope", "openid email offline_access"),
        ]);
        let device = post(&client.at("/device/auth"), request, &[]).await;
        assert_eq!(device.json.get("interval"), None);
        let grant = [
            ("grant_type", DEVICE_GRANT),
            ("device_code", device.text("device_code")),
        ];
        assert_eq!(
            client.token(&grant, &[]).await.error(),
            "authorization_pending",
            "{way}"
        );
        let (link, code) = (
            device.text("verification_uri_complete"),
            device.text("user_code"),
        );
        let mut browser = Browser::default();
        let page = match way {
            "its link" => browser.sign_in(link, "alice").await,
            "its code" => {
                browser
                    .enter_device_code(device.text("verification_uri"), code, "alice")
                    .await
            }
            _ => browser.refuse(link).await,
        };
        let answer = client.token(&grant, &[]).await;
        if way == "not at all" {
            assert!(page.contains("interrupted"), "{page}");
            assert_eq!(answer.error(), "access_denied");
        } else {
            assert!(page.contains("Sign-in Success"), "{way}: {page}");
            is_of_alice(&answer);
            is_of_alice(&client.refresh(answer.text("refresh_token"), &[]).await);
            assert_eq!(client.token(&grant, &[]).await.error(), "invalid_grant");
        }
    }
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn what_a_browser_brings_comes_in_the_query_in_the_fragment_or_in_a_form() {
    let Some(parts) = real::parts() else { return };
    let provider = parts.oidc_provider();
    for (id, response_type, mode, comes_in) in [
        ("keyless", "code", None, "query"),
        ("keyless", "code", Some("fragment"), "fragment"),
        ("keyless", "code", Some("form_post"), "form"),
        ("keyless-implicit", "id_token", None, "fragment"),
        ("keyless-implicit", "id_token", Some("fragment"), "fragment"),
        ("keyless-implicit", "id_token", Some("form_post"), "form"),
        ("keyless-implicit", "id_token", Some("query"), "refused"),
        ("keyless", "id_token", None, "refused"),
        ("keyless-implicit", "code", None, "refused"),
    ] {
        let story = format!("{id} {response_type} {mode:?}");
        let client = Client {
            provider: &provider,
            id,
        };
        let mode: Vec<_> = mode
            .map(|mode| ("response_mode", mode))
            .into_iter()
            .collect();
        let request = client.request(response_type, &mode);
        let arrival = client.sign_in(&mut Browser::default(), &request).await;
        let address = format!("{}?{}", client.at("/auth"), query(&request));
        let refused = Browser::default().refuse_until(&address, "/callback").await;
        let error = refused.parameter("error").expect(&story);
        assert_eq!(
            error == "access_denied",
            comes_in != "refused",
            "{story}: {error}"
        );
        if comes_in == "refused" {
            assert!(arrival.parameter("error").is_some(), "{story}: {arrival:?}");
            continue;
        }
        let address = &arrival.address;
        let found = match (
            arrival.posted.is_some(),
            address.fragment(),
            address.query(),
        ) {
            (true, None, None) => "form",
            (false, Some(_), None) => "fragment",
            (false, None, Some(_)) => "query",
            _ => panic!("{story}: {address}"),
        };
        assert_eq!(found, comes_in, "{story}");
        // Not beside an ID token, which names its issuer itself, although its metadata promise it for all (RFC 9207 §2.4).
        let iss = (response_type == "code").then(|| provider.url());
        assert_eq!(arrival.parameter("iss").as_deref(), iss, "{story}");
        assert_eq!(arrival.parameter("access_token"), None, "{story}");
        let other = arrival.parameter(if response_type == "code" {
            "id_token"
        } else {
            "code"
        });
        assert_eq!(other, None, "{story}");
        let proof = arrival.parameter(response_type).expect(&story);
        if response_type == "id_token" {
            let claims = claims(&proof);
            assert_eq!(
                (&claims["nonce"], &claims["email"]),
                (&json!("our nonce"), &json!("alice@example.com"))
            );
        }
    }
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn a_request_is_pushed_first_where_that_is_demanded() {
    let Some(parts) = real::parts() else { return };
    let provider = parts.oidc_provider();
    for (id, demanded) in [("keyless-par", true), ("keyless", false)] {
        let client = Client {
            provider: &provider,
            id,
        };
        let request = client.request("code", &[]);
        let arrival = client.sign_in(&mut Browser::default(), &request).await;
        assert_eq!(
            arrival.parameter("error").is_some(),
            demanded,
            "{id}: {}",
            arrival.address
        );
        let pushed = post(&client.at("/request"), request, &[]).await;
        assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.json);
        let request = fields(&[
            ("client_id", id),
            ("request_uri", pushed.text("request_uri")),
        ]);
        let arrival = client.sign_in(&mut Browser::default(), &request).await;
        let code = arrival.parameter("code").expect("a code");
        is_of_alice(&client.redeem(&code, &[]).await);
    }
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn a_client_that_is_not_public_proves_itself() {
    let Some(parts) = real::parts() else { return };
    let provider = parts.oidc_provider();
    for id in ["keyless-basic", "keyless-post", "keyless-jwt"] {
        let client = Client {
            provider: &provider,
            id,
        };
        let code = client.code().await;
        assert_eq!(
            client.redeem(&code, &[]).await.error(),
            "invalid_client",
            "{id}"
        );
        let secret = provider.ready()["secrets"][id].as_str().expect("a secret");
        let (mut headers, mut form) = (Vec::new(), fields(&redemption(&code)));
        match id {
            "keyless-basic" => {
                // RFC 6749 §2.3.1: each half encoded as in a form, then both together in Base64.
                let encoded: String = byte_serialize(secret.as_bytes()).collect();
                assert_ne!(encoded, secret);
                let both = BASE64_STANDARD.encode(format!("{id}:{encoded}"));
                headers.push(("authorization", format!("Basic {both}")));
            }
            "keyless-post" => form.extend(fields(&[("client_id", id), ("client_secret", secret)])),
            _ => {
                let (now, jti) = now_and_once();
                let claims = json!({ "iss": id, "sub": id, "aud": provider.url(), "exp": now + 60, "iat": now, "jti": jti });
                let key = SigningKey::from_pkcs8_pem(secret).expect("a PKCS#8 PEM");
                form.extend(fields(&[
                    (
                        "client_assertion_type",
                        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    ),
                    ("client_assertion", &jws(json!({}), &claims, &key)),
                ]));
            }
        }
        is_of_alice(&post(&client.at("/token"), form, &headers).await);
    }
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn a_refresh_token_may_be_bound_to_a_key() {
    let Some(parts) = real::parts() else { return };
    let provider = parts.oidc_provider();
    for (id, demanded, wants_nonce) in [
        ("keyless", false, false),
        ("keyless-dpop", true, false),
        ("keyless-dpop-nonce", true, true),
    ] {
        let client = Client {
            provider: &provider,
            id,
        };
        let (ours, anothers) = (key(7), key(8));
        if demanded {
            let unproven = client.redeem(&client.code().await, &[]).await;
            assert_eq!(unproven.error(), "invalid_grant", "{id}: {}", unproven.json);
        }
        let code = client.code().await;
        let mut answer = client.redeem(&code, &proof(&client, &ours, None)).await;
        let mut nonce = None;
        if wants_nonce {
            assert_eq!(
                (answer.status, answer.error()),
                (StatusCode::BAD_REQUEST, "use_dpop_nonce")
            );
            nonce = Some(
                answer.headers["dpop-nonce"]
                    .to_str()
                    .expect("text")
                    .to_owned(),
            );
            answer = client
                .redeem(&code, &proof(&client, &ours, nonce.as_deref()))
                .await; // the code still counts
        }
        is_of_alice(&answer);
        assert_eq!(answer.text("token_type"), "DPoP");
        let token = answer.text("refresh_token");
        for headers in [vec![], proof(&client, &anothers, nonce.as_deref()).to_vec()] {
            assert_eq!(
                client.refresh(token, &headers).await.error(),
                "invalid_grant",
                "{id}"
            );
        }
        let renewed = client
            .refresh(token, &proof(&client, &ours, nonce.as_deref()))
            .await;
        is_of_alice(&renewed);
        // Bound, it need not change (RFC 9700 §4.14.2).
        assert_eq!(renewed.text("refresh_token"), token);
    }
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn a_refresh_token_changes_ends_and_is_taken_back() {
    let Some(parts) = real::parts() else { return };
    let provider = parts.oidc_provider();
    let client = Client {
        provider: &provider,
        id: "keyless",
    };
    let first = client.redeem(&client.code().await, &[]).await;
    let second = client.refresh(first.text("refresh_token"), &[]).await;
    assert_ne!(first.text("refresh_token"), second.text("refresh_token"));
    // Used twice: all that came of the sign-in ends.
    for answer in [&first, &second] {
        assert_eq!(
            client
                .refresh(answer.text("refresh_token"), &[])
                .await
                .error(),
            "invalid_grant"
        );
    }

    let token = client.redeem(&client.code().await, &[]).await;
    let form = fields(&[
        ("client_id", "keyless"),
        ("token", token.text("refresh_token")),
    ]);
    let revoked = post(&client.at("/token/revocation"), form, &[]).await;
    assert_eq!(revoked.status, StatusCode::OK);
    assert_eq!(
        client
            .refresh(token.text("refresh_token"), &[])
            .await
            .error(),
        "invalid_grant"
    );
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn a_person_who_signs_out_is_asked_and_sent_back() {
    let Some(parts) = real::parts() else { return };
    let provider = parts.oidc_provider();
    let client = Client {
        provider: &provider,
        id: "keyless",
    };
    for offline in [true, false] {
        let mut browser = Browser::default();
        let scope = if offline {
            "openid email offline_access"
        } else {
            "openid email"
        };
        let mut request = client.request("code", &[]);
        request
            .iter_mut()
            .filter(|(name, _)| name == "scope")
            .for_each(|(_, value)| scope.clone_into(value));
        let arrival = client.sign_in(&mut browser, &request).await;
        let token = client
            .redeem(&arrival.parameter("code").expect("a code"), &[])
            .await;
        assert_eq!(token.json.get("refresh_token").is_some(), offline);
        let logout = fields(&[
            ("id_token_hint", token.text("id_token")),
            ("post_logout_redirect_uri", "http://127.0.0.1:1/signed-out"),
            ("state", "bye"),
        ]);
        let logout = format!("{}?{}", client.at("/session/end"), query(&logout));
        // The second time there is no session to end, and nobody is asked.
        for _ in 0..2 {
            let arrival = browser.sign_in_until(&logout, "alice", "/signed-out").await;
            assert_eq!(arrival.address.query(), Some("state=bye"));
        }
        if offline {
            is_of_alice(&client.refresh(token.text("refresh_token"), &[]).await);
        }
    }
}
