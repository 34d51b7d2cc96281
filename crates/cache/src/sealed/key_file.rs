//! A key in a file that only its owner can read.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use zeroize::Zeroizing;

use crate::{Secret, StoreError};

/// More than the keys of any rotation.
const LONGEST: usize = 4096;

/// The file's text, once it is known to be nobody else's. The open file is looked at, not its name, which may lead elsewhere by now.
pub(super) fn read(path: &Path) -> Result<Secret, StoreError> {
    let missing = |found: String| {
        StoreError::unavailable(
            format!("a key at {}", path.display()),
            found,
            how_to_make(path),
        )
    };
    let file = platform::to_read()
        .open(path)
        .map_err(|error| missing(error.to_string()))?;
    let metadata = file
        .metadata()
        .map_err(|error| missing(error.to_string()))?;
    if !metadata.is_file() {
        return Err(missing("something else than a file".to_owned()));
    }
    platform::is_ours_alone(path, &metadata)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    file.take(LONGEST as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| missing(error.to_string()))?;
    if bytes.len() > LONGEST {
        return Err(missing("a longer file".to_owned()));
    }
    str::from_utf8(&bytes)
        .map(Secret::new)
        .map_err(|_| missing("bytes that are no text".to_owned()))
}

/// Replaces the file, whole or not at all. A link goes on to lead to it.
pub(super) fn write(path: &Path, text: &Secret) -> Result<(), StoreError> {
    let unwritable = |error: io::Error| {
        StoreError::unavailable(
            format!("a key file that can be replaced at {}", path.display()),
            error.to_string(),
            "put the key where it can be written, or replace it by hand and sign in again",
        )
    };
    let random =
        getrandom::u64().map_err(|error| unwritable(io::Error::other(error.to_string())))?;
    let replace = || {
        let file = fs::canonicalize(path)?;
        let mut name = file.as_os_str().to_owned();
        name.push(format!(".{random:016x}.new"));
        let written = write_new(Path::new(&name), text).and_then(|()| fs::rename(&name, &file));
        if written.is_err() {
            let _ = fs::remove_file(&name);
        }
        written.and_then(|()| file.parent().map_or(Ok(()), platform::sync_folder))
    };
    replace().map_err(unwritable)
}

fn write_new(path: &Path, text: &Secret) -> io::Result<()> {
    let mut file = platform::to_make().open(path)?;
    file.write_all(text.expose().as_bytes())?;
    file.sync_all()
}

pub(super) fn how_to_make(path: &Path) -> String {
    format!(
        "run (umask 077; head -c 32 /dev/urandom | base64 > '{}')",
        path.display()
    )
}

#[cfg(unix)]
mod platform {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

    use rustix::{fs::OFlags, process::geteuid};

    use super::{File, Metadata, OpenOptions, Path, StoreError, io};

    /// A pipe in the file's place does not make us wait.
    pub(super) fn to_read() -> OpenOptions {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        options
    }

    pub(super) fn to_make() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options
    }

    pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    pub(super) fn is_ours_alone(path: &Path, metadata: &Metadata) -> Result<(), StoreError> {
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
                &format!("a key file of user {ours}"),
                found,
                "use one of your own".to_owned(),
            );
        }
        if mode & 0o077 != 0 {
            let advice = format!(
                "others may have read it: make another, or run chmod 600 '{}' to trust it",
                path.display()
            );
            return refused(
                "a key file that only its owner may use",
                format!("mode {mode:04o}"),
                advice,
            );
        }
        Ok(())
    }
}

#[cfg(not(unix))]
mod platform {
    use super::{Metadata, OpenOptions, Path, StoreError, io};

    pub(super) fn to_read() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true);
        options
    }

    pub(super) fn to_make() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        options
    }

    /// A folder cannot be opened as a file here.
    pub(super) fn sync_folder(_path: &Path) -> io::Result<()> {
        Ok(())
    }

    /// The access list of the folder keeps others out.
    pub(super) fn is_ours_alone(_path: &Path, _metadata: &Metadata) -> Result<(), StoreError> {
        Ok(())
    }
}
