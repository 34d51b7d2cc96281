//! How a person is told: a port that the application fills.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::id_token::IdToken;

/// Shows a person what to do in order to sign in, and what came of it.
///
/// The methods are called on an async thread and should return soon: print, start a browser, and come back.
pub trait Prompt: fmt::Debug + Send + Sync + 'static {
    /// A page waits to be opened.
    fn sign_in(&self, page: &SignInPage<'_>);

    /// Somebody has signed in, and the token has been verified. `before` is who was signed in until now, where that was
    /// another subject: say it loudly.
    fn signed_in(&self, token: &IdToken, before: Option<&IdToken>);
}

impl<P: Prompt + ?Sized> Prompt for Arc<P> {
    fn sign_in(&self, page: &SignInPage<'_>) {
        (**self).sign_in(page);
    }

    fn signed_in(&self, token: &IdToken, before: Option<&IdToken>) {
        (**self).signed_in(token, before);
    }
}

/// The page that a person opens in a browser in order to sign in.
#[derive(Clone, Copy)]
pub struct SignInPage<'a> {
    /// Where the person signs in.
    pub issuer: &'a str,
    /// A link on this machine that leads to the identity provider, once: for the browser's command line, which other
    /// users of the machine can read.
    pub link: &'a str,
    /// The authorization request itself, for the person's own eyes. It holds `state` and `nonce`.
    pub url: &'a str,
    /// How long the sign-in is waited for.
    pub timeout: Duration,
}

impl fmt::Debug for SignInPage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInPage")
            .field("issuer", &self.issuer)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
