//! Replaces a file whole: a reader, or a power cut, finds the old one or the new one.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes `text` into `file`, or into what it links to. Mode and link stay; a new file can be read by its owner alone.
pub(super) fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    let target = follow(file)?;
    let folder = target
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut new = tempfile::Builder::new()
        .prefix(".keyless-")
        .tempfile_in(folder)?; // 0600 on Unix
    new.write_all(text)?;
    if let Ok(old) = fs::metadata(&target) {
        new.as_file().set_permissions(old.permissions())?;
    }
    new.as_file().sync_all()?;
    new.persist(&target).map_err(|error| error.error)?;
    Ok(())
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
