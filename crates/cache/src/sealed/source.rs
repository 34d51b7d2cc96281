//! Where the key that seals comes from: asked for once, when it is first needed, and never waited for without an end.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use super::{key_file, keys::Keys};
use crate::{Secret, StoreError};

/// How long a keyring may take to answer.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);
/// So that a keyring that hangs does so once, and not at each entry.
const REMEMBERED: Duration = Duration::from_secs(30);
/// More than there are keys; what an entry names may be nonsense.
const MOST_UNKNOWN: usize = 64;

/// Where the key that seals the entries of a [`SealedStore`](super::SealedStore) comes from: a file, or a keyring.
///
/// Nothing is read before an entry is. Then it is read once, and clones share it; a failure is remembered for half a minute. The key is
/// never printed, and wiped when the last clone goes.
#[derive(Clone)]
pub struct KeySource(Arc<Inner>);

struct Inner {
    place: Place,
    deadline: Duration,
    held: Mutex<Held>,
}

#[derive(Clone)]
enum Place {
    File(PathBuf),
    Elsewhere {
        name: String,
        read: Arc<Read>,
        write: Arc<Write>,
    },
}

type Read = dyn Fn() -> Result<Option<Secret>, String> + Send + Sync;
type Write = dyn Fn(&Secret) -> Result<(), String> + Send + Sync;

#[derive(Default)]
struct Held {
    keys: Option<Keys>,
    failed: Option<(Instant, StoreError)>,
    /// The ids that entries name and the source does not know.
    unknown: BTreeSet<String>,
}

impl KeySource {
    /// A file with 32 random bytes, written as base64 or as 64 hex digits, that belongs to this user and that nobody else may read.
    ///
    /// ```sh
    /// (umask 077; head -c 32 /dev/urandom | base64 > FILE)
    /// ```
    ///
    /// It is never made, since it must outlast this machine's state where the entries do; [`SealedStore::rotate`](super::SealedStore::rotate)
    /// replaces it.
    pub fn from_file(path: impl Into<PathBuf>) -> Self {
        Self::at(Place::File(path.into()))
    }

    /// What the environment has: the file that `KEYLESS_STORE_KEY_FILE` names, else the keyring of the system (with feature `keyring`), which
    /// keeps a key for each `folder` of entries; else nothing.
    pub fn from_environment(
        lookup: impl Fn(&str) -> Option<OsString>,
        folder: &Path,
    ) -> Option<Self> {
        let file = lookup("KEYLESS_STORE_KEY_FILE").filter(|path| !path.is_empty());
        #[cfg(feature = "keyring")]
        let keyring = Some(Self::keyring(
            "keyless",
            &format!("store key of {}", folder.display()),
        ));
        #[cfg(not(feature = "keyring"))]
        let (keyring, _) = (None, folder);
        file.map(Self::from_file).or(keyring)
    }

    /// Any other place, called `name` where something goes wrong. What is read is what was last written, or `None` before: a text of
    /// at most 1.8 kB. The place is made to hold a key when the first entry is saved.
    ///
    /// Each call is made on a thread of its own, and given up after a [deadline](Self::deadline): it may hang or panic. What it says of
    /// a failure is shown.
    pub fn elsewhere(
        name: impl Into<String>,
        read: impl Fn() -> Result<Option<Secret>, String> + Send + Sync + 'static,
        write: impl Fn(&Secret) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self::at(Place::Elsewhere {
            name: name.into(),
            read: Arc::new(read),
            write: Arc::new(write),
        })
    }

    /// How long a keyring may take to answer; 5 seconds otherwise.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        let place = self.0.place.clone();
        Self(Arc::new(Inner {
            place,
            deadline,
            held: Mutex::default(),
        }))
    }

    fn at(place: Place) -> Self {
        Self(Arc::new(Inner {
            place,
            deadline: DEADLINE,
            held: Mutex::default(),
        }))
    }

    /// The keys; `None` where there is none yet.
    pub(super) fn keys(&self) -> Result<Option<Keys>, StoreError> {
        // Held while the place is asked: who comes meanwhile gets the same answer.
        self.at_hand(&mut self.held())
    }

    /// The keys as they are now: somebody may have rotated them.
    pub(super) fn keys_now(&self) -> Result<Option<Keys>, StoreError> {
        self.ask(&mut self.held())
    }

    /// The keys, asked for once more if those at hand lack `id`.
    pub(super) fn keys_with(&self, id: &str) -> Result<Option<Keys>, StoreError> {
        let mut held = self.held();
        let is_fresh = held.keys.is_none();
        let mut keys = self.at_hand(&mut held)?;
        let lacks = |keys: &Option<Keys>| keys.as_ref().is_none_or(|keys| keys.by_id(id).is_none());
        let may_ask = !held.unknown.contains(id) && held.unknown.len() < MOST_UNKNOWN;
        if lacks(&keys) && may_ask {
            if !is_fresh {
                keys = self.ask_unless_failed(&mut held)?;
            }
            if lacks(&keys) {
                held.unknown.insert(id.to_owned());
            }
        }
        Ok(keys)
    }

    /// Replaces the keys, and makes sure of it.
    pub(super) fn write(&self, keys: &Keys) -> Result<(), StoreError> {
        let mut held = self.held();
        let text = keys.written();
        match &self.0.place {
            Place::File(path) => key_file::write(path, &text)?,
            Place::Elsewhere { name, write, .. } => {
                let write = Arc::clone(write);
                self.call(name, move || write(&text))?;
            }
        }
        if self.ask(&mut held)?.as_ref() == Some(keys) {
            return Ok(());
        }
        Err(StoreError::unavailable(
            format!("{} to hold the key it was given", self.0.place),
            "another, or none",
            "try again",
        ))
    }

    /// How long may be waited for the place.
    pub(super) fn patience(&self) -> Duration {
        self.0.deadline
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is at hand, else what the place says.
    fn at_hand(&self, held: &mut Held) -> Result<Option<Keys>, StoreError> {
        match &held.keys {
            Some(keys) => Ok(Some(keys.clone())),
            None => self.ask_unless_failed(held),
        }
    }

    fn ask_unless_failed(&self, held: &mut Held) -> Result<Option<Keys>, StoreError> {
        match &held.failed {
            Some((at, error)) if at.elapsed() < REMEMBERED => Err(error.clone()),
            _ => self.ask(held),
        }
    }

    /// Asks the place. Where it does not answer, what is at hand stays.
    fn ask(&self, held: &mut Held) -> Result<Option<Keys>, StoreError> {
        let answer = self.read().and_then(|text| {
            let parsed = text.map(|text| Keys::parse(text.expose())).transpose();
            parsed.map_err(|found| {
                StoreError::unavailable(
                    format!("32 bytes as base64 or hex digits in {}", self.0.place),
                    found,
                    self.0.place.how_to_make(),
                )
            })
        });
        match &answer {
            Ok(keys) => (held.keys, held.failed) = (keys.clone(), None),
            Err(error) => held.failed = Some((Instant::now(), error.clone())),
        }
        answer
    }

    fn read(&self) -> Result<Option<Secret>, StoreError> {
        match &self.0.place {
            Place::File(path) => key_file::read(path).map(Some),
            Place::Elsewhere { name, read, .. } => {
                let read = Arc::clone(read);
                self.call(name, move || read())
            }
        }
    }

    fn call<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, StoreError> {
        within(self.0.deadline, work).map_err(|found| {
            let advice = "unlock it, or set KEYLESS_STORE_KEY_FILE to a file made by `head -c 32 /dev/urandom | base64`, mode 600; until then nothing is kept";
            StoreError::unavailable(format!("a key from {name}"), found, advice)
        })
    }
}

/// Calls what may hang or panic. The thread is left to itself after the deadline, and does not keep the process from ending.
pub(super) fn within<T: Send + 'static>(
    deadline: Duration,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let (answer, answered) = mpsc::channel();
    let started = thread::Builder::new()
        .name("keyless-keyring".to_owned())
        .spawn(move || {
            let _ = answer.send(work()); // nobody listens after the deadline
        });
    started.map_err(|error| format!("no thread to ask it on: {error}"))?;
    match answered.recv_timeout(deadline) {
        Ok(outcome) => outcome.map_err(|said| said.replace(char::is_control, " ")),
        Err(mpsc::RecvTimeoutError::Timeout) => Err(format!("nothing within {deadline:?}")),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err("a panic".to_owned()),
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySource({})", self.0.place)
    }
}

impl Place {
    fn how_to_make(&self) -> String {
        match self {
            Self::File(path) => key_file::how_to_make(path),
            Self::Elsewhere { .. } => "remove it there: what was sealed with it is lost".to_owned(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Elsewhere { name, .. } => f.write_str(name),
        }
    }
}
