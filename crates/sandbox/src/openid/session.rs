//! Who is signed in in which browser, so that nobody is asked twice.

use std::collections::HashMap;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};

use crate::random;
use crate::world::{State, World};

/// The browsers in which somebody is signed in, by what their cookie says.
#[derive(Default)]
pub(crate) struct Sessions(HashMap<String, Session>);

/// A sign-in: who, and when in seconds since 1970. The refresh tokens that came of it are known by the same two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) login: String,
    pub(super) auth_time: u64,
}

impl Sessions {
    /// Lets no browser be signed in as this person.
    pub(super) fn forget(&mut self, login: &str) {
        self.0.retain(|_, session| session.login != login);
    }
}

/// Who is signed in in the browser that asks.
pub(super) fn of(world: &World, state: &State, request: &Request<Bytes>) -> Option<Session> {
    state.sessions.0.get(cookie(world, request)?).cloned()
}

/// The response, after which the browser is signed in.
pub(super) fn begin(
    world: &World,
    session: Session,
    mut response: Response<Bytes>,
) -> Response<Bytes> {
    let id = random::token();
    // Lax, so that it comes along when an application sends the browser here, and with nobody else's posted form.
    set(
        world,
        &mut response,
        &format!("{id}; Path=/; HttpOnly; SameSite=Lax"),
    );
    world.state().sessions.0.insert(id, session);
    response
}

/// Ends the session of the browser that asks, and all that came of it; the response makes the browser forget it.
pub(super) fn end(
    world: &World,
    request: &Request<Bytes>,
    mut response: Response<Bytes>,
) -> Response<Bytes> {
    let mut state = world.state();
    if let Some(session) = cookie(world, request).and_then(|id| state.sessions.0.remove(id)) {
        end_everywhere(&mut state, &session);
        set(
            world,
            &mut response,
            "; Path=/; HttpOnly; SameSite=Lax; Max-Age=0",
        );
    }
    response
}

/// Ends what came of a sign-in: its codes, its refresh tokens, and in whatever browser it was.
pub(super) fn end_everywhere(state: &mut State, session: &Session) {
    state.sessions.0.retain(|_, known| known != session);
    state
        .grants
        .end(|sign_in| sign_in.login == session.login && sign_in.auth_time == session.auth_time);
}

fn cookie<'a>(world: &World, request: &'a Request<Bytes>) -> Option<&'a str> {
    let name = name(world);
    request
        .headers()
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(&*name)?.strip_prefix('='))
}

fn set(world: &World, response: &mut Response<Bytes>, value: &str) {
    if let Ok(cookie) = HeaderValue::from_str(&format!("{}={value}", name(world))) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// With the port, since cookies are shared by all ports of a host (RFC 6265 §8.5) and other sandboxes have other people.
fn name(world: &World) -> String {
    let port = world.origin.rsplit(':').next().unwrap_or_default();
    format!("sandbox_session_{port}")
}
