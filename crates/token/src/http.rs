//! HTTP as this crate needs it: a port that the application fills.

use std::fmt;
use std::time::Duration;

use crate::source::BoxFuture;
use crate::text::printable;

/// Sends a request and gives the whole answer.
///
/// It must not follow redirects (a token endpoint that redirects is an attack or a mistake, RFC 9700 §4.12), must check
/// certificates, and must keep to the limits.
pub trait HttpClient: fmt::Debug + Send + Sync + 'static {
    /// Sends `request` and reads the answer, whatever its status, within `limits`.
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
        limits: Limits,
    ) -> BoxFuture<'_, Result<http::Response<Vec<u8>>, HttpError>>;
}

/// What an answer may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long the whole exchange may take, connecting included.
    pub timeout: Duration,
    /// How many bytes the answer's body may have.
    pub body: usize,
}

impl Default for Limits {
    /// Ten seconds and one mebibyte: a key set with a hundred keys has a tenth of that.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            body: 1 << 20,
        }
    }
}

/// Why there was no answer: a clause fit to be shown, such as `connection refused`.
#[derive(Clone, Debug)]
pub struct HttpError(String);

impl HttpError {
    /// A failure for `reason`.
    pub fn new(reason: impl AsRef<str>) -> Self {
        Self(printable(reason.as_ref()))
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HttpError {}
