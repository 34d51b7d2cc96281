//! An OpenID provider on loopback that answers as it should, but for what a story changes, and somebody who signs in at it.

mod device;
mod front;
mod renewal;
mod token;
mod verdict;
mod wire;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use keyless::login::{DeviceCode, LoginBuilder, Prompt, ResponseMode, SignInPage, SignedIn};
use keyless::{Http, HttpClient, IdToken, Login, TokenError};
use keyless_loopback::{Limits, Listener, Server, respond};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use url::form_urlencoded;

use crate::browser::Browser;

pub use device::{DEVICE_CODE, Shown, sign_in_afar};
pub use renewal::{REFRESH_TOKEN, Renewed, renew};
pub use token::{Signer, Token, ec_jwk, half_hash, rsa_jwk, stranger_jwk, twice};
pub use verdict::{Want, is_harmless};
pub use wire::{Elsewhere, Impatient, stream};

/// The client that signs in.
pub const CLIENT: &str = "keyless";
/// The code of every right response.
pub const CODE: &str = "c0de-that-nobody-else-may-see";
/// The access token of every right answer.
pub const ACCESS_TOKEN: &str = "acce55-token-that-nobody-else-may-see";
/// An issuer that is not on loopback: [`Elsewhere`] leads there.
pub const HTTPS_ISSUER: &str = "https://issuer.example";

/// What a story changes of the answers. Each is given the right one.
#[derive(Clone, Copy, Debug)]
pub struct Changes {
    /// The discovery document.
    pub discovery: fn(&mut Answer),
    /// The key set, with how often it was asked for before.
    pub keys: fn(&mut Answer, usize),
    /// The parameters that the browser comes back with, with how often it did before.
    pub response: fn(&mut Vec<(String, String)>, usize),
    /// How they come, given how they should, with how often they did before.
    pub mode: fn(ResponseMode, usize) -> ResponseMode,
    /// The answer to who wants a code for another device.
    pub device: fn(&mut Answer),
    /// The token endpoint's answer to who has one, with how often it was asked before.
    pub polled: fn(&mut Answer, usize),
    /// The ID token.
    pub token: fn(&mut Token),
    /// The token endpoint's answer.
    pub grant: fn(&mut Answer),
    /// The ID token that comes for a refresh token, with the nonce of the sign-in.
    pub renewed: fn(&mut Token, &str),
    /// The token endpoint's answer to a refresh token.
    pub renewal: fn(&mut Answer),
    /// The settings of the sign-in.
    pub login: fn(LoginBuilder) -> LoginBuilder,
    /// How often the person opens the authorization request, because what came back the time before was ignored.
    pub visits: usize,
}

impl Default for Changes {
    /// Nothing.
    fn default() -> Self {
        Self {
            discovery: |_| {},
            keys: |_, _| {},
            response: |_, _| {},
            mode: |mode, _| mode,
            device: |_| {},
            polled: |_, _| {},
            token: |_| {},
            grant: |_| {},
            renewed: |_, _| {},
            renewal: |_| {},
            login: |login| login,
            visits: 1,
        }
    }
}

/// An answer in JSON.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers beside the content type, which one of them may replace.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body.
    pub json: Value,
    /// Another body.
    pub text: Option<String>,
}

impl Answer {
    fn right(json: Value) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            json,
            text: None,
        }
    }

    /// Has a member twice, first with another value.
    pub fn twice(&mut self, member: &str) {
        self.text = Some(twice(&self.json, member));
    }

    /// Is a refusal instead.
    pub fn refuse(&mut self, json: Value) {
        (self.status, self.json) = (400, json);
    }

    fn response(self) -> Response<Vec<u8>> {
        let body = self.text.unwrap_or_else(|| self.json.to_string());
        let status = StatusCode::from_u16(self.status).expect("a status");
        let mut response = respond(status, "application/json", body).map(|body| body.to_vec());
        for (name, value) in self.headers {
            let value = HeaderValue::from_static(value);
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
        response
    }
}

/// What came of a sign-in.
#[derive(Debug)]
pub struct Outcome {
    /// The token, or why there is none.
    pub result: Result<IdToken, TokenError>,
    /// How often the key set was asked for.
    pub key_fetches: usize,
    /// The pages that the browser ended on.
    pub pages: Vec<String>,
    /// The codes for another device that were shown.
    pub codes: Vec<Shown>,
    /// How many seconds after that the token endpoint was asked.
    pub polls: Vec<u64>,
    /// What nobody else may see: code, verifier, state, nonce, tokens.
    pub secrets: Vec<String>,
}

/// Lets a person sign in at a provider with `changes`.
pub async fn sign_in(changes: Changes) -> Outcome {
    sign_in_by(changes, |provider| (provider.issuer(), Http::default())).await
}

/// The same with another HTTP client, and the issuer that it knows the provider by.
///
/// # Panics
///
/// If the browser is not shown a page.
pub async fn sign_in_by<H: HttpClient>(
    changes: Changes,
    way: impl FnOnce(&IdentityProvider) -> (String, H),
) -> Outcome {
    let provider = IdentityProvider::start(changes).await;
    let (issuer, http) = way(&provider);
    lock(&provider.desk.seen).issuer.clone_from(&issuer);
    let visitor = Visitor {
        visits: changes.visits,
        browsing: Arc::default(),
        codes: Arc::default(),
    };
    let login = Login::builder(issuer, CLIENT, http)
        .prompt(visitor.clone())
        .timeout(Duration::from_mins(2));
    let result = match (changes.login)(login).build() {
        Ok(login) => login.sign_in().await,
        Err(error) => Err(error),
    };
    let browsing = lock(&visitor.browsing).take();
    let pages = match browsing {
        Some(browsing) => browsing.await.expect("the browser shows pages"),
        None => Vec::new(),
    };
    let seen = lock(&provider.desk.seen).clone();
    Outcome {
        result,
        key_fetches: seen.key_fetches,
        pages,
        codes: lock(&visitor.codes).clone(),
        polls: seen.polls,
        secrets: seen.secrets,
    }
}

/// Somebody whose browser opens what it is given.
#[derive(Clone, Debug)]
struct Visitor {
    visits: usize,
    browsing: Arc<Mutex<Option<JoinHandle<Vec<String>>>>>,
    codes: Arc<Mutex<Vec<Shown>>>,
}

impl Prompt for Visitor {
    fn sign_in(&self, page: &SignInPage<'_>) {
        let (visits, link, url) = (self.visits, page.link.to_owned(), page.url.to_owned());
        let browsing = tokio::spawn(async move {
            let mut pages = Vec::new();
            for visit in 0..visits {
                let address = if visit == 0 { &link } else { &url };
                pages.push(Browser::default().sign_in(address, "alice").await);
            }
            pages
        });
        *lock(&self.browsing) = Some(browsing);
    }

    fn device(&self, code: &DeviceCode<'_>) {
        lock(&self.codes).push(device::shown(code));
    }

    fn signed_in(&self, _: &SignedIn<'_>) {}
}

/// An OpenID provider on loopback.
#[derive(Debug)]
pub struct IdentityProvider {
    authority: String,
    desk: Arc<Desk>,
    _server: Server,
}

#[derive(Debug)]
struct Desk {
    changes: Changes,
    seen: Mutex<Seen>,
}

/// What the provider was told.
#[derive(Clone, Debug, Default)]
struct Seen {
    issuer: String,
    nonce: String,
    state: String,
    shown_at: Option<Instant>,
    polls: Vec<u64>,
    responses: usize,
    key_fetches: usize,
    /// Whether a refresh token was asked for.
    is_to_last: bool,
    /// The newest refresh token that was given out.
    refresh_token: String,
    refresh_tokens: usize,
    secrets: Vec<String>,
}

impl IdentityProvider {
    /// Starts it with `changes`.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    pub async fn start(changes: Changes) -> Self {
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let authority = listener.authority().clone();
        let desk = Arc::new(Desk {
            changes,
            seen: Mutex::default(),
        });
        lock(&desk.seen).issuer = format!("http://{authority}");
        let at_desk = Arc::clone(&desk);
        let server = listener.serve(Limits::default(), move |request| {
            let answer = at_desk.answer(&request.map(|body| body.to_vec()));
            async move { answer.map(Into::into) }
        });
        Self {
            authority,
            desk,
            _server: server,
        }
    }

    /// Who it is on loopback.
    pub fn issuer(&self) -> String {
        format!("http://{}", self.authority)
    }
}

impl Desk {
    fn answer(&self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        let mut seen = lock(&self.seen);
        match request.uri().path() {
            "/.well-known/openid-configuration" => self.discovery(&seen.issuer),
            "/keys" => self.keys(&mut seen),
            "/authorize" => self.authorize(
                &mut seen,
                request.uri().query().unwrap_or_default().as_bytes(),
            ),
            "/device" => self.device(&mut seen),
            "/token" => self.token(&mut seen, request.body()),
            _ => respond(StatusCode::NOT_FOUND, "text/plain", "nothing here")
                .map(|body| body.to_vec()),
        }
    }

    fn discovery(&self, issuer: &str) -> Response<Vec<u8>> {
        let mut answer = Answer::right(json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "device_authorization_endpoint": format!("{issuer}/device"),
            "jwks_uri": format!("{issuer}/keys"),
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "code_challenge_methods_supported": ["S256"],
        }));
        (self.changes.discovery)(&mut answer);
        answer.response()
    }

    fn keys(&self, seen: &mut Seen) -> Response<Vec<u8>> {
        let mut answer = Answer::right(json!({ "keys": [rsa_jwk(), ec_jwk()] }));
        (self.changes.keys)(&mut answer, seen.key_fetches);
        seen.key_fetches += 1;
        answer.response()
    }

    fn token(&self, seen: &mut Seen, form: &[u8]) -> Response<Vec<u8>> {
        let asked = parameters(form);
        if asked["grant_type"] == "refresh_token" {
            return self.renewal(seen, &asked["refresh_token"]);
        }
        if let Some(code) = asked.get("device_code") {
            assert_eq!(code, DEVICE_CODE);
            return self.polled(seen);
        }
        assert_eq!(asked["code"], CODE);
        seen.secrets.push(asked["code_verifier"].clone());
        let mut token = Token::right(&seen.issuer);
        token.claims["nonce"] = seen.nonce.as_str().into();
        token.state.clone_from(&seen.state);
        (self.changes.token)(&mut token);
        let mut answer = seen.right_answer(token);
        // For stories in which the provider echoes what it was sent.
        answer.json["code_verifier"] = asked["code_verifier"].as_str().into();
        (self.changes.grant)(&mut answer);
        seen.given(&answer);
        answer.response()
    }
}

impl Seen {
    /// What the token endpoint is to say, with a refresh token that was not there before.
    fn right_answer(&mut self, token: Token) -> Answer {
        let token = self.signed(token);
        let mut answer = Answer::right(json!({
            "access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 3600, "scope": "openid email", "id_token": token,
        }));
        if self.is_to_last {
            self.refresh_tokens += 1;
            answer.json["refresh_token"] = format!("{REFRESH_TOKEN}{}", self.refresh_tokens).into();
        }
        answer
    }

    fn signed(&mut self, token: Token) -> String {
        let token = token.signed();
        let parts = token.split('.').filter(|part| part.len() > 20);
        self.secrets.extend(parts.map(str::to_owned));
        token
    }

    /// Takes the refresh token of an answer for the newest, if it is one that can be read.
    fn given(&mut self, answer: &Answer) {
        let is_read = answer.status == 200 && answer.text.is_none();
        let token = answer.json["refresh_token"].as_str();
        if let Some(token) = token.filter(|token| is_read && !token.is_empty()) {
            token.clone_into(&mut self.refresh_token);
            self.secrets.push(token.to_owned());
        }
    }
}

fn parameters(form: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(form).into_owned().collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
