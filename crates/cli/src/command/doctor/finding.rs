//! What one check found.

use crate::exit::Failure;

/// The outcome of a check: a clause, and what to do about it.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) state: State,
    /// One clause without a full stop.
    pub(super) said: String,
    /// What to do next, a clause that begins with a verb.
    pub(super) advice: Option<String>,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Pass,
    Warn,
    /// With the exit code that a command would end with for this.
    Fail(u8),
    /// It could not be tried, or there was nothing to try.
    Skip,
}

impl Finding {
    pub(super) fn pass(said: impl Into<String>) -> Self {
        Self::new(State::Pass, said)
    }

    pub(super) fn warn(said: impl Into<String>) -> Self {
        Self::new(State::Warn, said)
    }

    pub(super) fn fail(code: u8, said: impl Into<String>) -> Self {
        Self::new(State::Fail(code), said)
    }

    pub(super) fn skip(why: impl Into<String>) -> Self {
        Self::new(State::Skip, why)
    }

    fn new(state: State, said: impl Into<String>) -> Self {
        Self {
            state,
            said: said.into(),
            advice: None,
        }
    }

    /// As the command that came upon it would say it.
    pub(super) fn of(error: impl Into<Failure>) -> Self {
        let failure = error.into();
        Self {
            state: State::Fail(failure.code),
            said: failure.message.unwrap_or_default(),
            advice: failure.advice,
        }
    }

    pub(super) fn advised(self, advice: impl Into<String>) -> Self {
        Self {
            advice: Some(advice.into()),
            ..self
        }
    }

    /// The same, as something that need not be mended.
    pub(super) fn softened(self) -> Self {
        Self {
            state: State::Warn,
            ..self
        }
    }
}
