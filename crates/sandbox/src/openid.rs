//! The identity provider: its addresses, its discovery document, its ID tokens.

mod authorize;
mod grants;
mod page;
mod redeem;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use keyless_loopback::respond;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) use self::grants::Grants;
use self::grants::SignIn;
use crate::keys::KeyRing;
use crate::world::{World, seconds};

/// Answers one request at the issuer.
pub(crate) fn answer(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    let handler: fn(&World, &Request<Bytes>) -> Response<Bytes> =
        match (request.uri().path(), request.method()) {
            ("/.well-known/openid-configuration", &Method::GET) => |world, _| {
                world.state().calls.discovery += 1;
                json_response(StatusCode::OK, &discovery(world))
            },
            ("/jwks", &Method::GET) => |world, _| {
                let mut state = world.state();
                state.calls.jwks += 1;
                json_response(StatusCode::OK, &state.keys.jwks())
            },
            ("/authorize", &Method::GET | &Method::POST) => authorize::ask,
            ("/sign-in", &Method::POST) => authorize::choose,
            ("/token", &Method::POST) => redeem::token,
            ("/revoke", &Method::POST) => redeem::revoke,
            (
                "/.well-known/openid-configuration"
                | "/jwks"
                | "/authorize"
                | "/sign-in"
                | "/token"
                | "/revoke",
                _,
            ) => |_, _| {
                respond(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "text/plain",
                    "this method is not for this address",
                )
            },
            _ => |_, _| respond(StatusCode::NOT_FOUND, "text/plain", "there is nothing here"),
        };
    handler(world, request)
}

/// An ID token as a sign-in of this person at the first client would give.
pub(crate) fn id_token_for(world: &World, login: &str) -> Option<String> {
    let person = world.person(login)?;
    let sign_in = SignIn {
        client_id: world.clients.first()?.id.clone(),
        login: person.login.clone(),
        scope: SCOPES.map(str::to_owned).to_vec(),
        auth_time: seconds(world.now()),
    };
    id_token(world, &world.state().keys, &sign_in, None, None)
}

/// OpenID Connect Discovery 1.0 §3, RFC 8414 §2, RFC 9207 §3.
fn discovery(world: &World) -> Value {
    let state = world.state();
    let at = |path: &str| format!("{}/{path}", world.issuer);
    let secrets = world.clients.iter().any(|client| client.secret.is_some());
    json!({
        "issuer": world.issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "revocation_endpoint": at("revoke"),
        "jwks_uri": at("jwks"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": if state.keys.has_rsa() { vec!["ES256", "RS256"] } else { vec!["ES256"] },
        "scopes_supported": SCOPES,
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "email", "email_verified", "name"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": if secrets { vec!["none", "client_secret_basic", "client_secret_post"] } else { vec!["none"] },
        "authorization_response_iss_parameter_supported": true,
        "request_uri_parameter_supported": false,
    })
}

/// OpenID Connect Core §2, §3.1.3.6 (`at_hash`), §5.4 (which scope tells which claim).
fn id_token(
    world: &World,
    keys: &KeyRing,
    sign_in: &SignIn,
    nonce: Option<&str>,
    access_token: Option<&str>,
) -> Option<String> {
    let person = world.person(&sign_in.login)?;
    let now = seconds(world.now());
    let mut claims = json!({
        "iss": world.issuer,
        "sub": person.subject(),
        "aud": sign_in.client_id,
        "iat": now,
        "exp": now + world.token_lifetime.as_secs(),
        "auth_time": sign_in.auth_time,
    });
    if sign_in.may("email") {
        claims["email"] = json!(person.email);
        claims["email_verified"] = json!(person.email_verified);
    }
    if sign_in.may("profile") {
        claims["name"] = json!(person.name);
    }
    if let Some(nonce) = nonce {
        claims["nonce"] = json!(nonce);
    }
    if let Some(token) = access_token {
        claims["at_hash"] = json!(URL_SAFE_NO_PAD.encode(&Sha256::digest(token)[..16]));
    }
    for (name, value) in &person.claims {
        claims[name] = value.clone();
    }
    Some(keys.sign(&claims))
}

fn json_response(status: StatusCode, body: &Value) -> Response<Bytes> {
    respond(status, "application/json", body.to_string())
}

/// Whether a body is said to be a form; a charset may follow.
fn is_form(request: &Request<Bytes>) -> bool {
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default();
    essence
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

const SCOPES: [&str; 4] = ["openid", "email", "profile", "offline_access"];
