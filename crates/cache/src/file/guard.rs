//! Whether a file or a folder is ours alone, and how to make one that is.

use std::{
    fs::{DirBuilder, Metadata, OpenOptions},
    io,
    path::Path,
};

use crate::StoreError;

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};

    use rustix::{fs::OFlags, io::Errno, process::geteuid};

    use super::{DirBuilder, Metadata, OpenOptions, Path, StoreError, corrupt, io};

    /// Options for a file that is made with mode 0600. A link is not followed; a pipe in its place does not make us wait.
    pub(in crate::file) fn private_file() -> OpenOptions {
        let mut options = OpenOptions::new();
        options
            .mode(0o600)
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
        options
    }

    pub(in crate::file) fn private_folder() -> DirBuilder {
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        builder
    }

    /// Whether a file could not be opened for being a symbolic link.
    pub(in crate::file) fn is_link(error: &io::Error) -> bool {
        Errno::from_io_error(error) == Some(Errno::LOOP)
    }

    /// Makes a rename last through a loss of power, where the file system knows how to.
    pub(in crate::file) fn sync_folder(path: &Path) -> io::Result<()> {
        match super::super::File::open(path)?.sync_all() {
            // Some network file systems cannot; the rename is done all the same.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
                ) =>
            {
                Ok(())
            }
            done => done,
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "elsewhere there is none")]
    pub(in crate::file) fn mode(metadata: &Metadata) -> Option<u32> {
        Some(metadata.mode() & 0o7777)
    }

    pub(super) fn directory(path: &Path, metadata: &Metadata) -> Result<(), StoreError> {
        let (ours, mode) = (geteuid().as_raw(), metadata.mode() & 0o7777);
        let refused = |expected: &str, found: String, advice: String| {
            Err(StoreError::unavailable(
                format!("{expected} at {}", path.display()),
                found,
                advice,
            ))
        };
        if metadata.uid() != ours {
            let found = format!("one of user {}", metadata.uid());
            return refused(
                &format!("a folder of user {ours}"),
                found,
                "keep the store in a folder of your own".to_owned(),
            );
        }
        if mode & 0o022 != 0 {
            let advice = format!("run chmod 700 {}", path.display());
            return refused(
                "a folder that only its owner may write to",
                format!("mode {mode:04o}"),
                advice,
            );
        }
        Ok(())
    }

    pub(super) fn entry(path: &Path, metadata: &Metadata) -> Result<(), StoreError> {
        let (ours, mode) = (geteuid().as_raw(), metadata.mode() & 0o7777);
        if metadata.uid() != ours {
            let (expected, found) = (
                format!("a file of user {ours}"),
                format!("one of user {}", metadata.uid()),
            );
            return Err(corrupt(&expected, &found, path));
        }
        if mode & 0o077 != 0 {
            return Err(StoreError::corrupt(
                format!("a file that only its owner may use at {}", path.display()),
                format!("mode {mode:04o}"),
                format!(
                    "others may have read it: sign out and in again, or run chmod 600 {} to trust it",
                    path.display()
                ),
            ));
        }
        Ok(())
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use super::{DirBuilder, Metadata, OpenOptions, Path, StoreError, io};

    pub(in crate::file) fn private_file() -> OpenOptions {
        OpenOptions::new()
    }

    pub(in crate::file) fn private_folder() -> DirBuilder {
        DirBuilder::new()
    }

    /// A link is opened here, and what it points at is looked at.
    pub(in crate::file) fn is_link(_error: &io::Error) -> bool {
        false
    }

    /// A folder cannot be opened as a file here.
    pub(in crate::file) fn sync_folder(_path: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(in crate::file) fn mode(_metadata: &Metadata) -> Option<u32> {
        None
    }

    pub(super) fn directory(_path: &Path, _metadata: &Metadata) -> Result<(), StoreError> {
        Ok(())
    }

    pub(super) fn entry(_path: &Path, _metadata: &Metadata) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(not(unix))]
use elsewhere as platform;
#[cfg(unix)]
use unix as platform;

pub(super) use platform::{is_link, mode, private_file, private_folder, sync_folder};

/// Refuses a folder that is none, or that somebody else could put entries into.
pub(super) fn directory(path: &Path, metadata: &Metadata) -> Result<(), StoreError> {
    if !metadata.is_dir() {
        let advice = format!("move {} away, or keep the store elsewhere", path.display());
        return Err(StoreError::unavailable(
            format!("a folder at {}", path.display()),
            "something else",
            advice,
        ));
    }
    platform::directory(path, metadata)
}

/// Refuses an entry that is no regular file, or that somebody else could have written or read.
pub(super) fn entry(path: &Path, metadata: &Metadata) -> Result<(), StoreError> {
    if !metadata.is_file() {
        return Err(corrupt("a regular file", "something else", path));
    }
    platform::entry(path, metadata)
}

pub(super) fn corrupt(expected: &str, found: &str, path: &Path) -> StoreError {
    let advice = format!(
        "nothing need be done: it is replaced at the next fetch, or delete {}",
        path.display()
    );
    StoreError::corrupt(format!("{expected} at {}", path.display()), found, advice)
}
