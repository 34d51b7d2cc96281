//! Why a plan is refused.

use std::fmt;

/// Why a plan is refused, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupError {
    message: String,
    advice: String,
}

impl SetupError {
    pub(super) fn new(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            advice: advice.into(),
        }
    }

    /// What to do next: a clause.
    pub fn advice(&self) -> &str {
        &self.advice
    }
}

/// One lower-case clause: what was expected, and what was found.
impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SetupError {}
