//! The identity provider: its addresses, its discovery document, its ID tokens.

mod authorize;
mod claims;
mod client;
mod device;
mod dpop;
mod grants;
mod jwt;
mod logout;
mod options;
pub(crate) mod page;
mod pushed;
mod redeem;
mod session;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use keyless_loopback::respond;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) use self::claims::subject;
pub(crate) use self::client::Seen;
pub(crate) use self::device::{Devices, refuse as device_refuse, sign_in as device_sign_in};
pub(crate) use self::dpop::Nonces;
pub(crate) use self::grants::Grants;
use self::grants::SignIn;
pub(crate) use self::logout::SignOuts;
pub(crate) use self::options::Options;
pub(crate) use self::pushed::Pushed;
pub(crate) use self::session::Sessions;
use crate::keys::KeyRing;
use crate::shape::Shape;
use crate::world::{World, seconds};

/// Answers one request at the issuer.
pub(crate) fn answer(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    type Handler = fn(&World, &Request<Bytes>) -> Response<Bytes>;
    const GET: &[Method] = &[Method::GET];
    const POST: &[Method] = &[Method::POST];
    const BOTH: &[Method] = &[Method::GET, Method::POST];

    let at = &world.endpoints;
    let discovery = discovery_path(world);
    let routes: [(&str, &[Method], Handler); 11] = [
        (&discovery, GET, told),
        (at.jwks, GET, keys),
        (at.authorize, BOTH, authorize::ask),
        ("/sign-in", POST, authorize::choose),
        (at.token, POST, redeem::token),
        (at.revoke, POST, redeem::revoke),
        (at.device_authorization, POST, device::authorize),
        (at.device, BOTH, device::page),
        (at.pushed, POST, pushed::push),
        (at.end_session, BOTH, logout::ask),
        ("/sign-out", POST, logout::answer),
    ];
    let path = request.uri().path();
    let route = routes
        .iter()
        .find(|(known, ..)| *known == path)
        .filter(|(known, ..)| is_here(world, request, known));
    match route {
        Some((_, methods, handler)) if methods.contains(request.method()) => {
            handler(world, request)
        }
        Some(_) => respond(
            StatusCode::METHOD_NOT_ALLOWED,
            "text/plain",
            "this method is not for this address",
        ),
        None => respond(StatusCode::NOT_FOUND, "text/plain", "there is nothing here"),
    }
}

/// OpenID Connect Discovery 1.0 §4.1: after the issuer, less a slash at its end.
fn discovery_path(world: &World) -> String {
    let path = world.rules.issuer.trim_end_matches('/');
    format!("{path}/.well-known/openid-configuration")
}

/// Whether this path is answered on the origin that was asked, where there are two.
fn is_here(world: &World, request: &Request<Bytes>, path: &str) -> bool {
    let beside_issuer = path == world.endpoints.jwks || path == discovery_path(world);
    let origin = if beside_issuer {
        &world.origin
    } else {
        &world.oauth_origin
    };
    let host = request.headers().get(header::HOST);
    world.origin == world.oauth_origin
        || host.is_some_and(|host| origin.as_bytes().ends_with(host.as_bytes()))
}

fn told(world: &World, _: &Request<Bytes>) -> Response<Bytes> {
    world.state().calls.discovery += 1;
    json_response(StatusCode::OK, &discovery(world))
}

fn keys(world: &World, _: &Request<Bytes>) -> Response<Bytes> {
    let mut state = world.state();
    state.calls.jwks += 1;
    json_response(StatusCode::OK, &state.keys.jwks())
}

/// An ID token as a sign-in of this person at the first client would give.
pub(crate) fn id_token_for(world: &World, login: &str) -> Option<String> {
    let person = world.person(login)?;
    let sign_in = SignIn {
        client_id: world.clients.first()?.id.clone(),
        login: person.login.clone(),
        scope: world
            .rules
            .scopes
            .iter()
            .map(|&scope| scope.to_owned())
            .collect(),
        auth_time: seconds(world.now()),
        offline: false,
    };
    id_token(world, &world.state().keys, &sign_in, None, &[])
}

/// This person has left: they cannot sign in, and what they had is no good any more.
pub(crate) fn end_person(world: &World, login: &str) -> bool {
    if world.person(login).is_none() {
        return false;
    }
    world.gone().insert(login.to_owned());
    let mut state = world.state();
    state.sessions.forget(login);
    state.grants.end(|sign_in| sign_in.login == login);
    state.devices.forget(login);
    true
}

/// OpenID Connect Discovery 1.0 §3, RFC 8414 §2, RFC 8628 §4, RFC 9126 §5, RFC 9207 §3, RFC 9449 §5.1.
fn discovery(world: &World) -> Value {
    let state = world.state();
    let at = &world.endpoints;
    let implicit = world.clients.iter().any(|client| client.implicit);
    let lists_device = world.rules.lists_device && !at.device_authorization.is_empty();
    let mut grants = vec!["authorization_code", "refresh_token"];
    let (mut types, mut modes) = (vec!["code"], vec!["query", "form_post"]);
    if implicit {
        grants.push("implicit");
        types.push("id_token");
        modes.push("fragment");
    }
    if lists_device {
        grants.push(DEVICE_GRANT);
    }
    let methods: Vec<_> = [
        "none",
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
    ]
    .into_iter()
    .filter(|method| *method == "none" || world.clients.iter().any(|client| client.may_use(method)))
    .collect();
    let mut document = json!({
        "issuer": world.issuer,
        "response_types_supported": types,
        "response_modes_supported": modes,
        "grant_types_supported": grants,
        "subject_types_supported": [if world.rules.pairwise { "pairwise" } else { "public" }],
        "id_token_signing_alg_values_supported": if state.keys.has_rsa() { vec!["ES256", "RS256"] } else { vec!["ES256"] },
        "scopes_supported": world.rules.scopes,
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "email", "email_verified", "name"],
        "token_endpoint_auth_methods_supported": methods,
        "request_uri_parameter_supported": false,
    });
    for (name, path) in [
        ("authorization_endpoint", at.authorize),
        ("token_endpoint", at.token),
        ("revocation_endpoint", at.revoke),
        (
            "device_authorization_endpoint",
            if lists_device {
                at.device_authorization
            } else {
                ""
            },
        ),
        ("pushed_authorization_request_endpoint", at.pushed),
        ("end_session_endpoint", at.end_session),
    ] {
        if !path.is_empty() {
            document[name] = json!(world.oauth_at(path));
        }
    }
    document["jwks_uri"] = json!(world.at(at.jwks));
    if world.rules.lists_pkce {
        document["code_challenge_methods_supported"] = json!(["S256"]);
    }
    if world.rules.names_issuer {
        document["authorization_response_iss_parameter_supported"] = json!(true);
    }
    if world.openid.pushed_only {
        document["require_pushed_authorization_requests"] = json!(true);
    }
    if world.openid.dpop {
        document["dpop_signing_alg_values_supported"] = json!([dpop::ALGORITHM]);
    }
    if methods.contains(&"private_key_jwt") {
        document["token_endpoint_auth_signing_alg_values_supported"] = json!(jwt::ALGORITHMS);
    }
    document
}

/// OpenID Connect Core §2, §3.1.3.6 (`at_hash`; `hashes` are claims and what they are the hash of), §5.4 (which scope tells
/// which claim).
fn id_token(
    world: &World,
    keys: &KeyRing,
    sign_in: &SignIn,
    nonce: Option<&str>,
    hashes: &[(&str, &str)],
) -> Option<String> {
    let person = world.person(&sign_in.login)?;
    let now = seconds(world.now());
    let mut claims = json!({
        "iss": world.openid.name_of(&world.issuer),
        "sub": subject(world, person, &sign_in.client_id),
        "aud": sign_in.client_id,
        "iat": now,
        "exp": now + world.token_lifetime.as_secs(),
        "auth_time": sign_in.auth_time,
    });
    if let Some(nonce) = nonce {
        claims["nonce"] = json!(nonce);
    }
    for (name, hashed) in hashes {
        claims[*name] = json!(URL_SAFE_NO_PAD.encode(&Sha256::digest(hashed)[..16]));
    }
    claims::add(world, person, sign_in, &mut claims);
    for (name, value) in &person.claims {
        claims[name] = value.clone();
    }
    Some(keys.sign(&claims))
}

fn json_response(status: StatusCode, body: &Value) -> Response<Bytes> {
    respond(status, "application/json", body.to_string())
}

/// Whether a body is said to be a form; a charset may follow.
pub(crate) fn is_form(request: &Request<Bytes>) -> bool {
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

/// Those of the scopes that were asked for that are known. The others are left out, as RFC 6749 §3.3 allows, or refused.
fn known_scopes(world: &World, asked: &str) -> Result<Vec<String>, authorize::Refusal> {
    let known = |scope: &&str| {
        let another = world.shape == Some(Shape::Dex)
            && scope
                .strip_prefix(claims::FOR_ANOTHER)
                .is_some_and(|id| world.clients.iter().any(|client| client.id == id));
        world.rules.scopes.contains(scope) || another
    };
    let (good, unknown): (Vec<_>, Vec<_>) = asked
        .split(' ')
        .filter(|scope| !scope.is_empty())
        .partition(known);
    if world.rules.strict_scopes && !unknown.is_empty() {
        return Err(("invalid_scope", "a scope is not known or not allowed"));
    }
    Ok(good.into_iter().map(str::to_owned).collect())
}

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
