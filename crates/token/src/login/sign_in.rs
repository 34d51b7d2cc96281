//! What a sign-in leaves behind, and how long it lasts.

use std::time::{Duration, SystemTime};

use keyless_cache::Expiring;
use serde::{Deserialize, Serialize};

use crate::id_token::IdToken;

/// Tokens issued longer ago than this are refused by STS whatever their `exp` says.
const OLDEST: Duration = Duration::from_hours(24);

/// The result of a sign-in: the ID token, kept until it expires.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignIn {
    token: IdToken,
}

impl SignIn {
    pub(super) fn new(token: IdToken) -> Self {
        Self { token }
    }

    /// The verified ID token.
    pub fn token(&self) -> &IdToken {
        &self.token
    }
}

impl Expiring for SignIn {
    /// The token's `exp`, but no later than a day after its `iat`.
    fn expires_at(&self) -> SystemTime {
        self.token.expires_at().min(self.token.issued_at() + OLDEST)
    }
}
