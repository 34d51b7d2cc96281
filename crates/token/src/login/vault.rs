//! Where a refresh token rests, and whose turn it is to spend it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keyless_cache::{Expiring, Key, Lock, Secret, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::error::{TokenError, TokenErrorKind};
use crate::id_token::IdToken;

/// The entry beside a sign-in that holds its refresh token. An entry of its own, so that it can rest in a store that is harder to get at,
/// while the ID token is at hand.
#[derive(Clone)]
pub(super) struct Vault {
    store: Arc<dyn Store>,
    key: Key,
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
}

impl Kept {
    /// What is to be kept of a grant to whom `token` is about.
    pub(super) fn new(refresh_token: Secret, token: &IdToken) -> Self {
        let claim = |name| token.claims().get(name).cloned();
        Self {
            refresh_token,
            subject: token.subject().to_owned(),
            nonce: claim("nonce").and_then(|nonce| nonce.as_str().map(str::to_owned)),
            auth_time: claim("auth_time"),
        }
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
        }
    }

    /// Waits until nobody else uses what is kept. Without a lock there is no turn: a rotating token that is spent twice revokes all
    /// that came of the sign-in (RFC 9700 §4.14.2).
    pub(super) async fn turn(&self) -> Result<Turn<'_>, TokenError> {
        let asked = Instant::now();
        while asked.elapsed() < LONGEST_TURN {
            let key = self.key;
            if let Some(lock) = self.off_thread(move |store| store.try_lock(&key)).await? {
                return Ok(Turn {
                    vault: self,
                    _lock: lock,
                });
            }
            sleep(POLL).await;
        }
        Err(TokenError::new(
            TokenErrorKind::Unreachable,
            "another process renews the sign-in and does not come to an end",
        )
        .with_advice("try again, or sign in with `keyless login --force`"))
    }

    /// Whether there is anything to be used: a look that needs no turn, and opens nothing.
    pub(super) async fn is_empty(&self) -> bool {
        let key = self.key;
        let listed = self.off_thread(Store::list).await;
        !listed.is_ok_and(|entries| entries.iter().any(|entry| entry.key == key))
    }

    /// Forgets what is kept, whoever's turn it is.
    pub(super) async fn forget(&self) {
        let key = self.key;
        let _ = self.off_thread(move |store| store.remove(&key)).await;
    }

    /// Does what may block on a thread that may. What fails is warned of: a store that fails is done without.
    async fn off_thread<R: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, TokenError> {
        let store = Arc::clone(&self.store);
        let done = spawn_blocking(move || work(&*store)).await;
        let failed = |reason: String, advice: &str| {
            tracing::warn!("the sign-in cannot be renewed without a person: {reason}; {advice}");
            TokenError::new(TokenErrorKind::Unreachable, reason).with_advice(advice)
        };
        match done {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(failed(error.to_string(), error.advice())),
            Err(_) => Err(failed(
                "the store for refresh tokens has failed".to_owned(),
                "report this as a bug of the store",
            )),
        }
    }
}

impl Turn<'_> {
    pub(super) async fn read(&self) -> Result<Option<Kept>, TokenError> {
        let key = self.vault.key;
        let read = move |store: &dyn Store| match keyless_cache::read::<Kept>(store, &key) {
            Err(StoreError::Corrupt { .. }) => Ok(None),
            read => read,
        };
        self.vault.off_thread(read).await
    }

    /// Keeps it, in place of what was kept, and lasting before it returns.
    pub(super) async fn keep(&self, kept: Kept, now: SystemTime) -> Result<(), TokenError> {
        let key = self.vault.key;
        let write = move |store: &dyn Store| keyless_cache::write(store, &key, kept, now);
        self.vault.off_thread(write).await
    }

    pub(super) async fn forget(&self) {
        self.vault.forget().await;
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vault").field(&self.store).finish()
    }
}

const LONGEST_TURN: Duration = Duration::from_secs(25);
const POLL: Duration = Duration::from_millis(20);
