//! Reads a configuration that only its owner could have written: the very file that was looked at, and no more of it than makes sense.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use crate::error::ConfigError;

/// A configuration is a few kilobytes.
const LONGEST: u64 = 1 << 20;

/// The file's text; `None` where there is no file.
///
/// # Errors
/// Where it cannot be read, is no regular file, is too long or no text, or somebody else could have written it.
pub(super) fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    let shown = path.display();
    let unreadable =
        |error: &io::Error| ConfigError::new(format!("{shown} cannot be read: {error}"));
    let file = match open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&error)),
    };
    // Of the open file, not of its name, which may lead elsewhere by now.
    let metadata = file.metadata().map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        return Err(ConfigError::new(format!("{shown} is no regular file"))
            .with_advice("put a file, or a link to one, in its place"));
    }
    check_owner(path, &metadata)?;
    let mut bytes = Vec::new();
    file.take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > LONGEST {
        return Err(ConfigError::new(format!("{shown} is longer than 1 MiB"))
            .with_advice("check that it is a configuration of keyless"));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| {
        ConfigError::new(format!("{shown} is not UTF-8 text"))
            .with_advice("check that it is a configuration of keyless")
    })
}

/// A pipe in the file's place does not make us wait for a writer.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

/// The file may name commands to run, so whoever can write it can run them.
#[cfg(unix)]
fn check_owner(path: &Path, found: &Metadata) -> Result<(), ConfigError> {
    use std::os::unix::fs::MetadataExt;
    let me = rustix::process::geteuid().as_raw();
    if found.uid() != me && found.uid() != 0 {
        return Err(ConfigError::new(format!(
            "{} belongs to the user {}, not to {me}",
            path.display(),
            found.uid()
        ))
        .with_advice("use a file of your own: it can name commands that are run as you"));
    }
    if found.mode() & 0o022 != 0 {
        return Err(ConfigError::new(format!(
            "{} can be written by others (mode {:o})",
            path.display(),
            found.mode() & 0o777
        ))
        .with_advice(format!(
            "run `chmod go-w {}`: it can name commands that are run as you",
            path.display()
        )));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_owner(_: &Path, _: &Metadata) -> Result<(), ConfigError> {
    Ok(()) // the profile folder's access list keeps others out
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_of_ones_own_is_read_also_through_a_link_and_nothing_else_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let write = |name: &str, bytes: &[u8], mode: u32| {
            std::fs::write(path(name), bytes).expect("written");
            std::fs::set_permissions(path(name), std::fs::Permissions::from_mode(mode))
                .expect("set");
        };
        write("plain", b"[identity]", 0o600);
        symlink(path("plain"), path("link")).expect("linked");
        for name in ["plain", "link"] {
            assert_eq!(
                read(&path(name)).expect(name).as_deref(),
                Some("[identity]")
            );
        }
        assert_eq!(read(&path("missing")).expect("no mistake"), None);

        write("open", b"", 0o620);
        symlink(path("open"), path("link to open")).expect("linked");
        write("long", &vec![b'#'; 1 + (1 << 20)], 0o600);
        write("binary", b"\xff", 0o600);
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), mode).expect("made");
        symlink(path("pipe"), path("link to pipe")).expect("linked");
        for (name, said) in [
            ("open", "can be written by others"),
            ("link to open", "can be written by others"),
            ("long", "longer than 1 MiB"),
            ("binary", "not UTF-8"),
            ("pipe", "no regular file"),
            ("link to pipe", "no regular file"),
            ("", "no regular file"),
        ] {
            let error = read(&path(name)).expect_err(name).to_string();
            assert!(error.contains(said), "{name}: {error}");
        }
    }
}
