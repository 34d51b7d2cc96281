//! A key in a file that only its owner can read.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use crate::{Secret, StoreError, own_file};

/// More than the keys of any rotation.
const LONGEST: usize = 4096;

pub(super) fn read(path: &Path) -> Result<Secret, StoreError> {
    own_file(path, "a key", LONGEST, &how_to_make(path))
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
    use std::fs::{File, OpenOptions};
    use std::os::unix::fs::OpenOptionsExt;

    use super::{Path, io};

    pub(super) fn to_make() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options
    }

    pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

#[cfg(not(unix))]
mod platform {
    use std::fs::OpenOptions;

    use super::{Path, io};

    pub(super) fn to_make() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        options
    }

    /// A folder cannot be opened as a file here.
    pub(super) fn sync_folder(_path: &Path) -> io::Result<()> {
        Ok(())
    }
}
