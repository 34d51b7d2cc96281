//! A client proves that it holds a key, so that a refresh token is of no use to whoever copies it (RFC 9449).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderValue, Request, Response};

use super::client::LEEWAY;
use super::jwt::{Jwt, PublicKey, thumbprint};
use super::redeem::Refused;
use crate::random;
use crate::world::{State, World, seconds};

/// The thumbprint of the key that the request proves to hold, none where it does not say so (RFC 9449 §4.3).
pub(super) fn proof(
    world: &World,
    state: &mut State,
    request: &Request<Bytes>,
) -> Result<Option<String>, Refused> {
    let wrong = |why| Err(Refused("invalid_dpop_proof", why));
    let mut shown = request.headers().get_all("dpop").iter();
    let Some(first) = shown.next().filter(|_| world.openid.dpop) else {
        return Ok(None);
    };
    if shown.next().is_some() {
        return wrong("there is more than one DPoP proof");
    }
    let Some(jwt) = first.to_str().ok().and_then(Jwt::parse) else {
        return wrong("the DPoP proof cannot be read");
    };
    if jwt.header["typ"] != "dpop+jwt" {
        return wrong("the typ of the DPoP proof is not dpop+jwt");
    }
    if jwt.header["alg"] != ALGORITHM {
        return wrong("the DPoP proof is not signed by ES256");
    }
    let jwk = &jwt.header["jwk"];
    let (Some(key), Some(thumbprint)) = (PublicKey::of(jwk), thumbprint(jwk)) else {
        return wrong("the DPoP proof has no public key on P-256");
    };
    if jwk.get("d").is_some() {
        return wrong("the DPoP proof shows a private key");
    }
    if !jwt.is_signed_by(&key) {
        return wrong("the DPoP proof is not signed by its key");
    }
    if jwt.text("htm") != Some(request.method().as_str()) {
        return wrong("the htm of the DPoP proof is not the method of the request");
    }
    let here = world.oauth_at(request.uri().path());
    let said = jwt.text("htu").unwrap_or_default();
    if said.split(['?', '#']).next() != Some(&here) {
        return wrong("the htu of the DPoP proof is not the address of the request");
    }
    let now = world.now();
    let Some(issued) = jwt.claims["iat"].as_u64() else {
        return wrong("the DPoP proof has no iat");
    };
    if issued.abs_diff(seconds(now)) > LEEWAY {
        return wrong("the DPoP proof is from another time");
    }
    let Some(id) = jwt.text("jti").filter(|id| !id.is_empty()) else {
        return wrong("the DPoP proof has no jti");
    };
    if world.openid.dpop_nonce && !state.nonces.accept(jwt.text("nonce"), now) {
        return Err(Refused(
            "use_dpop_nonce",
            "the DPoP proof has to have the nonce of the header DPoP-Nonce",
        ));
    }
    let until = UNIX_EPOCH + Duration::from_secs(issued + LEEWAY);
    if !state
        .seen
        .first_time(&format!("{thumbprint} {id}"), until, now)
    {
        return wrong("the DPoP proof was used before");
    }
    Ok(Some(thumbprint))
}

/// The response with the nonce for the next proof, where one is wanted (RFC 9449 §8.2).
pub(super) fn with_nonce(world: &World, mut response: Response<Bytes>) -> Response<Bytes> {
    if world.openid.dpop_nonce
        && let Ok(nonce) = HeaderValue::from_str(world.state().nonces.current(world.now()))
    {
        response.headers_mut().insert("dpop-nonce", nonce);
    }
    response
}

/// What a proof has to repeat: another one each minute, with the one before still good.
pub(crate) struct Nonces {
    current: String,
    before: String,
    since: SystemTime,
}

impl Default for Nonces {
    fn default() -> Self {
        Nonces {
            current: random::token(),
            before: random::token(),
            since: UNIX_EPOCH,
        }
    }
}

impl Nonces {
    fn current(&mut self, now: SystemTime) -> &str {
        if self.since + Duration::from_mins(1) <= now {
            self.before = std::mem::replace(&mut self.current, random::token());
            self.since = now;
        }
        &self.current
    }

    fn accept(&mut self, nonce: Option<&str>, now: SystemTime) -> bool {
        nonce.is_some_and(|nonce| nonce == self.current(now) || nonce == self.before)
    }
}

pub(super) const ALGORITHM: &str = "ES256";
