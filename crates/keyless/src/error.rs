//! Why there are no credentials: no proof, no exchange, or no usable configuration.

use std::fmt;
use std::sync::Arc;

use aws_credential_types::provider::error::CredentialsError;
use keyless_sts::{ExchangeError, ExchangeErrorKind};
use keyless_token::{TokenError, TokenErrorKind, text};
use serde::{Deserialize, Serialize};

/// Why a [`Provider`](crate::Provider) has no credentials. Cheap to clone: one failure is told to everybody who waited.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "kebab-case")]
pub enum Error {
    /// Nobody could be proved to be anybody.
    Proof(TokenError),
    /// AWS gave no session for the proof.
    Exchange(ExchangeError),
    /// The configuration cannot work.
    Config(ConfigError),
}

impl Error {
    /// What to do next, where there is something to do.
    pub fn advice(&self) -> Option<&str> {
        match self {
            Self::Proof(error) => error.advice(),
            Self::Exchange(error) => error.advice(),
            Self::Config(error) => error.advice(),
        }
    }

    /// Whether the same request may succeed a little later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Proof(error) => error.is_transient(),
            Self::Exchange(error) => error.is_transient(),
            Self::Config(_) => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proof(error) => error.fmt(f),
            Self::Exchange(error) => error.fmt(f),
            Self::Config(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<TokenError> for Error {
    fn from(error: TokenError) -> Self {
        Self::Proof(error)
    }
}

impl From<ExchangeError> for Error {
    fn from(error: ExchangeError) -> Self {
        Self::Exchange(error)
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

/// Only a source that does not apply here lets a chain of providers go on to the next; everything else stops it, since
/// the next provider's credentials would be somebody else's.
impl From<Error> for CredentialsError {
    fn from(error: Error) -> Self {
        match &error {
            Error::Proof(inner) if inner.kind() == TokenErrorKind::NotConfigured => {
                Self::not_loaded(error)
            }
            Error::Proof(inner) if inner.kind() == TokenErrorKind::Misconfigured => {
                Self::invalid_configuration(error)
            }
            Error::Exchange(inner) if inner.kind() == ExchangeErrorKind::Misconfigured => {
                Self::invalid_configuration(error)
            }
            Error::Config(_) => Self::invalid_configuration(error),
            _ => Self::provider_error(error),
        }
    }
}

/// What is wrong with a configuration, and what to do about it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "(String, Option<String>)", into = "(String, Option<String>)")]
pub struct ConfigError(Arc<(String, Option<String>)>);

impl ConfigError {
    /// A failure; `message` is one lower-case clause without a full stop.
    pub fn new(message: impl AsRef<str>) -> Self {
        Self(Arc::new((text::printable(message.as_ref()), None)))
    }

    /// The same failure with what to do about it, a clause that begins with a verb.
    #[must_use]
    pub fn with_advice(self, advice: impl AsRef<str>) -> Self {
        Self(Arc::new((
            self.0.0.clone(),
            Some(text::printable(advice.as_ref())),
        )))
    }

    /// What to do next, where there is something to do.
    pub fn advice(&self) -> Option<&str> {
        self.0.1.as_deref()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.0)
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigError")
            .field("message", &self.0.0)
            .field("advice", &self.0.1)
            .finish()
    }
}

impl std::error::Error for ConfigError {}

impl From<ConfigError> for (String, Option<String>) {
    fn from(error: ConfigError) -> Self {
        Arc::unwrap_or_clone(error.0)
    }
}

impl From<(String, Option<String>)> for ConfigError {
    fn from((message, advice): (String, Option<String>)) -> Self {
        let error = Self::new(message);
        match advice {
            Some(advice) => error.with_advice(advice),
            None => error,
        }
    }
}
