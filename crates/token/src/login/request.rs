//! The authorization request: what goes into its address, and what must come back.

use std::str::FromStr;
use std::time::Duration;

use keyless_cache::Secret;
use oauth2::{PkceCodeChallenge, PkceCodeVerifier};
use openidconnect::{CsrfToken, Nonce};
use url::Url;

use super::Plan;
use super::discovery::IdentityProvider;
use super::dpop::BindingKey;
use crate::error::{TokenError, TokenErrorKind};

/// Parameters that this crate sets itself, or that would take the checks away. Anything else may be added.
const RESERVED: [&str; 12] = [
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
    "dpop_jkt",
];

/// What the identity provider is asked to send back (`response_type`, OAuth 2.0 Multiple Response Types).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseType {
    /// `code`: a code that only this process can redeem, by PKCE and over a connection of its own. The token never goes through the browser.
    #[default]
    Code,
    /// `id_token`, the implicit flow, for an application that allows nothing else: the token itself comes back through the browser, where extensions
    /// and whatever else sees its addresses can read it, and no refresh token comes with it. Never an access token.
    IdToken,
}

/// How it is sent back (`response_mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of the address: for a code alone, since addresses are logged.
    Query,
    /// Behind the `#` of the address, which a script on our own page passes on: for an ID token, which the browser's history keeps with the
    /// address until it is cleared. Prefer [`FormPost`](Self::FormPost) where the identity provider has it.
    Fragment,
    /// By a form (OAuth 2.0 Form Post Response Mode). Browsers may warn that it leaves https.
    FormPost,
}

impl ResponseType {
    /// As the standard writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::IdToken => "id_token",
        }
    }

    /// How it comes where nothing is said (Multiple Response Types §5).
    pub(super) fn usual_mode(self) -> ResponseMode {
        match self {
            Self::Code => ResponseMode::Query,
            Self::IdToken => ResponseMode::Fragment,
        }
    }
}

impl ResponseMode {
    /// As the standard writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
        }
    }
}

impl FromStr for ResponseType {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let known = [Self::Code, Self::IdToken];
        known.into_iter().find(|known| known.name() == text).ok_or_else(|| {
            TokenError::new(TokenErrorKind::Misconfigured, format!("{text:?} is no response_type that can be asked for"))
                .with_advice("write code, or id_token for an application that allows nothing but the implicit flow")
        })
    }
}

impl FromStr for ResponseMode {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let known = [Self::Query, Self::Fragment, Self::FormPost];
        known
            .into_iter()
            .find(|known| known.name() == text)
            .ok_or_else(|| {
                TokenError::new(
                    TokenErrorKind::Misconfigured,
                    format!("{text:?} is no response_mode"),
                )
                .with_advice("write query, fragment or form_post, or leave it out")
            })
    }
}

/// What is asked for, and how it is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) response: ResponseType,
    pub(super) mode: ResponseMode,
}

impl Wanted {
    /// Refuses a pair in which a token would be logged, or that nothing would pass on.
    pub(super) fn new(
        response: ResponseType,
        mode: Option<ResponseMode>,
    ) -> Result<Self, TokenError> {
        let mode = mode.unwrap_or_else(|| response.usual_mode());
        let refuse = |reason: &str, advice: &str| {
            Err(TokenError::new(TokenErrorKind::Misconfigured, reason).with_advice(advice))
        };
        match (response, mode) {
            (ResponseType::IdToken, ResponseMode::Query) => refuse(
                "an ID token must not come in the query of an address, which browsers, proxies and servers write down",
                "write response_mode = \"fragment\" or \"form_post\"",
            ),
            (ResponseType::Code, ResponseMode::Fragment) => refuse(
                "a code comes in the query of the address, or by form_post",
                "leave response_mode out",
            ),
            _ => Ok(Self { response, mode }),
        }
    }
}

/// One request, used for one sign-in: fresh state, nonce and verifier (RFC 9700 §2.1, RFC 7636 §4.1).
pub(super) struct AuthorizationRequest {
    pub(super) url: Url,
    pub(super) redirect_uri: String,
    pub(super) state: Secret,
    pub(super) nonce: Nonce,
    /// Of a request for a code.
    pub(super) verifier: Option<PkceCodeVerifier>,
}

impl AuthorizationRequest {
    /// `key` is what the code, and the refresh token that comes of it, is bound to.
    pub(super) fn new(
        provider: &IdentityProvider,
        plan: &Plan,
        redirect_uri: String,
        key: Option<&BindingKey>,
    ) -> Self {
        let Wanted { response, mode } = plan.wanted;
        let state = CsrfToken::new_random_len(32);
        let nonce = Nonce::new_random_len(32);
        let mut url = provider.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", response.name())
            .append_pair("client_id", &plan.client_id)
            .append_pair("redirect_uri", &redirect_uri)
            .append_pair("scope", &plan.scopes.join(" "))
            .append_pair("state", state.secret())
            .append_pair("nonce", nonce.secret());
        if mode != response.usual_mode() {
            url.query_pairs_mut()
                .append_pair("response_mode", mode.name());
        }
        let verifier = (response == ResponseType::Code).then(|| {
            let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
            url.query_pairs_mut()
                .append_pair("code_challenge", challenge.as_str())
                .append_pair("code_challenge_method", "S256");
            verifier
        });
        if let Some(key) = key {
            url.query_pairs_mut()
                .append_pair("dpop_jkt", &key.thumbprint()); // RFC 9449 §10
        }
        url.query_pairs_mut().extend_pairs(&plan.extra);
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
