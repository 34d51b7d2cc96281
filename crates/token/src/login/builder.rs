//! The settings of a sign-in, put together and checked.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use keyless_cache::{Cache, Clock, Key, MemoryStore, Notices, Store, Telling, Windows};

use super::prompt::Prompt;
use super::redirect::{self, RedirectHost};
use super::sign_in::SignIn;
use super::vault::Vault;
use super::{Login, Settings, flow, request};
use crate::endpoint;
use crate::error::{TokenError, TokenErrorKind};
use crate::http::HttpClient;
use crate::id_token::CLOCK_TOLERANCE;

/// The settings of a [`Login`].
#[must_use]
pub struct LoginBuilder {
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
    store: Option<Arc<dyn Store>>,
    vault: Option<Arc<dyn Store>>,
}

impl LoginBuilder {
    pub(super) fn new(issuer: String, client_id: String, http: Arc<dyn HttpClient>) -> Self {
        Self {
            issuer,
            client_id,
            scopes: vec!["openid".into(), "email".into()],
            extra: Vec::new(),
            redirect_host: RedirectHost::default(),
            ports: 0..=0,
            timeout: Duration::from_mins(5),
            leeway: Duration::from_mins(1),
            http,
            prompt: None,
            clock: Clock::system(),
            store: None,
            vault: None,
        }
    }

    /// The scopes to ask for; `openid` is always among them. Default: `openid email`.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        if !self.scopes.iter().any(|scope| scope == "openid") {
            self.scopes.insert(0, "openid".into());
        }
        self
    }

    /// One more parameter of the authorization request, such as `connection=github` at Auth0, or what OpenID Connect
    /// itself defines (Core §3.1.2.1): `prompt=login` (ask again, whoever is signed in), `prompt=select_account`,
    /// `login_hint=alice@example.com`, `acr_values=…`.
    pub fn authorize(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra.push((name.into(), value.into()));
        self
    }

    /// How long ago the person may have proved who they are to the identity provider, in whole seconds; it asks them again
    /// if it was longer (`max_age`, Core §3.1.2.1). A token that does not confirm it (`auth_time`) is refused.
    pub fn max_age(self, max_age: Duration) -> Self {
        self.authorize("max_age", max_age.as_secs().to_string())
    }

    /// What the redirect address calls this machine, for an identity provider that allows one name alone. Default: `127.0.0.1`.
    pub fn redirect_host(mut self, host: RedirectHost) -> Self {
        self.redirect_host = host;
        self
    }

    /// Listens on this port, for an identity provider that allows no other. Default, and 0: any free one, which nobody can
    /// wait at beforehand.
    pub fn port(self, port: u16) -> Self {
        self.ports(port..=port)
    }

    /// Listens on the first of these ports that is free.
    pub fn ports(mut self, ports: RangeInclusive<u16>) -> Self {
        self.ports = ports;
        self
    }

    /// How long a person has to sign in. Default: five minutes.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How far this machine's clock and the issuer's may be apart when the token's times are judged; at most five minutes,
    /// as at AWS. Default: one minute.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Who tells the person. Without a prompt nobody is ever asked.
    pub fn prompt(mut self, prompt: impl Prompt) -> Self {
        self.prompt = Some(Arc::new(prompt));
        self
    }

    /// Keeps sign-ins in `store`. Default: in memory.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Keeps refresh tokens in `store`, under locks of its own. Default: in memory. One is asked for by the scope `offline_access`, and not
    /// kept otherwise.
    ///
    /// It lasts for weeks: give it a store that seals what it keeps.
    pub fn refresh_tokens_in(mut self, store: impl Store) -> Self {
        self.vault = Some(Arc::new(store));
        self
    }

    /// Judges times by `clock` instead of the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The finished [`Login`].
    ///
    /// # Errors
    /// [`TokenErrorKind::Misconfigured`] for an issuer that is not https (or on loopback), an empty client id, ports that
    /// are none, or a parameter that would undo a check or is there twice.
    pub fn build(self) -> Result<Login, TokenError> {
        endpoint::secure("the issuer", &self.issuer)?;
        if self.client_id.is_empty() {
            return Err(
                TokenError::new(TokenErrorKind::Misconfigured, "the client id is empty")
                    .with_advice("give the client id of the application at the identity provider"),
            );
        }
        if self.leeway > CLOCK_TOLERANCE {
            return Err(TokenError::new(
                TokenErrorKind::Misconfigured,
                format!(
                    "a leeway of {} seconds is more than AWS allows",
                    self.leeway.as_secs()
                ),
            )
            .with_advice("give at most 300 seconds"));
        }
        redirect::check_ports(&self.ports)?;
        request::check_extra(&self.extra)?;
        request::max_age(&self.extra)?;
        let settings = Arc::new(self.settings());
        let asked = Arc::clone(&settings);
        let mut cache = Cache::new(move |before: Option<SignIn>, interaction| {
            flow::sign_in(Arc::clone(&asked), before, interaction)
        })
        .windows(Windows::proofs())
        .clock(settings.clock.clone());
        if let Some(store) = &settings.store {
            cache = cache.persist(Arc::clone(store), settings.key);
        }
        if let Some(notices) = &settings.notices {
            cache = cache.notices(notices.clone());
        }
        Ok(Login { settings, cache })
    }

    fn settings(self) -> Settings {
        let key = Key::of("sign-in")
            .part("issuer", &self.issuer)
            .part("client", &self.client_id)
            .parts("scopes", &self.scopes)
            .parts(
                "authorize",
                self.extra.iter().flat_map(|(name, value)| [name, value]),
            )
            .finish();
        let vault = self.vault.unwrap_or_else(|| Arc::new(MemoryStore::new()));
        let clock = self.clock;
        let notices = self
            .store
            .clone()
            .map(|store| Notices::new(store, key, telling).clock(clock.clone()));
        Settings {
            issuer: self.issuer,
            client_id: self.client_id,
            scopes: self.scopes,
            extra: self.extra,
            redirect_host: self.redirect_host,
            ports: self.ports,
            timeout: self.timeout,
            leeway: self.leeway,
            http: self.http,
            prompt: self.prompt,
            clock,
            key,
            store: self.store,
            vault: Vault::new(vault, key),
            spending: tokio::sync::Mutex::default(),
            notices,
        }
    }
}

/// A no, and a sign-in that was let lapse, is what everybody is told: nobody wants the page again who has just closed it.
fn telling(error: &TokenError) -> Telling {
    match error.kind() {
        TokenErrorKind::LoginRequired => Telling::Nobody,
        TokenErrorKind::Refused | TokenErrorKind::TimedOut => Telling::Everybody(MEMORY_OF_NO),
        _ => Telling::Waiting,
    }
}

impl fmt::Debug for LoginBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginBuilder")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// How long a person who said no is not asked again.
const MEMORY_OF_NO: Duration = Duration::from_secs(30);
