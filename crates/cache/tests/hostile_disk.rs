//! Disks that are full, cannot be written to, have no locks, or hold something else where the store should be.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "also in what the tests share")]

mod world;

use std::{
    env,
    fs::{self, File, Permissions},
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    process::Command,
};

use keyless_cache::{
    FileStore, Holder, Interaction::Allowed, Key, Locking, Secret, Store, StoreError,
};
use world::{Desk, key};

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

/// What each of the store's calls says that cannot go well.
#[track_caller]
fn each_is_refused(store: &FileStore, advice: &str) {
    let errors = [
        store.load(&key()).unwrap_err(),
        store.save(&key(), &secret("x")).unwrap_err(),
        store.remove(&key()).unwrap_err(),
        store.list().unwrap_err(),
        store.try_lock(&key()).unwrap_err(),
        store.health().unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        assert!(error.advice().starts_with(advice), "{}", error.advice());
    }
}

fn names(store: &FileStore) -> Vec<String> {
    let files = fs::read_dir(store.path()).unwrap();
    let mut names: Vec<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Runs the story on a disk of 256 KiB: this very test once more, where that disk is mounted and nobody else sees it.
#[allow(
    clippy::print_stderr,
    reason = "a skipped test has nobody else to tell"
)]
fn on_a_small_disk(test: &str, story: impl FnOnce(&Path)) {
    const DISK: &str = "KEYLESS_TEST_DISK";
    if let Some(disk) = env::var_os(DISK) {
        return story(Path::new(&disk));
    }
    let disk = tempfile::tempdir().unwrap();
    let is_root = disk.path().metadata().unwrap().uid() == 0;
    let apart: &[&str] = if is_root {
        &["--mount"]
    } else {
        &["--user", "--map-root-user", "--mount"]
    };
    let mounted = r#"mount -t tmpfs -o size=256k,mode=700 none "$1" && shift && exec "$@""#;
    let in_namespace = |command: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(apart).args(["sh", "-c", mounted, "sh"]);
        unshare.arg(disk.path()).args(command);
        unshare.env(DISK, disk.path()).output()
    };
    match in_namespace(&["true"]) {
        Ok(output) if output.status.success() => {}
        other => return eprintln!("skipped: no disk can be mounted here: {other:?}"),
    }
    let this = env::current_exe().unwrap();
    let output = in_namespace(&[this.to_str().unwrap(), "--exact", test, "--nocapture"]).unwrap();
    assert!(
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
}

#[test]
fn a_full_disk_costs_the_new_entry_and_not_the_old_one() {
    on_a_small_disk(
        "a_full_disk_costs_the_new_entry_and_not_the_old_one",
        |disk| {
            let store = FileStore::new(disk.join("store"));
            store.save(&key(), &secret("old")).unwrap();
            drop(store.try_lock(&key()).unwrap().unwrap());
            let before = names(&store);
            let filler = disk.join("filler");
            File::create(&filler)
                .and_then(|mut file| file.write_all(&vec![0; 1 << 20]))
                .unwrap_err();

            let error = store.save(&key(), &secret("new")).unwrap_err();
            assert!(
                matches!(&error, StoreError::Unavailable { advice, .. } if advice == "make room on that disk"),
                "{error:?}"
            );
            assert_eq!(store.load(&key()), Ok(Some(secret("old"))));
            assert_eq!(names(&store), before, "nothing is left over");
            let desk = Desk::new();
            let other = Key::of("other").finish();
            let cache = desk.cache().persist(store.clone(), other);
            for _ in 0..2 {
                let badge = runtime().block_on(cache.get(Allowed)).unwrap();
                assert_eq!(badge.number, 1, "the cache goes on in memory");
            }
            store.remove(&key()).unwrap();
            store.clear().unwrap();

            fs::remove_file(filler).unwrap();
            store.save(&key(), &secret("new")).unwrap();
            assert_eq!(store.load(&key()), Ok(Some(secret("new"))));
        },
    );
}

#[test]
fn a_disk_that_cannot_be_written_to_is_read() {
    on_a_small_disk("a_disk_that_cannot_be_written_to_is_read", |disk| {
        let store = FileStore::new(disk.join("store"));
        let desk = Desk::new();
        let cache = || desk.cache().persist(store.clone(), key());
        runtime().block_on(cache().get(Allowed)).unwrap();
        let kept = store.load(&key()).unwrap();
        let mounted = Command::new("mount")
            .args(["-o", "remount,ro"])
            .arg(disk)
            .status();
        assert!(mounted.unwrap().success());

        assert_eq!(
            cache().peek().map(|badge| badge.number),
            Some(1),
            "what is there is used"
        );
        let nowhere = FileStore::new(disk.join("home/missing/store"));
        assert_eq!(nowhere.load(&key()), Ok(None));
        for error in [
            store.save(&key(), &secret("new")).unwrap_err(),
            store.remove(&key()).unwrap_err(),
            store.clear().unwrap_err(),
            nowhere.save(&key(), &secret("new")).unwrap_err(),
            nowhere.try_lock(&key()).unwrap_err(),
        ] {
            assert_eq!(
                error.advice(),
                "keep the store on a disk that can be written to"
            );
        }
        assert_eq!(store.load(&key()).unwrap(), kept);
        for store in [&store, &nowhere] {
            let cache = desk.cache().persist(store.clone(), key());
            runtime().block_on(cache.renew(Allowed)).unwrap();
        }
    });
}

#[test]
fn a_missing_home_is_made_for_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    let store = FileStore::new(home.join(".local/state/keyless/store"));
    assert_eq!(store.health().unwrap().map(|health| health.mode), None);
    assert!(!home.exists(), "looking makes nothing");
    store.save(&key(), &secret("x")).unwrap();
    for folder in store.path().ancestors().take(5) {
        assert_eq!(
            folder.metadata().unwrap().mode() & 0o7777,
            0o700,
            "{}",
            folder.display()
        );
    }
}

#[test]
fn a_home_that_is_a_file_is_told_with_the_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    File::create(&home).unwrap();
    let store = FileStore::new(home.join(".local/state/keyless/store"));
    each_is_refused(&store, "move away what stands in the place of a folder");
    store.clear().unwrap_err();
}

#[test]
fn a_link_in_the_place_of_the_folder_is_followed_to_a_folder_of_ours_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let folder = |name: &str, mode: u32| {
        fs::create_dir(path(name)).unwrap();
        fs::set_permissions(path(name), Permissions::from_mode(mode)).unwrap();
    };
    folder("ours", 0o700);
    folder("open", 0o777);
    let link_to = |target: &str| {
        let _ = fs::remove_file(path("store"));
        symlink(path(target), path("store")).unwrap();
        FileStore::new(path("store"))
    };
    let store = link_to("ours");
    store.save(&key(), &secret("x")).unwrap();
    assert_eq!(store.load(&key()), Ok(Some(secret("x"))));
    assert!(path("ours").join(format!("{}.json", key())).exists());

    each_is_refused(&link_to("open"), "run chmod 700 ");
    assert_eq!(fs::read_dir(path("open")).unwrap().count(), 0);

    let dangling = link_to("nowhere");
    assert_eq!(dangling.load(&key()), Ok(None));
    let error = dangling.save(&key(), &secret("x")).unwrap_err();
    assert!(
        error.advice().starts_with("move away "),
        "{}",
        error.advice()
    );
    assert!(!path("nowhere").exists(), "nothing is made where it leads");
}

#[test]
fn a_look_at_the_folder_tells_of_leftovers_and_of_who_holds_a_lock() {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::new(directory.path().join("store"));
    assert!(store.health().unwrap().is_none());
    store.save(&key(), &secret("x")).unwrap();
    let health = store.health().unwrap().unwrap();
    assert_eq!(
        (health.mode, health.locking),
        (Some(0o700), Locking::Untried)
    );
    assert_eq!((health.leftovers, health.holders), (vec![], vec![]));

    let leftover = store.path().join(format!("{}.{:016x}.new", key(), 1));
    File::create(&leftover).unwrap();
    symlink(
        "/etc/hostname",
        store
            .path()
            .join(format!("{}.lock", Key::of("link").finish())),
    )
    .unwrap();
    let other = Key::of("other").finish();
    let locks = [&key(), &other].map(|key| store.try_lock(key).unwrap().unwrap());
    let health = store.health().unwrap().unwrap();
    assert_eq!(
        (health.leftovers, health.locking),
        (vec![leftover], Locking::Works)
    );
    let process = cfg!(target_os = "linux").then(std::process::id);
    let mut holders = [key(), other].map(|key| Holder { key, process });
    holders.sort_by_key(|holder| holder.key);
    assert_eq!(health.holders, holders);

    drop(locks);
    let health = store.health().unwrap().unwrap();
    assert_eq!((health.holders, health.locking), (vec![], Locking::Works));
}

/// Runs `story` in this very test once more, with `strace` between it and the system; gives back the calls that were made.
fn traced(test: &str, strace: &[&str], story: impl FnOnce()) -> Option<Vec<String>> {
    const TRACED: &str = "KEYLESS_TEST_TRACED";
    if env::var_os(TRACED).is_some() {
        story();
        return None;
    }
    let calls = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new("strace")
        .args(["-f", "-qq", "-e", "signal=none", "-o"])
        .arg(calls.path())
        .args(strace)
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--include-ignored"])
        .env(TRACED, "1")
        .output()
        .expect("strace; cargo xtask test installs it");
    assert!(
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let calls = fs::read_to_string(calls.path()).unwrap();
    Some(calls.lines().map(str::to_owned).collect())
}

/// A store that is gone when the test ends.
fn fresh() -> (tempfile::TempDir, FileStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::new(directory.path().join("store"));
    (directory, store)
}

#[test]
#[ignore = "needs real parts: cargo xtask test"]
fn an_entry_is_on_the_disk_before_it_has_its_name_and_its_name_is_before_the_save_ends() {
    let calls = traced(
        "an_entry_is_on_the_disk_before_it_has_its_name_and_its_name_is_before_the_save_ends",
        &["-y", "-e", "trace=openat,fsync,rename,renameat,renameat2"],
        || {
            let (_directory, store) = fresh();
            store.save(&key(), &secret("x")).unwrap();
        },
    );
    let Some(calls) = calls else { return };
    let key = key().to_string();
    let (entry, lock) = (format!("{key}.json"), format!("{key}.lock"));
    let told: Vec<&str> = calls
        .iter()
        .filter(|call| call.contains("/store"))
        .map(|call| match call {
            call if call.contains("openat(") && call.contains(".new\"") => {
                for flag in ["O_CREAT", "O_EXCL", "O_NOFOLLOW", "0600"] {
                    assert!(call.contains(flag), "{flag} in {call}");
                }
                "made"
            }
            call if call.contains("fsync(") && call.contains(".new>") => "entry synced",
            call if call.contains("rename") && call.contains(&entry) => "renamed",
            call if call.contains("fsync(") && call.contains("/store>") => "folder synced",
            call if call.contains(&lock) => "locked",
            _ => "opened",
        })
        .filter(|what| *what != "opened")
        .collect();
    assert_eq!(
        told,
        ["made", "entry synced", "renamed", "folder synced"],
        "{calls:#?}"
    );
}

#[test]
#[ignore = "needs real parts: cargo xtask test"]
fn a_folder_that_cannot_be_synced_is_done_without() {
    let calls = traced(
        "a_folder_that_cannot_be_synced_is_done_without",
        &["-e", "inject=fsync:error=EINVAL:when=2"],
        || {
            let (_directory, store) = fresh();
            store.save(&key(), &secret("x")).unwrap();
            assert_eq!(store.load(&key()), Ok(Some(secret("x"))));
        },
    );
    assert!(calls.is_none_or(|calls| calls.iter().any(|call| call.ends_with("(INJECTED)"))));
}

#[test]
#[ignore = "needs real parts: cargo xtask test"]
fn a_file_system_without_locks_is_told_and_worked_with() {
    traced(
        "a_file_system_without_locks_is_told_and_worked_with",
        &["-e", "inject=flock:error=ENOLCK"],
        || {
            let (_directory, store) = fresh();
            let error = store.try_lock(&key()).unwrap_err();
            assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
            assert!(
                error.advice().starts_with("keep the store on a local disk"),
                "{}",
                error.advice()
            );
            assert_eq!(
                store.health().unwrap().unwrap().locking,
                Locking::Missing(error)
            );
            let desk = Desk::new();
            let cache = || desk.cache().persist(store.clone(), key());
            runtime().block_on(cache().get(Allowed)).unwrap();
            assert_eq!(cache().peek().map(|badge| badge.number), Some(1));
        },
    );
}
