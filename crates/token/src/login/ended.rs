//! What stays of a sign-in that the identity provider has ended: when, and what it said.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keyless_cache::{Expiring, Key, MemoryStore, Store};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

/// That the identity provider no longer takes the refresh token of a sign-in (`invalid_grant`, RFC 6749 §5.2). Sessions go on until their end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Seconds since 1970.
    ended_at: u64,
    said: String,
}

impl Ended {
    pub(super) fn new(at: SystemTime, said: String) -> Self {
        let since = at.duration_since(SystemTime::UNIX_EPOCH);
        Self {
            ended_at: since.unwrap_or_default().as_secs(),
            said,
        }
    }

    /// When the refusal was met, to the second. The identity provider may have ended the sign-in earlier.
    pub fn at(&self) -> SystemTime {
        let since = Duration::from_secs(self.ended_at);
        SystemTime::UNIX_EPOCH
            .checked_add(since)
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// What the identity provider said: `invalid_grant`, and its reason where it gave one. Fit to be shown.
    pub fn said(&self) -> &str {
        &self.said
    }
}

impl Expiring for Ended {
    /// Nobody asks after it a month later.
    fn expires_at(&self) -> SystemTime {
        let at = self.at();
        at.checked_add(Duration::from_hours(30 * 24)).unwrap_or(at)
    }
}

/// The entry beside a sign-in that holds this. It holds no secret.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    store: Arc<dyn Store>,
    key: Key,
}

impl Mark {
    pub(super) fn new(store: Option<Arc<dyn Store>>, sign_in: Key) -> Self {
        let key = Key::of("ended").part("sign-in", sign_in.to_string());
        Self {
            store: store.unwrap_or_else(|| Arc::new(MemoryStore::new())),
            key: key.finish(),
        }
    }

    /// What there is to know at this moment. Blocks for a moment.
    pub(super) fn read(&self, now: SystemTime) -> Option<Ended> {
        let ended: Option<Ended> = keyless_cache::read(&*self.store, &self.key).ok()?;
        ended.filter(|ended| ended.expires_at() > now)
    }

    pub(super) async fn set(&self, ended: Ended) {
        let (mark, now) = (self.clone(), ended.at());
        off_thread(move || keyless_cache::write(&*mark.store, &mark.key, ended, now)).await;
    }

    pub(super) async fn clear(&self) {
        let mark = self.clone();
        off_thread(move || match mark.store.load(&mark.key) {
            Ok(None) => Ok(()), // which would leave a lock behind
            _ => mark.store.remove(&mark.key),
        })
        .await;
    }
}

/// A mark that cannot be kept is a word less, and stops nobody.
async fn off_thread(work: impl FnOnce() -> Result<(), keyless_cache::StoreError> + Send + 'static) {
    if let Ok(Err(error)) = spawn_blocking(work).await {
        tracing::debug!("{error}; {}", error.advice());
    }
}
