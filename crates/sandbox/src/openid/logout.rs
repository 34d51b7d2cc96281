//! `/end_session` and `/sign-out`: a person signs out, sent by an application (OpenID Connect RP-Initiated Logout 1.0).

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use keyless_loopback::respond;
use serde_json::Value;
use url::Url;

use super::session::{self, Session};
use super::{is_form, page, subject};
use crate::form::Form;
use crate::random;
use crate::world::World;

/// The questions whether to sign out that wait for an answer.
#[derive(Default)]
pub(crate) struct SignOuts(HashMap<String, SignOut>);

/// Where the browser goes after it, if anywhere.
struct SignOut {
    back: Option<Url>,
    asked: SystemTime,
}

/// An application wants the person to be signed out (§2).
pub(super) fn ask(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    world.state().calls.end_session += 1;
    let form = if request.method() == Method::POST {
        Form::parse(request.body()).filter(|_| is_form(request))
    } else {
        Form::parse(request.uri().query().unwrap_or_default().as_bytes())
    };
    let Some(form) = form else {
        return page::problem("The request cannot be read, or has the same parameter twice.");
    };
    let wanted = match wanted(world, &form) {
        Ok(wanted) => wanted,
        Err(why) => return page::problem(why),
    };
    let mut state = world.state();
    let here = session::of(world, &state, request);
    if let Some(hinted) = wanted.hinted
        && here.as_ref().is_none_or(|here| here.login == hinted.login)
    {
        session::end_everywhere(&mut state, &hinted);
        drop(state);
        return session::end(world, request, gone(wanted.back));
    }
    if world.rules.logout_uri {
        drop(state);
        return session::end(world, request, gone(wanted.back)); // it does not ask
    }
    // Without a hint, or with somebody else's, anybody could have sent the browser here (§2): the person is asked.
    let now = world.now();
    let questions = &mut state.sign_outs.0;
    questions.retain(|_, known| known.asked + QUESTION_LIFETIME > now);
    let name = random::token();
    let back = wanted.back;
    questions.insert(name.clone(), SignOut { back, asked: now });
    page::sign_out(&name, here.map(|here| here.login).as_deref())
}

/// The person has said whether to sign out.
pub(super) fn answer(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    let form = Form::parse(request.body())
        .filter(|_| is_form(request))
        .unwrap_or_default();
    let question = form
        .value("request")
        .and_then(|name| world.state().sign_outs.0.remove(name))
        .filter(|question| question.asked + QUESTION_LIFETIME > world.now());
    match question {
        None => page::problem("This has been answered already, or waited too long."),
        Some(question) if form.value("sign_out") == Some("yes") => {
            session::end(world, request, gone(question.back))
        }
        Some(_) => page::done("You are still signed in", "Nothing has changed."),
    }
}

struct Wanted {
    hinted: Option<Session>,
    back: Option<Url>,
}

/// What the request is good for (§2, §3, §4).
fn wanted(world: &World, form: &Form) -> Result<Wanted, &'static str> {
    let uri = if world.rules.logout_uri {
        if !form.has("client_id") {
            return Err("Required String parameter 'client_id' is not present");
        }
        Some(
            form.value("logout_uri")
                .ok_or("Required String parameter 'redirect_uri' is not present")?,
        )
    } else {
        form.value("post_logout_redirect_uri")
    };
    let hinted = form.value("id_token_hint");
    let hint = match hinted.filter(|_| !world.rules.logout_uri) {
        Some(token) => Some(
            hint(world, token)
                .ok_or("The id_token_hint is not a token of this identity provider.")?,
        ),
        None => None,
    };
    let of_hint = hint.as_ref().map(|(client_id, _)| client_id.as_str());
    let client_id = match (form.value("client_id"), of_hint) {
        (Some(named), Some(hinted)) if named != hinted => {
            return Err("The id_token_hint was issued to another application.");
        }
        (named, hinted) => named.or(hinted),
    };
    let client = world
        .clients
        .iter()
        .find(|client| Some(&*client.id) == client_id);
    if client_id.is_some() && client.is_none() {
        return Err("The application is not known here.");
    }
    let back = match uri {
        None => None,
        Some(uri) => {
            let registered = client.is_some_and(|client| client.may_return_to_after_logout(uri));
            let back = Url::parse(uri).ok().filter(|_| registered);
            let mut back = back.ok_or(
                "The application wants to return to an address that is not registered for it.",
            )?;
            if let Some(state) = form.value("state") {
                back.query_pairs_mut().append_pair("state", state);
            }
            Some(back)
        }
    };
    Ok(Wanted {
        hinted: hint.map(|(_, session)| session),
        back,
    })
}

/// The client and the sign-in of an ID token that was issued here, though it may have expired (§2).
fn hint(world: &World, token: &str) -> Option<(String, Session)> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let json = |part| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    let (header, claims) = (json(header)?, json(claims)?);
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let (id, algorithm) = (header["kid"].as_str()?, header["alg"].as_str()?);
    let client_id = claims["azp"].as_str().or(claims["aud"].as_str())?;
    let state = world.state();
    if !state
        .keys
        .verifies(id, algorithm, signed.as_bytes(), &signature)
        || claims["iss"] != *world.issuer
    {
        return None;
    }
    let person = world
        .people
        .iter()
        .find(|person| claims["sub"] == *subject(world, person, client_id))?;
    // Where tokens do not tell it, what has come of the newest sign-in ends.
    let told = claims["auth_time"].as_u64();
    let session = Session {
        login: person.login.clone(),
        auth_time: told
            .or_else(|| state.grants.newest(&person.login))
            .unwrap_or_default(),
    };
    Some((client_id.to_owned(), session))
}

/// Back to the application, or a page where it has named no address.
fn gone(back: Option<Url>) -> Response<Bytes> {
    match back.and_then(|back| HeaderValue::from_str(back.as_str()).ok()) {
        Some(location) => {
            let mut response = respond(StatusCode::SEE_OTHER, "text/plain", "");
            response.headers_mut().insert(header::LOCATION, location);
            response
        }
        None => page::done("You are signed out", "You can close this page."),
    }
}

const QUESTION_LIFETIME: Duration = Duration::from_mins(10);
