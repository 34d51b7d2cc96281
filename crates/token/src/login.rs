//! Signing in through a browser: the authorization code flow with PKCE (RFC 6749, 7636, 8252, 9700; OpenID Connect Core).
//!
//! A [`Login`] is a [`Source`]: it gives the ID token that it keeps while that lives, and lets a person sign in when it
//! does not and a person may be asked.

pub mod browser;
mod callback;
mod discovery;
mod flow;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzz;
mod grant;
mod keys;
mod page;
mod prompt;
mod redirect;
mod request;
mod sign_in;
mod verify;

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use keyless_cache::{Cache, Clock, Interaction, Key, Store, Windows};

use crate::endpoint;
use crate::error::{TokenError, TokenErrorKind};
use crate::http::HttpClient;
use crate::id_token::{CLOCK_TOLERANCE, IdToken};
use crate::source::{BoxFuture, Source};

pub use prompt::{Prompt, SignInPage};
pub use redirect::RedirectHost;
pub use sign_in::SignIn;

/// A person who signs in with a browser.
///
/// Clones share what is kept. One sign-in serves everybody who waits for it, in this process and, with a store, in
/// others; a caller who gives up does not end it.
#[derive(Clone)]
pub struct Login {
    settings: Arc<Settings>,
    key: Key,
    store: Option<Arc<dyn Store>>,
    cache: Cache<SignIn, TokenError>,
}

/// What one sign-in needs to know.
struct Settings {
    issuer: String,
    client_id: String,
    scopes: Vec<String>,
    extra: Vec<(String, String)>,
    redirect_host: RedirectHost,
    ports: RangeInclusive<u16>,
    timeout: Duration,
    leeway: Duration,
    http: Arc<dyn HttpClient>,
    prompt: Option<Arc<dyn Prompt>>,
    clock: Clock,
}

impl Login {
    /// A sign-in at `issuer`, which is kept to the letter, for the client `client_id`.
    pub fn builder(
        issuer: impl Into<String>,
        client_id: impl Into<String>,
        http: impl HttpClient,
    ) -> LoginBuilder {
        LoginBuilder {
            settings: Settings {
                issuer: issuer.into(),
                client_id: client_id.into(),
                scopes: vec!["openid".into(), "email".into()],
                extra: Vec::new(),
                redirect_host: RedirectHost::default(),
                ports: 0..=0,
                timeout: Duration::from_mins(5),
                leeway: Duration::from_mins(1),
                http: Arc::new(http),
                prompt: None,
                clock: Clock::system(),
            },
            store: None,
        }
    }

    /// Lets a person sign in now, whatever is kept.
    pub async fn sign_in(&self) -> Result<IdToken, TokenError> {
        self.cache
            .renew(Interaction::Allowed)
            .await
            .map(|sign_in| sign_in.token().clone())
    }

    /// What is kept, expired or not.
    pub fn stored(&self) -> Option<SignIn> {
        self.cache.stored()
    }

    /// Where the person signs in.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// What sign-ins with these settings are kept under: issuer, client, scopes and extra parameters.
    pub fn key(&self) -> Key {
        self.key
    }
}

impl Source<IdToken> for Login {
    fn proof(&self, interaction: Interaction) -> BoxFuture<'_, Result<IdToken, TokenError>> {
        Box::pin(async move {
            self.cache
                .get(interaction)
                .await
                .map(|sign_in| sign_in.token().clone())
        })
    }

    fn held(&self) -> Option<IdToken> {
        self.cache.peek().map(|sign_in| sign_in.token().clone())
    }

    /// From the store, if there is one: another process may have signed somebody else in.
    fn latest(&self) -> Option<IdToken> {
        let latest = match &self.store {
            Some(store) => keyless_cache::read::<SignIn>(store, &self.key)
                .ok()
                .flatten(),
            None => self.stored(),
        };
        latest.map(|sign_in| sign_in.token().clone())
    }

    fn sign_in(&self) -> Option<Key> {
        Some(self.key)
    }

    fn forget(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.cache.forget())
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("issuer", &self.settings.issuer)
            .field("client_id", &self.settings.client_id)
            .field("scopes", &self.settings.scopes)
            .finish_non_exhaustive()
    }
}

/// The settings of a [`Login`].
#[must_use]
pub struct LoginBuilder {
    settings: Settings,
    store: Option<Arc<dyn Store>>,
}

impl LoginBuilder {
    /// The scopes to ask for; `openid` is always among them. Default: `openid email`.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.settings.scopes = scopes.into_iter().map(Into::into).collect();
        if !self.settings.scopes.iter().any(|scope| scope == "openid") {
            self.settings.scopes.insert(0, "openid".into());
        }
        self
    }

    /// One more parameter of the authorization request, such as `connection=github` at Auth0, or what OpenID Connect
    /// itself defines (Core §3.1.2.1): `prompt=login` (ask again, whoever is signed in), `prompt=select_account`,
    /// `login_hint=alice@example.com`, `acr_values=…`.
    pub fn authorize(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.extra.push((name.into(), value.into()));
        self
    }

    /// How long ago the person may have proved who they are to the identity provider, in whole seconds; it asks them again
    /// if it was longer (`max_age`, Core §3.1.2.1). A token that does not confirm it (`auth_time`) is refused.
    pub fn max_age(self, max_age: Duration) -> Self {
        self.authorize("max_age", max_age.as_secs().to_string())
    }

    /// What the redirect address calls this machine, for an identity provider that allows one name alone. Default: `127.0.0.1`.
    pub fn redirect_host(mut self, host: RedirectHost) -> Self {
        self.settings.redirect_host = host;
        self
    }

    /// Listens on this port, for an identity provider that allows no other. Default, and 0: any free one, which nobody can
    /// wait at beforehand.
    pub fn port(self, port: u16) -> Self {
        self.ports(port..=port)
    }

    /// Listens on the first of these ports that is free.
    pub fn ports(mut self, ports: RangeInclusive<u16>) -> Self {
        self.settings.ports = ports;
        self
    }

    /// How long a person has to sign in. Default: five minutes.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// How far this machine's clock and the issuer's may be apart when the token's times are judged; at most five minutes,
    /// as at AWS. Default: one minute.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.settings.leeway = leeway;
        self
    }

    /// Who tells the person. Without a prompt nobody is ever asked.
    pub fn prompt(mut self, prompt: impl Prompt) -> Self {
        self.settings.prompt = Some(Arc::new(prompt));
        self
    }

    /// Keeps sign-ins in `store`. Default: in memory.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Judges times by `clock` instead of the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// The finished [`Login`].
    ///
    /// # Errors
    /// [`TokenErrorKind::Misconfigured`] for an issuer that is not https (or on loopback), an empty client id, ports that
    /// are none, or a parameter that would undo a check or is there twice.
    pub fn build(self) -> Result<Login, TokenError> {
        let Self { settings, store } = self;
        endpoint::secure("the issuer", &settings.issuer)?;
        if settings.client_id.is_empty() {
            return Err(
                TokenError::new(TokenErrorKind::Misconfigured, "the client id is empty")
                    .with_advice("give the client id of the application at the identity provider"),
            );
        }
        if settings.leeway > CLOCK_TOLERANCE {
            return Err(TokenError::new(
                TokenErrorKind::Misconfigured,
                format!(
                    "a leeway of {} seconds is more than AWS allows",
                    settings.leeway.as_secs()
                ),
            )
            .with_advice("give at most 300 seconds"));
        }
        redirect::check_ports(&settings.ports)?;
        request::check_extra(&settings.extra)?;
        request::max_age(&settings.extra)?;
        let key = Key::of("sign-in")
            .part("issuer", &settings.issuer)
            .part("client", &settings.client_id)
            .parts("scopes", &settings.scopes)
            .parts(
                "authorize",
                settings
                    .extra
                    .iter()
                    .flat_map(|(name, value)| [name, value]),
            )
            .finish();
        let settings = Arc::new(settings);
        let clock = settings.clock.clone();
        let asked = Arc::clone(&settings);
        let mut cache = Cache::new(move |before: Option<SignIn>, interaction| {
            let settings = Arc::clone(&asked);
            flow::sign_in(settings, before, interaction)
        })
        .windows(Windows::proofs())
        .clock(clock);
        if let Some(store) = &store {
            cache = cache.persist(Arc::clone(store), key);
        }
        Ok(Login {
            settings,
            key,
            store,
            cache,
        })
    }
}

impl fmt::Debug for LoginBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginBuilder")
            .field("issuer", &self.settings.issuer)
            .finish_non_exhaustive()
    }
}

/// What there is to do when an identity provider breaks a rule.
const TELL: &str =
    "sign in again; if that fails too, tell whoever runs the identity provider what this says";
