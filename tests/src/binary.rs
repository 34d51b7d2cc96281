//! The `keyless` command, as cargo built it beside the tests.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The `keyless` binary of the profile that the running test was built in.
///
/// # Panics
///
/// If it is missing, or older than a source file it is made of: `cargo test -p keyless-tests` does not build it, and a story
/// about yesterday's binary would tell nothing. `cargo build` builds it.
pub fn keyless() -> PathBuf {
    let binary = built().join(format!("keyless{}", std::env::consts::EXE_SUFFIX));
    newer_than(binary, "crates")
}

/// The example `name`, of the same profile.
///
/// # Panics
///
/// As [`keyless()`]; `cargo build --examples` builds it.
pub fn example(name: &str) -> PathBuf {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    newer_than(built().join("examples").join(file), "examples")
}

/// `target/PROFILE`: the running test is `target/PROFILE/deps/TEST`.
fn built() -> PathBuf {
    let test = std::env::current_exe().expect("the system names the running test");
    let profile = test
        .ancestors()
        .nth(2)
        .expect("cargo puts tests two folders down");
    profile.to_owned()
}

/// `binary`, if no source in `folder` of the repository is newer.
fn newer_than(binary: PathBuf, folder: &str) -> PathBuf {
    let built = modified(&binary).unwrap_or_else(|| {
        panic!(
            "{} is missing: run `cargo build --all-targets` first",
            binary.display()
        )
    });
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(folder);
    if let Some(newer) = newer_source(&sources, built) {
        panic!(
            "{} is older than {}: run `cargo build --all-targets` first",
            binary.display(),
            newer.display()
        );
    }
    binary
}

/// A file that the binary is made of and that was changed after it. Tests are no part of the binary; nor is xtask.
fn newer_source(folder: &Path, built: SystemTime) -> Option<PathBuf> {
    std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .find_map(|path| {
            if path.is_dir() {
                let aside = ["tests", "examples", "xtask"]
                    .iter()
                    .any(|name| path.ends_with(name));
                return if aside {
                    None
                } else {
                    newer_source(&path, built)
                };
            }
            let source = path.extension() == Some(OsStr::new("rs")) && !path.ends_with("tests.rs");
            (source && modified(&path).is_some_and(|changed| changed > built)).then_some(path)
        })
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}

#[cfg(test)]
mod test {
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    use super::newer_source;

    #[test]
    fn a_source_changed_after_the_binary_is_found_and_a_changed_test_is_not() {
        let built = SystemTime::UNIX_EPOCH + Duration::from_hours(1);
        for (file, part_of_binary) in [
            ("cli/src/main.rs", true),
            ("token/src/login/callback.rs", true),
            ("token/src/login/tests.rs", false),
            ("token/tests/stories.rs", false),
            ("xtask/src/main.rs", false),
            ("token/README.md", false),
        ] {
            let crates = tempfile::tempdir().unwrap();
            let path = crates.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            for (changed, newer) in [
                (built - Duration::from_secs(1), false),
                (built + Duration::from_secs(1), true),
            ] {
                File::create(&path).unwrap().set_modified(changed).unwrap();
                assert_eq!(
                    newer_source(crates.path(), built).is_some(),
                    newer && part_of_binary,
                    "{file}"
                );
            }
        }
    }
}
