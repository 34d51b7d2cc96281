//! One entry's place in a store, seen from the cache: off the async threads, and no error but a warning.

use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::task::spawn_blocking;

use crate::{Expiring, Key, Lock, Store, StoreError, envelope::Envelope};

pub(crate) struct Slot<T> {
    store: Arc<dyn Store>,
    key: Key,
    /// What was last warned of: the same trouble is told once.
    warned: Arc<Mutex<Option<StoreError>>>,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            key: self.key,
            warned: self.warned.clone(),
            value: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("store", &self.store)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Whose turn it is to fetch.
pub(crate) enum Turn {
    /// Ours; without a lock where the store has none to give.
    Ours(Option<Lock>),
    Theirs,
}

impl<T: Expiring> Slot<T> {
    pub(crate) fn new(store: impl Store, key: Key) -> Self {
        Self {
            store: Arc::new(store),
            key,
            warned: Arc::default(),
            value: PhantomData,
        }
    }

    /// Reads the entry on this thread.
    pub(crate) fn load_here(&self) -> Option<Envelope<T>> {
        let text = self.or_warn(self.store.load(&self.key))??;
        self.or_warn(Envelope::decode(&self.key, &text))
    }

    /// Tries for the lock, then reads the entry: after the lock if we have it, so that nobody's work is done twice.
    pub(crate) fn take_turn(&self) -> (Turn, Option<Envelope<T>>) {
        let turn = match self.or_warn(self.store.try_lock(&self.key)) {
            Some(None) => Turn::Theirs,
            lock => Turn::Ours(lock.flatten()),
        };
        (turn, self.load_here())
    }

    /// Whether there is an entry, good or not; also where nobody can tell.
    pub(crate) fn is_there(&self) -> bool {
        !matches!(self.store.load(&self.key), Ok(None))
    }

    /// Writes the entry. `wanted` is asked before and after, since what is forgotten meanwhile must not stay.
    pub(crate) fn save(&self, entry: &Envelope<T>, wanted: impl Fn(&Self) -> bool) {
        if !wanted(self) {
            return;
        }
        let saved = entry
            .encode(&self.key)
            .and_then(|text| self.store.save(&self.key, &text));
        self.or_warn(saved);
        if !wanted(self) {
            self.remove();
        }
    }

    pub(crate) fn remove(&self) {
        self.or_warn(self.store.remove(&self.key));
    }

    /// Does what may block, on a thread that may.
    pub(crate) async fn off_thread<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> R + Send + 'static,
    ) -> Option<R> {
        let slot = self.clone();
        let done = spawn_blocking(move || work(&slot)).await;
        self.or_warn(done.map_err(|error| {
            let advice = "report this as a bug of the store";
            StoreError::unavailable(
                "a store that answers",
                if error.is_panic() { "a panic" } else { "none" },
                advice,
            )
        }))
    }

    fn or_warn<R>(&self, result: Result<R, StoreError>) -> Option<R> {
        let error = match result {
            Ok(done) => return Some(done),
            Err(error) => error,
        };
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.as_ref() != Some(&error) {
            tracing::warn!(key = ?self.key, "{error}; {}", error.advice());
            *warned = Some(error);
        }
        None
    }
}
