//! Why AWS gave no session, in which hop, and what to do about it.

use std::fmt;
use std::sync::Arc;

use keyless_token::text::printable;
use keyless_trust::answer::{self, Answer, Kind};
use serde::{Deserialize, Serialize};

use crate::role::RoleArn;

/// Why an exchange gave no session.
///
/// Cheap to clone, because one failure is told to everybody who waited for it. [`Display`](fmt::Display) is one
/// lower-case clause; what to do next is [`advice`](Self::advice). Neither ever holds a token or a secret.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Told", into = "Told")]
pub struct ExchangeError(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ExchangeErrorKind,
    message: String,
    advice: Option<String>,
    answer: Option<&'static Answer>,
    transient: bool,
    role: Option<RoleArn>,
    hop: usize,
    request_id: Option<String>,
}

/// What the caller can do about an [`ExchangeError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "kebab-case")]
pub enum ExchangeErrorKind {
    /// AWS did not accept the token: expired, malformed, or not for this account. A fresh one may be.
    TokenRejected,
    /// AWS accepted the token and does not give the role.
    AccessDenied,
    /// Something in the request or in the AWS account is set wrongly.
    Misconfigured,
    /// Too many requests.
    Throttled,
    /// STS, or the identity provider behind it, could not be reached.
    Unreachable,
    /// The answer was not one that STS gives.
    Malformed,
}

impl ExchangeError {
    /// A failure of `kind`; `message` is one lower-case clause without a full stop.
    pub fn new(kind: ExchangeErrorKind, message: impl AsRef<str>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: printable(message.as_ref()),
            advice: None,
            answer: None,
            transient: matches!(
                kind,
                ExchangeErrorKind::Throttled | ExchangeErrorKind::Unreachable
            ),
            role: None,
            hop: 1,
            request_id: None,
        }))
    }

    pub(crate) fn misconfigured(message: impl AsRef<str>) -> Self {
        Self::new(ExchangeErrorKind::Misconfigured, message)
    }

    /// What STS answered: an error code, its text and the HTTP status.
    pub(crate) fn answered(
        code: &str,
        message: &str,
        status: u16,
        request_id: Option<&str>,
    ) -> Self {
        let row = answer::classify(code, message);
        let kind = match row.map(|row| row.kind) {
            Some(Kind::TokenRejected) => ExchangeErrorKind::TokenRejected,
            Some(Kind::AccessDenied) => ExchangeErrorKind::AccessDenied,
            Some(Kind::Misconfigured) => ExchangeErrorKind::Misconfigured,
            Some(Kind::Throttled) => ExchangeErrorKind::Throttled,
            Some(Kind::Unreachable) => ExchangeErrorKind::Unreachable,
            None if status >= 500 => ExchangeErrorKind::Unreachable,
            None if status == 429 => ExchangeErrorKind::Throttled,
            _ => ExchangeErrorKind::Malformed,
        };
        let text = if message.is_empty() {
            format!("HTTP status {status}")
        } else {
            message.to_owned()
        };
        Self::new(kind, format!("AWS answered {code}: {text}")).change(|inner| {
            inner.answer = row;
            inner.advice = row.map(|row| row.advice.to_owned());
            inner.transient = row.map_or(inner.transient, |row| row.retry);
            inner.request_id = request_id.map(printable);
        })
    }

    /// The same failure with what to do about it, a clause that begins with a verb.
    #[must_use]
    pub fn with_advice(self, advice: impl AsRef<str>) -> Self {
        self.change(|inner| inner.advice = Some(printable(advice.as_ref())))
    }

    pub(crate) fn at_role(self, role: &RoleArn) -> Self {
        self.change(|inner| inner.role = Some(role.clone()))
    }

    /// The same failure `hops` further down a chain.
    pub(crate) fn after(self, hops: usize) -> Self {
        self.change(|inner| inner.hop += hops)
    }

    fn change(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// What sort of failure this is.
    pub fn kind(&self) -> ExchangeErrorKind {
        self.0.kind
    }

    /// Whether the same request may succeed a little later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        self.0.transient
    }

    /// What to do next, where there is something to do.
    pub fn advice(&self) -> Option<&str> {
        self.0.advice.as_deref()
    }

    /// The row of the table of STS's answers that this is, where STS answered something known.
    pub fn answer(&self) -> Option<&'static Answer> {
        self.0.answer
    }

    /// The role that was asked for.
    pub fn role(&self) -> Option<&RoleArn> {
        self.0.role.as_ref()
    }

    /// Which hop of a chain of roles it was; the first is 1.
    pub fn hop(&self) -> usize {
        self.0.hop
    }

    /// AWS's id of the request, for its support.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.role {
            Some(role) if self.0.hop > 1 => write!(
                f,
                "role {} of the chain, {role}: {}",
                self.0.hop, self.0.message
            ),
            Some(role) => write!(f, "{role}: {}", self.0.message),
            None => f.write_str(&self.0.message),
        }
    }
}

impl fmt::Debug for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangeError")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("advice", &self.0.advice)
            .field("role", &self.0.role)
            .field("hop", &self.0.hop)
            .field("request_id", &self.0.request_id)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for ExchangeError {}

/// A failure as one process tells it to another.
#[derive(Serialize, Deserialize)]
struct Told {
    kind: ExchangeErrorKind,
    message: String,
    advice: Option<String>,
    /// The row's id.
    answer: Option<String>,
    transient: bool,
    role: Option<String>,
    hop: usize,
    request_id: Option<String>,
}

impl From<ExchangeError> for Told {
    fn from(error: ExchangeError) -> Self {
        let inner = Arc::unwrap_or_clone(error.0);
        Self {
            kind: inner.kind,
            message: inner.message,
            advice: inner.advice,
            answer: inner.answer.map(|row| row.id.to_owned()),
            transient: inner.transient,
            role: inner.role.map(|role| role.to_string()),
            hop: inner.hop,
            request_id: inner.request_id,
        }
    }
}

/// What another process has written down is no more to be trusted than other text from outside.
impl From<Told> for ExchangeError {
    fn from(told: Told) -> Self {
        Self::new(told.kind, told.message).change(|inner| {
            inner.advice = told.advice.as_deref().map(printable);
            inner.answer = told.answer.as_deref().and_then(answer::of_id);
            inner.transient = told.transient;
            inner.role = told.role.and_then(|role| role.parse().ok());
            inner.hop = told.hop;
            inner.request_id = told.request_id.as_deref().map(printable);
        })
    }
}
