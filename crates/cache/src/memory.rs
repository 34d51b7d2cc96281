//! A store that ends with the process.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use crate::{Entry, Key, Lock, Secret, Store, StoreError};

/// Keeps entries in this process only. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    entries: BTreeMap<Key, (Secret, SystemTime)>,
    locks: HashSet<Key>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn load(&self, key: &Key) -> Result<Option<Secret>, StoreError> {
        Ok(self
            .held()
            .entries
            .get(key)
            .map(|(secret, _)| secret.clone()))
    }

    fn save(&self, key: &Key, secret: &Secret) -> Result<(), StoreError> {
        self.held()
            .entries
            .insert(*key, (secret.clone(), SystemTime::now()));
        Ok(())
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.held().entries.remove(key);
        Ok(())
    }

    fn list(&self) -> Result<Vec<Entry>, StoreError> {
        let entry = |(key, (secret, modified)): (&Key, &(Secret, SystemTime))| Entry {
            key: *key,
            modified: *modified,
            len: secret.expose().len() as u64,
        };
        Ok(self.held().entries.iter().map(entry).collect())
    }

    fn try_lock(&self, key: &Key) -> Result<Option<Lock>, StoreError> {
        let taken = self.held().locks.insert(*key);
        Ok(taken.then(|| {
            Lock::new(Unlock {
                store: self.clone(),
                key: *key,
            })
        }))
    }
}

struct Unlock {
    store: MemoryStore,
    key: Key,
}

impl Drop for Unlock {
    fn drop(&mut self) {
        self.store.held().locks.remove(&self.key);
    }
}
