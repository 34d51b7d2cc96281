//! Where a refresh token rests, and whose turn it is to spend it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use keyless_cache::{Expiring, Key, Lock, Secret, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::dpop::BindingKey;
use crate::error::{TokenError, TokenErrorKind};
use crate::id_token::IdToken;

/// The entry beside a sign-in that holds its refresh token. An entry of its own, so that it can rest in a store that is harder to get at,
/// while the ID token is at hand.
#[derive(Clone)]
pub(super) struct Vault {
    store: Arc<dyn Store>,
    key: Key,
    /// A token that must not be spent again, should the store go on showing it.
    used_up: Arc<Mutex<Option<Secret>>>,
}

/// A refresh token, and what must not change when it is used (OpenID Connect Core §12.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) refresh_token: Secret,
    pub(super) subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nonce: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) auth_time: Option<Value>,
    /// The key that it is bound to (RFC 9449), where it is: worth no more than the token, since both rest in the one place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) binding_key: Option<Secret>,
}

impl Kept {
    /// What is to be kept of a grant to whom `token` is about.
    pub(super) fn new(refresh_token: Secret, token: &IdToken, key: Option<&BindingKey>) -> Self {
        let claim = |name| token.claims().get(name).cloned();
        Self {
            refresh_token,
            subject: token.subject().to_owned(),
            nonce: claim("nonce").and_then(|nonce| nonce.as_str().map(str::to_owned)),
            auth_time: claim("auth_time"),
            binding_key: key.map(|key| key.kept().clone()),
        }
    }

    /// The key that it is bound to.
    pub(super) fn binding(&self) -> Option<BindingKey> {
        self.binding_key.clone().and_then(BindingKey::of_kept)
    }
}

impl Expiring for Kept {
    /// Nobody knows: the identity provider does not say.
    fn expires_at(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365_000)
    }
}

/// The right to use what is kept.
pub(super) struct Turn<'a> {
    vault: &'a Vault,
    _lock: Lock,
}

impl Vault {
    pub(super) fn new(store: Arc<dyn Store>, sign_in: Key) -> Self {
        let key = Key::of("refresh-token").part("sign-in", sign_in.to_string());
        Self {
            store,
            key: key.finish(),
            used_up: Arc::default(),
        }
    }

    /// Waits until nobody else uses what is kept. Where the store has no locks there is no turn (`None`): a rotating token that is spent
    /// twice revokes all that came of the sign-in (RFC 9700 §4.14.2).
    pub(super) async fn turn(&self) -> Result<Option<Turn<'_>>, TokenError> {
        let asked = Instant::now();
        while asked.elapsed() < LONGEST_TURN {
            let key = self.key;
            let Some(lock) = self.off_thread(move |store| store.try_lock(&key)).await else {
                return Ok(None);
            };
            if let Some(lock) = lock {
                return Ok(Some(Turn {
                    vault: self,
                    _lock: lock,
                }));
            }
            sleep(POLL).await;
        }
        Err(TokenError::new(
            TokenErrorKind::Unreachable,
            "another process renews the sign-in and does not come to an end",
        )
        .with_advice("try again, or sign in with `keyless login --force`"))
    }

    /// Whether there is anything to be used, where that can be told: a look that needs no turn, and opens nothing.
    pub(super) async fn holds_one(&self) -> Option<bool> {
        let key = self.key;
        let entries = self.off_thread(Store::list).await?;
        Some(entries.iter().any(|entry| entry.key == key))
    }

    /// What is kept, unless it was used up: to be looked at and taken back, but spent only by whose turn it is.
    pub(super) async fn read(&self) -> Option<Kept> {
        let key = self.key;
        let read = move |store: &dyn Store| match keyless_cache::read::<Kept>(store, &key) {
            Err(StoreError::Corrupt { .. }) => Ok(None),
            read => read,
        };
        let kept = self.off_thread(read).await.flatten();
        self.unless_used_up(kept)
    }

    /// What is kept, unless it was used up, to be taken back; an error where something is kept that cannot be opened.
    pub(super) async fn open(&self) -> Result<Option<Kept>, StoreError> {
        let is_there = self.holds_one().await;
        if is_there == Some(false) {
            return Ok(None);
        }
        let (store, key) = (Arc::clone(&self.store), self.key);
        let opened = spawn_blocking(move || keyless_cache::read::<Kept>(&*store, &key)).await;
        match opened.unwrap_or_else(|_| Err(failed())) {
            Ok(kept) => Ok(self.unless_used_up(kept)),
            // A store that cannot even say what it has, of which it was warned already: there need not be anything.
            Err(StoreError::Unavailable { .. }) if is_there.is_none() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Forgets what is kept, whoever's turn it is. Who is renewing meanwhile does not keep what comes.
    pub(super) async fn forget(&self) {
        let key = self.key;
        self.off_thread(move |store| store.remove(&key)).await;
    }

    /// Does what may block on a thread that may. What fails is warned of: a store that fails is done without.
    async fn off_thread<R: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<R, StoreError> + Send + 'static,
    ) -> Option<R> {
        let store = Arc::clone(&self.store);
        let done = spawn_blocking(move || work(&*store)).await;
        let error = match done.unwrap_or_else(|_| Err(failed())) {
            Ok(done) => return Some(done),
            Err(error) => error,
        };
        let advice = error.advice();
        tracing::warn!("the sign-in cannot be renewed without a person: {error}; {advice}");
        None
    }

    fn unless_used_up(&self, kept: Option<Kept>) -> Option<Kept> {
        kept.filter(|kept| self.used_up().as_ref() != Some(&kept.refresh_token))
    }

    fn used_up(&self) -> MutexGuard<'_, Option<Secret>> {
        self.used_up.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// What is kept, unless it was used up.
    pub(super) async fn read(&self) -> Option<Kept> {
        self.vault.read().await
    }

    /// Keeps it, in place of what was kept, and lasting before it returns whether it did.
    pub(super) async fn keep(&self, kept: Kept, now: SystemTime) -> bool {
        let key = self.vault.key;
        let write = move |store: &dyn Store| keyless_cache::write(store, &key, kept, now);
        self.vault.off_thread(write).await.is_some()
    }

    /// Whether somebody has forgotten what was kept.
    pub(super) async fn is_forgotten(&self) -> bool {
        self.vault.holds_one().await == Some(false)
    }

    /// Forgets `kept`, which is not good any more, also where the store cannot.
    pub(super) async fn discard(&self, kept: &Kept) {
        *self.vault.used_up() = Some(kept.refresh_token.clone());
        self.vault.forget().await;
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vault").field(&self.store).finish()
    }
}

/// What is said of a store that panics.
fn failed() -> StoreError {
    let advice = "report this as a bug of the store";
    StoreError::unavailable("a store that answers", "a panic", advice)
}

/// With the waits for a session and a sign-in that a process holds which was stopped, less than the minute that SDKs give a
/// `credential_process`. Only such a wait that was given up leads here while another renews.
const LONGEST_TURN: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);
