//! What a command ends with: a code for scripts, a message and a hint for people.

use std::process::ExitCode;

use keyless::{ConfigError, Error, ExchangeError, ExchangeErrorKind, TokenError, TokenErrorKind};

use crate::output::{self, Output};

/// How a command goes.
pub(crate) type Outcome = Result<ExitCode, Failure>;

/// Something is wrong inside, or with the machine.
pub(crate) const INTERNAL: u8 = 1;
/// The command line is wrong.
pub(crate) const USAGE: u8 = 2;
/// A person must sign in.
pub(crate) const SIGN_IN: u8 = 3;
/// The person, the identity provider or AWS said no.
pub(crate) const DENIED: u8 = 4;
/// The configuration, or what it led to, cannot be used.
pub(crate) const INVALID: u8 = 5;
/// Somebody did not answer, or not in time.
pub(crate) const UNREACHABLE: u8 = 6;
/// Ctrl-C, as shells have it: 128 and the signal's number.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why a command did not do what it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    /// One lower-case clause without a full stop; nothing where nothing is to be said.
    pub(crate) message: Option<String>,
    /// What is known besides, a line each.
    pub(crate) facts: Vec<String>,
    pub(crate) advice: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: Some(message.into()),
            facts: Vec::new(),
            advice: None,
        }
    }

    /// Ends with `code`; all has been said.
    pub(crate) fn silent(code: u8) -> Self {
        Self {
            code,
            message: None,
            facts: Vec::new(),
            advice: None,
        }
    }

    pub(crate) fn with_advice(self, advice: impl Into<String>) -> Self {
        Self {
            advice: Some(advice.into()),
            ..self
        }
    }

    fn of(code: u8, message: &dyn std::fmt::Display, advice: Option<&str>) -> Self {
        Self {
            code,
            message: Some(message.to_string()),
            facts: Vec::new(),
            advice: advice.map(str::to_owned),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Proof(error) => error.into(),
            Error::Exchange(error) => error.into(),
            Error::Config(error) => error.into(),
            other => Self::of(INTERNAL, &other, other.advice()),
        }
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        let code = match error.kind() {
            TokenErrorKind::LoginRequired => SIGN_IN,
            TokenErrorKind::Refused => DENIED,
            TokenErrorKind::Unreachable | TokenErrorKind::TimedOut => UNREACHABLE,
            _ => INVALID,
        };
        Self::of(code, &error, error.advice())
    }
}

impl From<ExchangeError> for Failure {
    fn from(error: ExchangeError) -> Self {
        let code = match error.kind() {
            ExchangeErrorKind::TokenRejected | ExchangeErrorKind::AccessDenied => DENIED,
            ExchangeErrorKind::Throttled | ExchangeErrorKind::Unreachable => UNREACHABLE,
            _ => INVALID,
        };
        Self::of(code, &error, error.advice())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::of(INVALID, &error, error.advice())
    }
}

/// The command line was no command to run: help, version, or a mistake.
#[derive(Debug)]
pub(crate) struct Stopped(clap::Error);

impl From<clap::Error> for Stopped {
    fn from(error: clap::Error) -> Self {
        Self(error)
    }
}

impl Stopped {
    /// Says it, where it belongs.
    pub(crate) fn report(&self) -> ExitCode {
        let text = self.0.render().to_string();
        if self.0.use_stderr() {
            output::message(&text);
            return ExitCode::from(USAGE);
        }
        match output::data(&text) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => Output::new(false).failure(&failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_can_tell_who_has_to_act() {
        for (kind, code) in [
            (TokenErrorKind::NotConfigured, INVALID),
            (TokenErrorKind::LoginRequired, SIGN_IN),
            (TokenErrorKind::Refused, DENIED),
            (TokenErrorKind::Misconfigured, INVALID),
            (TokenErrorKind::Invalid, INVALID),
            (TokenErrorKind::Unreachable, UNREACHABLE),
            (TokenErrorKind::TimedOut, UNREACHABLE),
        ] {
            let error = TokenError::new(kind, "so").with_advice("do this");
            let failure = Failure::from(Error::from(error));
            assert_eq!(failure.code, code, "{kind:?}");
            assert_eq!(failure.message.as_deref(), Some("so"));
            assert_eq!(failure.advice.as_deref(), Some("do this"));
        }
        for (kind, code) in [
            (ExchangeErrorKind::TokenRejected, DENIED),
            (ExchangeErrorKind::AccessDenied, DENIED),
            (ExchangeErrorKind::Misconfigured, INVALID),
            (ExchangeErrorKind::Throttled, UNREACHABLE),
            (ExchangeErrorKind::Unreachable, UNREACHABLE),
            (ExchangeErrorKind::Malformed, INVALID),
        ] {
            let failure = Failure::from(Error::from(ExchangeError::new(kind, "so")));
            assert_eq!(failure.code, code, "{kind:?}");
        }
        assert_eq!(
            Failure::from(Error::from(ConfigError::new("so"))).code,
            INVALID
        );
    }
}
