//! A store in a folder of its own.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use zeroize::Zeroizing;

use crate::{Entry, Key, Lock, Secret, Store, StoreError, fault::fault};

mod guard;
mod health;

pub use health::{Health, Holder, Locking};

/// An entry is a few kilobytes. Nothing longer is ours.
const LONGEST: u64 = 1 << 20;
const LEFT_OVER_AFTER: Duration = Duration::from_hours(1);

/// Keeps each entry in a file that only its owner can read, `<key>.json`, with a `<key>.lock` beside it.
///
/// The folder is made when it is first written to, and every folder on the way that is missing, with mode 0700 (XDG Base Directory
/// Specification, "Referencing this specification"). A folder that belongs to somebody else, or that others may write to, is refused; a link in
/// its place is followed, and the folder that it leads to is judged. Of entries, locks and what is being written no link is followed: an entry
/// that is one, that belongs to somebody else, that others may read, or that is no regular file is refused.
///
/// Entries are replaced whole, and are on the disk when [`save`](Store::save) returns: a reader finds the old one or the new one, a writer
/// that is killed leaves the old one. One that was stopped while it wrote does not replace what another has written since. Lock files are never
/// removed, since two processes could then hold a lock each.
///
/// Owners and modes are looked at on Unix only; elsewhere, put the folder where the user's own files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStore {
    directory: PathBuf,
}

impl FileStore {
    /// A store in this folder, which need not exist.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.directory
    }

    fn entry(&self, key: &Key) -> PathBuf {
        self.directory.join(format!("{key}.json"))
    }

    /// Whether the folder is there; an error if it is not to be trusted.
    fn is_there(&self) -> Result<bool, StoreError> {
        match fs::metadata(&self.directory) {
            Ok(metadata) => guard::directory(&self.directory, &metadata).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed("a folder", &self.directory, &error)),
        }
    }

    fn make(&self) -> Result<(), StoreError> {
        if self.is_there()? {
            return Ok(());
        }
        // No failure where another process was faster.
        guard::private_folder()
            .recursive(true)
            .create(&self.directory)
            .map_err(|error| failed("a folder that can be made", &self.directory, &error))?;
        self.is_there().map(drop)
    }

    /// Puts the entry on the disk, whole, under a name that nobody reads.
    fn begin(temporary: &Path, secret: &Secret) -> io::Result<File> {
        let mut file = guard::private_file()
            .write(true)
            .create_new(true)
            .open(temporary)?;
        fault("save: made");
        file.write_all(secret.expose().as_bytes())?;
        fault("save: written");
        file.sync_all()?;
        fault("save: lasting");
        Ok(file)
    }

    /// Gives it the name that is read, unless it comes too late.
    fn commit(&self, temporary: &Path, written: &File, key: &Key) -> io::Result<()> {
        if self.is_overtaken(written, key)? {
            return fs::remove_file(temporary);
        }
        fs::rename(temporary, self.entry(key))?;
        fault("save: renamed");
        guard::sync_folder(&self.directory)
    }

    /// Whether somebody who did not wait for our lock has begun after us, and is done: what they have fetched is newer.
    ///
    /// By the times that the file system gave both; what seems to come from the future says nothing, since then a clock was set.
    fn is_overtaken(&self, written: &File, key: &Key) -> io::Result<bool> {
        let there = match fs::symlink_metadata(self.entry(key)) {
            Ok(there) if there.is_file() => there.modified()?,
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        Ok(written.metadata()?.modified()? < there && there <= SystemTime::now())
    }

    /// Removes every entry, readable or not, and everything that writers have left that were killed in the act. Locks stay.
    ///
    /// # Errors
    /// The first thing that could not be removed; the rest is removed all the same.
    pub fn clear(&self) -> Result<(), StoreError> {
        self.remove_where(|name| is_entry(name) || leftover_of(name).is_some())
    }

    fn remove_where(&self, wanted: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        if !self.is_there()? {
            return Ok(());
        }
        let irremovable =
            |error: &io::Error| failed("entries that can be removed", &self.directory, error);
        let mut outcome = Ok(());
        for file in fs::read_dir(&self.directory).map_err(|error| irremovable(&error))? {
            let removed = file.and_then(|file| {
                if wanted(&file.file_name().to_string_lossy()) {
                    fs::remove_file(file.path())
                } else {
                    Ok(())
                }
            });
            if let Err(error) = removed
                && error.kind() != io::ErrorKind::NotFound
            {
                outcome = outcome.and(Err(irremovable(&error)));
            }
        }
        outcome
    }

    /// Removes what writers have left that were killed in the act. `written` shows the time of this file system's clock.
    fn sweep(&self, written: &File) -> io::Result<()> {
        let now = written.metadata()?.modified()?;
        for file in fs::read_dir(&self.directory)? {
            let file = file?;
            let is_old = |age: Duration| age > LEFT_OVER_AFTER;
            if leftover_of(&file.file_name().to_string_lossy()).is_some()
                && now
                    .duration_since(file.metadata()?.modified()?)
                    .is_ok_and(is_old)
            {
                fs::remove_file(file.path())?;
            }
        }
        Ok(())
    }
}

impl Store for FileStore {
    fn load(&self, key: &Key) -> Result<Option<Secret>, StoreError> {
        if !self.is_there()? {
            return Ok(None);
        }
        let path = self.entry(key);
        let unreadable = |error: &io::Error| failed("an entry that can be read", &path, error);
        let file = match guard::private_file().read(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if guard::is_link(&error) => {
                return Err(guard::corrupt("a regular file", "a symbolic link", &path));
            }
            Err(error) => return Err(unreadable(&error)),
        };
        let metadata = file.metadata().map_err(|error| unreadable(&error))?;
        guard::entry(&path, &metadata)?;
        let mut bytes =
            Zeroizing::new(Vec::with_capacity(metadata.len().min(LONGEST) as usize + 1));
        file.take(LONGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(&error))?;
        if bytes.len() as u64 > LONGEST {
            return Err(guard::corrupt("at most 1 MiB", "more", &path));
        }
        match str::from_utf8(&bytes) {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(_) => Err(guard::corrupt("UTF-8 text", "other bytes", &path)),
        }
    }

    fn save(&self, key: &Key, secret: &Secret) -> Result<(), StoreError> {
        if secret.expose().len() as u64 > LONGEST {
            let advice = "ask the identity provider for fewer claims";
            return Err(StoreError::unavailable(
                "an entry of at most 1 MiB",
                "a longer one",
                advice,
            ));
        }
        self.make()?;
        let unwritable =
            |error: &io::Error| failed("an entry that can be written", &self.directory, error);
        let random =
            getrandom::u64().map_err(|error| unwritable(&io::Error::other(error.to_string())))?;
        let temporary = self.directory.join(temporary_name(key, random));
        let written = Self::begin(&temporary, secret)
            .and_then(|file| self.commit(&temporary, &file, key).map(|()| file))
            .map_err(|error| {
                // Gone already if only the last step failed.
                let _ = fs::remove_file(&temporary);
                unwritable(&error)
            })?;
        // What is not swept now is swept at the next save.
        let _ = self.sweep(&written);
        Ok(())
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        if !self.is_there()? {
            return Ok(());
        }
        let path = self.entry(key);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("an entry that can be removed", &path, &error));
            }
            _ => {}
        }
        // Who writes holds the lock. With the lock in hand, what lies there was left by somebody who was killed.
        if let Ok(Some(_lock)) = self.try_lock(key) {
            let of_key = |name: &str| leftover_of(name).as_ref() == Some(key);
            return self.remove_where(of_key);
        }
        Ok(())
    }

    fn list(&self) -> Result<Vec<Entry>, StoreError> {
        if !self.is_there()? {
            return Ok(Vec::new());
        }
        let unreadable =
            |error: io::Error| failed("a folder that can be read", &self.directory, &error);
        let mut entries = Vec::new();
        for file in fs::read_dir(&self.directory).map_err(unreadable)? {
            let file = file.map_err(unreadable)?;
            let name = file.file_name();
            let Some(Ok(key)) = name
                .to_str()
                .and_then(|name| name.strip_suffix(".json"))
                .map(str::parse)
            else {
                continue;
            };
            match file
                .metadata()
                .and_then(|metadata| Ok((metadata.modified()?, metadata)))
            {
                Ok((modified, metadata)) if metadata.is_file() => {
                    entries.push(Entry {
                        key,
                        modified,
                        len: metadata.len(),
                    });
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(unreadable(error));
                }
                // Not an entry, or removed meanwhile.
                _ => {}
            }
        }
        entries.sort_by_key(|entry| entry.key);
        Ok(entries)
    }

    fn try_lock(&self, key: &Key) -> Result<Option<Lock>, StoreError> {
        self.make()?;
        let path = self.directory.join(format!("{key}.lock"));
        let file = guard::private_file()
            .read(true)
            .write(true)
            .create(true)
            .open(&path)
            .map_err(|error| failed("a lock", &path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(lockless(&self.directory, &error)),
        }
    }
}

fn temporary_name(key: &Key, random: u64) -> String {
    format!("{key}.{random:016x}.new")
}

fn is_entry(name: &str) -> bool {
    name.strip_suffix(".json")
        .is_some_and(|key| key.parse::<Key>().is_ok())
}

/// The entry that a temporary file was to become.
fn leftover_of(name: &str) -> Option<Key> {
    let (key, random) = name.strip_suffix(".new")?.split_once('.')?;
    key.parse().ok().filter(|_| random.len() == 16)
}

/// The same for every lock of the folder, so that it is told once.
fn lockless(directory: &Path, error: &io::Error) -> StoreError {
    StoreError::unavailable(
        format!("a folder with locks at {}", directory.display()),
        error.to_string(),
        "keep the store on a local disk: without locks, two processes may do the same work twice",
    )
}

fn failed(expected: &str, path: &Path, error: &io::Error) -> StoreError {
    let advice = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room on that disk".to_owned()
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "keep the store on a disk that can be written to".to_owned()
        }
        io::ErrorKind::PermissionDenied => format!("look at who may use {}", path.display()),
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => format!(
            "move away what stands in the place of a folder on the way to {}",
            path.display()
        ),
        _ => format!("look at {}, or keep the store elsewhere", path.display()),
    };
    StoreError::unavailable(
        format!("{expected} at {}", path.display()),
        error.to_string(),
        advice,
    )
}

#[cfg(test)]
mod tests {
    use std::fs::FileTimes;

    use super::*;

    #[test]
    fn a_writer_that_was_stopped_does_not_replace_what_another_has_written_since() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = FileStore::new(folder.path().join("store"));
        let key = Key::of("session").finish();
        let (early, late) = (Secret::new("early"), Secret::new("late"));
        store.make().expect("made");
        let second = Duration::from_secs(1);
        for (case, set_back, kept) in [
            ("the other is done since", Duration::ZERO, &late),
            ("the other comes from the future", 3600 * second, &early),
        ] {
            let temporary = store.path().join(temporary_name(&key, 1));
            let stopped = FileStore::begin(&temporary, &early).expect("written");
            let now = SystemTime::now();
            let written_at = |at| FileTimes::new().set_modified(at);
            stopped
                .set_times(written_at(now - 2 * second))
                .expect("set");
            store.save(&key, &late).expect("saved");
            File::open(store.entry(&key))
                .and_then(|file| file.set_times(written_at(now - second + set_back)))
                .expect("set");

            store.commit(&temporary, &stopped, &key).expect("committed");
            assert_eq!(store.load(&key), Ok(Some(kept.clone())), "{case}");
            assert!(!temporary.exists(), "{case}");
        }
    }
}
