//! Many callers, one process, no store.

mod world;

use std::time::Duration;

use keyless_cache::{
    Cache,
    Interaction::{Allowed, Forbidden},
    Windows,
};
use tokio::{runtime, task::JoinSet, time::timeout};
use world::{Badge, Desk, HOUR, Mood, minutes, seconds, settle, until};

async fn fifty(cache: &Cache<Badge, String>) -> Vec<Result<usize, String>> {
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let cache = cache.clone();
        callers.spawn(async move { cache.get(Forbidden).await.map(|badge| badge.number) });
    }
    callers.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_callers_share_one_fetch() {
    for (mood, answer) in [
        (Mood::Gives, Ok(1)),
        (Mood::Fails, Err("closed (1)".to_owned())),
    ] {
        let desk = Desk::new();
        desk.mood(mood);
        assert_eq!(fifty(&desk.cache()).await, vec![answer; 50], "{mood:?}");
        assert_eq!(desk.visits(), 1, "{mood:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn late_comers_share_a_failure_for_a_moment_only() {
    let desk = Desk::new();
    desk.mood(Mood::Fails);
    let cache = desk.cache();
    for (later, visits) in [
        (seconds(0), 1),
        (Duration::from_millis(900), 1),
        (seconds(5), 2),
    ] {
        desk.wall.forward(later);
        cache.get(Forbidden).await.unwrap_err();
        assert_eq!(desk.visits(), visits, "{later:?} later");
    }
    desk.mood(Mood::Gives);
    desk.wall.back(HOUR);
    cache
        .get(Forbidden)
        .await
        .expect("a failure of the future is none");
}

#[tokio::test(start_paused = true)]
async fn a_fetch_outlives_the_caller_who_gave_up() {
    let desk = Desk::new();
    let cache = desk.cache();
    desk.shut();
    timeout(seconds(1), cache.get(Allowed))
        .await
        .expect_err("nobody answers");
    desk.open();
    settle().await;
    assert_eq!(cache.peek().map(|badge| badge.number), Some(1));
    assert_eq!(cache.get(Allowed).await.unwrap().number, 1);
}

#[tokio::test(start_paused = true)]
async fn who_may_be_asked_gets_no_failure_of_a_fetch_that_might_not_ask() {
    let desk = Desk::new();
    desk.mood(Mood::Asks);
    let cache = desk.cache();

    desk.shut();
    let callers = [Forbidden, Allowed, Allowed, Forbidden].map(|interaction| {
        let cache = cache.clone();
        tokio::spawn(async move { cache.get(interaction).await.map(|badge| badge.number) })
    });
    settle().await;
    desk.open();
    let [first, second, third, fourth] = callers;
    assert_eq!(first.await.unwrap(), Err("closed (1)".to_owned()));
    assert_eq!(
        second.await.unwrap(),
        Ok(2),
        "joined the first, then started its own"
    );
    assert_eq!(third.await.unwrap(), Ok(2), "joined the second");
    assert_eq!(fourth.await.unwrap(), Err("closed (1)".to_owned()));
    assert_eq!(desk.seen(), [(None, Forbidden), (None, Allowed)]);

    cache.forget().await;
    cache.get(Forbidden).await.unwrap_err();
    assert_eq!(
        cache.get(Allowed).await.unwrap().number,
        4,
        "nor one that is remembered"
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_reaches_who_started_the_fetch_and_the_others_start_over() {
    let desk = Desk::new();
    desk.mood(Mood::Panics);
    let cache = desk.cache();
    desk.shut();
    let [starter, other] = [(), ()].map(|()| {
        let cache = cache.clone();
        tokio::spawn(async move { cache.get(Forbidden).await })
    });
    settle().await;
    let calm = tokio::spawn({
        let desk = desk.clone();
        async move {
            until(|| desk.visits() == 2).await;
            desk.mood(Mood::Gives);
            desk.open();
        }
    });
    desk.let_in_one();
    let panic = starter.await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"the desk is on fire"));
    assert_eq!(other.await.unwrap().unwrap().number, 2);
    calm.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_panics_backs_off_like_one_that_fails() {
    let desk = Desk::new();
    let cache = desk.cache();
    cache.get(Forbidden).await.unwrap();
    desk.mood(Mood::Panics);
    desk.wall.forward(minutes(50));
    for _ in 0..3 {
        assert_eq!(cache.get(Forbidden).await.unwrap().number, 1);
        settle().await;
    }
    assert_eq!(desk.visits(), 2);
}

#[test]
fn when_the_runtime_of_a_fetch_ends_another_runtime_goes_on() {
    let desk = Desk::new();
    desk.shut();
    let cache = desk.cache();
    let build = || {
        runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap()
    };

    let (first, second) = (build(), build());
    let abandoned = first.spawn({
        let cache = cache.clone();
        async move { cache.get(Forbidden).await }
    });
    second.block_on(until(|| desk.visits() == 1));
    let waiting = second.spawn({
        let cache = cache.clone();
        async move { cache.get(Forbidden).await }
    });
    second.block_on(settle());
    first.shutdown_background();
    second.block_on(until(|| desk.visits() == 2));
    desk.open();
    assert_eq!(second.block_on(waiting).unwrap().unwrap().number, 2);
    assert!(second.block_on(abandoned).unwrap_err().is_cancelled());
}

/// For a life, the moments (before its end) around which each window begins.
#[tokio::test(start_paused = true)]
async fn a_value_is_renewed_ahead_and_then_when_due() {
    let sessions = [
        (minutes(15), minutes(5), seconds(60)),
        (minutes(20), minutes(5), seconds(60)),
        (minutes(21), minutes(15), seconds(60)),
        (minutes(90), minutes(15), seconds(60)),
        (minutes(91), minutes(60), seconds(60)),
        (12 * HOUR, minutes(60), seconds(60)),
        (minutes(4), minutes(2), seconds(24)),
    ];
    let proofs = [
        (HOUR, seconds(30), seconds(30)),
        (minutes(2), seconds(12), seconds(12)),
    ];
    let table = sessions
        .map(|row| (Windows::sessions(), row))
        .into_iter()
        .chain(proofs.map(|row| (Windows::proofs(), row)));
    for (windows, (life, ahead, due)) in table {
        for (left, served, visits) in [
            (ahead + seconds(1), 1, 1),
            (ahead, if ahead == due { 2 } else { 1 }, 2),
            (due + seconds(1), 1, if ahead == due { 1 } else { 2 }),
            (due, 2, 2),
            (seconds(0), 2, 2),
        ] {
            let desk = Desk::new();
            desk.life(life);
            let cache = desk.cache().windows(windows);
            cache.get(Forbidden).await.unwrap();
            desk.wall.forward(life.saturating_sub(left));
            let number = cache.get(Forbidden).await.unwrap().number;
            settle().await;
            assert_eq!(
                (number, desk.visits()),
                (served, visits),
                "{windows:?}, life {life:?}, {left:?} left"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_ahead_asks_nobody_and_brings_the_old_value_along() {
    let desk = Desk::new();
    let cache = desk.cache();
    cache.get(Allowed).await.unwrap();
    desk.wall.forward(minutes(50));
    assert_eq!(cache.peek(), None);
    assert_eq!(cache.get(Allowed).await.unwrap().number, 1);
    settle().await;
    assert_eq!(cache.get(Allowed).await.unwrap().number, 2);
    assert_eq!(desk.seen(), [(None, Allowed), (Some(1), Forbidden)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_still_good_is_served_while_the_desk_is_closed() {
    let desk = Desk::new();
    let cache = desk.cache();
    cache.get(Forbidden).await.unwrap();
    desk.mood(Mood::Fails);
    desk.wall.forward(minutes(45));
    // Seconds later, visits by then. The back-off is 5 to 10 minutes; in the last minute callers wait, but for no failure.
    for (later, visits) in [(0, 2), (299, 2), (301, 3), (239, 3), (1, 4), (0, 4), (5, 5)] {
        desk.wall.forward(seconds(later));
        assert_eq!(cache.get(Forbidden).await.unwrap().number, 1);
        settle().await;
        assert_eq!(desk.visits(), visits, "{later} seconds later");
    }
    desk.wall.forward(seconds(55));
    assert_eq!(
        cache.get(Forbidden).await,
        Err("closed (6)".to_owned()),
        "the hour is over"
    );
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_neither_panics_nor_revives_what_has_expired() {
    let desk = Desk::new();
    let cache = desk.cache();
    cache.get(Forbidden).await.unwrap();
    desk.wall.back(24 * HOUR);
    assert_eq!(
        cache.get(Forbidden).await.unwrap().number,
        2,
        "it may have ended, whatever this clock says"
    );
    // Some minutes are how clocks are kept.
    desk.wall.back(minutes(4));
    assert_eq!(cache.get(Forbidden).await.unwrap().number, 2);
    desk.wall.forward(26 * HOUR);
    assert_eq!(cache.peek(), None);
    assert_eq!(cache.get(Forbidden).await.unwrap().number, 3);
    desk.wall.back(
        desk.wall
            .now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap(),
    );
    desk.mood(Mood::Fails);
    let badge = cache.get(Forbidden).await.unwrap();
    assert_eq!(badge.number, 3, "rather than nothing");
}

#[tokio::test(start_paused = true)]
async fn patience_waits_for_the_refresh_while_the_old_value_is_good() {
    // Whether the desk answers, what then comes.
    for (answers, mood, number) in [
        (true, Mood::Gives, 2),
        (true, Mood::Fails, 1),
        (false, Mood::Gives, 1),
    ] {
        let desk = Desk::new();
        let cache = desk.cache().patience(seconds(2));
        cache.get(Forbidden).await.unwrap();
        desk.mood(mood);
        desk.wall.forward(minutes(50));
        if !answers {
            desk.shut();
        }
        assert_eq!(
            cache.get(Forbidden).await.unwrap().number,
            number,
            "{answers}, {mood:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_fetches_once_for_all_and_never_takes_an_older_fetch() {
    let desk = Desk::new();
    let cache = desk.cache();
    let start = |renewing: bool| {
        let cache = cache.clone();
        tokio::spawn(async move {
            let badge = if renewing {
                cache.renew(Allowed).await
            } else {
                cache.get(Allowed).await
            };
            badge.map(|badge| badge.number)
        })
    };
    desk.shut();
    let older = start(false);
    settle().await;
    let renewals = [start(true), start(true)];
    settle().await;
    desk.open();
    assert_eq!(older.await.unwrap(), Ok(1));
    for renewal in renewals {
        assert_eq!(renewal.await.unwrap(), Ok(2));
    }
    assert_eq!(start(true).await.unwrap(), Ok(3), "even if fresh");

    desk.mood(Mood::Fails);
    assert_eq!(start(true).await.unwrap(), Err("closed (4)".to_owned()));
    assert_eq!(
        start(true).await.unwrap(),
        Err("closed (5)".to_owned()),
        "an older failure is none of its own"
    );
    assert_eq!(start(false).await.unwrap(), Ok(3), "the old one stays");
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_stays_forgotten() {
    let desk = Desk::new();
    let cache = desk.cache();
    desk.shut();
    let waiting = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get(Allowed).await }
    });
    settle().await;
    cache.forget().await;
    desk.open();
    assert_eq!(
        waiting.await.unwrap().unwrap().number,
        1,
        "who waits is served"
    );
    assert_eq!(cache.peek(), None);
    assert_eq!(cache.get(Allowed).await.unwrap().number, 2);
}

#[tokio::test(start_paused = true)]
async fn a_badge_that_is_born_expired_goes_to_who_asked_and_is_never_served_again() {
    let desk = Desk::new();
    desk.life(Duration::ZERO);
    let cache = desk.cache();
    assert_eq!(
        cache.get(Forbidden).await.unwrap().number,
        1,
        "whose clock is wrong is not ours to say"
    );
    assert_eq!(cache.peek(), None);
    assert_eq!(cache.get(Forbidden).await.unwrap().number, 2);
}

#[test]
fn nothing_secret_is_printed() {
    let desk = Desk::new();
    let cache = desk.cache();
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let badge = runtime.block_on(cache.get(Forbidden)).unwrap();
    assert!(format!("{badge:?}").contains("secret: Secret(..)"));
    assert!(!format!("{cache:?}").contains("hunter2"));
}
