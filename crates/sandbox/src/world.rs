//! All that the sandbox knows, shared by its two listeners and the handle.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderValue, Response, header};

use crate::cast::{Client, Person};
use crate::keys::KeyRing;
use crate::openid::{Devices, Grants, Nonces, Options, Pushed, Seen, Sessions, SignOuts};
use crate::saml::{Questions, Signer};
use crate::shape::{Endpoints, Rules, Shape};
use crate::sts::Account;

/// What stays as it was built, and behind a lock what changes.
pub(crate) struct World {
    pub(crate) issuer: String,
    pub(crate) origin: String,
    /// Where all but the discovery document and the keys are; most often the same.
    pub(crate) oauth_origin: String,
    pub(crate) shape: Option<Shape>,
    pub(crate) rules: &'static Rules,
    pub(crate) endpoints: Endpoints,
    pub(crate) openid: Options,
    pub(crate) saml: Signer,
    pub(crate) sts_endpoint: String,
    pub(crate) clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
    pub(crate) people: Vec<Person>,
    pub(crate) clients: Vec<Client>,
    pub(crate) token_lifetime: Duration,
    pub(crate) refresh_reuse_detection: bool,
    /// Whoever has left.
    pub(crate) gone: Mutex<HashSet<String>>, // beside the state, so that it can be asked while that is locked
    pub(crate) state: Mutex<State>,
}

/// What changes while the sandbox runs.
pub(crate) struct State {
    pub(crate) keys: KeyRing,
    pub(crate) grants: Grants,
    pub(crate) devices: Devices,
    pub(crate) seen: Seen,
    pub(crate) pushed: Pushed,
    pub(crate) nonces: Nonces,
    pub(crate) sessions: Sessions,
    pub(crate) sign_outs: SignOuts,
    /// SAML sign-ins that wait for a person.
    pub(crate) questions: Questions,
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
    /// Pushed authorization requests.
    pub pushed: u64,
    /// Device authorization.
    pub device_authorization: u64,
    /// Sign-outs that an application has asked for.
    pub end_session: u64,
    /// The token endpoint, by whatever grant.
    pub token: u64,
    /// Of those, the ones with a refresh token.
    pub refresh: u64,
    /// SAML: requests for a sign-in, whatever becomes of them.
    pub saml_sso: u64,
    /// STS: AssumeRoleWithWebIdentity.
    pub assume_role_with_web_identity: u64,
    /// STS: AssumeRoleWithSAML.
    pub assume_role_with_saml: u64,
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

    /// An address beside the issuer.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// The address of an endpoint that a client speaks to.
    pub(crate) fn oauth_at(&self, path: &str) -> String {
        format!("{}{path}", self.oauth_origin)
    }

    /// The person of this login, unless they have left.
    pub(crate) fn person(&self, login: &str) -> Option<&Person> {
        let gone = self.gone().contains(login);
        self.people
            .iter()
            .find(|person| person.login == login && !gone)
    }

    /// Whoever has not left, for a page to show.
    pub(crate) fn present(&self) -> Vec<Person> {
        let gone = self.gone();
        let mut people = self.people.clone();
        people.retain(|person| !gone.contains(&person.login));
        people
    }

    pub(crate) fn gone(&self) -> MutexGuard<'_, HashSet<String>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds since 1970, as JWTs count.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
