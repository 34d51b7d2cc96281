//! One flight, from the first look at the store to the landing, in a task of its own.

use std::{sync::Arc, thread, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use crate::{
    Expiring, Interaction, Lock,
    cache::Shared,
    envelope::Envelope,
    flight::{BACK_OFF, Held, Landed, MEMORY_OF_FAILURE, Number, Pauses, Standing},
    jitter::between,
    slot::{Slot, Turn},
};

/// `None` until the landing. A change to `None` again means: ask again, something good was found in the store.
pub(crate) type News<T, E> = watch::Receiver<Option<Landed<T, E>>>;

/// Flies one flight. Dropped before the landing (the fetch panicked, or the runtime ended), it clears the flight, and only then do
/// those who wait hear that nothing comes.
pub(crate) struct Pilot<T: Expiring, E: Clone + Send + Sync + 'static> {
    pub(crate) shared: Arc<Shared<T, E>>,
    pub(crate) number: Number,
    pub(crate) interaction: Interaction,
    /// Whether it fetches even if a fresh value turns up.
    pub(crate) renewing: bool,
    pub(crate) news: watch::Sender<Option<Landed<T, E>>>,
}

impl<T: Expiring, E: Clone + Send + Sync + 'static> Pilot<T, E> {
    pub(crate) async fn fly(mut self) {
        let Some(slot) = self.shared.settings.slot.clone() else {
            return match self.fetch(self.shared.newest(None)).await {
                Ok(held) => self.land(held),
                Err(error) => self.fail(error, pauses()),
            };
        };
        if let Some(held) = self.accepted(slot.load().await)
            && self.is_enough(&held)
        {
            return self.land(held);
        }
        let asked = Instant::now();
        let (lock, stored) = loop {
            let (turn, entry) = slot.take_turn().await;
            let stored = self.accepted(entry);
            if let Some(held) = &stored
                && self.is_enough(held)
            {
                return self.land(held.clone());
            }
            if let Turn::Ours(lock) = turn {
                break (lock, stored);
            }
            // Whoever holds the lock may be waiting for a person, or be stopped. Who may not ask must not wait with them.
            if self.interaction == Interaction::Forbidden && asked.elapsed() >= LONGEST_TURN {
                tracing::debug!("another process holds the lock for too long; going on without it");
                break (None, stored);
            }
            sleep(between(SHORTEST_POLL, LONGEST_POLL)).await;
        };
        self.fetch_and_keep(&slot, lock, stored).await;
    }

    fn accepted(&self, entry: Option<Envelope<T>>) -> Option<Held<T>> {
        entry.and_then(|entry| self.shared.accepted(entry))
    }

    /// Whether what the store holds spares the fetch. If it is good without sparing it, callers are served with it meanwhile.
    fn is_enough(&mut self, found: &Held<T>) -> bool {
        if self.renewing {
            return false;
        }
        let now = self.shared.now();
        let standing = found.standing(now);
        match standing {
            Standing::Fresh => return true,
            Standing::Ahead if found.is_quiet(now) => return true,
            // Nobody waits any longer, so nobody may be asked.
            Standing::Ahead => self.interaction = Interaction::Forbidden,
            Standing::Due => {}
            Standing::Expired => return false,
        }
        let mut state = self.shared.state();
        let is_better = state.held().is_none_or(|held| held.ends_before(found));
        let Some(flight) = state.flying(self.number) else {
            return false;
        };
        flight.interaction = self.interaction;
        if is_better {
            if standing == Standing::Ahead {
                self.news.send_replace(None);
                // Or else whoever joins later would be told, too, and ask again without end.
                flight.wait.mark_unchanged();
            }
            state.adopt(found.clone());
        }
        false
    }

    async fn fetch(&self, old: Option<T>) -> Result<Held<T>, E> {
        let value = (self.shared.settings.fetch)(old, self.interaction).await?;
        let entry = Envelope {
            value,
            fetched_at: self.shared.now(),
            quiet_until: None,
        };
        Ok(Held::new(entry, self.shared.settings.windows))
    }

    /// The lock is given back after the entry is written, whoever has stopped waiting.
    async fn fetch_and_keep(self, slot: &Slot<T>, lock: Option<Lock>, stored: Option<Held<T>>) {
        let (shared, number) = (self.shared.clone(), self.number);
        let wanted = move || shared.state().flying(number).is_some();
        match self.fetch(self.shared.newest(stored.as_ref())).await {
            Ok(held) => {
                slot.save(held.entry.clone(), lock, wanted).await;
                self.land(held);
            }
            Err(error) => {
                let (now, pauses) = (self.shared.now(), pauses());
                // Written down, so that short-lived processes do not each try again.
                if let Some(Held { entry, .. }) =
                    stored.filter(|held| held.standing(now) == Standing::Ahead)
                {
                    let quiet_until = now.checked_add(pauses.refresh);
                    slot.save(
                        Envelope {
                            quiet_until,
                            ..entry
                        },
                        lock,
                        wanted,
                    )
                    .await;
                }
                self.fail(error, pauses);
            }
        }
    }

    fn land(self, held: Held<T>) {
        let result = Ok(held.entry.value.clone());
        self.shared.state().land(self.number, held);
        self.tell(result);
    }

    fn fail(self, error: E, pauses: Pauses) {
        let now = self.shared.now();
        self.shared
            .state()
            .fail(self.number, error.clone(), now, pauses);
        self.tell(Err(error));
    }

    fn tell(self, result: Result<T, E>) {
        self.news.send_replace(Some(Landed {
            result,
            interaction: self.interaction,
        }));
    }
}

impl<T: Expiring, E: Clone + Send + Sync + 'static> Drop for Pilot<T, E> {
    fn drop(&mut self) {
        let quiet_until = if thread::panicking() {
            self.shared.now().checked_add(pauses().refresh)
        } else {
            None
        };
        self.shared.state().abandon(self.number, quiet_until);
    }
}

/// Two of these, for a session and for its sign-in, stay below the minute after which SDKs kill a `credential_process`.
const LONGEST_TURN: Duration = Duration::from_secs(25);
const SHORTEST_POLL: Duration = Duration::from_millis(10);
const LONGEST_POLL: Duration = Duration::from_millis(50);

fn pauses() -> Pauses {
    Pauses {
        failure: between(Duration::from_secs(1), MEMORY_OF_FAILURE),
        refresh: between(Duration::from_mins(5), BACK_OFF),
    }
}
