//! A store that seals what it keeps.

mod key_file;
mod keys;
#[cfg(feature = "keyring")]
mod os;
mod rotation;
mod seal;
mod source;

use std::{
    thread,
    time::{Duration, Instant},
};

use keys::Keys;
use seal::{Sealed, corrupt, seal};

use crate::{Entry, Key, Lock, Secret, Store, StoreError};

#[cfg(feature = "keyring")]
pub use os::KeyringItem;
pub use rotation::Rotated;
pub use source::KeySource;

const POLL: Duration = Duration::from_millis(10);

/// Seals each entry before it reaches the store beneath, so that files alone tell nothing; names, times and lengths stay open.
///
/// An entry opens under its own name only, and only as it was sealed. What does not open (changed, moved, sealed with another key, or
/// not sealed at all) is [`Corrupt`](StoreError::Corrupt): a miss, replaced at the next fetch. Somebody who can write to the store beneath
/// can still put an older entry of the same name back in its place.
///
/// Where the key cannot be had the store is [`Unavailable`](StoreError::Unavailable). It is asked for when the first entry is opened or
/// sealed: that there is no entry, and what entries there are, is told without. Keep a store of its own beneath, where no other
/// entries are.
///
/// ```
/// use keyless_cache::{FileStore, Key, KeySource, SealedStore, Secret, Store};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// # let key_file = home.path().join("key");
/// # std::fs::write(&key_file, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")?;
/// # #[cfg(unix)]
/// # std::fs::set_permissions(&key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
/// let files = FileStore::new(home.path().join("sealed"));
/// let store = SealedStore::new(files.clone(), KeySource::from_file(key_file));
/// let key = Key::of("sign-in").part("issuer", "https://id.example").finish();
/// store.save(&key, &Secret::new("a refresh token"))?;
///
/// assert_eq!(store.load(&key)?, Some(Secret::new("a refresh token")));
/// assert!(!files.load(&key)?.expect("it is there").expose().contains("refresh"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SealedStore<S> {
    beneath: S,
    source: KeySource,
}

impl<S: Store> SealedStore<S> {
    /// Seals what goes into `beneath`. Nothing is read yet.
    pub fn new(beneath: S, source: KeySource) -> Self {
        Self { beneath, source }
    }

    /// The store beneath, which holds sealed entries.
    pub fn beneath(&self) -> &S {
        &self.beneath
    }

    /// Gets the key, or makes it where the keyring has none: whether entries can be kept.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where they cannot, with what to do.
    pub fn ready(&self) -> Result<(), StoreError> {
        self.keys_to_seal_with().map(drop)
    }

    fn keys_to_seal_with(&self) -> Result<Keys, StoreError> {
        if let Some(keys) = self.source.keys()? {
            return Ok(keys);
        }
        // One process makes it: with two keys, one of them would be lost. That a folder has no locks is told elsewhere.
        let _turn = self.turn_at_the_key();
        if let Some(keys) = self.source.keys_now()? {
            return Ok(keys);
        }
        let keys = Keys::random().ok_or_else(no_random_numbers)?;
        self.source.write(&keys)?;
        Ok(keys)
    }

    /// The right to change the key; `None` where somebody holds it for too long.
    fn turn_at_the_key(&self) -> Result<Option<Lock>, StoreError> {
        let name = Key::of("sealed-store").part("what", "the key").finish();
        let begin = Instant::now();
        loop {
            let lock = self.beneath.try_lock(&name)?;
            if lock.is_some() || begin.elapsed() >= self.source.patience() {
                return Ok(lock);
            }
            thread::sleep(POLL);
        }
    }
}

impl<S: Store> Store for SealedStore<S> {
    fn load(&self, key: &Key) -> Result<Option<Secret>, StoreError> {
        let Some(written) = self.beneath.load(key)? else {
            return Ok(None);
        };
        let sealed = Sealed::read(&written)?;
        let keys = self.source.keys_with(sealed.key_id())?;
        let opened = keys.and_then(|keys| sealed.open(key, &keys));
        opened
            .unwrap_or_else(|| {
                Err(corrupt(
                    "an entry sealed with the key at hand",
                    "one sealed with another",
                ))
            })
            .map(Some)
    }

    fn save(&self, key: &Key, secret: &Secret) -> Result<(), StoreError> {
        let sealed = seal(key, secret, self.keys_to_seal_with()?.current())?;
        self.beneath.save(key, &sealed)
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.beneath.remove(key)
    }

    fn list(&self) -> Result<Vec<Entry>, StoreError> {
        self.beneath.list()
    }

    fn try_lock(&self, key: &Key) -> Result<Option<Lock>, StoreError> {
        self.beneath.try_lock(key)
    }
}

fn no_random_numbers() -> StoreError {
    StoreError::unavailable(
        "random numbers for a key",
        "a system that has none",
        "try again",
    )
}
