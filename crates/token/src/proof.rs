//! What every proof of identity says of itself, whichever its form.

use std::fmt;
use std::time::SystemTime;

use keyless_cache::Key;

use crate::id_token::IdToken;

/// A proof of identity: an [`IdToken`], or a SAML response. What is kept of it is kept under what it says here.
pub trait Proof: Clone + fmt::Debug + PartialEq + Send + Sync + 'static {
    /// Who vouches for it, to the letter.
    fn issuer(&self) -> &str;

    /// Whom it is about, unique within the issuer.
    fn subject(&self) -> &str;

    /// How a person would be named. Fit to be shown, and not to be compared.
    fn who(&self) -> String;

    /// When it was issued.
    fn issued_at(&self) -> SystemTime;

    /// When it stops being good.
    fn expires_at(&self) -> SystemTime;

    /// What two proofs of the same identity have in common, and those of two identities have not.
    fn identity(&self) -> Key;
}

impl Proof for IdToken {
    fn issuer(&self) -> &str {
        self.issuer()
    }

    fn subject(&self) -> &str {
        self.subject()
    }

    fn who(&self) -> String {
        self.who()
    }

    fn issued_at(&self) -> SystemTime {
        self.issued_at()
    }

    fn expires_at(&self) -> SystemTime {
        self.expires_at()
    }

    fn identity(&self) -> Key {
        self.identity()
    }
}
