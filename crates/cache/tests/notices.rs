//! What processes tell each other about a fetch: that it failed, that a person is being asked, that whoever asked is gone.

#![allow(clippy::unwrap_used, reason = "also in what the tests share")]

mod world;

use std::sync::Arc;

use keyless_cache::{
    Cache, FileStore,
    Interaction::{Allowed, Forbidden},
    Key, Notices, Secret, Store, Telling, notice_until,
};
use tempfile::TempDir;
use world::{Badge, Desk, HOUR, Mood, key, minutes, seconds, settle, until};

const MEMORY: u64 = 30;

/// Some processes at one desk, with one store between them.
struct Hall {
    desk: Desk,
    store: Arc<dyn Store>,
    telling: Telling,
    directory: TempDir,
}

impl Hall {
    fn new(telling: Telling) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            desk: Desk::new(),
            store: Arc::new(FileStore::new(directory.path().join("store"))),
            telling,
            directory,
        }
    }

    fn notices(&self) -> Notices<String> {
        let telling = self.telling;
        Notices::new(self.store.clone(), key(), move |_| telling).clock(self.desk.wall.clock())
    }

    /// A process.
    fn process(&self) -> Cache<Badge, String> {
        let cache = self.desk.cache().persist(self.store.clone(), key());
        cache.notices(self.notices())
    }

    /// What a process that comes now, and may ask, gets.
    async fn comes(&self) -> Result<usize, String> {
        self.process().get(Allowed).await.map(|badge| badge.number)
    }

    /// How many visitors could be asked.
    fn asked(&self) -> usize {
        let seen = self.desk.seen();
        seen.iter()
            .filter(|(_, visitor)| *visitor > Forbidden)
            .count()
    }

    /// Files in the store that are no locks.
    fn entries(&self) -> usize {
        self.store.list().unwrap().len()
    }
}

fn everybody() -> Telling {
    Telling::Everybody(seconds(MEMORY))
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_as_far_as_it_concerns_others() {
    // Who is told; how many visits a hundred waiting processes make; whether one that comes later makes another.
    for (telling, visits, later) in [
        (Telling::Nobody, 100, 101),
        (Telling::Waiting, 1, 2),
        (everybody(), 1, 1),
    ] {
        let hall = Hall::new(telling);
        hall.desk.mood(Mood::Fails);
        hall.desk.shut();
        let waiting: Vec<_> = (0..100)
            .map(|_| {
                let process = hall.process();
                tokio::spawn(async move { process.get(Allowed).await })
            })
            .collect();
        until(|| hall.desk.visits() == 1).await;
        settle().await;
        tokio::time::sleep(seconds(1)).await;
        hall.desk.open();
        for process in waiting {
            let failure = process.await.unwrap().unwrap_err();
            if visits == 1 {
                assert_eq!(failure, "closed (1)", "{telling:?}");
            }
        }
        assert_eq!(hall.asked(), visits, "{telling:?}");
        hall.comes().await.unwrap_err();
        assert_eq!(hall.asked(), later, "{telling:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_everybody_is_told_of_is_forgotten_after_its_time() {
    let hall = Hall::new(everybody());
    hall.desk.mood(Mood::Fails);
    // The first and the third are asked; each of the others finds out whether there is something without.
    for (later, asked, told) in [(0, 1, 1), (MEMORY - 1, 1, 1), (1, 2, 3), (MEMORY - 1, 2, 3)] {
        hall.desk.wall.forward(seconds(later));
        let failure = hall.comes().await.unwrap_err();
        assert_eq!(failure, format!("closed ({told})"));
        assert_eq!(hall.asked(), asked, "{later} seconds later");
        assert_eq!(hall.notices().remembered(), Some(failure));
    }
    hall.desk.wall.back(HOUR);
    hall.comes().await.unwrap_err();
    assert_eq!(hall.asked(), 3, "one from before the clock was set back");
}

#[tokio::test(start_paused = true)]
async fn who_can_be_asked_does_not_take_no_from_who_could_not() {
    let hall = Hall::new(everybody());
    hall.desk.mood(Mood::Asks);
    hall.process().get(Forbidden).await.unwrap_err();
    assert_eq!(hall.comes().await, Ok(2));
    assert_eq!(hall.entries(), 1, "after a success nothing is told");
}

#[tokio::test(start_paused = true)]
async fn a_no_keeps_nobody_from_what_can_be_had_without_asking() {
    for comes_as in [Forbidden, Allowed] {
        let hall = Hall::new(everybody());
        hall.desk.mood(Mood::Fails);
        hall.comes().await.unwrap_err();
        hall.desk.mood(Mood::Gives);
        let badge = hall.process().get(comes_as).await.unwrap();
        assert_eq!((badge.number, hall.asked()), (2, 1), "{comes_as:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_holder_counts_as_a_no_if_a_person_was_being_asked() {
    for (asks, answer, later) in [
        // It had asked nobody yet: the next one goes on where it was.
        (false, Ok(1), Ok(1)),
        (
            true,
            Err("broken off".to_owned()),
            Err("broken off".to_owned()),
        ),
    ] {
        let hall = Hall::new(everybody());
        hall.desk.mood(Mood::Asks);
        let holder = hall.store.try_lock(&key()).unwrap().expect("nobody has it");
        if asks {
            hall.notices().asking("broken off".to_owned(), None);
            assert!(hall.notices().asking_since().is_some());
            assert_eq!(hall.notices().remembered(), None, "not while it asks");
        }
        let waiting: Vec<_> = [Allowed, Allowed]
            .map(|interaction| {
                let process = hall.process();
                tokio::spawn(async move { process.get(interaction).await })
            })
            .into();
        tokio::time::sleep(seconds(20)).await;
        // Far longer than it is remembered.
        hall.desk.wall.forward(minutes(1));
        drop(holder);
        for process in waiting {
            let badge = process.await.unwrap().map(|badge| badge.number);
            assert_eq!(badge, answer);
        }
        assert_eq!(hall.comes().await, later);
        assert_eq!(hall.notices().asking_since(), None);
        hall.desk.wall.forward(seconds(MEMORY));
        hall.comes().await.expect("and then no longer");
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_learns_that_it_was_called_off() {
    let hall = Hall::new(everybody());
    let notices = hall.notices();
    assert!(!notices.call_off(), "nobody is asked");
    let holder = hall.store.try_lock(&key()).unwrap().expect("nobody has it");
    assert!(!notices.call_off(), "it asks nobody");
    assert!(notices.asking("broken off".to_owned(), None));
    assert!(!notices.is_called_off());
    notices.forget();
    assert!(!notices.is_called_off(), "a question is not forgotten");
    let next = hall.process();
    let next = tokio::spawn(async move { next.get(Allowed).await });
    tokio::time::sleep(seconds(20)).await;
    assert!(hall.notices().call_off());
    assert!(notices.is_called_off());
    assert!(!hall.notices().call_off(), "once is enough");
    drop(holder);
    assert_eq!(
        next.await.unwrap().map(|badge| badge.number),
        Ok(1),
        "it is nobody's no"
    );
}

#[tokio::test(start_paused = true)]
async fn a_question_that_died_or_was_never_told_is_not_called_off() {
    let hall = Hall::new(everybody());
    hall.notices().asking("broken off".to_owned(), None);
    assert!(!hall.notices().call_off(), "whoever asked is dead");
    assert_eq!(hall.notices().remembered(), Some("broken off".to_owned()));

    let file = hall.directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let nowhere = Notices::new(FileStore::new(file.join("store")), key(), |_: &String| {
        everybody()
    });
    assert!(!nowhere.asking("broken off".to_owned(), None));
    assert!(!nowhere.call_off());
}

#[tokio::test(start_paused = true)]
async fn who_comes_just_after_a_holder_was_killed_is_told_too() {
    let hall = Hall::new(everybody());
    hall.desk.mood(Mood::Asks);
    hall.notices().asking("broken off".to_owned(), None);
    hall.process().get(Forbidden).await.unwrap_err();
    assert_eq!(hall.comes().await, Err("broken off".to_owned()));
    hall.desk.wall.forward(seconds(MEMORY));
    hall.comes().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_told_can_be_forgotten() {
    let hall = Hall::new(everybody());
    hall.desk.mood(Mood::Fails);
    hall.comes().await.unwrap_err();
    hall.desk.mood(Mood::Gives);
    hall.notices().forget();
    assert_eq!(hall.comes().await, Ok(2), "by who insists");

    hall.desk.mood(Mood::Fails);
    let process = hall.process();
    process.renew(Allowed).await.unwrap_err();
    assert_eq!(hall.entries(), 2);
    process.forget().await;
    assert_eq!(hall.entries(), 0, "with the entry");

    hall.comes().await.unwrap_err();
    hall.desk.mood(Mood::Gives);
    let renewed = hall.process().renew(Allowed).await.unwrap();
    assert_eq!(renewed.number, 5, "a renewal listens to nobody");
}

#[test]
fn a_runtime_that_ends_while_a_person_is_asked_takes_its_word_back() {
    let hall = Hall::new(everybody());
    hall.desk.shut();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let process = hall.process();
        tokio::spawn(async move { process.get(Allowed).await });
        until(|| hall.desk.visits() == 1).await;
        hall.notices().asking("broken off".to_owned(), None);
    });
    drop(runtime);
    assert_eq!(hall.entries(), 0);
    assert!(hall.store.try_lock(&key()).unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_notice_that_cannot_be_read_says_nothing() {
    let hall = Hall::new(everybody());
    hall.desk.mood(Mood::Fails);
    hall.comes().await.unwrap_err();
    let [notice] = &hall.store.list().unwrap()[..] else {
        panic!("one notice");
    };
    let notice = notice.key;
    assert!(notice_until(&hall.store, &notice).unwrap().is_some());
    for broken in ["", "{}", "\u{0}", "[[[["] {
        hall.store.save(&notice, &Secret::new(broken)).unwrap();
        assert_eq!(notice_until(&hall.store, &notice).unwrap(), None);
        let asked = hall.asked();
        hall.comes().await.unwrap_err();
        assert_eq!(hall.asked(), asked + 1, "{broken:?}");
    }
    let other = Key::of("other").finish();
    assert_eq!(notice_until(&hall.store, &other).unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_another_process_renews_is_handed_out_meanwhile() {
    let hall = Hall::new(Telling::Waiting);
    hall.comes().await.unwrap();
    hall.desk.wall.forward(minutes(46));
    let _holder = hall.store.try_lock(&key()).unwrap().expect("nobody has it");
    let process = hall.process().patience(minutes(10));
    let answer = tokio::time::timeout(seconds(1), process.get(Forbidden)).await;
    assert_eq!(answer.expect("at once").unwrap().number, 1);
    assert_eq!(hall.desk.visits(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_short_lived_process_that_ends_before_its_refresh_does_not_make_the_next_ones_wait() {
    let hall = Hall::new(Telling::Waiting);
    hall.comes().await.unwrap();
    hall.desk.wall.forward(minutes(46));
    hall.desk.shut();
    let begun = tokio::time::Instant::now();
    let process = hall.process().patience(seconds(3));
    assert_eq!(process.get(Forbidden).await.unwrap().number, 1);
    assert!(begun.elapsed() >= seconds(3) && begun.elapsed() < seconds(4));
    // The next process finds it without a runtime, a lock, or a wait.
    assert_eq!(hall.process().peek().map(|badge| badge.number), Some(1));
    hall.desk.wall.forward(minutes(10));
    assert_eq!(hall.process().peek(), None, "until it is time to try again");
}

#[tokio::test(start_paused = true)]
async fn what_another_process_forgets_while_it_is_renewed_does_not_come_back() {
    let hall = Hall::new(Telling::Waiting);
    hall.comes().await.unwrap();
    hall.desk.shut();
    let renewing = hall.process();
    let renewal = tokio::spawn(async move { renewing.renew(Forbidden).await });
    until(|| hall.desk.visits() == 2).await;
    hall.process().forget().await;
    hall.desk.open();
    assert_eq!(
        renewal.await.unwrap().unwrap().number,
        2,
        "who waits gets it"
    );
    assert_eq!(hall.entries(), 0);
}
