//! `/device_authorization` gives a device its codes, `/device` hears the person, `/token` is polled (RFC 8628).

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::json;

use super::client::authenticate;
use super::grants::SignIn;
use super::redeem::{self, Refused};
use super::{is_form, json_response, known_scopes, page};
use crate::cast::Client;
use crate::form::Form;
use crate::random;
use crate::shape::Refresh;
use crate::world::{State, World, seconds};

/// The devices that wait for a person, or have not yet heard the answer.
#[derive(Default)]
pub(crate) struct Devices(HashMap<String, Device>); // by device code

struct Device {
    user_code: String,
    client_id: String,
    scope: Vec<String>,
    expires: SystemTime,
    interval: Duration,
    polled: Option<SystemTime>,
    answer: Answer,
}

enum Answer {
    Pending,
    SignedIn(SignIn),
    Refused,
}

/// A device authorization request (RFC 8628 §3.1 and §3.2).
pub(super) fn authorize(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    let mut state = world.state();
    state.calls.device_authorization += 1;
    let asked = redeem::read(request).and_then(|form| {
        let client = authenticate(world, &mut state, request, &form)?;
        let scope = known_scopes(world, form.value("scope").unwrap_or_default())
            .map_err(|(error, why)| Refused(error, why))?;
        if !scope.iter().any(|scope| scope == "openid") {
            return Err(Refused("invalid_scope", "the scope openid is missing"));
        }
        Ok((client, scope))
    });
    let (client, scope) = match asked {
        Ok(asked) => asked,
        Err(error) => return error.into_response(),
    };
    let (options, now) = (&world.openid, world.now());
    let devices = &mut state.devices.0;
    devices.retain(|_, known| known.expires + REMEMBERED > now);
    let user_code = loop {
        let code = user_code();
        if !devices.values().any(|known| known.user_code == code) {
            break code;
        }
    };
    let device_code = random::token();
    devices.insert(
        device_code.clone(),
        Device {
            user_code: user_code.clone(),
            client_id: client.id.clone(),
            scope,
            expires: now + options.device_lifetime,
            interval: options.device_interval,
            polled: None,
            answer: Answer::Pending,
        },
    );
    let verification_uri = world.oauth_at(world.endpoints.device);
    let (named, complete) = world.rules.verification;
    let mut answer = json!({
        "device_code": device_code,
        "user_code": user_code,
        "expires_in": options.device_lifetime.as_secs(),
        "interval": options.device_interval.as_secs(),
    });
    answer[named] = json!(verification_uri);
    if complete {
        answer["verification_uri_complete"] =
            json!(format!("{verification_uri}?user_code={user_code}"));
    }
    json_response(StatusCode::OK, &answer)
}

/// The person's side (RFC 8628 §3.3): type the code, or compare it with the device's, and say who is there or refuse.
pub(super) fn page(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    let form = if request.method() == Method::POST {
        Form::parse(request.body()).filter(|_| is_form(request))
    } else {
        Form::parse(request.uri().query().unwrap_or_default().as_bytes())
    }
    .unwrap_or_default();
    let here = world.endpoints.device;
    let Some(typed) = form.value("user_code") else {
        return page::user_code(here, None);
    };
    let typed = normal(typed);
    let waiting = world.state().devices.waiting(&typed, world.now()).map(
        |Device {
             user_code,
             client_id,
             ..
         }| (user_code.clone(), client_id.clone()),
    );
    let Some((user_code, client_id)) = waiting else {
        return page::user_code(
            here,
            Some("No device waits with this code. Look at it again, or start again there."),
        );
    };
    if request.method() == Method::GET || !(form.has("person") || form.has("refuse")) {
        return page::device(here, &world.present(), &client_id, &user_code);
    }
    let granted = form
        .value("person")
        .is_some_and(|login| sign_in(world, &typed, login));
    if granted {
        page::done(
            "You are signed in",
            "Go back to your device: it goes on there.",
        )
    } else {
        refuse(world, &typed);
        page::done("You have refused", "The device gets nothing.")
    }
}

/// Signs this person in at the device that shows this code; false if none waits with it or nobody is called that.
pub(crate) fn sign_in(world: &World, user_code: &str, login: &str) -> bool {
    let now = world.now();
    let Some(person) = world.person(login) else {
        return false;
    };
    let mut state = world.state();
    let Some(device) = state.devices.waiting(user_code, now) else {
        return false;
    };
    device.sign_in(&person.login, world);
    true
}

/// Refuses the device that shows this code; false if none waits with it.
pub(crate) fn refuse(world: &World, user_code: &str) -> bool {
    let now = world.now();
    match world.state().devices.waiting(user_code, now) {
        Some(device) => {
            device.answer = Answer::Refused;
            true
        }
        None => false,
    }
}

/// One poll (RFC 8628 §3.4 and §3.5). A code that was exchanged is not known any more.
pub(super) fn poll(
    world: &World,
    state: &mut State,
    client: &Client,
    form: &Form,
) -> Result<SignIn, Refused> {
    let now = world.now();
    let code = form
        .value("device_code")
        .ok_or(Refused("invalid_request", "device_code is missing"))?;
    let device = state
        .devices
        .0
        .get_mut(code)
        .filter(|device| device.client_id == client.id)
        .ok_or(Refused(
            "invalid_grant",
            "the device code is not known, was used before, or is another client's",
        ))?;
    if device.expires <= now {
        return Err(Refused("expired_token", "the device code has expired"));
    }
    let before = device.polled.replace(now);
    if before.is_some_and(|before| before + device.interval > now) {
        device.interval += SLOWER;
        return Err(Refused(
            "slow_down",
            "polled too soon: wait five seconds longer from now on",
        ));
    }
    match &device.answer {
        Answer::Refused => Err(Refused("access_denied", "the person refused to sign in")),
        Answer::SignedIn(sign_in) => {
            let sign_in = sign_in.clone();
            state.devices.0.remove(code);
            Ok(sign_in)
        }
        Answer::Pending => {
            // Somebody who signs in without a page does so after the first poll, so that a client has to poll twice.
            if let Some(login) = &state.sign_in_as {
                match world.person(login) {
                    Some(_) => device.sign_in(login, world),
                    None => device.answer = Answer::Refused,
                }
            }
            Err(Refused(
                "authorization_pending",
                "the person has not answered yet",
            ))
        }
    }
}

impl Devices {
    /// What this person has answered counts as refused.
    pub(super) fn forget(&mut self, login: &str) {
        for device in self.0.values_mut() {
            if matches!(&device.answer, Answer::SignedIn(sign_in) if sign_in.login == login) {
                device.answer = Answer::Refused;
            }
        }
    }

    fn waiting(&mut self, user_code: &str, now: SystemTime) -> Option<&mut Device> {
        let user_code = normal(user_code);
        self.0.values_mut().find(|device| {
            normal(&device.user_code) == user_code
                && device.expires > now
                && matches!(device.answer, Answer::Pending)
        })
    }
}

impl Device {
    fn sign_in(&mut self, login: &str, world: &World) {
        let offline = match world.rules.refresh {
            Refresh::OfflineAccess => self.scope.iter().any(|scope| scope == "offline_access"),
            Refresh::AccessType | Refresh::Always => true,
        };
        self.answer = Answer::SignedIn(SignIn {
            client_id: self.client_id.clone(),
            login: login.to_owned(),
            scope: self.scope.clone(),
            auth_time: seconds(world.now()),
            offline,
        });
    }
}

/// Eight letters of an alphabet without vowels, so that no word comes up (RFC 8628 §6.1).
fn user_code() -> String {
    const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
    let mut letters = std::iter::repeat_with(|| random::bytes::<1>()[0])
        .filter(|byte| *byte < 240) // the largest multiple of 20: no letter comes more often than another
        .map(|byte| char::from(ALPHABET[usize::from(byte % 20)]));
    let four: String = letters.by_ref().take(4).collect();
    let more: String = letters.take(4).collect();
    format!("{four}-{more}")
}

/// What was typed, as if typed well: capitals, without what stands between (RFC 8628 §6.1).
fn normal(typed: &str) -> String {
    typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_uppercase())
        .collect()
}

const SLOWER: Duration = Duration::from_secs(5);
/// How long an expired code is still known to have been one.
const REMEMBERED: Duration = Duration::from_mins(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_code_has_the_letters_of_the_standard() {
        for _ in 0..200 {
            let code = user_code();
            let (four, more) = code.split_once('-').unwrap();
            assert_eq!((four.len(), more.len()), (4, 4), "{code}");
            let letters = normal(&code);
            assert!(
                letters
                    .bytes()
                    .all(|letter| b"BCDFGHJKLMNPQRSTVWXZ".contains(&letter)),
                "{code}"
            );
        }
        for typed in ["WDJB-MJHT", "wdjbmjht", " wdjb mjht ", "W-D-J-B-M-J-H-T"] {
            assert_eq!(normal(typed), "WDJBMJHT");
        }
    }
}
