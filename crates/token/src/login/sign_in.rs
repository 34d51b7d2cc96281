//! What a sign-in leaves behind, and how long it lasts.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keyless_cache::Expiring;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Plan, request};
use crate::error::TokenError;
use crate::id_token::IdToken;

/// Tokens issued longer ago than this are refused by STS whatever their `exp` says.
const OLDEST: Duration = Duration::from_hours(24);

/// The result of a sign-in: the ID token, kept until it expires.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignIn {
    token: IdToken,
    /// Seconds since 1970; see [`Plan::proved_until`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proved_until: Option<u64>,
}

impl SignIn {
    /// What `token` leaves behind, which has passed every check of `plan`.
    pub(super) fn new(token: IdToken, plan: &Plan) -> Result<Self, TokenError> {
        let until = plan.proved_until(token.claims().get("auth_time"))?;
        let since_1970 = |until: SystemTime| until.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            token,
            proved_until: until.map(|until| since_1970(until).as_secs()),
        })
    }

    /// The verified ID token.
    pub fn token(&self) -> &IdToken {
        &self.token
    }
}

impl Expiring for SignIn {
    /// The token's `exp`, but no later than a day after its `iat`, and than `max_age` after its `auth_time` where one was asked for.
    fn expires_at(&self) -> SystemTime {
        let end = self.token.expires_at().min(self.token.issued_at() + OLDEST);
        match self.proved_until {
            None => end,
            Some(until) => moment(until, Duration::ZERO).min(end),
        }
    }
}

impl Plan {
    /// Until when whoever authenticated at `auth_time` has done so lately, where that is asked for (`max_age`, OpenID Connect Core §3.1.2.1).
    /// Who does not say when is too late, as a token without it is refused.
    pub(super) fn proved_until(
        &self,
        auth_time: Option<&Value>,
    ) -> Result<Option<SystemTime>, TokenError> {
        let until = |longest| match auth_time.and_then(Value::as_u64) {
            Some(at) => moment(at, longest + self.leeway),
            None => UNIX_EPOCH,
        };
        Ok(request::max_age(&self.extra)?.map(until))
    }
}

/// So long after that second since 1970; 1970 where there is no such time.
fn moment(second: u64, later: Duration) -> SystemTime {
    let since_1970 = Duration::from_secs(second).checked_add(later);
    let moment = since_1970.and_then(|since| UNIX_EPOCH.checked_add(since));
    moment.unwrap_or(UNIX_EPOCH)
}
