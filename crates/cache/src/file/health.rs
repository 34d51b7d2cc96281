//! How it stands with the files of a store: for a program that shows it.

use std::{
    collections::HashMap,
    fs::{self, File, Metadata, TryLockError},
    io,
    path::PathBuf,
};

use crate::{Key, StoreError};

use super::{FileStore, failed, guard, leftover_of, lockless};

/// What a look at the folder of a [`FileStore`] found. Looking makes nothing, and holds nobody up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Health {
    /// The folder's mode, such as `0o700`; `None` where there are no modes.
    pub mode: Option<u32>,
    /// What writers have left that were killed in the act, or are about to write. Old ones go at the next save.
    pub leftovers: Vec<PathBuf>,
    /// Whether the file system has locks.
    pub locking: Locking,
    /// Who renews an entry at this moment, in the order of the keys.
    pub holders: Vec<Holder>,
}

/// Whether two processes can keep out of each other's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Locking {
    /// They can.
    Works,
    /// Nobody has taken a lock yet, so nobody knows.
    Untried,
    /// They cannot: each works for itself, and may do the same work twice.
    Missing(StoreError),
}

/// A process that has the [lock](crate::Store::try_lock) of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The entry that is renewed.
    pub key: Key,
    /// The process, where the system tells.
    pub process: Option<u32>,
}

impl FileStore {
    /// Looks at the folder, leftovers and locks; `None` if there is no folder yet.
    ///
    /// # Errors
    /// Where the folder is not to be trusted, or cannot be read.
    pub fn health(&self) -> Result<Option<Health>, StoreError> {
        if !self.is_there()? {
            return Ok(None);
        }
        let unreadable =
            |error: io::Error| failed("a folder that can be read", &self.directory, &error);
        let mut health = Health {
            mode: guard::mode(&fs::metadata(&self.directory).map_err(unreadable)?),
            leftovers: Vec::new(),
            locking: Locking::Untried,
            holders: Vec::new(),
        };
        let processes = holders();
        for file in fs::read_dir(&self.directory).map_err(unreadable)? {
            let file = file.map_err(unreadable)?;
            let name = file.file_name();
            let name = name.to_string_lossy();
            if leftover_of(&name).is_some() {
                health.leftovers.push(file.path());
            } else if let Some(Ok(key)) = name.strip_suffix(".lock").map(str::parse) {
                // One that is no file is told to who wants the lock.
                let Ok(lock) = guard::private_file().read(true).open(file.path()) else {
                    continue;
                };
                // Shared, and for no longer than this look: who wants it at this very moment asks again.
                match lock.try_lock_shared() {
                    Ok(()) => health.locking = Locking::Works,
                    Err(TryLockError::WouldBlock) => {
                        health.locking = Locking::Works;
                        let process = file_number(&lock)
                            .and_then(|number| processes.get(&number))
                            .copied();
                        health.holders.push(Holder { key, process });
                    }
                    Err(TryLockError::Error(error)) => {
                        health.locking = Locking::Missing(lockless(&self.directory, &error));
                    }
                }
            }
        }
        health.leftovers.sort();
        health.holders.sort_by_key(|holder| holder.key);
        Ok(Some(health))
    }
}

/// Which process has which file locked, where the system tells (proc_locks(5)): by the file's number, since some file systems show
/// another device there than elsewhere.
fn holders() -> HashMap<u64, u32> {
    let table = fs::read_to_string("/proc/locks").unwrap_or_default();
    let line = |line: &str| {
        // `1: FLOCK  ADVISORY  WRITE 6137 fe:00:10010664 0 EOF`
        let words: Vec<&str> = line.split_whitespace().collect();
        let (Some(&"FLOCK"), Some(process), Some(file)) =
            (words.get(1), words.get(4), words.get(5))
        else {
            return None;
        };
        let number = file.rsplit(':').next()?.parse().ok()?;
        // 0 and less stand for a process that cannot be seen from here.
        Some((number, process.parse().ok().filter(|process| *process > 0)?))
    };
    table.lines().filter_map(line).collect()
}

#[cfg(unix)]
fn file_number(file: &File) -> Option<u64> {
    let number = |metadata: Metadata| std::os::unix::fs::MetadataExt::ino(&metadata);
    file.metadata().ok().map(number)
}

#[cfg(not(unix))]
fn file_number(_file: &File) -> Option<u64> {
    None
}
