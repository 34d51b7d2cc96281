//! A clock that is set by hand, values that end, and fetches that are counted.
#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, reason = "a broken fake should say so")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use keyless_cache::{Cache, Clock, Expiring, Interaction, Key, Secret};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

pub(crate) const HOUR: Duration = Duration::from_hours(1);

pub(crate) const fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Badge {
    pub(crate) number: usize,
    pub(crate) subject: String,
    pub(crate) secret: Secret,
    ends: SystemTime,
}

impl Expiring for Badge {
    fn expires_at(&self) -> SystemTime {
        self.ends
    }
}

/// A clock on the wall that can be set; clones show the same time.
#[derive(Clone)]
pub(crate) struct Wall(Arc<Mutex<SystemTime>>);

impl Wall {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(
            SystemTime::UNIX_EPOCH + Duration::from_hours(500_000),
        )))
    }

    pub(crate) fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }

    pub(crate) fn forward(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }

    pub(crate) fn back(&self, by: Duration) {
        *self.0.lock().unwrap() -= by;
    }

    pub(crate) fn clock(&self) -> Clock {
        let wall = self.clone();
        Clock::new(move || wall.now())
    }
}

/// What the desk does with the next visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Gives,
    Fails,
    /// Gives to who can be asked.
    Asks,
    Panics,
}

/// The number of the badge that a visitor brought, and whether it could be asked.
type Visit = (Option<usize>, Interaction);

/// The desk that hands out badges: counts its visitors, and lets them wait while its door is shut.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) wall: Wall,
    visits: Arc<AtomicUsize>,
    mood: Arc<Mutex<Mood>>,
    life: Arc<Mutex<Duration>>,
    door: Arc<Semaphore>,
    seen: Arc<Mutex<Vec<Visit>>>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            wall: Wall::new(),
            visits: Arc::default(),
            mood: Arc::new(Mutex::new(Mood::Gives)),
            life: Arc::new(Mutex::new(HOUR)),
            door: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            seen: Arc::default(),
        }
    }

    pub(crate) fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }

    pub(crate) fn seen(&self) -> Vec<Visit> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn mood(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn life(&self, life: Duration) {
        *self.life.lock().unwrap() = life;
    }

    pub(crate) fn shut(&self) {
        self.door.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn let_in_one(&self) {
        self.door.add_permits(1);
    }

    pub(crate) fn open(&self) {
        self.door.add_permits(1_000_000);
    }

    pub(crate) fn cache(&self) -> Cache<Badge, String> {
        let desk = self.clone();
        Cache::new(move |old, interaction| {
            let desk = desk.clone();
            async move { desk.visit(old, interaction).await }
        })
        .clock(self.wall.clock())
    }

    async fn visit(&self, old: Option<Badge>, interaction: Interaction) -> Result<Badge, String> {
        let number = self.visits.fetch_add(1, Ordering::SeqCst) + 1;
        self.seen
            .lock()
            .unwrap()
            .push((old.map(|old| old.number), interaction));
        self.door.acquire().await.unwrap().forget();
        let mood = *self.mood.lock().unwrap();
        match (mood, interaction) {
            (Mood::Panics, _) => panic!("the desk is on fire"),
            (Mood::Fails, _) | (Mood::Asks, Interaction::Forbidden) => {
                Err(format!("closed ({number})"))
            }
            (Mood::Gives, _) | (Mood::Asks, Interaction::Allowed | Interaction::Required) => {
                Ok(Badge {
                    number,
                    subject: "ada".to_owned(),
                    secret: Secret::new("hunter2"),
                    ends: self.wall.now() + *self.life.lock().unwrap(),
                })
            }
        }
    }
}

/// Lets every task that can go on go on.
pub(crate) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// Waits until it is so: for what happens on other threads.
pub(crate) async fn until(so: impl Fn() -> bool) {
    while !so() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub(crate) fn key() -> Key {
    Key::of("session").part("role", "app").finish()
}
