//! How a person is told: a port that the application fills.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use keyless_cache::Secret;

use super::Flow;
use crate::error::TokenError;
use crate::source::BoxFuture;

/// Shows a person what to do in order to sign in, and what came of it.
///
/// The methods are called on an async thread and should return soon: print, start a browser, and come back.
pub trait Prompt: fmt::Debug + Send + Sync + 'static {
    /// A page waits to be opened: in a browser on this machine, or on whichever where the flow is [`Flow::Paste`].
    fn sign_in(&self, page: &SignInPage<'_>);

    /// A code waits to be typed in on another device (RFC 8628 §3.3). Say what it is for: somebody may have been sent it by another.
    fn device(&self, code: &DeviceCode<'_>);

    /// The next line that the person pastes: the address at which the browser ended. `rejected` is why the one before was none. Dropped when
    /// it is needed no more. By default nobody pastes anything.
    fn pasted(&self, rejected: Option<&TokenError>) -> BoxFuture<'_, Secret> {
        let _ = rejected;
        Box::pin(std::future::pending())
    }

    /// Somebody has signed in, and the proof has been checked.
    fn signed_in(&self, signed_in: &SignedIn<'_>);
}

impl<P: Prompt + ?Sized> Prompt for Arc<P> {
    fn sign_in(&self, page: &SignInPage<'_>) {
        (**self).sign_in(page);
    }

    fn device(&self, code: &DeviceCode<'_>) {
        (**self).device(code);
    }

    fn pasted(&self, rejected: Option<&TokenError>) -> BoxFuture<'_, Secret> {
        (**self).pasted(rejected)
    }

    fn signed_in(&self, signed_in: &SignedIn<'_>) {
        (**self).signed_in(signed_in);
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
    /// The request itself, for the person's own eyes. It holds `state` and `nonce`.
    pub url: &'a str,
    /// Where the browser ends, without what it brings: `http://127.0.0.1:PORT/callback`.
    pub returns_to: &'a str,
    /// Whether what it brings is posted there (SAML, `form_post`), and so does not stand in the address.
    pub posts: bool,
    /// [`Flow::Browser`], or [`Flow::Paste`] where the browser is elsewhere.
    pub flow: Flow,
    /// How long the sign-in is waited for.
    pub timeout: Duration,
}

impl fmt::Debug for SignInPage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInPage")
            .field("issuer", &self.issuer)
            .field("flow", &self.flow)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// What a person types in on another device in order to sign in on this one (RFC 8628 §3.2).
#[derive(Clone, Copy)]
pub struct DeviceCode<'a> {
    /// Where the person signs in.
    pub issuer: &'a str,
    /// The application that asks.
    pub client_id: &'a str,
    /// What it asks for.
    pub scopes: &'a [String],
    /// The code, for eyes. Whoever enters it signs *this* machine in.
    pub user_code: &'a str,
    /// The page where it is typed in.
    pub verification_uri: &'a str,
    /// The same page with the code in it, where there is one: for a link or a picture of one. The code is still to be compared (§3.3.1).
    pub verification_uri_complete: Option<&'a str>,
    /// How long the code is good, or the sign-in waited for.
    pub timeout: Duration,
}

impl fmt::Debug for DeviceCode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceCode")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("verification_uri", &self.verification_uri)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Who has signed in.
#[derive(Clone, Debug)]
pub struct SignedIn<'a> {
    /// Where.
    pub issuer: &'a str,
    /// As whom. Fit to be shown.
    pub who: String,
    /// Who was signed in until now, where that was another subject: say it loudly.
    pub before: Option<String>,
}
