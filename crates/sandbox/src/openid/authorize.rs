//! `/authorize` asks who is there, `/sign-in` hears the answer.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use keyless_loopback::respond;
use url::Url;
use url::form_urlencoded::Serializer;

use super::grants::{Kind, Mode, Question, SignIn};
use super::session::{self, Session};
use super::{id_token, is_form, known_scopes, page, pushed};
use crate::cast::Client;
use crate::form::Form;
use crate::shape::Refresh;
use crate::world::{World, seconds};

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
    let pushed = form
        .value("request_uri")
        .filter(|uri| world.openid.pushed && uri.starts_with(pushed::PREFIX));
    let (form, pushed) = match pushed {
        // What else stands in the address does not count (RFC 9126 §4, RFC 9101 §6.3).
        Some(uri) => match world.state().pushed.take(uri, &client.id, world.now()) {
            Some(form) => (form, true),
            None => {
                return page::problem(
                    "The application's request was used before, has expired, or was never pushed (invalid_request_uri).",
                );
            }
        },
        None => (form, false),
    };
    let redirect_uri = match form.value("redirect_uri") {
        Some(uri)
            if client.may_return_to(uri, world.rules.redirects) && Url::parse(uri).is_ok() =>
        {
            uri
        }
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
        mode: error_mode(&form),
    };
    if world.openid.pushed_only && !pushed {
        return back.refuse("invalid_request", "the request has to be pushed (RFC 9126)");
    }
    match question(world, client, &form, redirect_uri) {
        Err((error, description)) => back.refuse(error, description),
        Ok(question) => match signed_in(world, request, &form) {
            Some(session) => back.grant(question, &session),
            None if form.value("prompt") == Some("none") => {
                back.refuse("login_required", "a person has to choose who they are")
            }
            None => {
                let name = world.state().grants.ask(question);
                page::choose(
                    "/sign-in",
                    &world.present(),
                    &client.id,
                    redirect_uri,
                    &name,
                )
            }
        },
    }
}

/// Who need not be asked: the one who signs in without a page, or the one who is signed in in this browser, unless the application
/// wants them to be asked again (OpenID Connect Core §3.1.2.1 and §3.1.2.3).
fn signed_in(world: &World, request: &Request<Bytes>, form: &Form) -> Option<Session> {
    let (state, now) = (world.state(), seconds(world.now()));
    if let Some(login) = &state.sign_in_as {
        return Some(Session {
            login: login.clone(),
            auth_time: now,
        });
    }
    let asks_again = form
        .value("prompt")
        .is_some_and(|prompt| prompt.split(' ').any(|prompt| prompt != "none"));
    let max_age = form
        .value("max_age")
        .and_then(|age| age.parse::<u64>().ok());
    session::of(world, &state, request).filter(|session| {
        let fresh = max_age.is_none_or(|most| now.saturating_sub(session.auth_time) <= most);
        fresh && !asks_again
    })
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
        mode: question.mode,
    };
    match form.value("person").and_then(|login| world.person(login)) {
        Some(person) => {
            let session = Session {
                login: person.login.clone(),
                auth_time: seconds(world.now()),
            };
            session::begin(world, session.clone(), back.grant(question, &session))
        }
        None => back.refuse("access_denied", "the person refused to sign in"),
    }
}

/// The request, if it is good; else an error code and why.
pub(super) fn question(
    world: &World,
    client: &Client,
    form: &Form,
    redirect_uri: &str,
) -> Result<Question, Refusal> {
    if form.has("request") {
        return Err(("request_not_supported", "request objects are not supported"));
    }
    if form.has("request_uri") {
        return Err((
            "request_uri_not_supported",
            "request objects are not supported",
        ));
    }
    let asked = form.value("scope").unwrap_or_default();
    if !asked.split(' ').any(|scope| scope == "openid") {
        return Err(("invalid_scope", "the scope openid is missing"));
    }
    let state = form
        .value("state")
        .ok_or(("invalid_request", "state is missing"))?;
    let (response, mode) = response(client, form)?;
    Ok(Question {
        client_id: client.id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        state: state.to_owned(),
        scope: known_scopes(world, asked)?,
        offline: match world.rules.refresh {
            Refresh::OfflineAccess => asked.split(' ').any(|scope| scope == "offline_access"),
            Refresh::AccessType => {
                let consents = form.value("prompt").unwrap_or_default();
                form.value("access_type") == Some("offline")
                    && consents.split(' ').any(|prompt| prompt == "consent")
            }
            Refresh::Always => true,
        },
        nonce: form.value("nonce").map(str::to_owned),
        dpop_jkt: form
            .value("dpop_jkt")
            .filter(|_| world.openid.dpop)
            .map(str::to_owned),
        response,
        mode,
        asked: world.now(),
    })
}

/// What is asked for, and how it is to come back.
fn response(client: &Client, form: &Form) -> Result<(Kind, Mode), Refusal> {
    let mode = form.value("response_mode");
    match form.value("response_type") {
        Some("code") => {
            let mode = match mode {
                None | Some("query") => Mode::Query,
                Some("form_post") => Mode::FormPost,
                Some(_) => {
                    return Err((
                        "invalid_request",
                        "a code comes back by the response mode query or form_post",
                    ));
                }
            };
            let challenge = form
                .value("code_challenge")
                .ok_or(("invalid_request", "code_challenge is missing"))?;
            if form.value("code_challenge_method") != Some("S256") {
                return Err(("invalid_request", "code_challenge_method has to be S256"));
            }
            let challenge = challenge.to_owned();
            Ok((Kind::Code { challenge }, mode))
        }
        Some("id_token") if !client.implicit => Err((
            "unauthorized_client",
            "the implicit flow is not allowed to this application",
        )),
        Some("id_token") => {
            let mode = match mode {
                None | Some("fragment") => Mode::Fragment,
                Some("form_post") => Mode::FormPost,
                // OAuth 2.0 Multiple Response Types §5: no token in a query, which ends in logs and histories.
                Some(_) => {
                    return Err((
                        "invalid_request",
                        "an ID token comes back by the response mode fragment or form_post",
                    ));
                }
            };
            if form.has("nonce") {
                Ok((Kind::IdToken, mode))
            } else {
                // OpenID Connect Core §3.2.2.1
                Err(("invalid_request", "nonce is missing"))
            }
        }
        Some(_) => Err((
            "unsupported_response_type",
            "only the response types code and id_token are supported",
        )),
        None => Err(("invalid_request", "response_type is missing")),
    }
}

/// How an error gets back: as asked, or else as is usual for the response type (OAuth 2.0 Multiple Response Types §2.1 and §5).
fn error_mode(form: &Form) -> Mode {
    let code = matches!(form.value("response_type"), None | Some("code" | "none"));
    match form.value("response_mode") {
        Some("form_post") => Mode::FormPost,
        _ if code => Mode::Query,
        _ => Mode::Fragment,
    }
}

/// An error code, and why in words.
pub(super) type Refusal = (&'static str, &'static str);

/// The way back to the client: state and issuer go with every answer (RFC 9207 §2).
struct Return<'a> {
    world: &'a World,
    redirect_uri: &'a str,
    state: Option<&'a str>,
    mode: Mode,
}

impl Return<'_> {
    fn grant(&self, question: Question, session: &Session) -> Response<Bytes> {
        let (world, now) = (self.world, self.world.now());
        let Some(person) = world.person(&session.login) else {
            return self.refuse(
                "access_denied",
                "nobody here is called that, or they have left",
            );
        };
        let sign_in = SignIn {
            client_id: question.client_id.clone(),
            login: person.login.clone(),
            scope: question.scope.clone(),
            auth_time: session.auth_time,
            offline: question.offline,
        };
        let mut state = world.state();
        let (name, value) = match question.response.clone() {
            Kind::Code { challenge } => {
                let code = state.grants.issue_code(question, challenge, sign_in, now);
                ("code", Some(code))
            }
            Kind::IdToken => {
                let hashes = world.openid.s_hash.then_some(("s_hash", &*question.state));
                let nonce = question.nonce.as_deref();
                let token = id_token(world, &state.keys, &sign_in, nonce, hashes.as_slice());
                ("id_token", token)
            }
        };
        drop(state);
        match value {
            Some(value) => self.with(&[(name, &value)]),
            None => self.refuse("access_denied", "nobody is called that"),
        }
    }

    fn refuse(&self, error: &str, description: &str) -> Response<Bytes> {
        self.with(&[("error", error), ("error_description", description)])
    }

    fn with(&self, answer: &[(&str, &str)]) -> Response<Bytes> {
        let mut parameters = answer.to_vec();
        parameters.extend(self.state.map(|state| ("state", state)));
        if self.world.rules.names_issuer {
            parameters.push(("iss", &self.world.issuer));
        }
        if self.mode == Mode::FormPost {
            return page::form_post(self.redirect_uri, &parameters);
        }
        let location = Url::parse(self.redirect_uri).ok().and_then(|mut uri| {
            if self.mode == Mode::Query {
                uri.query_pairs_mut().extend_pairs(&parameters);
            } else {
                let mut fragment = Serializer::new(String::new());
                uri.set_fragment(Some(&fragment.extend_pairs(&parameters).finish()));
            }
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
