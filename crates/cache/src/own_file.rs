//! A secret in a file that only its owner can read.

use std::{
    fs::{Metadata, OpenOptions},
    io::Read,
    path::Path,
};

use zeroize::Zeroizing;

use crate::{Secret, StoreError};

/// The text of the file at `path`, once it is known to be this user's and nobody else's to read. The open file is looked at, not its
/// name, which may lead elsewhere by now; a pipe in its place is not waited for.
///
/// `what` says in messages what it is to hold, such as "a key", and `advice` how to come by one.
///
/// # Errors
/// [`StoreError::Unavailable`] where there is no such file, it is longer than `longest` bytes or no text, or others may use it.
pub fn own_file(
    path: &Path,
    what: &str,
    longest: usize,
    advice: &str,
) -> Result<Secret, StoreError> {
    let missing = |found: String| {
        StoreError::unavailable(format!("{what} at {}", path.display()), found, advice)
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
    platform::is_ours_alone(path, what, &metadata)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(longest + 1));
    file.take(longest as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| missing(error.to_string()))?;
    if bytes.len() > longest {
        return Err(missing("a longer file".to_owned()));
    }
    str::from_utf8(&bytes)
        .map(Secret::new)
        .map_err(|_| missing("bytes that are no text".to_owned()))
}

#[cfg(unix)]
mod platform {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

    use rustix::{fs::OFlags, process::geteuid};

    use super::{Metadata, OpenOptions, Path, StoreError};

    pub(super) fn to_read() -> OpenOptions {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        options
    }

    pub(super) fn is_ours_alone(
        path: &Path,
        what: &str,
        metadata: &Metadata,
    ) -> Result<(), StoreError> {
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
                &format!("{what} file of user {ours}"),
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
                &format!("{what} file that only its owner may use"),
                format!("mode {mode:04o}"),
                advice,
            );
        }
        Ok(())
    }
}

#[cfg(not(unix))]
mod platform {
    use super::{Metadata, OpenOptions, Path, StoreError};

    pub(super) fn to_read() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true);
        options
    }

    /// The access list of the folder keeps others out.
    pub(super) fn is_ours_alone(
        _path: &Path,
        _what: &str,
        _metadata: &Metadata,
    ) -> Result<(), StoreError> {
        Ok(())
    }
}
