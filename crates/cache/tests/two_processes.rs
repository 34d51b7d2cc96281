//! Two caches on one store are what two processes are to each other.

#![allow(clippy::unwrap_used, reason = "also in what the tests share")]

mod world;

use std::sync::{Arc, OnceLock};

use keyless_cache::{
    Cache, Entry, FileStore,
    Interaction::{Allowed, Forbidden},
    Key, Lock, MemoryStore, Secret, Store, StoreError,
};
use tempfile::TempDir;
use world::{Badge, Desk, HOUR, Mood, key, minutes, seconds, settle, until};

fn stores() -> (TempDir, Vec<Arc<dyn Store>>) {
    let directory = tempfile::tempdir().unwrap();
    let file = FileStore::new(directory.path().join("a/b"));
    (
        directory,
        vec![Arc::new(MemoryStore::new()), Arc::new(file)],
    )
}

#[tokio::test(start_paused = true)]
async fn one_fetches_and_the_other_takes_it() {
    let (_directory, stores) = stores();
    for store in stores {
        let desk = Desk::new();
        desk.shut();
        let callers = [Allowed, Forbidden].map(|interaction| {
            let cache = desk.cache().persist(store.clone(), key());
            tokio::spawn(async move { cache.get(interaction).await })
        });
        until(|| desk.visits() == 1).await;
        settle().await;
        desk.open();
        for caller in callers {
            assert_eq!(caller.await.unwrap().unwrap().number, 1, "{store:?}");
        }
        assert_eq!(desk.visits(), 1, "{store:?}");
        let third = desk.cache().persist(store.clone(), key());
        assert_eq!(third.peek().map(|badge| badge.number), Some(1), "{store:?}");
        assert_eq!(
            desk.cache()
                .persist(store.clone(), Key::of("other").finish())
                .peek(),
            None
        );
        assert_eq!(store.list().unwrap().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fetch_outlives_its_caller_into_the_store() {
    let desk = Desk::new();
    desk.shut();
    let store = MemoryStore::new();
    let cache = desk.cache().persist(store.clone(), key());
    tokio::time::timeout(seconds(1), cache.get(Allowed))
        .await
        .unwrap_err();
    desk.open();
    until(|| cache.peek().is_some()).await;
    assert_eq!(desk.cache().persist(store, key()).peek(), cache.peek());
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_is_killed_lets_the_next_one_in() {
    let (_directory, stores) = stores();
    for store in stores {
        let desk = Desk::new();
        let holder = store.try_lock(&key()).unwrap().expect("nobody holds it");
        assert!(store.try_lock(&key()).unwrap().is_none(), "{store:?}");
        assert!(
            store
                .try_lock(&Key::of("other").finish())
                .unwrap()
                .is_some(),
            "unrelated entries do not wait"
        );
        let waiting = tokio::spawn({
            let cache = desk.cache().persist(store.clone(), key());
            async move { cache.get(Forbidden).await }
        });
        tokio::time::sleep(seconds(1)).await;
        assert_eq!(desk.visits(), 0);
        drop(holder);
        assert_eq!(waiting.await.unwrap().unwrap().number, 1, "{store:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_not_ask_does_not_wait_with_a_holder_for_a_person() {
    let (_directory, stores) = stores();
    for store in stores {
        let desk = Desk::new();
        let _holder = store.try_lock(&key()).unwrap().expect("nobody holds it");
        let patient = desk.cache().persist(store.clone(), key());
        let waiting = tokio::time::timeout(minutes(10), patient.get(Allowed));
        waiting
            .await
            .expect_err("it waits as long as its caller does");
        assert_eq!(desk.visits(), 0, "{store:?}");
        let hurried = desk.cache().persist(store.clone(), key());
        let answer = tokio::time::timeout(seconds(30), hurried.get(Forbidden)).await;
        assert!(answer.expect("an answer within half a minute").is_ok());
        assert_eq!(desk.visits(), 1, "{store:?}");
        assert_eq!(store.list().unwrap(), [], "what the holder brings is kept");
    }
}

#[tokio::test(start_paused = true)]
async fn the_lock_is_free_again_after_a_panic() {
    let desk = Desk::new();
    desk.mood(Mood::Panics);
    let store = MemoryStore::new();
    let cache = desk.cache().persist(store.clone(), key());
    tokio::spawn(async move { cache.get(Forbidden).await })
        .await
        .unwrap_err();
    assert!(store.try_lock(&key()).unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn the_holders_result_is_taken_while_it_still_holds_the_lock() {
    let desk = Desk::new();
    let store = MemoryStore::new();
    let _holder = store.try_lock(&key()).unwrap();
    let waiting = tokio::spawn({
        let cache = desk.cache().persist(store.clone(), key());
        async move { cache.get(Forbidden).await }
    });
    tokio::time::sleep(seconds(1)).await;
    desk.cache()
        .persist(Unlocked(store), key())
        .get(Forbidden)
        .await
        .unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().number, 1);
    assert_eq!(desk.visits(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_later_run_refreshes_ahead_in_the_background_with_the_old_value() {
    let desk = Desk::new();
    let store = MemoryStore::new();
    let run = || desk.cache().persist(store.clone(), key());
    run().get(Allowed).await.unwrap();
    desk.wall.forward(minutes(50));

    let second = run();
    assert_eq!(second.peek(), None, "no longer fresh");
    desk.shut();
    assert_eq!(
        second.get(Allowed).await.unwrap().number,
        1,
        "served before the refresh ends"
    );
    until(|| desk.visits() == 2).await;
    desk.open();
    until(|| second.peek().is_some()).await;
    assert_eq!(desk.seen(), [(None, Allowed), (Some(1), Forbidden)]);

    desk.wall.forward(2 * HOUR);
    let third = run();
    assert_eq!(
        third.stored().map(|badge| badge.number),
        Some(2),
        "to be looked at"
    );
    assert_eq!(third.get(Forbidden).await.unwrap().number, 3);
    assert_eq!(
        desk.seen()[2],
        (Some(2), Forbidden),
        "a refresh token may be in it"
    );
}

#[tokio::test(start_paused = true)]
async fn short_lived_processes_do_not_each_try_a_refresh_that_failed() {
    let desk = Desk::new();
    let store = MemoryStore::new();
    let run = || {
        desk.cache()
            .persist(store.clone(), key())
            .patience(seconds(1))
    };
    run().get(Allowed).await.unwrap();
    desk.mood(Mood::Fails);
    desk.wall.forward(minutes(46));
    for (later, visits) in [(0, 2), (299, 2), (301, 3)] {
        desk.wall.forward(seconds(later));
        assert_eq!(run().get(Forbidden).await.unwrap().number, 1);
        assert_eq!(desk.visits(), visits, "{later} seconds later");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_minute_of_a_stored_value_is_served_if_the_desk_is_closed() {
    let desk = Desk::new();
    let store = MemoryStore::new();
    desk.cache()
        .persist(store.clone(), key())
        .get(Allowed)
        .await
        .unwrap();
    desk.mood(Mood::Fails);
    desk.wall.forward(minutes(59) + seconds(30));
    assert_eq!(
        desk.cache()
            .persist(store, key())
            .get(Forbidden)
            .await
            .unwrap()
            .number,
        1
    );
    assert_eq!(desk.visits(), 2, "but it tries first");
}

#[tokio::test(start_paused = true)]
async fn another_persons_entry_is_a_miss() {
    let desk = Desk::new();
    let store = MemoryStore::new();
    desk.cache()
        .persist(store.clone(), key())
        .get(Allowed)
        .await
        .unwrap();
    let of_grace = desk
        .cache()
        .only_if(|badge: &Badge| badge.subject == "grace")
        .persist(store.clone(), key());
    assert_eq!((of_grace.peek(), of_grace.stored()), (None, None));
    assert_eq!(of_grace.get(Allowed).await.unwrap().number, 2);
    assert_eq!(
        desk.seen()[1],
        (None, Allowed),
        "nor is it shown to the fetch"
    );
}

#[tokio::test(start_paused = true)]
async fn forgetting_empties_the_store_also_behind_a_fetch_under_way() {
    let desk = Desk::new();
    let store = MemoryStore::new();
    let cache = desk.cache().persist(store.clone(), key());
    cache.get(Allowed).await.unwrap();
    desk.shut();
    let renewal = tokio::spawn({
        let cache = cache.clone();
        async move { cache.renew(Allowed).await }
    });
    until(|| desk.visits() == 2).await;
    cache.forget().await;
    desk.open();
    renewal.await.unwrap().unwrap();
    assert_eq!(store.list().unwrap(), []);
    assert_eq!(cache.stored(), None);
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_while_it_is_written_does_not_stay() {
    let desk = Desk::new();
    let store = Arc::new(Forgetful::default());
    let cache = desk.cache().persist(store.clone(), key());
    store.forgets.set(cache.clone()).unwrap();
    assert_eq!(cache.get(Allowed).await.unwrap().number, 1);
    assert_eq!(store.list().unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn an_entry_can_be_read_whatever_its_age() {
    let desk = Desk::new();
    let store = MemoryStore::new();
    assert_eq!(keyless_cache::read::<Badge>(&store, &key()), Ok(None));
    let cache = desk.cache().persist(store.clone(), key());
    let badge = cache.get(Allowed).await.unwrap();
    desk.wall.forward(2 * HOUR);
    assert_eq!(keyless_cache::read(&store, &key()), Ok(Some(badge)));
    store.save(&key(), &Secret::new("{}")).unwrap();
    keyless_cache::read::<Badge>(&store, &key()).unwrap_err();
}

/// A store that is told to forget just before it writes.
#[derive(Debug, Default)]
struct Forgetful {
    store: MemoryStore,
    forgets: OnceLock<Cache<Badge, String>>,
}

impl Store for Forgetful {
    fn load(&self, key: &Key) -> Result<Option<Secret>, StoreError> {
        self.store.load(key)
    }
    fn save(&self, key: &Key, secret: &Secret) -> Result<(), StoreError> {
        let cache = self.forgets.get().unwrap();
        tokio::runtime::Handle::current().block_on(cache.forget());
        self.store.save(key, secret)
    }
    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.store.remove(key)
    }
    fn list(&self) -> Result<Vec<Entry>, StoreError> {
        self.store.list()
    }
    fn try_lock(&self, key: &Key) -> Result<Option<Lock>, StoreError> {
        self.store.try_lock(key)
    }
}

/// A store whose locks are not in the way.
#[derive(Debug)]
struct Unlocked(MemoryStore);

impl Store for Unlocked {
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
        Ok(Some(Lock::new(())))
    }
}
