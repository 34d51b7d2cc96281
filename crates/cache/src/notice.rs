//! Word that the processes which share an entry leave each other: that a person is being asked, or that a fetch has failed.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned, de::IgnoredAny};

use crate::{
    Clock, Expiring, Interaction, Key, Store, StoreError,
    envelope::{Envelope, write},
    flight::lasts,
};

/// Who is told of a failure, besides the callers in the process that it happened in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Nobody: it says something of its own caller, such as that nobody may be asked.
    Nobody,
    /// The processes that wait for the fetch as it fails.
    Waiting,
    /// They, and those that come within this time, of which none asks again; what can be had without asking is still had. For a person's no.
    Everybody(Duration),
}

/// What a [notice](Notices) says at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word<E> {
    /// Nothing that is of use now.
    None,
    /// A living process asks a person, since then.
    Asking(SystemTime),
    /// A fetch has failed, and that is remembered still.
    Failed(E),
}

/// The notice beside one entry: an entry of its own, under a key of its own, which holds a failure and never a secret.
///
/// A [`Cache`](crate::Cache) that [shares](crate::Cache::notices) it leaves its failures there, and takes those of others for its own. Clones
/// are the same notice.
pub struct Notices<E> {
    store: Arc<dyn Store>,
    entry: Key,
    key: Key,
    clock: Clock,
    telling: Arc<dyn Fn(&E) -> Telling + Send + Sync>,
}

impl<E: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Notices<E> {
    /// The notice beside `entry` in `store`; `telling` says of each failure who is told.
    pub fn new(
        store: impl Store,
        entry: Key,
        telling: impl Fn(&E) -> Telling + Send + Sync + 'static,
    ) -> Self {
        Self {
            store: Arc::new(store),
            entry,
            key: Key::of("notice").part("entry", entry.to_string()).finish(),
            clock: Clock::default(),
            telling: Arc::new(telling),
        }
    }

    /// What time it is; otherwise the system tells.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Says that a person is being asked from now on; to be called by a fetch, before it asks. Blocks for a moment.
    ///
    /// If the process is killed while it asks, `broken_off` is what those hear who wait for it, and whoever comes within the time that `telling`
    /// has for it. The cache takes the notice back when the fetch ends, also when its runtime does.
    ///
    /// `shown` is what the person is shown to do, where it is no secret: for those who wait with them and do not see it.
    ///
    /// Whether that could be said: only then has it been [called off](Self::is_called_off) when it is gone.
    pub fn asking(&self, broken_off: E, shown: Option<String>) -> bool {
        self.write(true, Interaction::Allowed, broken_off, shown)
    }

    /// Takes down that a person is being asked, by which whoever asks them knows that they are to end; whether there was anything to take down.
    /// Blocks for a moment.
    pub fn call_off(&self) -> bool {
        let is_asked = self
            .load()
            .is_some_and(|entry| self.is_being_asked(&entry.value));
        is_asked && warn(&self.key, self.store.remove(&self.key)).is_some()
    }

    /// Whether somebody has taken down what [`asking`](Self::asking) has put up; not where nobody can tell. Blocks for a moment.
    pub fn is_called_off(&self) -> bool {
        matches!(self.store.load(&self.key), Ok(None))
    }

    /// What a person is shown to do who is being asked by whichever living process. Blocks for a moment.
    pub fn shown(&self) -> Option<String> {
        let notice = self.load()?.value;
        notice
            .shown
            .clone()
            .filter(|_| self.is_being_asked(&notice))
    }

    /// What there is to know at this moment. Blocks for a moment.
    ///
    /// The lock tells whether whoever asks is alive; somebody else who has it for a moment is taken for them.
    pub fn word(&self) -> Word<E> {
        let Some(Envelope {
            value: notice,
            fetched_at,
            ..
        }) = self.load()
        else {
            return Word::None;
        };
        if self.is_being_asked(&notice) {
            Word::Asking(fetched_at)
        } else if self.is_remembered(&notice) {
            Word::Failed(notice.error)
        } else {
            Word::None
        }
    }

    /// Since when a person is being asked, by whichever living process. Blocks for a moment.
    pub fn asking_since(&self) -> Option<SystemTime> {
        match self.word() {
            Word::Asking(since) => Some(since),
            Word::Failed(_) | Word::None => None,
        }
    }

    /// The failure that is remembered now, if there is one. Blocks for a moment.
    pub fn remembered(&self) -> Option<E> {
        match self.word() {
            Word::Failed(error) => Some(error),
            Word::Asking(_) | Word::None => None,
        }
    }

    /// Forgets the failure, so that the next fetch is tried. Blocks for a moment.
    pub fn forget(&self) {
        let entry = self.load();
        if entry.is_some_and(|entry| !self.is_being_asked(&entry.value)) {
            warn(&self.key, self.store.remove(&self.key));
        }
    }

    /// Whether whoever asks is alive, and so has the lock of the entry.
    fn is_being_asked(&self, notice: &Notice<E>) -> bool {
        notice.asking && matches!(self.store.try_lock(&self.entry), Ok(None))
    }

    /// Whether a person's no is remembered, over which nobody writes who could not have asked.
    fn holds_a_no(&self) -> bool {
        let entry = self.load();
        entry.is_some_and(|entry| entry.value.may_ask && self.is_remembered(&entry.value))
    }

    fn is_remembered(&self, notice: &Notice<E>) -> bool {
        match (self.telling)(&notice.error) {
            Telling::Everybody(longest) => lasts(notice.until, self.clock.now(), longest),
            Telling::Nobody | Telling::Waiting => false,
        }
    }

    fn load(&self) -> Option<Envelope<Notice<E>>> {
        let text = warn(&self.key, self.store.load(&self.key))??;
        // One that cannot be understood says nothing.
        Envelope::decode(&self.key, &text).ok()
    }

    /// Whether it is written.
    fn write(
        &self,
        asking: bool,
        interaction: Interaction,
        error: E,
        shown: Option<String>,
    ) -> bool {
        let now = self.clock.now();
        let until = match (self.telling)(&error) {
            Telling::Nobody if !asking => return false,
            Telling::Everybody(time) => now.checked_add(time).unwrap_or(now),
            Telling::Nobody | Telling::Waiting => now,
        };
        let notice = Notice {
            number: getrandom::u64().unwrap_or_default(),
            asking,
            may_ask: interaction >= Interaction::Allowed,
            until,
            error,
            shown,
        };
        warn(&self.key, write(&self.store, &self.key, notice, now)).is_some()
    }
}

impl<E> Clone for Notices<E> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            entry: self.entry,
            key: self.key,
            clock: self.clock.clone(),
            telling: self.telling.clone(),
        }
    }
}

impl<E> fmt::Debug for Notices<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices")
            .field("store", &self.store)
            .field("entry", &self.entry)
            .finish_non_exhaustive()
    }
}

/// What is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Notice<E> {
    /// Sets it apart from the notice before.
    pub(crate) number: u64,
    /// Whether the fetch has not ended: it asks a person.
    pub(crate) asking: bool,
    /// Whether the fetch could ask a person.
    pub(crate) may_ask: bool,
    /// Up to when it is remembered.
    pub(crate) until: SystemTime,
    pub(crate) error: E,
    /// What the person is shown to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shown: Option<String>,
}

impl<E: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Expiring for Notice<E> {
    fn expires_at(&self) -> SystemTime {
        self.until
    }
}

/// Whether the entry `key` of `store` is a notice, and if so, up to when somebody may care about it: for a program that lists or sweeps
/// what is kept.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub fn notice_until(store: &dyn Store, key: &Key) -> Result<Option<SystemTime>, StoreError> {
    /// What every notice has, whatever its failure.
    #[derive(Deserialize)]
    struct Any {
        #[serde(rename = "number")]
        _number: u64,
        asking: bool,
        until: SystemTime,
        #[serde(rename = "error")]
        _error: IgnoredAny,
    }
    let text = store.load(key)?;
    Ok(text.and_then(|text| {
        let notice: Envelope<Any> = Envelope::decode(key, &text).ok()?;
        let Any { asking, until, .. } = notice.value;
        // A person may take their time.
        let longest = if asking {
            LONGEST_QUESTION
        } else {
            Duration::ZERO
        };
        until.checked_add(longest)
    }))
}

/// The notice, as the cache sees it whatever the failure's type.
pub(crate) trait Board<E>: Send + Sync {
    fn read(&self) -> Option<Notice<E>>;
    /// Says that a fetch has failed.
    fn failed(&self, interaction: Interaction, error: &E);
    /// Whether it is for who comes now.
    fn is_remembered(&self, notice: &Notice<E>) -> bool;
    /// Whether it is a person's no, which others are to respect.
    fn is_for_everybody(&self, notice: &Notice<E>) -> bool;
    /// Takes the notice back. With the lock of the entry in hand.
    fn clear(&self);
    /// Takes back that somebody is being asked. With the lock of the entry in hand.
    fn withdraw(&self);
}

impl<E: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Board<E> for Notices<E> {
    fn read(&self) -> Option<Notice<E>> {
        self.load().map(|entry| entry.value)
    }

    fn failed(&self, interaction: Interaction, error: &E) {
        if (self.telling)(error) == Telling::Nobody {
            if interaction >= Interaction::Allowed {
                self.withdraw();
            }
        } else if interaction >= Interaction::Allowed || !self.holds_a_no() {
            self.write(false, interaction, error.clone(), None);
        }
    }

    fn is_remembered(&self, notice: &Notice<E>) -> bool {
        self.is_remembered(notice)
    }

    fn is_for_everybody(&self, notice: &Notice<E>) -> bool {
        matches!((self.telling)(&notice.error), Telling::Everybody(_))
    }

    fn clear(&self) {
        if self.load().is_some() {
            warn(&self.key, self.store.remove(&self.key));
        }
    }

    fn withdraw(&self) {
        if self.load().is_some_and(|entry| entry.value.asking) {
            warn(&self.key, self.store.remove(&self.key));
        }
    }
}

/// Nobody waits longer for a person.
const LONGEST_QUESTION: Duration = Duration::from_hours(24);

fn warn<R>(key: &Key, result: Result<R, StoreError>) -> Option<R> {
    result
        .inspect_err(|error| tracing::debug!(?key, "{error}; {}", error.advice()))
        .ok()
}
