//! `/par` takes an authorization request before the browser is opened (RFC 9126).

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::json;

use super::authorize::question;
use super::client::authenticate;
use super::redeem::{self, Refused};
use super::{dpop, json_response};
use crate::form::Form;
use crate::random;
use crate::world::World;

/// The requests that were pushed and not yet used, by their `request_uri`.
#[derive(Default)]
pub(crate) struct Pushed(HashMap<String, PushedRequest>);

struct PushedRequest {
    client_id: String,
    form: Form,
    expires: SystemTime,
}

/// A pushed authorization request (RFC 9126 §2.1 to §2.3).
pub(super) fn push(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    world.state().calls.pushed += 1;
    let response = match accepted(world, request) {
        Ok(request_uri) => json_response(
            StatusCode::CREATED,
            &json!({ "request_uri": request_uri, "expires_in": LIFETIME.as_secs() }),
        ),
        Err(error) => error.into_response(),
    };
    dpop::with_nonce(world, response)
}

fn accepted(world: &World, request: &Request<Bytes>) -> Result<String, Refused> {
    let mut form = redeem::read(request)?;
    let mut state = world.state();
    let client = authenticate(world, &mut state, request, &form)?;
    if form.has("request_uri") {
        return Err(Refused(
            "invalid_request",
            "request_uri cannot itself be pushed",
        ));
    }
    let redirect_uri = form
        .value("redirect_uri")
        .filter(|uri| client.may_return_to(uri, world.rules.redirects))
        .ok_or(Refused(
            "invalid_request",
            "the redirect URI is not registered for the client",
        ))?;
    question(world, client, &form, redirect_uri).map_err(|(error, why)| Refused(error, why))?;
    // A proof with the request binds the code to its key, as dpop_jkt does (RFC 9449 §10.1).
    if let Some(key) = dpop::proof(world, &mut state, request)? {
        if form.value("dpop_jkt").is_some_and(|named| named != key) {
            return Err(Refused(
                "invalid_dpop_proof",
                "dpop_jkt is not the key of the DPoP proof",
            ));
        }
        form.set("dpop_jkt", key);
    }
    let now = world.now();
    let requests = &mut state.pushed.0;
    requests.retain(|_, known| known.expires > now);
    let request_uri = format!("{PREFIX}{}", random::token());
    requests.insert(
        request_uri.clone(),
        PushedRequest {
            client_id: client.id.clone(),
            form,
            expires: now + LIFETIME,
        },
    );
    Ok(request_uri)
}

impl Pushed {
    /// The request of this client, which is thereby used up (RFC 9126 §4).
    pub(super) fn take(
        &mut self,
        request_uri: &str,
        client_id: &str,
        now: SystemTime,
    ) -> Option<Form> {
        let pushed = self.0.get(request_uri)?;
        if pushed.client_id != client_id {
            return None;
        }
        let pushed = self.0.remove(request_uri)?;
        (pushed.expires > now).then_some(pushed.form)
    }
}

/// RFC 9126 §2.2
pub(super) const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
const LIFETIME: Duration = Duration::from_mins(1);
