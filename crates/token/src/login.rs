//! Signing in at an OpenID provider: the authorization code flow with PKCE in a browser (RFC 6749, 7636, 8252, 9700; OpenID Connect Core), the same
//! with a browser elsewhere, a code for another device (RFC 8628), or the implicit flow for an application that allows nothing else.
//!
//! A [`Login`] is a [`Source`]: it gives the ID token that it keeps while that lives, and lets a person sign in when it
//! does not and a person may be asked.

mod asking;
pub mod browser;
mod builder;
mod callback;
mod client;
mod device;
mod discovery;
mod dpop;
mod end_session;
mod ended;
mod flow;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzz;
mod grant;
mod jws;
mod keys;
mod onward;
mod page;
mod port;
mod prompt;
mod pushed;
mod redirect;
mod refresh;
mod relay;
mod request;
mod response;
mod revoke;
mod secret_place;
mod shared_entry;
mod sign_in;
mod vault;
mod verify;
mod ways;

use std::fmt;
use std::ops::{Deref, RangeInclusive};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keyless_cache::{Cache, Clock, Expiring, Interaction, Key, Word};
use tokio::task::spawn_blocking;
use url::Url;

use crate::error::TokenError;
use crate::http::HttpClient;
use crate::id_token::IdToken;
use crate::source::{BoxFuture, Source};

#[cfg(feature = "saml")]
pub(crate) use asking::Asking;
pub use builder::LoginBuilder;
#[cfg(feature = "saml")]
pub(crate) use callback::{Waiting, WayBack};
use client::Client;
pub use client::ClientAuthentication;
use dpop::Nonce;
pub use end_session::{EndOfSession, SignOutPage};
pub use ended::Ended;
use ended::Mark;
pub use flow::Flow;
pub use prompt::{DeviceCode, Prompt, SignInPage, SignedIn};
pub use redirect::RedirectHost;
#[cfg(feature = "saml")]
pub(crate) use redirect::check_ports;
use request::Wanted;
pub use request::{ResponseMode, ResponseType};
#[cfg(feature = "saml")]
pub(crate) use response::{Judge, Parameters, Verdict};
pub use secret_place::SecretPlace;
pub(crate) use shared_entry::SharedEntry;
pub use sign_in::SignIn;
use vault::Vault;
use ways::Way;
pub use ways::asks_to_stay_signed_in;

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
struct Plan {
    issuer: String,
    client_id: String,
    scopes: Vec<String>,
    extra: Vec<(String, String)>,
    flows: Vec<Flow>,
    wanted: Wanted,
    way: &'static Way,
    /// Whether a refresh token is asked for. One that comes unasked is not kept.
    stays_signed_in: bool,
    redirect_host: RedirectHost,
    ports: RangeInclusive<u16>,
    timeout: Duration,
    leeway: Duration,
    sign_out_page: Option<Url>,
    http: Arc<dyn HttpClient>,
    prompt: Option<Arc<dyn Prompt>>,
    clock: Clock,
    client: Client,
    /// Whether refresh tokens are bound to a key where that is offered (RFC 9449).
    dpop: bool,
}

/// A plan, and where what comes of it is kept.
struct Settings {
    plan: Plan,
    entry: SharedEntry,
    vault: Vault,
    ended: Mark,
    /// Held while a refresh token is on its way, until the next one is kept.
    spending: tokio::sync::Mutex<()>,
    /// What the identity provider wants in the next proof.
    nonce: Nonce,
}

impl Deref for Settings {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.plan
    }
}

impl Settings {
    /// The sign-in in the store, if it is another than `before` and good for a while.
    async fn renewed_since(&self, before: Option<&SignIn>) -> Option<SignIn> {
        let (store, key) = (self.entry.store.clone()?, self.entry.key);
        let read = move || keyless_cache::read::<SignIn>(&*store, &key);
        let stored = spawn_blocking(read).await.ok()?.ok()??;
        let is_new = before.is_none_or(|before| before.token() != stored.token());
        (is_new && stored.expires_at() > self.clock.now() + A_WHILE).then_some(stored)
    }

    /// Writes the sign-in where nobody has locked the entry, since the store has no locks: whoever has the next turn with the refresh token finds it
    /// there. Elsewhere the cache keeps it before it lets the lock go.
    async fn leave_without_a_lock(&self, sign_in: &SignIn) {
        let Some(store) = self.entry.store.clone() else {
            return;
        };
        let (key, sign_in, now) = (self.entry.key, sign_in.clone(), self.clock.now());
        let write = move || {
            if store.try_lock(&key).is_err()
                && let Err(error) = keyless_cache::write(&*store, &key, sign_in, now)
            {
                tracing::debug!("{error}; {}", error.advice());
            }
        };
        let _ = spawn_blocking(write).await; // the cache tries as well
    }
}

impl Login {
    /// A sign-in at `issuer`, which is kept to the letter, for the client `client_id`.
    pub fn builder(
        issuer: impl Into<String>,
        client_id: impl Into<String>,
        http: impl HttpClient,
    ) -> LoginBuilder {
        LoginBuilder::new(issuer.into(), client_id.into(), Arc::new(http))
    }

    /// Lets a person sign in now, whatever is kept.
    pub async fn sign_in(&self) -> Result<IdToken, TokenError> {
        self.cache
            .renew(Interaction::Required)
            .await
            .map(|sign_in| sign_in.token().clone())
    }

    /// What other processes that share the store say of the sign-in now: that a person is being asked, or has said no or let it lapse less than half
    /// a minute ago; until then nobody is asked again. It reads the store on the calling thread.
    pub fn word(&self) -> Word<TokenError> {
        self.settings.entry.word()
    }

    /// Since when a person is being asked, by whichever process that shares the store. It reads the store on the calling thread.
    pub fn asking_since(&self) -> Option<SystemTime> {
        self.settings.entry.asking_since()
    }

    /// What that person is shown to do, where another can do it as well: a code to enter on another device. From the store, which it reads on the
    /// calling thread: pass it through [`text::printable`](crate::text::printable) before you show it.
    pub fn shown(&self) -> Option<String> {
        self.settings.entry.shown()
    }

    /// Ends the sign-in that another process has open, so that a person can be asked anew; whether there was one. It takes that process a moment.
    /// It writes to the store on the calling thread.
    pub fn call_off(&self) -> bool {
        self.settings.entry.call_off()
    }

    /// Forgets that a person has said no ([`Word::Failed`]), because somebody wants to try again. It writes to the store on the calling thread.
    pub fn forget_refusal(&self) {
        self.settings.entry.forget_refusal();
    }

    /// Waits until no refresh token is on its way that would be lost if the process ended now. For a process that ends before what it began
    /// in the background.
    pub async fn settle(&self) {
        drop(self.settings.spending.lock().await);
    }

    /// Calls off a sign-in that is open, drops the one that is kept and the refresh token, then lets the identity provider revoke that (RFC 7009); whether it has, since not every one
    /// offers to.
    ///
    /// # Errors
    /// Where the refresh token could not be revoked, or not even opened. Here it is forgotten all the same.
    pub async fn sign_out(&self) -> Result<bool, TokenError> {
        self.settings.entry.call_off_to_forget().await;
        let vault = &self.settings.vault;
        let kept = vault.open().await;
        vault.forget().await;
        self.cache.forget().await;
        self.settings.ended.clear().await;
        match kept {
            Ok(Some(kept)) => revoke::revoke(&self.settings, &kept.refresh_token).await,
            Ok(None) => Ok(false),
            Err(error) => Err(revoke::unopened(&error)),
        }
    }

    /// That the identity provider has ended the sign-in, where it has said so since somebody signed in; forgotten after a month. It reads the store
    /// on the calling thread.
    pub fn ended(&self) -> Option<Ended> {
        self.settings.ended.read(self.settings.clock.now())
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
        self.settings.entry.key
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

    fn latest(&self) -> Option<IdToken> {
        let latest = self.settings.entry.latest(&self.cache)?;
        Some(latest.token().clone())
    }

    fn sign_in(&self) -> Option<Key> {
        Some(self.key())
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

/// How long a sign-in must be good for to spare its renewal.
const A_WHILE: Duration = Duration::from_secs(30);

/// What there is to do when an identity provider breaks a rule.
const TELL: &str =
    "sign in again; if that fails too, tell whoever runs the identity provider what this says";
