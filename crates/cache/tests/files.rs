//! Entries as files: what is written, and what is refused.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "also in what the tests share")]

mod world;

use std::{
    fs::{self, File, FileTimes, Permissions},
    os::unix::{
        fs::{PermissionsExt, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    time::SystemTime,
};

use keyless_cache::{FileStore, Interaction::Allowed, Key, Secret, Store, StoreError};
use tempfile::TempDir;
use world::{Desk, HOUR, key};

/// What somebody else does to a file.
type Spoil = fn(&Path);

fn fresh() -> (TempDir, FileStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::new(directory.path().join("cache/keyless"));
    (directory, store)
}

fn entry(store: &FileStore) -> PathBuf {
    store.path().join(format!("{}.json", key()))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn names(store: &FileStore) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(store.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_saved_is_ours_alone_and_comes_back() {
    let (_directory, store) = fresh();
    assert_eq!(store.load(&key()), Ok(None));
    assert_eq!(store.list(), Ok(Vec::new()));
    assert_eq!(store.remove(&key()), Ok(()));
    assert!(!store.path().exists(), "looking makes nothing");

    for text in ["first", "second, longer", "third"] {
        store.save(&key(), &Secret::new(text)).unwrap();
        assert_eq!(store.load(&key()), Ok(Some(Secret::new(text))));
    }
    let lock = store.try_lock(&key()).unwrap().unwrap();
    assert_eq!(mode(store.path()), 0o700);
    for name in names(&store) {
        assert_eq!(mode(&store.path().join(name)), 0o600);
    }
    assert_eq!(
        names(&store),
        [format!("{}.json", key()), format!("{}.lock", key())],
        "nothing is left over"
    );

    store.remove(&key()).unwrap();
    drop(lock);
    assert_eq!(store.load(&key()), Ok(None));
    assert_eq!(
        names(&store),
        [format!("{}.lock", key())],
        "a lock file stays"
    );
}

#[test]
fn the_list_tells_entries_and_nothing_else() {
    let (_directory, store) = fresh();
    let mut keys = ["a", "b", "c"].map(|name| Key::of("session").part("name", name).finish());
    for key in &keys {
        store.save(key, &Secret::new("12345")).unwrap();
        store.try_lock(key).unwrap();
    }
    fs::write(store.path().join("notes.json"), "").unwrap();
    fs::write(store.path().join(format!("{}.JSON", key())), "").unwrap();
    fs::create_dir(entry(&store)).unwrap();
    keys.sort();
    let listed = store.list().unwrap();
    assert_eq!(
        listed
            .iter()
            .map(|entry| (entry.key, entry.len))
            .collect::<Vec<_>>(),
        keys.map(|key| (key, 5))
    );
}

#[test]
fn an_entry_that_others_could_have_touched_is_refused_and_replaced() {
    let table: [(&str, Spoil, &str); 9] = [
        (
            "readable by all",
            |path| chmod(path, 0o644),
            "found mode 0644",
        ),
        (
            "readable by the group",
            |path| chmod(path, 0o640),
            "found mode 0640",
        ),
        (
            "writable by all",
            |path| chmod(path, 0o602),
            "found mode 0602",
        ),
        (
            "a link",
            |path| replace(path, |path| symlink("/etc/hostname", path).unwrap()),
            "found a symbolic link",
        ),
        (
            "a dangling link",
            |path| replace(path, |path| symlink("nowhere", path).unwrap()),
            "found a symbolic link",
        ),
        ("a pipe", |path| replace(path, pipe), "found something else"),
        (
            "a folder with things in it",
            |path| replace(path, |path| fs::create_dir_all(path.join("x")).unwrap()),
            "found something else",
        ),
        (
            "too long",
            |path| fs::write(path, vec![b' '; (1 << 20) + 1]).unwrap(),
            "found more",
        ),
        (
            "no text",
            |path| fs::write(path, [0xff, 0xfe]).unwrap(),
            "found other bytes",
        ),
    ];
    for (case, spoil, found) in table {
        let (_directory, store) = fresh();
        store.save(&key(), &Secret::new("secret")).unwrap();
        spoil(&entry(&store));
        let error = store.load(&key()).unwrap_err();
        assert!(
            matches!(error, StoreError::Corrupt { .. }),
            "{case}: {error:?}"
        );
        assert!(error.to_string().contains(found), "{case}: {error}");
        assert!(
            error
                .to_string()
                .contains(&format!("at {}", entry(&store).display())),
            "{case}: {error}"
        );
        if case.starts_with("a folder") {
            store.save(&key(), &Secret::new("new")).unwrap_err();
        } else {
            store.save(&key(), &Secret::new("new")).unwrap();
            assert_eq!(store.load(&key()), Ok(Some(Secret::new("new"))), "{case}");
            assert_eq!(mode(&entry(&store)), 0o600, "{case}");
        }
        assert_eq!(names(&store).len(), 1, "{case}: nothing is left over");
    }
}

fn replace(path: &Path, with: impl Fn(&Path)) {
    fs::remove_file(path).unwrap();
    with(path);
}

fn pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo")
        .arg("-m")
        .arg("600")
        .arg(path)
        .status()
        .unwrap();
    assert!(made.success());
}

#[test]
fn an_entry_of_somebody_else_is_refused() {
    let (_directory, store) = fresh();
    store.save(&key(), &Secret::new("secret")).unwrap();
    if std::os::unix::fs::chown(entry(&store), Some(12345), None).is_err() {
        return; // Only root can give files away.
    }
    let error = store.load(&key()).unwrap_err();
    assert!(
        error.to_string().contains("found one of user 12345"),
        "{error}"
    );
    std::os::unix::fs::chown(store.path(), Some(12345), None).unwrap();
    let error = store.load(&key()).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(
        error.to_string().contains("found one of user 12345"),
        "{error}"
    );
}

#[test]
fn a_folder_that_is_not_ours_alone_is_refused_with_the_way_out() {
    let table: [(&str, Spoil, &str, &str); 3] = [
        (
            "writable by the group",
            |path| chmod(path, 0o770),
            "found mode 0770",
            "run chmod 700 ",
        ),
        (
            "writable by all",
            |path| chmod(path, 0o1777),
            "found mode 1777",
            "run chmod 700 ",
        ),
        (
            "a file in its place",
            |path| {
                fs::remove_dir(path).unwrap();
                File::create(path).unwrap();
            },
            "found something else",
            "move ",
        ),
    ];
    for (case, spoil, found, advice) in table {
        let (_directory, store) = fresh();
        fs::create_dir_all(store.path()).unwrap();
        spoil(store.path());
        let errors = [
            store.load(&key()).unwrap_err(),
            store.save(&key(), &Secret::new("secret")).unwrap_err(),
            store.remove(&key()).unwrap_err(),
            store.list().unwrap_err(),
            store.try_lock(&key()).unwrap_err(),
        ];
        for error in errors {
            assert!(
                matches!(error, StoreError::Unavailable { .. }),
                "{case}: {error:?}"
            );
            assert!(error.to_string().contains(found), "{case}: {error}");
            assert!(
                error.advice().starts_with(advice),
                "{case}: {}",
                error.advice()
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_cannot_be_made_costs_the_store_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let in_the_way = directory.path().join("file");
    File::create(&in_the_way).unwrap();
    for path in [
        in_the_way.join("keyless"),
        PathBuf::from("/dev/full/keyless"),
        PathBuf::from("/proc/keyless"),
    ] {
        let desk = Desk::new();
        let store = FileStore::new(&path);
        assert!(
            matches!(
                store.save(&key(), &Secret::new("x")),
                Err(StoreError::Unavailable { .. })
            ),
            "{path:?}"
        );
        let cache = desk.cache().persist(store, key());
        assert_eq!(cache.get(Allowed).await.unwrap().number, 1, "{path:?}");
        assert_eq!(cache.get(Allowed).await.unwrap().number, 1, "{path:?}");
    }
}

#[test]
fn a_lock_that_is_no_file_is_refused() {
    let (_directory, store) = fresh();
    store.save(&key(), &Secret::new("secret")).unwrap();
    let path = store.path().join(format!("{}.lock", key()));
    let target = store.path().join("target");
    symlink(&target, &path).unwrap();
    store.try_lock(&key()).unwrap_err();
    assert!(!target.exists(), "a link is not followed");
    fs::remove_file(&path).unwrap();
    let _socket = UnixListener::bind(&path).unwrap();
    store.try_lock(&key()).unwrap_err();
}

#[test]
fn an_entry_that_could_not_be_read_again_is_not_written() {
    let (_directory, store) = fresh();
    let error = store
        .save(&key(), &Secret::new("x".repeat((1 << 20) + 1)))
        .unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    store
        .save(&key(), &Secret::new("x".repeat(1 << 20)))
        .unwrap();
    assert_eq!(store.load(&key()).unwrap().unwrap().expose().len(), 1 << 20);
}

#[test]
fn what_killed_writers_left_is_swept_after_an_hour() {
    let (_directory, store) = fresh();
    store.save(&key(), &Secret::new("secret")).unwrap();
    let (old, new) = (
        format!("{}.{:016x}.new", key(), 1),
        format!("{}.{:016x}.new", key(), 2),
    );
    for (name, age) in [
        (old.as_str(), 2 * HOUR),
        (&new, HOUR / 2),
        ("somebody.elses.new", 2 * HOUR),
    ] {
        let file = File::create(store.path().join(name)).unwrap();
        file.set_times(FileTimes::new().set_modified(SystemTime::now() - age))
            .unwrap();
    }
    store.save(&key(), &Secret::new("secret")).unwrap();
    let mut left = [
        new,
        format!("{}.json", key()),
        "somebody.elses.new".to_owned(),
    ];
    left.sort();
    assert_eq!(names(&store), left);
}

#[test]
fn what_is_cleared_leaves_locks_and_what_is_not_ours() {
    let (_directory, store) = fresh();
    assert_eq!(store.clear(), Ok(()));
    assert!(!store.path().exists(), "looking makes nothing");
    store.save(&key(), &Secret::new("old")).unwrap();
    drop(store.try_lock(&key()).unwrap());
    let other = Key::of("other").finish();
    for name in [
        format!("{other}.json"),
        format!("{}.{:016x}.new", key(), 1),
        format!("{other}.{:016x}.new", 2),
        "notes.json".to_owned(),
        "somebody.elses.new".to_owned(),
    ] {
        File::create(store.path().join(name)).unwrap();
    }
    store.clear().unwrap();
    let lock = format!("{}.lock", key());
    assert_eq!(
        names(&store),
        [lock.as_str(), "notes.json", "somebody.elses.new"]
    );
}

#[test]
fn what_is_removed_takes_its_leftovers_along_unless_somebody_writes() {
    let (_directory, store) = fresh();
    let leftover = store.path().join(format!("{}.{:016x}.new", key(), 1));
    store.save(&key(), &Secret::new("old")).unwrap();
    File::create(&leftover).unwrap();
    let writer = store.try_lock(&key()).unwrap().expect("nobody holds it");
    store.remove(&key()).unwrap();
    assert!(leftover.exists() && !entry(&store).exists());
    drop(writer);
    store.remove(&key()).unwrap();
    assert!(!leftover.exists());
}
