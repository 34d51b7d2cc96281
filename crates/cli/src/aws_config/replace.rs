//! Changes a file whole: a reader, or a power cut, finds the old one or the new one, and no other writer's change is lost.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The names of what is being written begin so, and have six more characters.
const PREFIX: &str = ".keyless-";
const LEFT_OVER_AFTER: Duration = Duration::from_hours(1);
/// Others of us are done in milliseconds. Whoever holds the folder longer is not waited for: the file is compared all the same.
const LONGEST_TURN: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);
const ATTEMPTS: usize = 10;

/// Puts what `edit` makes of the file's bytes in their place, and gives that with its text picked by `text`. Owner, mode and link stay; a
/// new file can be read by its owner alone. Where nothing changes, nothing is written.
pub(super) fn change<T>(
    file: &Path,
    edit: impl Fn(&[u8]) -> T,
    text: impl Fn(&T) -> &[u8],
) -> io::Result<(T, bool)> {
    let target = follow(file)?;
    let folder = target
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut turn = None;
    for _ in 0..ATTEMPTS {
        let before = read(&target)?;
        let edited = edit(&before);
        if text(&edited) == before {
            return Ok((edited, false));
        }
        fs::create_dir_all(folder)?;
        if turn.is_none() {
            // Others of us come one after the other, so what was read before may be old.
            turn = Some(take_turn(folder));
            continue;
        }
        let new = written(folder, &target, text(&edited))?;
        // Others than us know nothing of turns.
        if read(&target)? == before {
            new.persist(&target).map_err(|error| error.error)?;
            return Ok((edited, true));
        }
    }
    Err(io::Error::other("something else keeps changing it"))
}

/// The file's bytes; a file that is not there is an empty one. What is no regular file, such as a pipe, is refused.
pub(super) fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Without, opening a pipe would wait for a writer.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let mut opened = match options.read(true).open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened?,
    };
    if !opened.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    opened.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A new file beside `target`, with its owner and mode, that can take its place.
fn written(folder: &Path, target: &Path, text: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let mut new = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempfile_in(folder)?; // 0600 on Unix
    sweep(folder, new.as_file());
    new.write_all(text)?;
    if let Ok(old) = fs::metadata(target) {
        keep_owner(&old, new.as_file())?;
        new.as_file().set_permissions(old.permissions())?;
    }
    new.as_file().sync_all()?;
    Ok(new)
}

/// The right to write in `folder`, for as long as it lives. It is a lock on the folder itself, so that nothing is left behind; where there
/// is no such lock, none is taken.
fn take_turn(folder: &Path) -> Option<File> {
    let folder = File::open(folder).ok()?;
    let asked = Instant::now();
    while let Err(fs::TryLockError::WouldBlock) = folder.try_lock() {
        if asked.elapsed() > LONGEST_TURN {
            return None;
        }
        sleep(POLL);
    }
    Some(folder)
}

/// A file of somebody else's, written as root, stays theirs.
#[cfg(unix)]
fn keep_owner(old: &fs::Metadata, new: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let ours = new.metadata()?;
    if (old.uid(), old.gid()) == (ours.uid(), ours.gid()) {
        return Ok(());
    }
    fchown(new, Some(old.uid()), Some(old.gid())).map_err(|error| {
        let whose = format!("user {} and group {}", old.uid(), old.gid());
        io::Error::new(
            error.kind(),
            format!("it belongs to {whose}, which cannot be kept: {error}"),
        )
    })
}

#[cfg(not(unix))]
fn keep_owner(_: &fs::Metadata, _: &File) -> io::Result<()> {
    Ok(()) // the folder's access list is inherited
}

/// Removes what was left by processes that were killed while they wrote. `new` shows the time of this file system's clock.
fn sweep(folder: &Path, new: &File) {
    let Ok(now) = new.metadata().and_then(|new| new.modified()) else {
        return;
    };
    for file in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = file.file_name();
        let name = name.to_string_lossy();
        let is_ours = name.starts_with(PREFIX) && name.len() == PREFIX.len() + 6;
        let is_old = |found: fs::Metadata| {
            let age = found
                .modified()
                .ok()
                .and_then(|at| now.duration_since(at).ok());
            found.is_file() && age.is_some_and(|age| age > LEFT_OVER_AFTER)
        };
        if is_ours && file.metadata().is_ok_and(is_old) {
            let _ = fs::remove_file(file.path()); // or the next time
        }
    }
}

/// Where a chain of links ends, whether or not there is a file.
fn follow(file: &Path) -> io::Result<PathBuf> {
    let mut target = file.to_owned();
    for _ in 0..40 {
        match fs::read_link(&target) {
            Ok(next) => target = target.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => return Ok(target), // no link
        }
    }
    Err(io::Error::other("too many links"))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn put(file: &Path, line: &str) -> io::Result<bool> {
        let edit = |before: &[u8]| [before, line.as_bytes(), b"\n"].concat();
        change(file, edit, |text: &Vec<u8>| text).map(|(_, changed)| changed)
    }

    #[test]
    fn writers_at_once_lose_no_change_of_each_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("config");
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let file = &file;
                scope
                    .spawn(move || assert!(put(file, &format!("line {writer}")).expect("written")));
            }
        });
        let text = fs::read_to_string(&file).expect("text");
        assert_eq!(text.lines().count(), 8, "{text}");
    }

    #[test]
    fn a_change_by_somebody_who_knows_of_no_turns_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("config");
        let calls = std::cell::Cell::new(0);
        let edit = |before: &[u8]| {
            calls.set(calls.get() + 1);
            if calls.get() == 2 {
                fs::write(&file, "theirs\n").expect("written"); // between our look and our writing
            }
            [before, b"ours\n"].concat()
        };
        change(&file, edit, |text: &Vec<u8>| text).expect("written");
        assert_eq!(fs::read(&file).expect("text"), b"theirs\nours\n");
    }

    #[test]
    fn copies_that_killed_writers_left_go_after_an_hour() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let now = SystemTime::now();
        for (name, minutes) in [
            (".keyless-aB3dE6", 61),
            (".keyless-young1", 59),
            (".keyless-notes.txt", 61),
            ("other", 61),
        ] {
            let file = File::create(path(name)).expect("made");
            file.set_modified(now - Duration::from_mins(minutes))
                .expect("set");
        }
        put(&path("config"), "x").expect("written");
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .expect("a folder")
            .map(|file| {
                file.expect("a file")
                    .file_name()
                    .into_string()
                    .expect("text")
            })
            .collect();
        left.sort();
        assert_eq!(
            left,
            [".keyless-notes.txt", ".keyless-young1", "config", "other"]
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("config");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).expect("made");
        let error = put(&pipe, "x").expect_err("no file");
        assert_eq!(error.to_string(), "it is no regular file");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_owner_where_root_writes_it() {
        use std::os::unix::fs::{MetadataExt, chown};
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("config");
        fs::write(&file, "").expect("written");
        if chown(&file, Some(65534), Some(65534)).is_err() {
            return; // only root can give a file away
        }
        put(&file, "x").expect("written");
        let found = fs::metadata(&file).expect("there");
        assert_eq!((found.uid(), found.gid()), (65534, 65534));
    }
}
