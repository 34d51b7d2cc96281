//! The authorization request: what goes into its address, and what must come back.

use std::time::Duration;

use keyless_cache::Secret;
use oauth2::{PkceCodeChallenge, PkceCodeVerifier};
use openidconnect::{CsrfToken, Nonce};
use url::Url;

use super::discovery::IdentityProvider;
use crate::error::{TokenError, TokenErrorKind};

/// Parameters that this crate sets itself, or that would take the checks away. Anything else may be added.
const RESERVED: [&str; 11] = [
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
];

/// One request, used for one sign-in: fresh state, nonce and verifier (RFC 9700 §2.1, RFC 7636 §4.1).
pub(super) struct AuthorizationRequest {
    pub(super) url: Url,
    pub(super) redirect_uri: String,
    pub(super) state: Secret,
    pub(super) nonce: Nonce,
    pub(super) verifier: PkceCodeVerifier,
}

impl AuthorizationRequest {
    pub(super) fn new(
        provider: &IdentityProvider,
        client_id: &str,
        scopes: &[String],
        extra: &[(String, String)],
        redirect_uri: String,
    ) -> Self {
        let state = CsrfToken::new_random_len(32);
        let nonce = Nonce::new_random_len(32);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut url = provider.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", &redirect_uri)
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", state.secret())
            .append_pair("nonce", nonce.secret())
            .append_pair("code_challenge", challenge.as_str())
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(extra);
        Self {
            url,
            redirect_uri,
            state: Secret::new(state.into_secret()),
            nonce,
            verifier,
        }
    }
}

/// Refuses an extra parameter that would undo a check, or stand in the request twice (RFC 6749 §3.1).
pub(super) fn check_extra(extra: &[(String, String)]) -> Result<(), TokenError> {
    let refuse = |name: &str, reason: &str, advice: &str| {
        Err(TokenError::new(
            TokenErrorKind::Misconfigured,
            format!("the authorize parameter {name:?} {reason}"),
        )
        .with_advice(advice))
    };
    for (index, (name, _)) in extra.iter().enumerate() {
        if RESERVED.contains(&name.as_str()) {
            return refuse(
                name,
                "is set by keyless itself",
                "remove it from the configuration",
            );
        }
        if extra[..index].iter().any(|(earlier, _)| earlier == name) {
            return refuse(name, "is there twice", "keep one of them");
        }
    }
    Ok(())
}

/// How long ago the person may have authenticated, as the request says it (OpenID Connect Core §3.1.2.1).
pub(super) fn max_age(extra: &[(String, String)]) -> Result<Option<Duration>, TokenError> {
    let Some((_, seconds)) = extra.iter().find(|(name, _)| name == "max_age") else {
        return Ok(None);
    };
    let seconds = seconds.parse::<u32>().map_err(|_| {
        TokenError::new(
            TokenErrorKind::Misconfigured,
            format!("max_age is {seconds:?}, and seconds are wanted"),
        )
        .with_advice("give a whole number of seconds, such as 3600")
    })?;
    Ok(Some(Duration::from_secs(seconds.into())))
}
