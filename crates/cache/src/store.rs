//! Where entries rest between runs: the seam, and what goes wrong at it.

use std::{fmt, sync::Arc, time::SystemTime};

use crate::{Key, Secret};

/// Keeps secrets by key.
///
/// Calls may block; the cache makes them off the async threads. An implementation must bring its own deadline where a call could
/// hang, and must never hand out half an entry. What goes wrong is a [`StoreError`], which never fails a request: the cache warns and
/// goes on without the store.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// The entry, or `None` if there is none.
    fn load(&self, key: &Key) -> Result<Option<Secret>, StoreError>;

    /// Writes the entry, whole or not at all, in place of an older one (also of a corrupt one).
    fn save(&self, key: &Key, secret: &Secret) -> Result<(), StoreError>;

    /// Removes the entry. That there is none is no error.
    fn remove(&self, key: &Key) -> Result<(), StoreError>;

    /// What is held, in the order of the keys.
    fn list(&self) -> Result<Vec<Entry>, StoreError>;

    /// The right to renew the entry, for as long as the [`Lock`] lives; `None` if somebody else has it. Returns at once.
    ///
    /// It must end with its holder's process, however that ends. It guards against double work only: reading and writing need no lock.
    fn try_lock(&self, key: &Key) -> Result<Option<Lock>, StoreError>;
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn load(&self, key: &Key) -> Result<Option<Secret>, StoreError> {
        (**self).load(key)
    }

    fn save(&self, key: &Key, secret: &Secret) -> Result<(), StoreError> {
        (**self).save(key, secret)
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        (**self).remove(key)
    }

    fn list(&self) -> Result<Vec<Entry>, StoreError> {
        (**self).list()
    }

    fn try_lock(&self, key: &Key) -> Result<Option<Lock>, StoreError> {
        (**self).try_lock(key)
    }
}

/// Held while an entry is renewed; released on drop.
pub struct Lock(#[expect(dead_code, reason = "held for its drop")] Box<dyn Send + Sync>);

impl Lock {
    /// A lock that lasts until `guard` is dropped.
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self(Box::new(guard))
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lock(..)")
    }
}

/// What [`Store::list`] tells about an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub key: Key,
    /// When it was last written.
    pub modified: SystemTime,
    /// Its length in bytes.
    pub len: u64,
}

/// What goes wrong at a [`Store`]. `expected` and `found` are clauses without a full stop, `advice` says what to do; none holds any of
/// the entry's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The entry is there and cannot be trusted or understood. The cache takes it as missing and writes a new one over it.
    #[error("the entry is not usable: expected {expected}, found {found}")]
    Corrupt {
        /// What would have been right.
        expected: String,
        /// What is there instead.
        found: String,
        /// What to do.
        advice: String,
    },
    /// The store cannot be used now. The cache does as if there were none.
    #[error("the store cannot be used: expected {expected}, found {found}")]
    Unavailable {
        /// What would have been right.
        expected: String,
        /// What is there instead.
        found: String,
        /// What to do.
        advice: String,
    },
}

impl StoreError {
    /// A [`StoreError::Corrupt`].
    pub fn corrupt(
        expected: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::Corrupt {
            expected: expected.into(),
            found: found.into(),
            advice: advice.into(),
        }
    }

    /// A [`StoreError::Unavailable`].
    pub fn unavailable(
        expected: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::Unavailable {
            expected: expected.into(),
            found: found.into(),
            advice: advice.into(),
        }
    }

    /// What to do.
    pub fn advice(&self) -> &str {
        match self {
            Self::Corrupt { advice, .. } | Self::Unavailable { advice, .. } => advice,
        }
    }
}
