//! Where proofs come from.

mod command;
mod env;
mod file;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use keyless_cache::{Interaction, Key};

use crate::error::TokenError;
use crate::id_token::IdToken;
use crate::proof::Proof;
#[cfg(feature = "saml")]
use crate::saml::{self, SamlResponse};

pub use command::CommandSource;
#[cfg(feature = "login")]
pub(crate) use command::{LastWords, Printed};
pub use env::EnvSource;
pub use file::FileSource;

/// A future in a box, so that a trait with it can be made into an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A place that proofs of identity come from: a sign-in, a file, a variable, a CI system.
///
/// Only [`proof`](Self::proof) has to be written; the other methods let a source that keeps what it has say so.
pub trait Source<Proof>: fmt::Debug + Send + Sync + 'static {
    /// A proof that is good now. A person is asked only where `interaction` allows it; a source that would need to
    /// ask fails with [`LoginRequired`](crate::TokenErrorKind::LoginRequired) otherwise.
    fn proof(&self, interaction: Interaction) -> BoxFuture<'_, Result<Proof, TokenError>>;

    /// A proof that is at hand: no network, no child process, no person. `None` where that cannot be had.
    fn held(&self) -> Option<Proof> {
        None
    }

    /// The proof that was given last, by whichever process, good or expired: it says whose the sessions of this
    /// [sign-in](Self::sign_in) are. Where it differs from [`held`](Self::held), another person has signed in meanwhile.
    fn latest(&self) -> Option<Proof> {
        self.held()
    }

    /// Which sign-in the proofs belong to, where that is known before there is one. A session is kept under it;
    /// where it is `None`, under the identity that the proof itself names.
    fn sign_in(&self) -> Option<Key> {
        None
    }

    /// Drops a proof that is kept, because AWS refused it.
    fn forget(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl<Proof, S: Source<Proof> + ?Sized> Source<Proof> for Arc<S> {
    fn proof(&self, interaction: Interaction) -> BoxFuture<'_, Result<Proof, TokenError>> {
        (**self).proof(interaction)
    }

    fn held(&self) -> Option<Proof> {
        (**self).held()
    }

    fn latest(&self) -> Option<Proof> {
        (**self).latest()
    }

    fn sign_in(&self) -> Option<Key> {
        (**self).sign_in()
    }

    fn forget(&self) -> BoxFuture<'_, ()> {
        (**self).forget()
    }
}

/// A proof that is a text by itself, which a file, a variable or a command may hold.
/// It cannot be named outside this crate, so that no other type implements it.
pub trait Written: Proof {
    /// What messages call it.
    const NAME: &'static str;

    /// How many characters of it AWS takes.
    const TAKEN: usize;

    /// The longest text that is read, in bytes: with some white space. More is refused and never cut.
    const LONGEST: usize;

    /// Reads a proof that is to be used at `now`.
    fn read(text: &str, now: SystemTime) -> Result<Self, TokenError>;
}

impl Written for IdToken {
    const NAME: &'static str = "token";
    const TAKEN: usize = crate::jwt::LONGEST;
    const LONGEST: usize = Self::TAKEN + 1024;

    fn read(text: &str, now: SystemTime) -> Result<Self, TokenError> {
        Self::parse_unexpired(text, now)
    }
}

#[cfg(feature = "saml")]
impl Written for SamlResponse {
    const NAME: &'static str = "SAML response";
    const TAKEN: usize = saml::LONGEST;
    const LONGEST: usize = Self::TAKEN + 10 * 1024; // base64 may come in lines

    fn read(text: &str, now: SystemTime) -> Result<Self, TokenError> {
        Self::parse_unexpired(text, now)
    }
}

/// A closure as a source: for a token that your own code knows how to get.
///
/// ```
/// use keyless_token::{IdToken, source_fn};
///
/// async fn ask_our_vault() -> String {
///     # keyless_token::doc_token()
/// }
/// let source = source_fn(|_interaction| async { IdToken::parse(&ask_our_vault().await) });
/// # fn is_source(_: impl keyless_token::Source<IdToken>) {}
/// # is_source(source);
/// ```
pub fn source_fn<F>(ask: F) -> FnSource<F> {
    FnSource(ask)
}

/// What [`source_fn`] makes.
pub struct FnSource<F>(F);

impl<Proof, F, Answer> Source<Proof> for FnSource<F>
where
    F: Fn(Interaction) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<Proof, TokenError>> + Send + 'static,
{
    fn proof(&self, interaction: Interaction) -> BoxFuture<'_, Result<Proof, TokenError>> {
        Box::pin((self.0)(interaction))
    }
}

impl<F> fmt::Debug for FnSource<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FnSource")
    }
}
