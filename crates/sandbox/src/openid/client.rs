//! How a client proves at the token endpoint, and wherever else it speaks for itself, that it is that client.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Request, header};
use serde_json::Value;

use super::jwt::{Jwt, PublicKey};
use super::redeem::Refused;
use crate::cast::{Authentication, Client};
use crate::form::Form;
use crate::shape::Shape;
use crate::world::{State, World, seconds};

/// What a request shows of its client.
enum Shown {
    Nothing,
    Basic(String),
    Post(String),
    Assertion(Box<Jwt>),
}

/// The client, by its id alone if it is a public one, else by the proof it is registered for (RFC 6749 §2.3, RFC 7521 §4.2,
/// RFC 7523 §2.2, OpenID Connect Core §9).
pub(super) fn authenticate<'a>(
    world: &'a World,
    state: &mut State,
    request: &Request<Bytes>,
    form: &Form,
) -> Result<&'a Client, Refused> {
    let (id, shown) = shown(request, form)?;
    let client = world
        .clients
        .iter()
        .find(|client| client.id == id)
        .ok_or(UNKNOWN)?;
    match (&client.authentication, shown) {
        (Authentication::None, Shown::Nothing) => Ok(client),
        (Authentication::Secret { secret, basic, .. }, Shown::Basic(shown))
            if *basic && *secret == shown =>
        {
            Ok(client)
        }
        (Authentication::Secret { secret, post, .. }, Shown::Post(shown))
            if *post && *secret == shown =>
        {
            Ok(client)
        }
        (Authentication::Key(jwk), Shown::Assertion(assertion)) => {
            let key = PublicKey::of(jwk).ok_or(Refused(
                "invalid_client",
                "the key that is registered for the client cannot be used",
            ))?;
            check_certificate(world, &assertion, jwk)?;
            let here = world.oauth_at(request.uri().path());
            check(world, state, &assertion, &key, client, &here)?;
            Ok(client)
        }
        (Authentication::None, _) => Err(UNKNOWN),
        (Authentication::Secret { .. }, Shown::Basic(_) | Shown::Post(_)) => Err(Refused(
            "invalid_client",
            "the secret is wrong, or may not be shown in this way",
        )),
        (Authentication::Secret { .. }, Shown::Nothing) if world.rules.misses_secret => {
            Err(Refused("invalid_request", "client_secret is missing."))
        }
        (Authentication::Secret { .. }, _) => Err(Refused(
            "invalid_client",
            "the client has to show its secret",
        )),
        (Authentication::Key(_), _) => Err(Refused(
            "invalid_client",
            "the client has to prove itself by private_key_jwt",
        )),
    }
}

/// The client's id, and the one proof that it shows (RFC 6749 §2.3: never more than one).
fn shown(request: &Request<Bytes>, form: &Form) -> Result<(String, Shown), Refused> {
    let basic = request.headers().get(header::AUTHORIZATION);
    let (secret, assertion) = (form.value("client_secret"), form.value("client_assertion"));
    let proofs = [basic.is_some(), secret.is_some(), assertion.is_some()];
    if proofs.iter().filter(|shown| **shown).count() > 1 {
        return Err(Refused(
            "invalid_request",
            "the client proves itself in more than one way",
        ));
    }
    let named = form.value("client_id");
    let (id, shown) = if let Some(value) = basic {
        let (id, secret) = pair(value).ok_or(UNKNOWN)?;
        (id, Shown::Basic(secret))
    } else if let Some(assertion) = assertion {
        if form.value("client_assertion_type") != Some(JWT_BEARER) {
            return Err(Refused(
                "invalid_request",
                "client_assertion_type has to be urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ));
        }
        let jwt = Jwt::parse(assertion).ok_or(Refused(
            "invalid_client",
            "the client assertion cannot be read",
        ))?;
        let id = jwt.text("sub").unwrap_or_default().to_owned();
        (id, Shown::Assertion(Box::new(jwt)))
    } else {
        let shown = secret.map_or(Shown::Nothing, |secret| Shown::Post(secret.to_owned()));
        (named.unwrap_or_default().to_owned(), shown)
    };
    if named.is_some_and(|named| named != id) {
        return Err(Refused(
            "invalid_client",
            "client_id is not the client that proves itself",
        ));
    }
    Ok((id, shown))
}

/// Both halves are form-encoded before they are joined, so that they read as one pair of a form.
fn pair(value: &HeaderValue) -> Option<(String, String)> {
    let decoded = STANDARD
        .decode(value.to_str().ok()?.strip_prefix("Basic ")?)
        .ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    url::form_urlencoded::parse(format!("{id}={secret}").as_bytes())
        .into_owned()
        .next()
}

/// A certificate that is registered with the key (`x5t#S256`, RFC 7517 §4.9) is the one that an assertion names (RFC 7515 §4.1.8). Entra demands
/// one, and what else <https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials> says.
fn check_certificate(world: &World, assertion: &Jwt, jwk: &Value) -> Result<(), Refused> {
    let wrong = |why| Err(Refused("invalid_client", why));
    let (named, registered) = (&assertion.header["x5t#S256"], &jwk["x5t#S256"]);
    if !matches!(world.shape, Some(Shape::EntraV1 | Shape::EntraV2)) {
        if named == registered || named.is_null() || registered.is_null() {
            return Ok(());
        }
        return wrong("the client assertion names another certificate than the client's");
    }
    if named != registered || named.is_null() {
        return wrong("AADSTS700027: the client assertion does not name the client's certificate");
    }
    if assertion.header["alg"] != "PS256" {
        return wrong("AADSTS700027: the client assertion is not signed with PS256");
    }
    if !assertion.is_for(&[&world.oauth_at(world.endpoints.token)]) {
        return wrong(
            "AADSTS50027: the audience of the client assertion is not the token endpoint",
        );
    }
    if assertion.claims["nbf"].is_null() {
        return wrong("AADSTS50027: the client assertion has no nbf");
    }
    Ok(())
}

/// RFC 7523 §3, OpenID Connect Core §9. The audience may be the issuer, the token endpoint, or the endpoint that is asked (RFC 9126
/// §2).
fn check(
    world: &World,
    state: &mut State,
    assertion: &Jwt,
    key: &PublicKey,
    client: &Client,
    here: &str,
) -> Result<(), Refused> {
    let wrong = |why| Err(Refused("invalid_client", why));
    let now = seconds(world.now());
    let token_endpoint = world.oauth_at(world.endpoints.token);
    if !assertion.is_signed_by(key) {
        return wrong("the client assertion is not signed by the client's key");
    }
    if assertion.text("iss") != Some(&client.id) {
        return wrong("iss and sub of the client assertion have to be the client_id");
    }
    if !assertion.is_for(&[&world.issuer, &token_endpoint, here]) {
        return wrong(
            "the audience of the client assertion is neither the issuer nor the token endpoint",
        );
    }
    let Some(expires) = assertion.claims["exp"].as_u64() else {
        return wrong("the client assertion has no exp");
    };
    if expires <= now {
        return wrong("the client assertion has expired");
    }
    if expires > now + LONGEST_ASSERTION {
        return wrong("the client assertion lives longer than an hour");
    }
    let begins = |claim: &str| assertion.claims[claim].as_u64().unwrap_or_default();
    if begins("nbf").max(begins("iat")) > now + LEEWAY {
        return wrong("the client assertion is from the future");
    }
    let Some(id) = assertion.text("jti") else {
        return wrong("the client assertion has no jti");
    };
    let until = UNIX_EPOCH + Duration::from_secs(expires);
    if !state
        .seen
        .first_time(&format!("{} {id}", client.id), until, world.now())
    {
        return wrong("the client assertion was used before");
    }
    Ok(())
}

/// The JWTs that were used and may not come again while they are valid.
#[derive(Default)]
pub(crate) struct Seen(HashMap<String, SystemTime>);

impl Seen {
    /// Remembers this one; false if it has been here before.
    pub(super) fn first_time(&mut self, id: &str, until: SystemTime, now: SystemTime) -> bool {
        self.0.retain(|_, until| *until >= now);
        self.0.insert(id.to_owned(), until).is_none()
    }
}

const UNKNOWN: Refused = Refused(
    "invalid_client",
    "the client is not known or its secret is wrong",
);
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Clocks differ, in seconds.
pub(super) const LEEWAY: u64 = 60;
const LONGEST_ASSERTION: u64 = 3600;
