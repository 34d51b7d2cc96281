//! `/token` gives tokens for a code, a device code or a refresh token, `/revoke` takes them back.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde_json::json;

use super::client::authenticate;
use super::grants::{Asking, Redeemed, SignIn};
use super::{DEVICE_GRANT, device, dpop, id_token, is_form, json_response};
use crate::form::Form;
use crate::random;
use crate::world::{State, World};

/// A token request (RFC 6749 §4.1.3 and §6, RFC 8628 §3.4).
pub(super) fn token(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    let response = granted(world, request).unwrap_or_else(Refused::into_response);
    dpop::with_nonce(world, response)
}

fn granted(world: &World, request: &Request<Bytes>) -> Result<Response<Bytes>, Refused> {
    let mut state = world.state();
    state.calls.token += 1;
    let form = read(request)?;
    let grant = form.value("grant_type");
    if grant == Some("refresh_token") {
        state.calls.refresh += 1;
    }
    let asking = Asking {
        client: authenticate(world, &mut state, request, &form)?,
        key: dpop::proof(world, &mut state, request)?,
    };
    let redeemed = match grant {
        Some("authorization_code") => redeem_code(world, &mut state, &asking, &form)?,
        Some("refresh_token") => refresh(world, &mut state, &asking, &form)?,
        Some(DEVICE_GRANT) if !world.endpoints.device_authorization.is_empty() => {
            let sign_in = device::poll(world, &mut state, asking.client, &form)?;
            state.grants.grant(sign_in, None, &asking)
        }
        Some(_) => {
            return Err(Refused(
                "unsupported_grant_type",
                "this grant type is not supported",
            ));
        }
        None => return Err(Refused("invalid_request", "grant_type is missing")),
    };
    Ok(tokens(world, &state, &redeemed, &asking))
}

/// A revocation request (RFC 7009 §2): a token that is not known is as good as revoked.
pub(super) fn revoke(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    let revoked = read(request).and_then(|form| {
        let mut state = world.state();
        let client = authenticate(world, &mut state, request, &form)?;
        let token = form
            .value("token")
            .ok_or(Refused("invalid_request", "token is missing"))?;
        state.grants.revoke(token, &client.id);
        Ok(())
    });
    match revoked {
        Ok(()) => json_response(StatusCode::OK, &json!({})),
        Err(error) => error.into_response(),
    }
}

/// An error of RFC 6749 §5.2: its code, and why in words.
pub(super) struct Refused(pub(super) &'static str, pub(super) &'static str);

impl Refused {
    pub(super) fn into_response(self) -> Response<Bytes> {
        let body = json!({ "error": self.0, "error_description": self.1 });
        if self.0 != "invalid_client" {
            return json_response(StatusCode::BAD_REQUEST, &body);
        }
        let mut response = json_response(StatusCode::UNAUTHORIZED, &body);
        response.headers_mut().insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"sandbox\""),
        );
        response
    }
}

pub(super) fn read(request: &Request<Bytes>) -> Result<Form, Refused> {
    if !is_form(request) {
        return Err(Refused(
            "invalid_request",
            "the body has to be application/x-www-form-urlencoded",
        ));
    }
    Form::parse(request.body()).ok_or(Refused("invalid_request", "a parameter stands twice"))
}

fn redeem_code(
    world: &World,
    state: &mut State,
    asking: &Asking<'_>,
    form: &Form,
) -> Result<Redeemed, Refused> {
    let code = form
        .value("code")
        .ok_or(Refused("invalid_request", "code is missing"))?;
    let redeemed = state.grants.redeem(
        code,
        asking,
        form.value("redirect_uri"),
        form.value("code_verifier"),
        world.now(),
    );
    redeemed.map_err(|why| Refused("invalid_grant", why))
}

fn refresh(
    world: &World,
    state: &mut State,
    asking: &Asking<'_>,
    form: &Form,
) -> Result<Redeemed, Refused> {
    let token = form
        .value("refresh_token")
        .ok_or(Refused("invalid_request", "refresh_token is missing"))?;
    let granted = state
        .grants
        .check_refresh(token, asking, world.refresh_reuse_detection);
    let mut sign_in = granted.map_err(|why| Refused("invalid_grant", why))?;
    if let Some(narrower) = form.value("scope") {
        let narrower: Vec<_> = narrower.split(' ').map(str::to_owned).collect();
        if !narrower.iter().all(|scope| sign_in.may(scope)) {
            return Err(Refused(
                "invalid_scope",
                "more is asked for than was granted",
            ));
        }
        sign_in = SignIn {
            scope: narrower,
            ..sign_in
        };
    }
    Ok(Redeemed {
        sign_in,
        nonce: None,
        refresh_token: state.grants.rotate(token),
    })
}

/// RFC 6749 §5.1, OpenID Connect Core §3.1.3.3 and §12.2.
fn tokens(
    world: &World,
    state: &State,
    redeemed: &Redeemed,
    asking: &Asking<'_>,
) -> Response<Bytes> {
    let sign_in = &redeemed.sign_in;
    let access_token = random::token();
    let mut body = json!({
        "access_token": access_token,
        "token_type": if asking.key.is_some() { "DPoP" } else { "Bearer" },
        "expires_in": world.token_lifetime.as_secs(),
        "scope": sign_in.scope.join(" "),
    });
    if sign_in.may("openid") {
        body["id_token"] = json!(id_token(
            world,
            &state.keys,
            sign_in,
            redeemed.nonce.as_deref(),
            &[("at_hash", &access_token)],
        ));
    }
    if let Some(token) = &redeemed.refresh_token {
        body["refresh_token"] = json!(token);
    }
    json_response(StatusCode::OK, &body)
}
