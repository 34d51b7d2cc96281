//! The cache itself: what a caller holds.

use std::{
    fmt,
    future::Future,
    panic::resume_unwind,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use crate::{
    Clock, Expiring, Key, Notices, Store, Windows,
    envelope::{Envelope, seconds},
    flight::{Decision, Held, Landed, Request, State},
    notice::Board,
    pilot::{News, Pilot},
    slot::Slot,
};

/// Whether a person may be asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Interaction {
    /// Nobody is there, or nobody waits.
    Forbidden,
    /// Somebody waits and can be asked.
    Allowed,
    /// Somebody wants to be asked, whatever could be done without. For [`Cache::renew`].
    Required,
}

/// Keeps one value of type `T` fresh; fetching it fails with an `E`. Clones share the value.
///
/// The methods that change how it works are for building it: each gives a cache that shares nothing with the one before.
pub struct Cache<T: Expiring, E: Clone + Send + Sync + 'static> {
    shared: Arc<Shared<T, E>>,
}

impl<T: Expiring, E: Clone + Send + Sync + 'static> Cache<T, E> {
    /// A cache that keeps in memory what `fetch` returns.
    ///
    /// `fetch` gets the old value, if there is one: a refresh token may be in it, however long it has expired. It runs in a task of its
    /// own, one at a time, and goes on when nobody waits for it any more.
    pub fn new<F, Fut>(fetch: F) -> Self
    where
        F: Fn(Option<T>, Interaction) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let settings = Settings {
            fetch: Arc::new(move |old, interaction| Box::pin(fetch(old, interaction))),
            slot: None,
            windows: Windows::default(),
            clock: Clock::default(),
            patience: Duration::ZERO,
            accept: Arc::new(|_| true),
            board: None,
        };
        Self {
            shared: Arc::new(Shared {
                settings,
                state: Mutex::default(),
            }),
        }
    }

    /// Keeps the value in a store, too, and shares it and the work with every process that uses the same store and key.
    #[must_use]
    pub fn persist(self, store: impl Store, key: Key) -> Self {
        self.with(|settings| settings.slot = Some(Slot::new(store, key)))
    }

    /// When a value is renewed; otherwise as [`Windows::sessions`] has it.
    #[must_use]
    pub fn windows(self, windows: Windows) -> Self {
        self.with(|settings| settings.windows = windows)
    }

    /// What time it is; otherwise the system tells.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        self.with(|settings| settings.clock = clock)
    }

    /// How long [`Cache::get`] waits for a refresh ahead, while the old value is good; otherwise not at all.
    ///
    /// For a process that ends before anything in its background could.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        self.with(|settings| settings.patience = patience)
    }

    /// Takes a stored value for which `accept` is false, such as another person's, for missing.
    #[must_use]
    pub fn only_if(self, accept: impl Fn(&T) -> bool + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.accept = Arc::new(accept))
    }

    /// Leaves failures in `notices` for the processes that use the same entry, and takes theirs.
    #[must_use]
    pub fn notices(self, notices: Notices<E>) -> Self
    where
        E: Serialize + DeserializeOwned,
    {
        self.with(|settings| settings.board = Some(Arc::new(notices)))
    }

    /// The value if nothing is to be done about it now, from memory or else from the store: without a fetch, a lock file or a runtime.
    ///
    /// It is fresh, or a refresh ahead of its end has failed so shortly before that it is not tried again yet.
    ///
    /// It reads the store on the calling thread.
    pub fn peek(&self) -> Option<T> {
        let now = self.shared.now();
        if let Some(value) = self.shared.state().fresh(now) {
            return Some(value);
        }
        let held = self
            .shared
            .read_here()
            .filter(|held| held.is_at_rest(now))?;
        self.shared.state().adopt(held.clone());
        Some(held.entry.value)
    }

    /// The latest value that memory or the store holds, fresh or not, expired or not. It reads the store on the calling thread.
    ///
    /// For looking at, and for revoking a refresh token in it. Not for use: see [`Cache::get`].
    pub fn stored(&self) -> Option<T> {
        let stored = self.shared.read_here();
        self.shared.newest(stored.as_ref())
    }

    /// A value that is good; fetched only if it must be.
    ///
    /// A fresh one comes at once. One that should be renewed [ahead](Windows) comes at once, too, while a refresh that may not ask
    /// anybody runs in the background; if that fails, it is not tried again for 5 to 10 minutes. When it is due or missing, all callers
    /// wait for the same fetch and get the same result, except that one who may be asked never gets a failure of a fetch that might not
    /// ask, but starts another. A failure is remembered for 1 to 5 seconds. What has not expired is served rather than a failure.
    ///
    /// # Panics
    /// If it must fetch outside a tokio runtime, in one without time, or in one that ends before the fetch; and, with the same panic, if the
    /// fetch that it started panics.
    pub async fn get(&self, interaction: Interaction) -> Result<T, E> {
        let now = self.shared.now();
        if let Some(value) = self.shared.state().fresh(now) {
            return Ok(value);
        }
        // Boxed so that the way above, which is the usual one, has nothing large to move.
        Box::pin(self.shared.answer(Request::Get, interaction)).await
    }

    /// A value that was fetched after this call, even if the old one is fresh. If that fails, the old one stays.
    ///
    /// A fetch that is under way is waited for, and not joined. Several renewals at a time share one fetch.
    ///
    /// # Panics
    /// As [`Cache::get`].
    pub async fn renew(&self, interaction: Interaction) -> Result<T, E> {
        let request = Request::RenewAfter(self.shared.state().started());
        self.shared.answer(request, interaction).await
    }

    /// Drops the value from memory and store. What a fetch brings that is under way goes to those who wait for it, and is not kept.
    ///
    /// # Panics
    /// If there is a store, and no tokio runtime.
    pub async fn forget(&self) {
        self.shared.state().forget();
        let board = self.shared.settings.board.clone();
        if let Some(slot) = &self.shared.settings.slot {
            let remove = move |slot: &Slot<T>| {
                slot.remove();
                if let Some(board) = board {
                    board.clear();
                }
            };
            slot.off_thread(remove).await;
        }
    }

    fn with(self, change: impl FnOnce(&mut Settings<T, E>)) -> Self {
        let mut settings = self.shared.settings.clone();
        change(&mut settings);
        Self {
            shared: Arc::new(Shared {
                settings,
                state: Mutex::default(),
            }),
        }
    }
}

impl<T: Expiring, E: Clone + Send + Sync + 'static> Clone for Cache<T, E> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<T: Expiring, E: Clone + Send + Sync + 'static> fmt::Debug for Cache<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings {
            slot,
            windows,
            clock,
            patience,
            ..
        } = &self.shared.settings;
        f.debug_struct("Cache")
            .field("slot", slot)
            .field("windows", windows)
            .field("clock", clock)
            .field("patience", patience)
            .finish_non_exhaustive()
    }
}

type Fetch<T, E> = dyn Fn(Option<T>, Interaction) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send>>
    + Send
    + Sync;

pub(crate) struct Settings<T, E> {
    pub(crate) fetch: Arc<Fetch<T, E>>,
    pub(crate) slot: Option<Slot<T>>,
    pub(crate) windows: Windows,
    pub(crate) board: Option<Arc<dyn Board<E>>>,
    pub(crate) patience: Duration,
    clock: Clock,
    accept: Arc<dyn Fn(&T) -> bool + Send + Sync>,
}

impl<T, E> Clone for Settings<T, E> {
    fn clone(&self) -> Self {
        Self {
            fetch: self.fetch.clone(),
            slot: self.slot.clone(),
            windows: self.windows,
            board: self.board.clone(),
            patience: self.patience,
            clock: self.clock.clone(),
            accept: self.accept.clone(),
        }
    }
}

/// What the clones of a cache, and its flights, have in common.
pub(crate) struct Shared<T: Expiring, E> {
    pub(crate) settings: Settings<T, E>,
    state: Mutex<State<T, E, News<T, E>>>,
}

/// A place on a flight.
struct Boarded<T, E> {
    news: News<T, E>,
    /// For whoever started the flight.
    task: Option<JoinHandle<()>>,
    /// What is good to be served meanwhile.
    meanwhile: Option<T>,
    /// Whether the result is for us.
    joined: bool,
}

impl<T: Expiring, E: Clone + Send + Sync + 'static> Shared<T, E> {
    pub(crate) fn now(&self) -> SystemTime {
        self.settings.clock.now()
    }

    /// Held for moments only, and never across an await. What runs under it that is not ours (the clock, `clone`, `expires_at`) leaves
    /// the state whole if it panics.
    pub(crate) fn state(&self) -> MutexGuard<'_, State<T, E, News<T, E>>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn accepted(&self, entry: Envelope<T>) -> Option<Held<T>> {
        (self.settings.accept)(&entry.value).then(|| Held::new(entry, self.settings.windows))
    }

    /// The value fetched last: the store's, unless it could not be saved there.
    pub(crate) fn newest(&self, stored: Option<&Held<T>>) -> Option<T> {
        let state = self.state();
        let newest = state
            .held()
            .into_iter()
            .chain(stored)
            .max_by_key(|held| seconds(held.entry.fetched_at));
        newest.map(|held| held.entry.value.clone())
    }

    fn read_here(&self) -> Option<Held<T>> {
        self.settings
            .slot
            .as_ref()?
            .load_here()
            .and_then(|entry| self.accepted(entry))
    }

    async fn answer(self: &Arc<Self>, request: Request, interaction: Interaction) -> Result<T, E> {
        loop {
            let mut boarded = match self.board(request, interaction) {
                Ok(boarded) => boarded,
                Err(answer) => return answer,
            };
            if let Some(value) = boarded.meanwhile.take() {
                let landed = match self.settings.patience {
                    Duration::ZERO => return Ok(value),
                    patience => timeout(patience, boarded.landing()).await,
                };
                match landed {
                    Ok(Some(Landed {
                        result: Ok(value), ..
                    })) => return Ok(value),
                    _ if self.now() < value.expires_at() => return Ok(value),
                    _ => continue,
                }
            }
            let landed = boarded.landing().await.filter(|_| boarded.joined);
            let answer = landed.and_then(|landed| {
                self.state()
                    .answer(landed, self.now(), request, interaction)
            });
            if let Some(answer) = answer {
                return answer;
            }
        }
    }

    /// Decides, and starts the flight if that is the decision; or else the answer is there already.
    fn board(
        self: &Arc<Self>,
        request: Request,
        interaction: Interaction,
    ) -> Result<Boarded<T, E>, Result<T, E>> {
        let mut state = self.state();
        let (interaction, meanwhile) = match state.decide(self.now(), request, interaction) {
            Decision::Serve(value) => return Err(Ok(value)),
            Decision::Fail(error) => return Err(Err(error)),
            Decision::Join {
                wait: news,
                meanwhile,
            } => {
                return Ok(Boarded {
                    news,
                    task: None,
                    meanwhile,
                    joined: true,
                });
            }
            Decision::Await(news) => {
                return Ok(Boarded {
                    news,
                    task: None,
                    meanwhile: None,
                    joined: false,
                });
            }
            Decision::Start {
                interaction,
                meanwhile,
            } => (interaction, meanwhile),
        };
        let (sender, news) = watch::channel(None);
        let pilot = Pilot {
            shared: self.clone(),
            number: state.start(request, interaction, news.clone()),
            interaction,
            renewing: matches!(request, Request::RenewAfter(_)),
            news: sender,
            lock: None,
            no: None,
            is_guest: false,
            has_ended: false,
        };
        // A runtime that is ending drops the pilot at once, which then asks for the state.
        drop(state);
        let task = Some(tokio::spawn(pilot.fly()));
        Ok(Boarded {
            news,
            task,
            meanwhile,
            joined: true,
        })
    }
}

impl<T: Clone, E: Clone> Boarded<T, E> {
    /// What the flight brings, or `None` if it is time to ask again.
    async fn landing(&mut self) -> Option<Landed<T, E>> {
        if self.news.changed().await.is_ok() {
            return self.news.borrow_and_update().clone();
        }
        // Gone without a word.
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
        {
            let panic = error
                .try_into_panic()
                .expect("a runtime that outlives the fetch");
            resume_unwind(panic);
        }
        None
    }
}
