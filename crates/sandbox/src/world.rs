//! All that the sandbox knows, shared by its two listeners and the handle.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderValue, Response, header};

use crate::cast::{Client, Person};
use crate::keys::KeyRing;
use crate::openid::Grants;
use crate::sts::Account;

/// What stays as it was built, and behind a lock what changes.
pub(crate) struct World {
    pub(crate) issuer: String,
    pub(crate) sts_endpoint: String,
    pub(crate) clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
    pub(crate) people: Vec<Person>,
    pub(crate) clients: Vec<Client>,
    pub(crate) token_lifetime: Duration,
    pub(crate) refresh_reuse_detection: bool,
    pub(crate) state: Mutex<State>,
}

/// What changes while the sandbox runs.
pub(crate) struct State {
    pub(crate) keys: KeyRing,
    pub(crate) grants: Grants,
    pub(crate) account: Account,
    pub(crate) calls: Calls,
    /// Who signs in without a page.
    pub(crate) sign_in_as: Option<String>,
}

/// How often each thing has been asked for over HTTP, refusals included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Calls {
    /// The discovery document.
    pub discovery: u64,
    /// The keys.
    pub jwks: u64,
    /// The page where a person chooses, or its answer where there is no page.
    pub authorize: u64,
    /// The token endpoint, by whatever grant.
    pub token: u64,
    /// Of those, the ones with a refresh token.
    pub refresh: u64,
    /// STS: AssumeRoleWithWebIdentity.
    pub assume_role_with_web_identity: u64,
    /// STS: AssumeRole.
    pub assume_role: u64,
    /// STS: GetCallerIdentity.
    pub get_caller_identity: u64,
}

impl World {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// `response` with the time here in its `Date`, by which clients notice that their clock is off.
    pub(crate) fn dated(&self, mut response: Response<Bytes>) -> Response<Bytes> {
        if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(self.now())) {
            response.headers_mut().insert(header::DATE, date);
        }
        response
    }

    pub(crate) fn person(&self, login: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.login == login)
    }
}

/// Seconds since 1970, as JWTs count.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
