//! Who is served, who waits, who fetches: the decisions of a cache, as functions of what is known, the time and who asks.
//!
//! Nothing here waits, reads a clock or draws a random number; `cache` does that and tells. `W` is whatever a caller waits on.

use std::time::{Duration, SystemTime};

use crate::{Expiring, Interaction, Windows, envelope::Envelope};

/// The longest that a failure is remembered, so that late-comers share it.
pub(crate) const MEMORY_OF_FAILURE: Duration = Duration::from_secs(5);
/// The longest that a failed refresh is not tried again while the old value is good.
pub(crate) const BACK_OFF: Duration = Duration::from_mins(10);

/// How far clocks may be apart, as at AWS.
const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

/// A value and the moments at which it should be, must be, and can no longer be used without another.
#[derive(Clone, Debug)]
pub(crate) struct Held<T> {
    pub(crate) entry: Envelope<T>,
    ahead_from: SystemTime,
    due_from: SystemTime,
    expires_at: SystemTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) enum Standing {
    /// Nothing to do.
    Fresh,
    /// Good; a new one should be fetched meanwhile.
    Ahead,
    /// Good for so little longer that callers wait for a new one.
    Due,
    /// Never handed out.
    Expired,
}

impl<T: Expiring> Held<T> {
    pub(crate) fn new(entry: Envelope<T>, windows: Windows) -> Self {
        let expires_at = entry.value.expires_at();
        // A life that ends before it began is one whose clock was set: only its end counts.
        let life = expires_at
            .duration_since(entry.fetched_at)
            .unwrap_or_default();
        let before_end = |window| {
            expires_at
                .checked_sub(window)
                .unwrap_or(SystemTime::UNIX_EPOCH)
        };
        let due_from = before_end(windows.due(life));
        let ahead_from = before_end(windows.ahead(life)).min(due_from);
        Self {
            entry,
            ahead_from,
            due_from,
            expires_at,
        }
    }

    pub(crate) fn standing(&self, now: SystemTime) -> Standing {
        match now {
            // The clock was set back since, and its end may have come.
            now if now < self.expires_at && self.is_of_the_future(now) => Standing::Due,
            now if now < self.ahead_from => Standing::Fresh,
            now if now < self.due_from => Standing::Ahead,
            now if now < self.expires_at => Standing::Due,
            _ => Standing::Expired,
        }
    }

    fn is_of_the_future(&self, now: SystemTime) -> bool {
        let since = self.entry.fetched_at.duration_since(now);
        since.is_ok_and(|since| since > CLOCK_TOLERANCE)
    }

    pub(crate) fn is_fresh(&self, now: SystemTime) -> bool {
        self.standing(now) == Standing::Fresh
    }

    /// Whether nothing is to be done now: it is fresh, or its renewal has failed a short while ago.
    pub(crate) fn is_at_rest(&self, now: SystemTime) -> bool {
        match self.standing(now) {
            Standing::Fresh => true,
            Standing::Ahead => self.is_quiet(now),
            Standing::Due | Standing::Expired => false,
        }
    }

    fn is_good(&self, now: SystemTime) -> bool {
        self.standing(now) != Standing::Expired
    }

    /// The same, not to be renewed ahead before `until`.
    pub(crate) fn quiet_until(&self, until: SystemTime) -> Self {
        let mut quiet = self.clone();
        quiet.entry.quiet_until = Some(until);
        quiet
    }

    pub(crate) fn ends_before(&self, other: &Self) -> bool {
        self.expires_at < other.expires_at
    }

    /// Whether a refresh ahead has failed a short while ago, in whichever process.
    pub(crate) fn is_quiet(&self, now: SystemTime) -> bool {
        self.entry
            .quiet_until
            .is_some_and(|until| lasts(until, now, BACK_OFF))
    }
}

/// Which flight: they are counted from 1.
pub(crate) type Number = u64;

/// A fetch that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Flight<W> {
    pub(crate) number: Number,
    /// Whether the fetch may ask a person.
    pub(crate) interaction: Interaction,
    /// Whether it fetches even if a fresh value turns up.
    pub(crate) renewing: bool,
    pub(crate) wait: W,
}

#[derive(Clone, Debug)]
struct Failure<E> {
    error: E,
    flight: Number,
    interaction: Interaction,
    until: SystemTime,
}

/// What a flight brings to those who have joined it.
#[derive(Clone, Debug)]
pub(crate) struct Landed<T, E> {
    pub(crate) result: Result<T, E>,
    /// Whether a person could have been asked.
    pub(crate) interaction: Interaction,
}

/// What a caller wants.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request {
    /// A value that is good.
    Get,
    /// A value that was fetched in a flight later than this one.
    RenewAfter(Number),
}

#[derive(Debug)]
pub(crate) enum Decision<T, E, W> {
    Serve(T),
    Fail(E),
    /// Take what this flight brings; with `meanwhile`, do not wait for it.
    Join {
        wait: W,
        meanwhile: Option<T>,
    },
    /// Let this flight end, then ask again.
    Await(W),
    /// Start a flight and join it.
    Start {
        interaction: Interaction,
        meanwhile: Option<T>,
    },
}

/// What is known.
#[derive(Clone, Debug)]
pub(crate) struct State<T, E, W> {
    held: Option<Held<T>>,
    flight: Option<Flight<W>>,
    failure: Option<Failure<E>>,
    started: Number,
    renewed: Number,
}

impl<T, E, W> Default for State<T, E, W> {
    fn default() -> Self {
        Self {
            held: None,
            flight: None,
            failure: None,
            started: 0,
            renewed: 0,
        }
    }
}

impl<T: Expiring, E: Clone, W: Clone> State<T, E, W> {
    pub(crate) fn held(&self) -> Option<&Held<T>> {
        self.held.as_ref()
    }

    /// The number of the latest flight.
    pub(crate) fn started(&self) -> Number {
        self.started
    }

    /// The hot path: what needs no decision.
    pub(crate) fn fresh(&self, now: SystemTime) -> Option<T> {
        self.held
            .as_ref()
            .filter(|held| held.is_fresh(now))
            .map(|held| held.entry.value.clone())
    }

    pub(crate) fn decide(
        &self,
        now: SystemTime,
        request: Request,
        interaction: Interaction,
    ) -> Decision<T, E, W> {
        match request {
            Request::Get => self.decide_get(now, interaction),
            Request::RenewAfter(flight) => self.decide_renew(now, flight, interaction),
        }
    }

    fn decide_get(&self, now: SystemTime, interaction: Interaction) -> Decision<T, E, W> {
        let held = self
            .held
            .as_ref()
            .map(|held| (held.standing(now), &held.entry.value));
        match (held, &self.flight) {
            (Some((Standing::Fresh, value)), _) => Decision::Serve(value.clone()),
            (Some((Standing::Ahead, value)), Some(flight)) => Decision::Join {
                wait: flight.wait.clone(),
                meanwhile: Some(value.clone()),
            },
            (Some((Standing::Ahead, value)), None)
                if self.held.as_ref().is_some_and(|held| held.is_quiet(now)) =>
            {
                Decision::Serve(value.clone())
            }
            (Some((Standing::Ahead, value)), None) => Decision::Start {
                interaction: Interaction::Forbidden,
                meanwhile: Some(value.clone()),
            },
            (_, Some(flight)) => Decision::Join {
                wait: flight.wait.clone(),
                meanwhile: None,
            },
            (held, None) => match (self.failure_for(now, interaction), held) {
                (None, _) => Decision::Start {
                    interaction,
                    meanwhile: None,
                },
                (Some(_), Some((Standing::Due, value))) => Decision::Serve(value.clone()),
                (Some(failure), _) => Decision::Fail(failure.error.clone()),
            },
        }
    }

    /// A renewal joins a flight that fetches and began after it was asked for: one of several at a time does the work.
    fn decide_renew(
        &self,
        now: SystemTime,
        after: Number,
        interaction: Interaction,
    ) -> Decision<T, E, W> {
        match (&self.flight, &self.held) {
            (Some(flight), _) if flight.renewing && flight.number > after => Decision::Join {
                wait: flight.wait.clone(),
                meanwhile: None,
            },
            (Some(flight), _) => Decision::Await(flight.wait.clone()),
            (None, Some(held)) if self.renewed > after && held.is_good(now) => {
                Decision::Serve(held.entry.value.clone())
            }
            (None, _) => match self.failure_for(now, interaction) {
                Some(failure) if failure.flight > after => Decision::Fail(failure.error.clone()),
                _ => Decision::Start {
                    interaction,
                    meanwhile: None,
                },
            },
        }
    }

    /// What somebody who has joined a flight makes of its landing; `None`: ask again.
    pub(crate) fn answer(
        &self,
        landed: Landed<T, E>,
        now: SystemTime,
        request: Request,
        interaction: Interaction,
    ) -> Option<Result<T, E>> {
        let Err(error) = landed.result else {
            return Some(landed.result);
        };
        if landed.interaction < interaction {
            return None;
        }
        let good = self.held.as_ref().filter(|held| held.is_good(now));
        Some(match (request, good) {
            (Request::Get, Some(held)) => Ok(held.entry.value.clone()),
            _ => Err(error),
        })
    }

    /// A failure that is still remembered, unless this caller could have been asked and nobody was.
    fn failure_for(&self, now: SystemTime, interaction: Interaction) -> Option<&Failure<E>> {
        self.failure.as_ref().filter(|failure| {
            failure.interaction >= interaction && lasts(failure.until, now, MEMORY_OF_FAILURE)
        })
    }

    /// Enters a flight as under way. Only after [`Decision::Start`], in the same breath.
    pub(crate) fn start(&mut self, request: Request, interaction: Interaction, wait: W) -> Number {
        self.started += 1;
        let renewing = matches!(request, Request::RenewAfter(_));
        self.flight = Some(Flight {
            number: self.started,
            interaction,
            renewing,
            wait,
        });
        self.started
    }

    /// The flight of this number, unless it has ended or was given up.
    pub(crate) fn flying(&mut self, number: Number) -> Option<&mut Flight<W>> {
        self.flight
            .as_mut()
            .filter(|flight| flight.number == number)
    }

    /// Takes over what another process, or an earlier run, has left.
    pub(crate) fn adopt(&mut self, held: Held<T>) {
        self.held = Some(held);
    }

    /// A flight has brought a value. It is not kept if the flight was given up meanwhile.
    pub(crate) fn land(&mut self, number: Number, held: Held<T>) {
        let Some(flight) = self.flight.take_if(|flight| flight.number == number) else {
            return;
        };
        if flight.renewing {
            self.renewed = number;
        }
        self.failure = None;
        self.adopt(held);
    }

    /// A flight has failed.
    pub(crate) fn fail(&mut self, number: Number, error: E, now: SystemTime, pauses: Pauses) {
        let Some(flight) = self.flight.take_if(|flight| flight.number == number) else {
            return;
        };
        let until = now.checked_add(pauses.failure).unwrap_or(now);
        self.failure = Some(Failure {
            error,
            flight: number,
            interaction: flight.interaction,
            until,
        });
        self.back_off(now.checked_add(pauses.refresh));
    }

    /// A flight has ended without a result: the next caller starts another. After a panic it backs off like after a failure.
    pub(crate) fn abandon(&mut self, number: Number, quiet_until: Option<SystemTime>) {
        if self
            .flight
            .take_if(|flight| flight.number == number)
            .is_some()
        {
            self.back_off(quiet_until);
        }
    }

    fn back_off(&mut self, quiet_until: Option<SystemTime>) {
        if let Some(held) = &mut self.held {
            held.entry.quiet_until = quiet_until;
        }
    }

    /// Forgets all, and gives up the flight that is under way: what it brings goes to those who wait, and is not kept.
    pub(crate) fn forget(&mut self) {
        *self = Self {
            started: self.started,
            ..Self::default()
        };
    }
}

/// How long a failure is remembered, and how long no refresh is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pauses {
    pub(crate) failure: Duration,
    pub(crate) refresh: Duration,
}

/// Whether a pause lasts. One that would last longer than any does is from before the clock was set back.
pub(crate) fn lasts(until: SystemTime, now: SystemTime, longest: Duration) -> bool {
    until
        .duration_since(now)
        .is_ok_and(|left| !left.is_zero() && left <= longest)
}

#[cfg(test)]
mod tests;
