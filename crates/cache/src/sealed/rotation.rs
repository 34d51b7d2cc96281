//! Another key for a sealed store, without losing what is in it.

use std::{thread, time::Instant};

use super::{
    POLL, SealedStore,
    keys::Keys,
    no_random_numbers,
    seal::{Sealed, seal},
};
use crate::{Entry, Key, Secret, Store, StoreError};

/// What [`SealedStore::rotate`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    /// How many entries are sealed with the new key.
    pub resealed: usize,
    /// How many are still sealed with an old one, which is kept for them: somebody is renewing them. Rotate again later.
    pub busy: usize,
}

impl<S: Store> SealedStore<S> {
    /// Gives the store another key: puts a new one before the old, seals with it what opens with the old, and then drops the old.
    ///
    /// Killed at any point, it leaves a store that opens as before; the next rotation ends what it began. What opens with no key is left as it is.
    /// Another process that has the old key in hand goes on to open what it finds, and gets the new key when it meets an entry that
    /// is sealed with it. Other stores that share the key are not looked at: what they hold no longer opens.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the key cannot be had or replaced, where another rotation is under way, or where an entry cannot be written.
    pub fn rotate(&self) -> Result<Rotated, StoreError> {
        let _turn = self.turn_at_the_key()?.ok_or_else(|| {
            StoreError::unavailable(
                "the key for ourselves",
                "somebody else who changes it",
                "try again in a moment",
            )
        })?;
        let keys = match self.source.keys_now()? {
            Some(old) => old.with_another(),
            None => Keys::random(),
        };
        let keys = keys.ok_or_else(no_random_numbers)?;
        self.source.write(&keys)?;
        let (begin, mut resealed) = (Instant::now(), 0);
        loop {
            let pass = self.reseal_all(&keys)?;
            resealed += pass.resealed;
            if pass.busy > 0 && begin.elapsed() >= self.source.patience() {
                return Ok(Rotated { resealed, ..pass });
            }
            // Until there was nothing left to do: somebody may have saved with the old key meanwhile.
            if pass == Rotated::default() {
                break;
            }
            thread::sleep(POLL);
        }
        self.source.write(&keys.current_only())?;
        Ok(Rotated { resealed, busy: 0 })
    }

    fn reseal_all(&self, keys: &Keys) -> Result<Rotated, StoreError> {
        let mut pass = Rotated::default();
        for Entry { key, .. } in self.beneath.list()? {
            if self.text_under_an_old_key(&key, keys)?.is_none() {
                continue;
            }
            // Whoever renews it writes under this lock; without it an older text would land on top of a newer.
            let Some(_lock) = self.beneath.try_lock(&key)? else {
                pass.busy += 1;
                continue;
            };
            if let Some(text) = self.text_under_an_old_key(&key, keys)? {
                self.beneath
                    .save(&key, &seal(&key, &text, keys.current())?)?;
                pass.resealed += 1;
            }
        }
        Ok(pass)
    }

    /// What is sealed with another key than the current one; `None` where there is nothing that can be opened.
    fn text_under_an_old_key(&self, name: &Key, keys: &Keys) -> Result<Option<Secret>, StoreError> {
        let opened = self.beneath.load(name).and_then(|written| {
            let Some(written) = written else {
                return Ok(None);
            };
            let sealed = Sealed::read(&written)?;
            let is_old = sealed.key_id() != keys.current().id();
            is_old
                .then(|| sealed.open(name, keys))
                .flatten()
                .transpose()
        });
        match opened {
            Err(StoreError::Corrupt { .. }) => Ok(None),
            outcome => outcome,
        }
    }
}
