//! Why there is no proof, and what to do about it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::text::printable;

/// Why a source could not prove who somebody is.
///
/// Cheap to clone, because one failure is told to everybody who waited for it. [`Display`](fmt::Display) is one
/// lower-case clause; what to do next is [`advice`](TokenError::advice). Neither ever holds a token, a code, a
/// verifier or a secret, and text from outside is stripped of control characters.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Inner", into = "Inner")]
pub struct TokenError(Arc<Inner>);

#[derive(Clone, Serialize, Deserialize)]
struct Inner {
    kind: TokenErrorKind,
    message: String,
    advice: Option<String>,
}

/// What the caller can do about a [`TokenError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "kebab-case")]
pub enum TokenErrorKind {
    /// This source does not apply here: its file, variable or service is not there. Another source may be tried.
    NotConfigured,
    /// A person must sign in, and nobody may be asked now.
    LoginRequired,
    /// The person or the identity provider said no.
    Refused,
    /// The configuration does not fit the identity provider or this machine.
    Misconfigured,
    /// What came back is not a token that can be relied on.
    Invalid,
    /// The identity provider cannot be reached, or does not answer as it should for the moment.
    Unreachable,
    /// Nobody signed in within the time given.
    TimedOut,
}

impl TokenError {
    /// A failure of `kind`; `message` is one lower-case clause without a full stop.
    pub fn new(kind: TokenErrorKind, message: impl AsRef<str>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: printable(message.as_ref()),
            advice: None,
        }))
    }

    /// The same failure with what to do about it, a clause that begins with a verb.
    #[must_use]
    pub fn with_advice(self, advice: impl AsRef<str>) -> Self {
        Self(Arc::new(Inner {
            kind: self.0.kind,
            message: self.0.message.clone(),
            advice: Some(printable(advice.as_ref())),
        }))
    }

    /// The same failure, said of `place`: a file, a variable, a command.
    pub(crate) fn within(&self, place: &str) -> Self {
        let message = printable(&format!("{place}: {}", self.0.message));
        Self(Arc::new(Inner {
            kind: self.0.kind,
            message,
            advice: self.0.advice.clone(),
        }))
    }

    /// What sort of failure this is.
    pub fn kind(&self) -> TokenErrorKind {
        self.0.kind
    }

    /// Whether the same request may succeed a little later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        self.0.kind == TokenErrorKind::Unreachable
    }

    /// What to do next, where there is something to do.
    pub fn advice(&self) -> Option<&str> {
        self.0.advice.as_deref()
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenError")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("advice", &self.0.advice)
            .finish()
    }
}

impl std::error::Error for TokenError {}

impl From<TokenError> for Inner {
    fn from(error: TokenError) -> Self {
        Arc::unwrap_or_clone(error.0)
    }
}

/// From what another process has written down, which is no more to be trusted than other text from outside.
impl From<Inner> for TokenError {
    fn from(read: Inner) -> Self {
        let error = Self::new(read.kind, read.message);
        match read.advice {
            Some(advice) => error.with_advice(advice),
            None => error,
        }
    }
}
