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
    fault::fault,
    flight::{BACK_OFF, Held, Landed, MEMORY_OF_FAILURE, Number, Pauses, Standing},
    jitter::between,
    notice::Notice,
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
    /// The lock of the entry, while it is ours.
    pub(crate) lock: Option<Lock>,
    /// Why nobody is to be asked, although somebody might be: a no, a moment ago.
    pub(crate) no: Option<E>,
    /// Whether the lock is another process's, so that the entry is, too.
    pub(crate) is_guest: bool,
    /// Whether it has landed or failed.
    pub(crate) has_ended: bool,
}

impl<T: Expiring, E: Clone + Send + Sync + 'static> Pilot<T, E> {
    pub(crate) async fn fly(mut self) {
        let Some(slot) = self.shared.settings.slot.clone() else {
            return match self.fetch(self.shared.newest(None)).await {
                Ok(held) => self.land(held),
                Err(error) => self.fail(error, pauses()),
            };
        };
        let (entry, earlier) = self.read(&slot, Slot::load_here).await.unwrap_or_default();
        if let Some(held) = self.accepted(entry)
            && self.is_enough(&held)
        {
            return self.land(held);
        }
        let mut line = Line {
            earlier: earlier.map(|notice| notice.number),
            has_waited: false,
        };
        let asked = Instant::now();
        let stored = loop {
            let ((turn, entry), notice) = self
                .read(&slot, Slot::take_turn)
                .await
                .unwrap_or(((Turn::Ours(None), None), None));
            let stored = self.accepted(entry);
            if let Some(held) = &stored
                && self.is_enough(held)
            {
                return self.land(held.clone());
            }
            let is_ours = matches!(turn, Turn::Ours(_));
            if let Turn::Ours(lock) = turn {
                self.lock = lock;
            } else if let Some(held) = &stored
                && held.standing(self.shared.now()) == Standing::Ahead
                && !self.renewing
            {
                // Somebody renews it already, and it is good.
                let for_now = held.quiet_until(self.shared.now() + pauses().failure);
                return self.land(for_now);
            }
            if let Some(notice) = notice
                && self.concerns_us(&notice, &line, is_ours)
            {
                if !self.is_of_a_person(&notice) {
                    return self.fail(notice.error, pauses());
                }
                // A no keeps nobody from what can be had without asking again.
                if is_ours {
                    self.no = self.take_down(&slot, notice).await;
                }
            }
            if is_ours {
                break stored;
            }
            line.has_waited = true;
            // Whoever holds the lock may be waiting for a person, or be stopped. Who may not ask must not wait with them.
            if self.interaction == Interaction::Forbidden && asked.elapsed() >= LONGEST_TURN {
                tracing::debug!("another process holds the lock for too long; going on without it");
                self.is_guest = true;
                break stored;
            }
            sleep(between(SHORTEST_POLL, LONGEST_POLL)).await;
        };
        self.fetch_and_keep(&slot, stored).await;
    }

    /// Does `work` where it may block, and reads the notice with it.
    async fn read<R: Send + 'static>(
        &self,
        slot: &Slot<T>,
        work: impl FnOnce(&Slot<T>) -> R + Send + 'static,
    ) -> Option<(R, Option<Notice<E>>)> {
        let board = self.shared.settings.board.clone();
        slot.off_thread(move |slot| (work(slot), board.and_then(|board| board.read())))
            .await
    }

    fn accepted(&self, entry: Option<Envelope<T>>) -> Option<Held<T>> {
        entry.and_then(|entry| self.shared.accepted(entry))
    }

    /// Whether what another process has left word of is the answer for our callers, too.
    fn concerns_us(&self, notice: &Notice<E>, line: &Line, is_ours: bool) -> bool {
        let Some(board) = &self.shared.settings.board else {
            return false;
        };
        if self.renewing || (self.interaction >= Interaction::Allowed) != notice.may_ask {
            return false;
        }
        match (notice.asking, is_ours) {
            // Somebody is being asked.
            (true, false) => false,
            // Who asked was killed meanwhile.
            (true, true) if line.has_waited => true,
            (false, _) if line.earlier != Some(notice.number) => true,
            _ => board.is_remembered(notice),
        }
    }

    fn is_of_a_person(&self, notice: &Notice<E>) -> bool {
        let board = self.shared.settings.board.as_ref();
        notice.asking || board.is_some_and(|board| board.is_for_everybody(notice))
    }

    /// Why nobody is to be asked. What a process that was killed could not say is said for it.
    async fn take_down(&self, slot: &Slot<T>, notice: Notice<E>) -> Option<E> {
        if let (true, Some(board)) = (notice.asking, self.shared.settings.board.clone()) {
            let error = notice.error.clone();
            slot.off_thread(move |_| board.failed(Interaction::Allowed, &error))
                .await;
        }
        Some(notice.error)
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
        let interaction = match self.no {
            None => self.interaction,
            Some(_) => Interaction::Forbidden,
        };
        let value = (self.shared.settings.fetch)(old, interaction).await?;
        let entry = Envelope {
            value,
            fetched_at: self.shared.now(),
            quiet_until: None,
        };
        Ok(Held::new(entry, self.shared.settings.windows))
    }

    async fn fetch_and_keep(mut self, slot: &Slot<T>, stored: Option<Held<T>>) {
        let (shared, number) = (self.shared.clone(), self.number);
        let (is_guest, was_there) = (self.is_guest, stored.is_some());
        // What is forgotten meanwhile, here or by another process, must not come back.
        let wanted = move |slot: &Slot<T>| {
            !is_guest && shared.state().flying(number).is_some() && (!was_there || slot.is_there())
        };
        let pauses = pauses();
        let old = self.shared.newest(stored.as_ref());
        let ahead = stored.filter(|held| held.standing(self.shared.now()) == Standing::Ahead);
        let quiet = ahead.map(|held| Envelope {
            quiet_until: self.shared.now().checked_add(pauses.refresh),
            ..held.entry
        });
        // Written down so that short-lived processes do not each try again: by such a one at once, since it may end before the fetch does.
        let is_short_lived = !self.shared.settings.patience.is_zero();
        if let Some(entry) = quiet.clone().filter(|_| is_short_lived) {
            let wanted = wanted.clone();
            slot.off_thread(move |slot| slot.save(&entry, wanted)).await;
        }
        fault("fetch: locked");
        let outcome = self.fetch(old).await;
        fault("fetch: done");
        // The lock is given back after all is written, whoever has stopped waiting.
        let board = self.shared.settings.board.clone();
        let (lock, board) = (self.lock.take(), board.filter(|_| !is_guest));
        match outcome {
            Ok(held) => {
                let entry = held.entry.clone();
                let keep = move |slot: &Slot<T>| {
                    slot.save(&entry, wanted);
                    fault("fetch: saved");
                    if let Some(board) = board {
                        board.clear();
                    }
                    drop(lock);
                    fault("fetch: unlocked");
                };
                slot.off_thread(keep).await;
                self.land(held);
            }
            Err(error) => {
                // A no that was heard is not said once more: it would be remembered for ever.
                let no = self.no.take();
                let (interaction, said) = (self.interaction, error.clone());
                let board = board.filter(|_| no.is_none());
                let leave_word = move |slot: &Slot<T>| {
                    if let Some(entry) = quiet.filter(|_| !is_short_lived) {
                        slot.save(&entry, wanted);
                    }
                    if let Some(board) = board {
                        board.failed(interaction, &said);
                    }
                    drop(lock);
                };
                slot.off_thread(leave_word).await;
                self.fail(no.unwrap_or(error), pauses);
            }
        }
    }

    fn land(mut self, held: Held<T>) {
        self.has_ended = true;
        let result = Ok(held.entry.value.clone());
        self.shared.state().land(self.number, held);
        self.tell(result);
    }

    fn fail(mut self, error: E, pauses: Pauses) {
        self.has_ended = true;
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
        // Whoever gets the lock next must not take an end of ours for that of a process that was killed.
        if let (false, Some(_), Some(board)) =
            (self.has_ended, &self.lock, &self.shared.settings.board)
        {
            board.withdraw();
        }
        let quiet_until = if thread::panicking() {
            self.shared.now().checked_add(pauses().refresh)
        } else {
            None
        };
        self.shared.state().abandon(self.number, quiet_until);
    }
}

/// How a flight stands in line for the lock.
struct Line {
    /// The notice that was there before it came.
    earlier: Option<u64>,
    has_waited: bool,
}

/// Two of these, for a session and for its sign-in, and the wait for the refresh token of the latter, stay below the minute after which SDKs
/// kill a `credential_process`.
const LONGEST_TURN: Duration = Duration::from_secs(20);
const SHORTEST_POLL: Duration = Duration::from_millis(10);
const LONGEST_POLL: Duration = Duration::from_millis(50);

fn pauses() -> Pauses {
    Pauses {
        failure: between(Duration::from_secs(1), MEMORY_OF_FAILURE),
        refresh: between(Duration::from_mins(5), BACK_OFF),
    }
}
