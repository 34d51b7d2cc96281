//! The entry that a sign-in is kept in, and the word about it that the processes which share a store leave each other.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keyless_cache::{
    Cache, Clock, Expiring, Interaction, Key, Notices, Store, Telling, Windows, Word,
};

use tokio::task::spawn_blocking;

use crate::error::{TokenError, TokenErrorKind};

/// How long a person who said no is not asked again.
const MEMORY_OF_NO: Duration = Duration::from_secs(30);

/// Where a sign-in is kept: in memory, and with a store also there, for other processes.
pub(crate) struct SharedEntry {
    pub(crate) key: Key,
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) notices: Option<Notices<TokenError>>,
    clock: Clock,
}

impl SharedEntry {
    pub(crate) fn new(key: Key, store: Option<Arc<dyn Store>>, clock: Clock) -> Self {
        let notices = store
            .clone()
            .map(|store| Notices::new(store, key, telling).clock(clock.clone()));
        Self {
            key,
            store,
            notices,
            clock,
        }
    }

    /// The cache over it, filled by `fetch`.
    pub(crate) fn cache<T: Expiring, Fetched>(
        &self,
        fetch: impl Fn(Option<T>, Interaction) -> Fetched + Send + Sync + 'static,
    ) -> Cache<T, TokenError>
    where
        Fetched: Future<Output = Result<T, TokenError>> + Send + 'static,
    {
        let mut cache = Cache::new(fetch)
            .windows(Windows::proofs())
            .clock(self.clock.clone());
        if let Some(store) = &self.store {
            cache = cache.persist(Arc::clone(store), self.key);
        }
        if let Some(notices) = &self.notices {
            cache = cache.notices(notices.clone());
        }
        cache
    }

    /// What is kept now, good or not: in the store, if there is one, since another process may have signed somebody else in.
    /// On the calling thread.
    pub(crate) fn latest<T: Expiring>(&self, cache: &Cache<T, TokenError>) -> Option<T> {
        match &self.store {
            Some(store) => keyless_cache::read(store, &self.key).ok().flatten(),
            None => cache.stored(),
        }
    }

    pub(crate) fn word(&self) -> Word<TokenError> {
        let notices = self.notices.as_ref();
        notices.map_or(Word::None, Notices::word)
    }

    pub(crate) fn asking_since(&self) -> Option<SystemTime> {
        self.notices.as_ref()?.asking_since()
    }

    pub(crate) fn shown(&self) -> Option<String> {
        self.notices.as_ref()?.shown()
    }

    pub(crate) fn call_off(&self) -> bool {
        self.notices.as_ref().is_some_and(Notices::call_off)
    }

    /// The same before the sign-in is forgotten, off the async threads.
    pub(crate) async fn call_off_to_forget(&self) {
        if let Some(notices) = self.notices.clone() {
            let _ = spawn_blocking(move || notices.call_off()).await; // a panic in there is no reason to keep it
        }
    }

    pub(crate) fn forget_refusal(&self) {
        if let Some(notices) = &self.notices {
            notices.forget();
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
