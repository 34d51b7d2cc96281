//! A proof in an environment variable, as many CI systems give it to a job.

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;

use keyless_cache::{Clock, Interaction};

use super::{BoxFuture, Source, Written};
use crate::error::{TokenError, TokenErrorKind};

/// Takes a token, or a SAML response, from an environment variable.
#[derive(Clone)]
pub struct EnvSource {
    name: String,
    lookup: Arc<Lookup>,
    clock: Clock,
}

type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;

impl EnvSource {
    /// A source that reads the variable `name` of this process.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            lookup: Arc::new(|name| std::env::var_os(name)),
            clock: Clock::system(),
        }
    }

    /// Asks `lookup` instead of the process's environment.
    #[must_use]
    pub fn lookup(
        mut self,
        lookup: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static,
    ) -> Self {
        self.lookup = Arc::new(lookup);
        self
    }

    /// Judges expiry by `clock` instead of the system's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    fn read<P: Written>(&self) -> Result<P, TokenError> {
        let value = (self.lookup)(&self.name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| {
                TokenError::new(
                    TokenErrorKind::NotConfigured,
                    format!("the variable {} is not set", self.name),
                )
                .with_advice(format!(
                    "let the job get its {} first, and check the variable's name",
                    P::NAME
                ))
            })?;
        let text = value.to_str().ok_or_else(|| {
            TokenError::new(
                TokenErrorKind::Invalid,
                format!("the variable {} is not text", self.name),
            )
        })?;
        P::read(text, self.clock.now()).map_err(|error| error.within(&self.name))
    }
}

impl<P: Written> Source<P> for EnvSource {
    fn proof(&self, _: Interaction) -> BoxFuture<'_, Result<P, TokenError>> {
        Box::pin(std::future::ready(self.read()))
    }

    fn held(&self) -> Option<P> {
        self.read().ok()
    }
}

impl fmt::Debug for EnvSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvSource")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
