//! A store that fails fails no request: it is warned of, once, without a word of what is in it.

#![allow(clippy::unwrap_used, reason = "also in what the tests share")]

mod world;

use std::{
    future::Future,
    io::{self, Write},
    sync::{Mutex, Once},
};

use keyless_cache::{
    Entry, Interaction::Allowed, Key, Lock, MemoryStore, Secret, Store, StoreError,
};
use world::{Desk, key};

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The answer, and all that was logged meanwhile. The subscriber is the process's, as the store is used on other threads.
async fn logged<R>(story: impl Future<Output = R>) -> (R, String) {
    static SUBSCRIBE: Once = Once::new();
    SUBSCRIBE.call_once(|| tracing_subscriber::fmt().with_writer(|| Log).init());
    let _alone = ONE_AT_A_TIME.lock().await;
    LOG.lock().unwrap().clear();
    let answer = story.await;
    let log = LOG.lock().unwrap().clone();
    (answer, String::from_utf8(log).unwrap())
}

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_makes_no_sense_is_a_miss_and_is_replaced() {
    let desk = Desk::new();
    let store = MemoryStore::new();
    let cache = || desk.cache().persist(store.clone(), key());
    cache().get(Allowed).await.unwrap();
    let good = store.load(&key()).unwrap().unwrap().expose().to_owned();
    assert!(
        good.starts_with(&format!(
            r#"{{"format":1,"key":"{}","fetched_at":1800000000,"value":{{"#,
            key()
        )),
        "{good}"
    );

    let other = Key::of("other").finish().to_string();
    let table = [
        ("cut off", good[..good.len() / 2].to_owned()),
        ("empty", String::new()),
        ("something behind it", format!("{good}x")),
        ("two of them", format!("{good}{good}")),
        (
            "another format",
            good.replace(r#""format":1"#, r#""format":2"#),
        ),
        ("another's key", good.replace(&key().to_string(), &other)),
        ("no key", good.replace(&key().to_string(), "hunter2")),
        (
            "another shape",
            good.replace(r#""number":1"#, r#""number":"hunter2""#),
        ),
        (
            "a time beyond time",
            good.replace("1800000000", &u64::MAX.to_string()),
        ),
    ];
    for (case, text) in table {
        store.save(&key(), &Secret::new(text)).unwrap();
        let before = desk.visits();
        let reader = cache();
        let (answers, log) = logged(async { (reader.peek(), reader.get(Allowed).await) }).await;
        assert_eq!(answers.0, None, "{case}");
        assert_eq!(answers.1.unwrap().number, before + 1, "{case}");
        assert_eq!(
            cache().peek().map(|badge| badge.number),
            Some(before + 1),
            "{case}: replaced"
        );
        assert_eq!(
            log.matches("not usable").count(),
            1,
            "{case}: warned of once: {log}"
        );
        assert!(!log.contains("hunter2"), "{case}: {log}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_fails_no_request() {
    let desk = Desk::new();
    let cache = desk.cache().persist(Broken, key());
    let (answers, log) = logged(async {
        let first = cache.get(Allowed).await.unwrap().number;
        let second = cache.renew(Allowed).await.unwrap().number;
        cache.forget().await;
        (first, second, cache.peek())
    })
    .await;
    assert_eq!(answers, (1, 2, None));
    assert_eq!(
        log.matches("buy a disk").count(),
        1,
        "warned of once: {log}"
    );
}

#[derive(Debug)]
struct Broken;

impl Broken {
    fn answer<R>() -> Result<R, StoreError> {
        Err(StoreError::unavailable("a disk", "none", "buy a disk"))
    }
}

impl Store for Broken {
    fn load(&self, _key: &Key) -> Result<Option<Secret>, StoreError> {
        Self::answer()
    }
    fn save(&self, _key: &Key, _secret: &Secret) -> Result<(), StoreError> {
        Self::answer()
    }
    fn remove(&self, _key: &Key) -> Result<(), StoreError> {
        Self::answer()
    }
    fn list(&self) -> Result<Vec<Entry>, StoreError> {
        Self::answer()
    }
    fn try_lock(&self, _key: &Key) -> Result<Option<Lock>, StoreError> {
        Self::answer()
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_without_locks_is_warned_of_once_and_works() {
    let desk = Desk::new();
    let store = Lockless(MemoryStore::new());
    let cache = || desk.cache().persist(store.clone(), key());
    let (first, log) = logged(async {
        let cache = cache();
        let first = cache.get(Allowed).await.unwrap().number;
        (first, cache.renew(Allowed).await.unwrap().number)
    })
    .await;
    assert_eq!(first, (1, 2));
    assert_eq!(
        log.matches("keep it on a disk with locks").count(),
        1,
        "{log}"
    );
    assert_eq!(
        cache().peek().map(|badge| badge.number),
        Some(2),
        "it is kept"
    );
}

/// A store on a file system that knows no locks.
#[derive(Clone, Debug)]
struct Lockless(MemoryStore);

impl Store for Lockless {
    fn load(&self, key: &Key) -> Result<Option<Secret>, StoreError> {
        self.0.load(key)
    }
    fn save(&self, key: &Key, secret: &Secret) -> Result<(), StoreError> {
        self.0.save(key, secret)
    }
    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.0.remove(key)
    }
    fn list(&self) -> Result<Vec<Entry>, StoreError> {
        self.0.list()
    }
    fn try_lock(&self, _key: &Key) -> Result<Option<Lock>, StoreError> {
        let advice = "keep it on a disk with locks";
        Err(StoreError::unavailable("locks", "none", advice))
    }
}
