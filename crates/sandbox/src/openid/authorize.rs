//! `/authorize` asks who is there, `/sign-in` hears the answer.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use keyless_loopback::respond;
use url::Url;

use super::grants::Question;
use super::{SCOPES, is_form, page};
use crate::form::Form;
use crate::world::World;

/// An authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1, RFC 7636 §4.3).
pub(super) fn ask(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    world.state().calls.authorize += 1;
    let encoded = if request.method() == Method::POST && is_form(request) {
        request.body()
    } else {
        request.uri().query().unwrap_or_default().as_bytes()
    };
    // Until the client and its redirect URI are known good there is nowhere to send an error to (RFC 6749 §4.1.2.1).
    let Some(form) = Form::parse(encoded) else {
        return page::problem("The address has the same parameter twice.");
    };
    let Some(client) = form
        .value("client_id")
        .and_then(|id| world.clients.iter().find(|client| client.id == id))
    else {
        return page::problem(
            "The application is not known here: its client_id is missing or not registered.",
        );
    };
    let redirect_uri = match form.value("redirect_uri") {
        Some(uri) if client.may_return_to(uri) && Url::parse(uri).is_ok() => uri,
        _ => {
            return page::problem(
                "The application wants to return to an address that is not registered for it.",
            );
        }
    };
    let back = Return {
        world,
        redirect_uri,
        state: form.value("state"),
    };
    let sign_in_as = world.state().sign_in_as.clone();
    match question(world, &form, redirect_uri) {
        Err((error, description)) => back.refuse(error, description),
        Ok(question) => match sign_in_as {
            Some(login) => back.grant(question, &login),
            None if form.value("prompt") == Some("none") => {
                back.refuse("login_required", "a person has to choose who they are")
            }
            None => {
                let name = world.state().grants.ask(question);
                page::choose(&world.people, &client.id, redirect_uri, &name)
            }
        },
    }
}

/// A person has chosen who to be, or refused.
pub(super) fn choose(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    let form = Form::parse(request.body())
        .filter(|_| is_form(request))
        .unwrap_or_default();
    let question = form
        .value("request")
        .and_then(|name| world.state().grants.answered(name, world.now()));
    let Some(question) = question else {
        return page::problem(
            "This sign-in has been answered already, or waited too long. Start again from the application.",
        );
    };
    let (redirect_uri, state) = (question.redirect_uri.clone(), question.state.clone());
    let back = Return {
        world,
        redirect_uri: &redirect_uri,
        state: Some(&state),
    };
    match form.value("person").and_then(|login| world.person(login)) {
        Some(person) => back.grant(question, &person.login),
        None => back.refuse("access_denied", "the person refused to sign in"),
    }
}

/// The request, if it is good; else an error code and why.
fn question(
    world: &World,
    form: &Form,
    redirect_uri: &str,
) -> Result<Question, (&'static str, &'static str)> {
    if form.value("request").is_some() {
        return Err(("request_not_supported", "request objects are not supported"));
    }
    if form.value("request_uri").is_some() {
        return Err((
            "request_uri_not_supported",
            "request objects are not supported",
        ));
    }
    match form.value("response_type") {
        Some("code") => {}
        Some(_) => {
            return Err((
                "unsupported_response_type",
                "only the response type code is supported",
            ));
        }
        None => return Err(("invalid_request", "response_type is missing")),
    }
    if form
        .value("response_mode")
        .is_some_and(|mode| mode != "query")
    {
        return Err((
            "invalid_request",
            "only the response mode query is supported",
        ));
    }
    let asked = form.value("scope").unwrap_or_default();
    if !asked.split(' ').any(|scope| scope == "openid") {
        return Err(("invalid_scope", "the scope openid is missing"));
    }
    let state = form
        .value("state")
        .ok_or(("invalid_request", "state is missing"))?;
    let challenge = form
        .value("code_challenge")
        .ok_or(("invalid_request", "code_challenge is missing"))?;
    if form.value("code_challenge_method") != Some("S256") {
        return Err(("invalid_request", "code_challenge_method has to be S256"));
    }
    Ok(Question {
        client_id: form.value("client_id").unwrap_or_default().to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        state: state.to_owned(),
        scope: SCOPES
            .iter()
            .filter(|known| asked.split(' ').any(|scope| scope == **known))
            .map(|&scope| scope.to_owned())
            .collect(),
        nonce: form.value("nonce").map(str::to_owned),
        challenge: challenge.to_owned(),
        asked: world.now(),
    })
}

/// The way back to the client: state and issuer go with every answer (RFC 9207 §2).
struct Return<'a> {
    world: &'a World,
    redirect_uri: &'a str,
    state: Option<&'a str>,
}

impl Return<'_> {
    fn grant(&self, question: Question, login: &str) -> Response<Bytes> {
        let code = self
            .world
            .state()
            .grants
            .issue_code(question, login, self.world.now());
        self.with(&[("code", &code)])
    }

    fn refuse(&self, error: &str, description: &str) -> Response<Bytes> {
        self.with(&[("error", error), ("error_description", description)])
    }

    fn with(&self, parameters: &[(&str, &str)]) -> Response<Bytes> {
        let location = Url::parse(self.redirect_uri).ok().and_then(|mut uri| {
            uri.query_pairs_mut()
                .extend_pairs(parameters)
                .extend_pairs(self.state.map(|state| ("state", state)))
                .append_pair("iss", &self.world.issuer);
            HeaderValue::from_str(uri.as_str()).ok()
        });
        let Some(location) = location else {
            return page::problem(
                "The application wants to return to an address that cannot be read.",
            );
        };
        // 303 and never 307: what was posted here is not to be posted there (RFC 9700 §4.12).
        let mut response = respond(StatusCode::SEE_OTHER, "text/plain", "");
        response.headers_mut().insert(header::LOCATION, location);
        response
    }
}
