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
mod refresh;
mod request;
mod revoke;
mod sign_in;
mod vault;
mod verify;

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keyless_cache::{
    Cache, Clock, Expiring, Interaction, Key, MemoryStore, Notices, Store, Telling, Windows,
};
use tokio::task::spawn_blocking;

use crate::endpoint;
use crate::error::{TokenError, TokenErrorKind};
use crate::http::HttpClient;
use crate::id_token::{CLOCK_TOLERANCE, IdToken};
use crate::source::{BoxFuture, Source};

pub use prompt::{Prompt, SignInPage};
pub use redirect::RedirectHost;
pub use sign_in::SignIn;
use vault::Vault;

/// A person who signs in with a browser.
///
/// Clones share what is kept. One sign-in serves everybody who waits for it, in this process and, with a store, in
/// others; a caller who gives up does not end it.
#[derive(Clone)]
pub struct Login {
    settings: Arc<Settings>,
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
    /// What the sign-in is kept under.
    key: Key,
    store: Option<Arc<dyn Store>>,
    vault: Vault,
    /// Held while a refresh token is on its way, until the next one is kept.
    spending: tokio::sync::Mutex<()>,
    notices: Option<Notices<TokenError>>,
}

impl Settings {
    /// Whether a refresh token was asked for (OpenID Connect Core §11; Google has a parameter of its own). One that comes unasked is not
    /// kept.
    fn stays_signed_in(&self) -> bool {
        self.scopes.iter().any(|scope| scope == "offline_access")
            || self
                .extra
                .iter()
                .any(|(name, value)| name == "access_type" && value == "offline")
    }

    /// The sign-in in the store, if it is another than `before` and good for a while.
    async fn renewed_since(&self, before: Option<&SignIn>) -> Option<SignIn> {
        let (store, key) = (self.store.clone()?, self.key);
        let read = move || keyless_cache::read::<SignIn>(&*store, &key);
        let stored = spawn_blocking(read).await.ok()?.ok()??;
        let is_new = before.is_none_or(|before| before.token() != stored.token());
        (is_new && stored.expires_at() > self.clock.now() + A_WHILE).then_some(stored)
    }
}

impl Login {
    /// A sign-in at `issuer`, which is kept to the letter, for the client `client_id`.
    pub fn builder(
        issuer: impl Into<String>,
        client_id: impl Into<String>,
        http: impl HttpClient,
    ) -> LoginBuilder {
        LoginBuilder {
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
            store: None,
            vault: None,
        }
    }

    /// Lets a person sign in now, whatever is kept.
    pub async fn sign_in(&self) -> Result<IdToken, TokenError> {
        self.cache
            .renew(Interaction::Required)
            .await
            .map(|sign_in| sign_in.token().clone())
    }

    /// Since when a person is being asked, by whichever process that shares the store. It reads the store on the calling thread.
    pub fn asking_since(&self) -> Option<SystemTime> {
        self.settings.notices.as_ref()?.asking_since()
    }

    /// That a person has said no, or has let a sign-in lapse, in whichever process that shares the store, less than half a minute ago; until
    /// then nobody is asked again. It reads the store on the calling thread.
    pub fn refused(&self) -> Option<TokenError> {
        self.settings.notices.as_ref()?.remembered()
    }

    /// Forgets what [`refused`](Self::refused) says, because somebody wants to try again. It writes to the store on the calling thread.
    pub fn forget_refusal(&self) {
        if let Some(notices) = &self.settings.notices {
            notices.forget();
        }
    }

    /// Waits until no refresh token is on its way that would be lost if the process ended now. For a process that ends before what it began
    /// in the background.
    pub async fn settle(&self) {
        drop(self.settings.spending.lock().await);
    }

    /// Drops the sign-in and the refresh token, then lets the identity provider revoke that (RFC 7009); whether it has, since not every one
    /// offers to.
    ///
    /// # Errors
    /// Where the refresh token could not be revoked. Here it is forgotten all the same.
    pub async fn sign_out(&self) -> Result<bool, TokenError> {
        let vault = &self.settings.vault;
        let kept = match vault.holds_one().await {
            Some(false) => None,
            _ => vault.read().await,
        };
        vault.forget().await;
        self.cache.forget().await;
        match kept {
            Some(kept) => revoke::revoke(&self.settings, &kept.refresh_token).await,
            None => Ok(false),
        }
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
        self.settings.key
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
        let latest = match &self.settings.store {
            Some(store) => keyless_cache::read::<SignIn>(store, &self.settings.key)
                .ok()
                .flatten(),
            None => self.stored(),
        };
        latest.map(|sign_in| sign_in.token().clone())
    }

    fn sign_in(&self) -> Option<Key> {
        Some(self.settings.key)
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

/// How long a sign-in must be good for to spare its renewal.
const A_WHILE: Duration = Duration::from_secs(30);

/// What there is to do when an identity provider breaks a rule.
const TELL: &str =
    "sign in again; if that fails too, tell whoever runs the identity provider what this says";
