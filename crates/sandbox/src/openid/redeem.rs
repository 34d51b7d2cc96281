//! `/token` gives tokens for a code or a refresh token, `/revoke` takes them back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde_json::json;

use super::grants::{Redeemed, SignIn};
use super::{id_token, is_form, json_response};
use crate::cast::Client;
use crate::form::Form;
use crate::random;
use crate::world::{State, World};

/// A token request (RFC 6749 §4.1.3 and §6).
pub(super) fn token(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    let mut state = world.state();
    state.calls.token += 1;
    let form = match read(request) {
        Ok(form) => form,
        Err(error) => return error.into_response(),
    };
    if form.value("grant_type") == Some("refresh_token") {
        state.calls.refresh += 1;
    }
    let granted =
        authenticate(world, request, &form).and_then(|client| match form.value("grant_type") {
            Some("authorization_code") => redeem_code(world, &mut state, client, &form),
            Some("refresh_token") => refresh(world, &mut state, client, &form),
            Some(_) => Err(Refused(
                "unsupported_grant_type",
                "only authorization_code and refresh_token are supported",
            )),
            None => Err(Refused("invalid_request", "grant_type is missing")),
        });
    match granted {
        Ok(redeemed) => tokens(world, &state, &redeemed),
        Err(error) => error.into_response(),
    }
}

/// A revocation request (RFC 7009 §2): a token that is not known is as good as revoked.
pub(super) fn revoke(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    let revoked = read(request).and_then(|form| {
        let client = authenticate(world, request, &form)?;
        let token = form
            .value("token")
            .ok_or(Refused("invalid_request", "token is missing"))?;
        world.state().grants.revoke(token, &client.id);
        Ok(())
    });
    match revoked {
        Ok(()) => json_response(StatusCode::OK, &json!({})),
        Err(error) => error.into_response(),
    }
}

/// An error of RFC 6749 §5.2: its code, and why in words.
struct Refused(&'static str, &'static str);

impl Refused {
    fn into_response(self) -> Response<Bytes> {
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

fn read(request: &Request<Bytes>) -> Result<Form, Refused> {
    if !is_form(request) {
        return Err(Refused(
            "invalid_request",
            "the body has to be application/x-www-form-urlencoded",
        ));
    }
    Form::parse(request.body()).ok_or(Refused("invalid_request", "a parameter stands twice"))
}

/// The client, by its id alone if it is a public one, else with its secret (RFC 6749 §2.3.1).
fn authenticate<'a>(
    world: &'a World,
    request: &Request<Bytes>,
    form: &Form,
) -> Result<&'a Client, Refused> {
    let basic = request
        .headers()
        .get(header::AUTHORIZATION)
        .map(|value| basic(value).unwrap_or_default());
    let (id, secret) = match &basic {
        Some((id, secret)) => (Some(id.as_str()), Some(secret.as_str())),
        None => (form.value("client_id"), form.value("client_secret")),
    };
    let client = world
        .clients
        .iter()
        .find(|client| Some(client.id.as_str()) == id);
    client
        .filter(|client| client.secret.as_deref() == secret)
        .ok_or(Refused(
            "invalid_client",
            "the client is not known or its secret is wrong",
        ))
}

/// Both halves are form-encoded before they are joined, so that they read as one pair of a form.
fn basic(value: &HeaderValue) -> Option<(String, String)> {
    let decoded = STANDARD
        .decode(value.to_str().ok()?.strip_prefix("Basic ")?)
        .ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    url::form_urlencoded::parse(format!("{id}={secret}").as_bytes())
        .into_owned()
        .next()
}

fn redeem_code(
    world: &World,
    state: &mut State,
    client: &Client,
    form: &Form,
) -> Result<Redeemed, Refused> {
    let code = form
        .value("code")
        .ok_or(Refused("invalid_request", "code is missing"))?;
    let redeemed = state.grants.redeem(
        code,
        &client.id,
        form.value("redirect_uri"),
        form.value("code_verifier"),
        world.now(),
    );
    redeemed.map_err(|why| Refused("invalid_grant", why))
}

fn refresh(
    world: &World,
    state: &mut State,
    client: &Client,
    form: &Form,
) -> Result<Redeemed, Refused> {
    let token = form
        .value("refresh_token")
        .ok_or(Refused("invalid_request", "refresh_token is missing"))?;
    let granted = state
        .grants
        .check_refresh(token, &client.id, world.refresh_reuse_detection);
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
fn tokens(world: &World, state: &State, redeemed: &Redeemed) -> Response<Bytes> {
    let sign_in = &redeemed.sign_in;
    let access_token = random::token();
    let mut body = json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": world.token_lifetime.as_secs(),
        "scope": sign_in.scope.join(" "),
    });
    if sign_in.may("openid") {
        body["id_token"] = json!(id_token(
            world,
            &state.keys,
            sign_in,
            redeemed.nonce.as_deref(),
            Some(&access_token)
        ));
    }
    if let Some(token) = &redeemed.refresh_token {
        body["refresh_token"] = json!(token);
    }
    json_response(StatusCode::OK, &body)
}
