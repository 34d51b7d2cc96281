//! Entries that are sealed: what opens, what does not, and where the key comes from.
#![allow(clippy::unwrap_used, reason = "also in what the tests share")]

use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use keyless_cache::{
    Entry, FileStore, Key, KeySource, Lock, MemoryStore, Rotated, SealedStore, Secret, Store,
    StoreError,
};

const TEXT: &str = "a refresh token of Alice";

fn key(name: &str) -> Key {
    Key::of("sign-in").part("name", name).finish()
}

fn is_corrupt<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Corrupt { .. }))
}

/// A keyring that processes share, and that can be in a bad mood.
#[derive(Clone, Default)]
struct Keyring {
    kept: Arc<Mutex<Option<Secret>>>,
    read: Arc<AtomicUsize>,
    written: Arc<AtomicUsize>,
}

impl Keyring {
    /// As another process opens it.
    fn source(&self) -> KeySource {
        let (reads, writes) = (self.clone(), self.clone());
        let read = move || {
            reads.read.fetch_add(1, SeqCst);
            Ok(reads.kept.lock().unwrap().clone())
        };
        let write = move |text: &Secret| {
            writes.written.fetch_add(1, SeqCst);
            *writes.kept.lock().unwrap() = Some(text.clone());
            Ok(())
        };
        KeySource::elsewhere("the keyring", read, write).deadline(Duration::from_mins(1))
    }

    fn keys(&self) -> Vec<String> {
        let kept = self.kept.lock().unwrap();
        kept.as_ref().map_or(Vec::new(), |text| {
            text.expose().lines().map(str::to_owned).collect()
        })
    }
}

#[test]
fn what_is_sealed_comes_back_and_the_files_tell_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (files, keyring) = (
        FileStore::new(folder.path().join("sealed")),
        Keyring::default(),
    );
    let store = SealedStore::new(files.clone(), keyring.source());
    let long = "é€😀".repeat(50_000);
    for text in [TEXT, "", "{\"value\":\"quoted\"}", &long] {
        store.save(&key("a"), &Secret::new(text)).unwrap();
        let another = SealedStore::new(files.clone(), keyring.source());
        assert_eq!(another.load(&key("a")), Ok(Some(Secret::new(text))));
    }
    store.save(&key("a"), &Secret::new(TEXT)).unwrap();
    store.save(&key("b"), &Secret::new(TEXT)).unwrap();
    let names: Vec<Key> = store
        .list()
        .unwrap()
        .into_iter()
        .map(|entry| entry.key)
        .collect();
    assert_eq!(
        BTreeSet::from_iter(names),
        BTreeSet::from([key("a"), key("b")])
    );

    let [written] = &keyring.keys()[..] else {
        panic!("one key is kept");
    };
    for file in fs::read_dir(files.path()).unwrap() {
        let found = String::from_utf8(fs::read(file.unwrap().path()).unwrap()).unwrap();
        for secret in ["refresh", "Alice", "YSByZWZyZXNo", written] {
            assert!(!found.contains(secret), "{secret} in {found}");
        }
    }
    let sealed = |name: &str| files.load(&key(name)).unwrap().unwrap();
    let first = sealed("a");
    store.save(&key("a"), &Secret::new(TEXT)).unwrap();
    assert!(first != sealed("a"), "no two seals are alike");
    assert!(!format!("{store:?}").contains(written));

    store.remove(&key("a")).unwrap();
    assert_eq!(store.load(&key("a")), Ok(None));
}

#[test]
fn a_changed_entry_does_not_open() {
    let (beneath, keyring) = (MemoryStore::new(), Keyring::default());
    let store = SealedStore::new(beneath.clone(), keyring.source());
    store.save(&key("a"), &Secret::new(TEXT)).unwrap();
    let whole = beneath.load(&key("a")).unwrap().unwrap();
    let put = |text: &str| beneath.save(&key("a"), &Secret::new(text)).unwrap();

    for at in 0..whole.expose().len() {
        let mut bytes = whole.expose().as_bytes().to_vec();
        for flip in [0x01, 0x02, 0x20] {
            bytes[at] = whole.expose().as_bytes()[at] ^ flip;
            put(str::from_utf8(&bytes).unwrap());
            assert!(
                is_corrupt(&store.load(&key("a"))),
                "byte {at}, flipped by {flip:#x}"
            );
        }
        put(&whole.expose()[..at]);
        assert!(is_corrupt(&store.load(&key("a"))), "cut after byte {at}");
    }

    let sealed = |members: &str| format!("{{{members}}}");
    for (name, planted) in [
        ("the text itself", TEXT.to_owned()),
        (
            "an entry of a plain store",
            sealed(r#""format":1,"key":"","fetched_at":1,"value":{}"#),
        ),
        (
            "one more member",
            whole.expose().replacen('{', r#"{"format":1,"#, 1),
        ),
        ("another format", whole.expose().replacen(":1,", ":2,", 1)),
        (
            "no tag",
            sealed(r#""sealed":1,"key_id":"","nonce":"AAAAAAAAAAAAAAAA","text":"""#),
        ),
        ("nothing", String::new()),
    ] {
        put(&planted);
        assert!(is_corrupt(&store.load(&key("a"))), "{name}");
    }

    store.save(&key("a"), &Secret::new("another")).unwrap();
    assert_eq!(
        store.load(&key("a")),
        Ok(Some(Secret::new("another"))),
        "it is replaced"
    );
}

#[test]
fn an_entry_opens_under_its_own_name_and_with_its_own_key_only() {
    let (beneath, keyring) = (MemoryStore::new(), Keyring::default());
    let store = SealedStore::new(beneath.clone(), keyring.source());
    store.save(&key("alice"), &Secret::new(TEXT)).unwrap();
    let sealed = beneath.load(&key("alice")).unwrap().unwrap();
    beneath.save(&key("bob"), &sealed).unwrap();
    assert!(is_corrupt(&store.load(&key("bob"))), "moved");
    assert!(store.load(&key("alice")).is_ok());

    let other = SealedStore::new(beneath.clone(), Keyring::default().source());
    assert!(is_corrupt(&other.load(&key("alice"))), "no key yet");
    other.save(&key("bob"), &Secret::new(TEXT)).unwrap();
    assert!(is_corrupt(&other.load(&key("alice"))), "another key");

    // The id is a name: who writes another key's name on it opens nothing.
    let id = |name: &str| beneath.load(&key(name)).unwrap().unwrap().expose()[12..42].to_owned();
    let (alices, bobs) = (id("alice"), id("bob"));
    assert!(alices.contains("key_id") && alices != bobs, "{alices}");
    beneath
        .save(
            &key("alice"),
            &Secret::new(sealed.expose().replace(&alices, &bobs)),
        )
        .unwrap();
    assert!(is_corrupt(&other.load(&key("alice"))), "another key's name");
}

#[test]
fn the_key_is_asked_for_once_and_only_for_an_entry() {
    let (beneath, keyring) = (MemoryStore::new(), Keyring::default());
    SealedStore::new(beneath.clone(), keyring.source())
        .save(&key("a"), &Secret::new(TEXT))
        .unwrap();
    let before = keyring.read.load(SeqCst);

    let store = SealedStore::new(beneath.clone(), keyring.source());
    let clone = store.clone();
    assert_eq!(store.load(&key("none")), Ok(None));
    assert_eq!(store.list().unwrap().len(), 1);
    assert_eq!(store.remove(&key("none")), Ok(()));
    drop(store.try_lock(&key("a")).unwrap().expect("free"));
    assert_eq!(
        keyring.read.load(SeqCst),
        before,
        "nothing was to be opened"
    );
    for _ in 0..3 {
        assert!(store.load(&key("a")).is_ok() && clone.load(&key("a")).is_ok());
        clone.save(&key("b"), &Secret::new(TEXT)).unwrap();
    }
    assert_eq!(keyring.read.load(SeqCst), before + 1);

    // Entries of a key that is gone do not have it asked for each time.
    let gone = SealedStore::new(beneath.clone(), Keyring::default().source());
    gone.save(&key("strange"), &Secret::new(TEXT)).unwrap();
    for _ in 0..10 {
        assert!(is_corrupt(&store.load(&key("strange"))));
    }
    assert_eq!(keyring.read.load(SeqCst), before + 2);

    // Nor does a keyring whose key is gone, nor one that fails after it has answered.
    let emptied = Keyring::default();
    let opened = SealedStore::new(beneath.clone(), emptied.source());
    assert!(is_corrupt(&opened.load(&key("a"))));
    assert_eq!(emptied.read.load(SeqCst), 1);
    let answers = Arc::new(AtomicUsize::new(0));
    let counted = answers.clone();
    let fails_later = move || match counted.fetch_add(1, SeqCst) {
        0 => Ok(keyring.kept.lock().unwrap().clone()),
        _ => Err("gone".to_owned()),
    };
    let source = KeySource::elsewhere("the keyring", fails_later, |_| Ok(()));
    let opened = SealedStore::new(beneath, source);
    for _ in 0..2 {
        assert!(opened.load(&key("a")).is_ok());
        assert!(opened.load(&key("strange")).is_err());
    }
    assert_eq!(answers.load(SeqCst), 2);
}

#[test]
fn processes_that_come_first_together_make_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let (files, keyring) = (
        FileStore::new(folder.path().join("sealed")),
        Keyring::default(),
    );
    thread::scope(|scope| {
        for process in 0..8 {
            let store = SealedStore::new(files.clone(), keyring.source());
            scope.spawn(move || {
                store
                    .save(&key(&process.to_string()), &Secret::new(TEXT))
                    .unwrap();
            });
        }
    });
    assert_eq!(keyring.written.load(SeqCst), 1);
    let store = SealedStore::new(files, keyring.source());
    for process in 0..8 {
        assert_eq!(
            store.load(&key(&process.to_string())),
            Ok(Some(Secret::new(TEXT)))
        );
    }
}

#[test]
fn a_keyring_that_hangs_refuses_or_panics_is_warned_of_and_never_waited_for() {
    type Mood = fn() -> Result<Option<Secret>, String>;
    /// Held by nobody: who waits here waits for ever.
    static NEVER: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());
    let moods: [(Mood, &str); 4] = [
        (
            || {
                let waits = NEVER.0.lock().unwrap();
                let _never = NEVER.1.wait_while(waits, |()| true);
                Ok(None)
            },
            "nothing within 50ms",
        ),
        (
            || Err("it is locked,\nand \u{1b}[31mred".to_owned()),
            "it is locked, and  [31mred",
        ),
        (
            || panic!("a keyring that panics, as this test wants"),
            "a panic",
        ),
        (
            || Ok(Some(Secret::new("not a key"))),
            "neither base64 nor hex",
        ),
    ];
    for (read, said) in moods {
        let beneath = MemoryStore::new();
        SealedStore::new(beneath.clone(), Keyring::default().source())
            .save(&key("a"), &Secret::new(TEXT))
            .unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let read = move || {
            counted.fetch_add(1, SeqCst);
            read()
        };
        // A panic takes its time to be told on stderr.
        let deadline = Duration::from_millis(if said.starts_with("nothing") {
            50
        } else {
            30_000
        });
        let source = KeySource::elsewhere("the keyring", read, |_| Ok(())).deadline(deadline);
        let store = SealedStore::new(beneath, source);
        let begin = Instant::now();
        for result in [
            store.ready(),
            store.load(&key("a")).map(drop),
            store.save(&key("b"), &Secret::new(TEXT)),
        ] {
            let error = result.expect_err(said);
            assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
            assert!(
                error.to_string().contains("the keyring") && error.to_string().contains(said),
                "{error}"
            );
            assert!(!error.advice().is_empty());
        }
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "{said}: {:?}",
            begin.elapsed()
        );
        while asked.load(SeqCst) == 0 {
            thread::yield_now(); // what was not waited for may not even have begun
        }
        assert_eq!(asked.load(SeqCst), 1, "{said}: asked once for all of it");
        assert_eq!(
            store.load(&key("none")),
            Ok(None),
            "what is not there needs no key"
        );
    }
}

#[test]
fn a_keyring_that_forgets_what_it_was_given_seals_nothing() {
    let beneath = MemoryStore::new();
    let source = KeySource::elsewhere("the keyring", || Ok(None), |_| Ok(()));
    let store = SealedStore::new(beneath.clone(), source);
    let error = store
        .save(&key("a"), &Secret::new(TEXT))
        .expect_err("it is lost at once");
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert_eq!(beneath.list(), Ok(Vec::new()));
}

#[cfg(unix)]
mod key_files {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const BASE64: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

    fn write(path: &Path, text: &[u8], mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn are_read_where_nobody_else_could_have() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let beneath = MemoryStore::new();
        let store = |path: &Path| SealedStore::new(beneath.clone(), KeySource::from_file(path));
        write(&path, HEX.as_bytes(), 0o600);
        store(&path).save(&key("a"), &Secret::new(TEXT)).unwrap();

        // The same key, in each of the ways that it can be had.
        for (text, mode) in [
            (BASE64, 0o600),
            (HEX, 0o400),
            (&HEX.to_uppercase(), 0o600),
            (&format!("\n  {BASE64}\r\n"), 0o600),
        ] {
            fs::remove_file(&path).unwrap();
            write(&path, text.as_bytes(), mode);
            assert_eq!(
                store(&path).load(&key("a")),
                Ok(Some(Secret::new(TEXT))),
                "{text:?}"
            );
        }
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(store(&link).load(&key("a")).is_ok());

        let file = |text: &[u8], mode: u32| {
            fs::remove_file(&path).unwrap();
            write(&path, text, mode);
        };
        let refused = |said: &str| {
            for result in [
                store(&path).load(&key("a")).map(drop),
                store(&path).save(&key("b"), &Secret::new(TEXT)),
            ] {
                let error = result.expect_err(said);
                assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
                assert!(error.to_string().contains(said), "{error}");
                assert!(
                    error.to_string().contains(path.to_str().unwrap()),
                    "{error}"
                );
                assert!(
                    error.advice().contains("/dev/urandom") || error.advice().contains("chmod 600"),
                    "{}",
                    error.advice()
                );
                assert!(!format!("{error:?}").contains("Y2NjY2"), "{error:?}");
            }
        };
        for (text, mode, said) in [
            (HEX.as_bytes(), 0o644, "mode 0644"),
            (HEX.as_bytes(), 0o640, "mode 0640"),
            (HEX.as_bytes(), 0o602, "mode 0602"),
            (b"", 0o600, "nothing"),
            (b"\n\n", 0o600, "nothing"),
            (
                b"Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjYw==",
                0o600,
                "31 bytes",
            ),
            (
                b"Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2Nj",
                0o600,
                "33 bytes",
            ),
            (&HEX.as_bytes()[..62], 0o600, "neither base64 nor hex"),
            (
                &HEX.replace('f', "g").into_bytes(),
                0o600,
                "not all hex digits",
            ),
            (&[0xff; 32], 0o600, "no text"),
            (b"a pass phrase", 0o600, "neither base64 nor hex"),
            (&[b'A'; 5000], 0o600, "a longer file"),
            (BASE64.repeat(41).as_bytes(), 0o600, "41 keys"),
        ] {
            file(text, mode);
            refused(said);
        }
        fs::remove_file(&path).unwrap();
        refused("No such file");
        fs::create_dir(&path).unwrap();
        refused("something else than a file");
        fs::remove_dir(&path).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
        refused("something else than a file");
    }

    #[test]
    fn are_replaced_by_a_rotation_where_they_lie() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("key"), folder.path().join("link"));
        write(&path, HEX.as_bytes(), 0o600);
        symlink(&path, &link).unwrap();
        let beneath = MemoryStore::new();
        let store = SealedStore::new(beneath.clone(), KeySource::from_file(&link));
        store.save(&key("a"), &Secret::new(TEXT)).unwrap();
        assert_eq!(
            store.rotate(),
            Ok(Rotated {
                resealed: 1,
                busy: 0
            })
        );

        let new = fs::read_to_string(&path).unwrap();
        assert!(new.len() == 45 && new != BASE64, "one other key");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            2,
            "nothing is left over"
        );
        let again = SealedStore::new(beneath, KeySource::from_file(&path));
        assert_eq!(again.load(&key("a")), Ok(Some(Secret::new(TEXT))));
    }

    #[test]
    fn are_named_by_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        write(&path, HEX.as_bytes(), 0o600);
        let variable =
            |name: &str| (name == "KEYLESS_STORE_KEY_FILE").then(|| path.clone().into_os_string());
        let source = KeySource::from_environment(variable, folder.path()).unwrap();
        assert_eq!(SealedStore::new(MemoryStore::new(), source).ready(), Ok(()));
        let neither = KeySource::from_environment(|_| Some("".into()), folder.path());
        assert_eq!(neither.is_some(), cfg!(feature = "keyring"));
    }
}

/// A store and a keyring that are killed at a certain step.
#[derive(Clone, Debug)]
struct Mortal {
    store: MemoryStore,
    out_of_reach: Option<Key>,
    steps_left: Arc<AtomicUsize>,
}

impl Mortal {
    /// `after`: whether what was asked for was done before the end.
    fn step<T>(&self, after: bool, work: impl Fn() -> T) -> T {
        let dies = self.steps_left.fetch_sub(1, SeqCst) == 1;
        if dies && after {
            work();
        }
        assert!(!dies, "killed, as this test wants");
        work()
    }
}

impl Store for Mortal {
    fn load(&self, key: &Key) -> Result<Option<Secret>, StoreError> {
        if self.out_of_reach.as_ref() == Some(key) {
            return Err(StoreError::unavailable("a disk that answers", "none", ""));
        }
        self.step(false, || self.store.load(key))
    }

    fn save(&self, key: &Key, secret: &Secret) -> Result<(), StoreError> {
        self.step(true, || self.store.save(key, secret))
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.store.remove(key)
    }

    fn list(&self) -> Result<Vec<Entry>, StoreError> {
        self.step(false, || self.store.list())
    }

    fn try_lock(&self, key: &Key) -> Result<Option<Lock>, StoreError> {
        self.step(true, || self.store.try_lock(key))
    }
}

#[test]
fn a_rotation_that_is_killed_at_any_step_loses_nothing_and_can_be_done_again() {
    let names = ["a", "b", "c"];
    let mut steps = 0;
    let whole = loop {
        steps += 1;
        let (beneath, keyring) = (MemoryStore::new(), Keyring::default());
        let open = || SealedStore::new(beneath.clone(), keyring.source());
        for name in names {
            open().save(&key(name), &Secret::new(name)).unwrap();
        }
        let first = keyring.keys();
        beneath.save(&key("spoilt"), &Secret::new("{}")).unwrap();

        let mortal = Mortal {
            store: beneath.clone(),
            out_of_reach: None,
            steps_left: Arc::new(AtomicUsize::new(steps)),
        };
        // The keyring dies with the process, before or after it has written.
        let (reads, writes, dying) = (
            keyring.clone(),
            keyring.clone(),
            [mortal.clone(), mortal.clone()],
        );
        let [reader, writer] = dying;
        let source = KeySource::elsewhere(
            "the keyring",
            move || Ok(reader.step(false, || reads.kept.lock().unwrap().clone())),
            move |text| {
                writer.step(true, || *writes.kept.lock().unwrap() = Some(text.clone()));
                Ok(())
            },
        );
        let killed = SealedStore::new(mortal.clone(), source);
        let outcome = catch_unwind(AssertUnwindSafe(|| killed.rotate()));

        for name in names {
            assert_eq!(
                open().load(&key(name)),
                Ok(Some(Secret::new(name))),
                "{name} after step {steps}"
            );
        }
        assert!(is_corrupt(&open().load(&key("spoilt"))));
        let done = matches!(outcome, Ok(Ok(_)));
        let again = open().rotate();
        assert_eq!(
            again,
            Ok(Rotated {
                resealed: 3,
                busy: 0
            }),
            "after step {steps}"
        );
        for name in names {
            assert_eq!(
                open().load(&key(name)),
                Ok(Some(Secret::new(name))),
                "{name} after step {steps}, rotated again"
            );
        }
        let last = keyring.keys();
        assert!(last.len() == 1 && last != first, "after step {steps}");
        if done {
            break steps;
        }
    };
    assert!(whole > 15, "{whole} steps");
}

#[test]
fn a_rotation_leaves_the_old_key_for_an_entry_that_is_being_renewed() {
    let (beneath, keyring) = (MemoryStore::new(), Keyring::default());
    let store = SealedStore::new(beneath.clone(), keyring.source());
    for name in ["a", "b"] {
        store.save(&key(name), &Secret::new(name)).unwrap();
    }
    let renewing = beneath.try_lock(&key("a")).unwrap().expect("free");
    // As long as it waits for who renews.
    let patience = Duration::from_secs(2);
    let rotating = SealedStore::new(beneath.clone(), keyring.source().deadline(patience));
    assert_eq!(
        rotating.rotate(),
        Ok(Rotated {
            resealed: 1,
            busy: 1
        })
    );
    assert_eq!(keyring.keys().len(), 2);
    assert_eq!(rotating.load(&key("a")), Ok(Some(Secret::new("a"))));
    drop(renewing);
    assert_eq!(
        rotating.rotate(),
        Ok(Rotated {
            resealed: 2,
            busy: 0
        })
    );
    assert_eq!(keyring.keys().len(), 1);
    for name in ["a", "b"] {
        assert_eq!(
            store.load(&key(name)),
            Ok(Some(Secret::new(name))),
            "with the old key in hand"
        );
        store.save(&key(name), &Secret::new("new")).unwrap();
        assert_eq!(
            rotating.load(&key(name)),
            Ok(Some(Secret::new("new"))),
            "sealed with the new one"
        );
    }
}

#[test]
fn two_rotations_do_not_meet() {
    let folder = tempfile::tempdir().unwrap();
    let (files, keyring) = (
        FileStore::new(folder.path().join("sealed")),
        Keyring::default(),
    );
    let store = || SealedStore::new(files.clone(), keyring.source());
    for process in 0..4 {
        store()
            .save(&key(&process.to_string()), &Secret::new(TEXT))
            .unwrap();
    }
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| store().rotate().unwrap());
        }
    });
    assert_eq!(keyring.keys().len(), 1);
    for process in 0..4 {
        assert_eq!(
            store().load(&key(&process.to_string())),
            Ok(Some(Secret::new(TEXT)))
        );
    }
}

#[test]
fn a_rotation_keeps_the_old_key_where_an_entry_cannot_be_read_for_now() {
    let (beneath, keyring) = (MemoryStore::new(), Keyring::default());
    let open = || SealedStore::new(beneath.clone(), keyring.source());
    for name in ["a", "b"] {
        open().save(&key(name), &Secret::new(name)).unwrap();
    }
    let disk = Mortal {
        store: beneath.clone(),
        out_of_reach: Some(key("b")),
        steps_left: Arc::new(AtomicUsize::new(usize::MAX)),
    };
    let failed = SealedStore::new(disk, keyring.source()).rotate();
    assert!(
        matches!(failed, Err(StoreError::Unavailable { .. })),
        "{failed:?}"
    );
    for name in ["a", "b"] {
        assert_eq!(open().load(&key(name)), Ok(Some(Secret::new(name))));
    }
}
