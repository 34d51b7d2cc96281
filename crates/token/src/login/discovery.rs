//! What an issuer says of itself: OpenID Connect Discovery 1.0.

use std::time::{Duration, SystemTime};

use http::header;
use keyless_cache::Clock;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::request::{ResponseMode, ResponseType};
use crate::endpoint;
use crate::error::{TokenError, TokenErrorKind};
use crate::http::{HttpClient, Limits};
use crate::id_token::CLOCK_TOLERANCE;
use crate::jwt::strict_json;
use crate::text;

/// An identity provider's metadata, checked.
#[derive(Debug)]
pub(super) struct IdentityProvider {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(super) jwks_uri: Url,
    /// RFC 7009, where it is offered (RFC 8414 §2).
    pub(super) revocation_endpoint: Option<Url>,
    /// RFC 8628, where it is offered.
    pub(super) device_authorization_endpoint: Option<Url>,
    /// RFC 9126, where it is offered.
    pub(super) pushed_authorization_request_endpoint: Option<Url>,
    /// Whether it takes no other requests than pushed ones.
    pub(super) requires_pushed_requests: bool,
    /// RP-Initiated Logout 1.0, where it is offered.
    pub(super) end_session_endpoint: Option<Url>,
    /// A page of its own to sign out at, where that is known.
    pub(super) sign_out_page: Option<Url>,
    /// How clients may prove themselves at the token endpoint; `None` where it does not say.
    pub(super) token_endpoint_auth_methods: Option<Vec<String>>,
    /// With which algorithms a DPoP proof may be signed (RFC 9449 §5.1); empty where there are none.
    pub(super) dpop_algorithms: Vec<String>,
    /// Whether PKCE with S256 is offered, or nothing said about it (RFC 7636, RFC 8414 §2).
    offers_s256: bool,
    response_types: Option<Vec<String>>,
    response_modes: Option<Vec<String>>,
    /// RFC 9207 §2.3: whether every authorization response carries `iss`.
    pub(super) iss_in_response: bool,
    pub(super) signing_algorithms: Vec<String>,
}

/// The members of the document that matter here (Discovery §3, RFC 8414 §2, RFC 9207 §3).
#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    revocation_endpoint: Option<String>,
    device_authorization_endpoint: Option<String>,
    pushed_authorization_request_endpoint: Option<String>,
    #[serde(default)]
    require_pushed_authorization_requests: bool,
    end_session_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    dpop_signing_alg_values_supported: Vec<String>,
    response_types_supported: Option<Vec<String>>,
    response_modes_supported: Option<Vec<String>>,
    #[serde(default)]
    id_token_signing_alg_values_supported: Vec<String>,
    code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// Asks `issuer` for its metadata and checks them.
pub(super) async fn discover(
    http: &dyn HttpClient,
    issuer: &str,
    clock: &Clock,
) -> Result<IdentityProvider, TokenError> {
    let at = endpoint::secure("the issuer", issuer)?;
    // Discovery §4: a slash at the end is removed before the path is appended; the issuer itself keeps it.
    let address = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let document: Document = fetch(http, "the OpenID configuration", &address, clock).await?;
    if document.issuer != issuer {
        return Err(another_issuer(issuer, &document.issuer));
    }
    let endpoint = |what, address: &str| endpoint(&at, what, address);
    let optional = |what, address: &Option<String>| {
        let address = address.as_deref();
        address.map(|address| endpoint(what, address)).transpose()
    };
    Ok(IdentityProvider {
        authorization_endpoint: endpoint(
            "the authorization endpoint",
            &document.authorization_endpoint,
        )?,
        token_endpoint: endpoint("the token endpoint", &document.token_endpoint)?,
        jwks_uri: endpoint("the key set's address", &document.jwks_uri)?,
        revocation_endpoint: optional("the revocation endpoint", &document.revocation_endpoint)?,
        device_authorization_endpoint: optional(
            "the device authorization endpoint",
            &document.device_authorization_endpoint,
        )?,
        pushed_authorization_request_endpoint: optional(
            "the pushed authorization request endpoint",
            &document.pushed_authorization_request_endpoint,
        )?,
        requires_pushed_requests: document.require_pushed_authorization_requests,
        end_session_endpoint: optional("the end session endpoint", &document.end_session_endpoint)?,
        sign_out_page: None,
        token_endpoint_auth_methods: document.token_endpoint_auth_methods_supported,
        dpop_algorithms: document.dpop_signing_alg_values_supported,
        offers_s256: document
            .code_challenge_methods_supported
            .is_none_or(|methods| methods.iter().any(|method| method == "S256")),
        response_types: document.response_types_supported,
        response_modes: document.response_modes_supported,
        iss_in_response: document.authorization_response_iss_parameter_supported,
        signing_algorithms: document.id_token_signing_alg_values_supported,
        issuer: document.issuer,
    })
}

impl IdentityProvider {
    /// One whose every endpoint is at `address`, which offers what is demanded and no more.
    #[cfg(any(test, fuzzing))]
    pub(super) fn at(address: Url) -> Self {
        Self {
            issuer: address.as_str().trim_end_matches('/').to_owned(),
            authorization_endpoint: address.clone(),
            token_endpoint: address.clone(),
            jwks_uri: address,
            revocation_endpoint: None,
            device_authorization_endpoint: None,
            pushed_authorization_request_endpoint: None,
            requires_pushed_requests: false,
            end_session_endpoint: None,
            sign_out_page: None,
            token_endpoint_auth_methods: None,
            dpop_algorithms: Vec::new(),
            offers_s256: true,
            response_types: None,
            response_modes: None,
            iss_in_response: true,
            signing_algorithms: Vec::new(),
        }
    }

    /// Refuses a request that the identity provider says it cannot answer, or answers unsafely.
    pub(super) fn check(&self, wanted: ResponseType, mode: ResponseMode) -> Result<(), TokenError> {
        let issuer = &self.issuer;
        let misconfigured =
            |message: String| TokenError::new(TokenErrorKind::Misconfigured, message);
        if wanted == ResponseType::Code && !self.offers_s256 {
            return Err(misconfigured(format!(
                "{issuer} does not offer PKCE with S256, without which a stolen code is enough to sign in"
            ))
            .with_advice("enable PKCE (S256) at the identity provider"));
        }
        let lacks = |offered: &Option<Vec<String>>, wanted: &str| {
            offered
                .as_ref()
                .is_some_and(|offered| !offered.iter().any(|offer| offer == wanted))
        };
        if lacks(&self.response_types, wanted.name()) {
            return Err(misconfigured(format!("{issuer} does not offer response_type={}", wanted.name()))
                .with_advice("take response_type out of the configuration: the authorization code flow is the better one"));
        }
        if mode == ResponseMode::FormPost && lacks(&self.response_modes, mode.name()) {
            return Err(
                misconfigured(format!("{issuer} does not offer response_mode=form_post"))
                    .with_advice("take response_mode out of the configuration"),
            );
        }
        Ok(())
    }
}

/// An endpoint that `issuer` names, or a page. Only one on this machine may name others on it: an issuer elsewhere would have codes, or people,
/// sent to whatever listens here.
pub(super) fn endpoint(issuer: &Url, what: &str, address: &str) -> Result<Url, TokenError> {
    let url = endpoint::secure(what, address)?;
    if url.scheme() == "http" && issuer.scheme() == "https" {
        return Err(TokenError::new(
            TokenErrorKind::Misconfigured,
            format!("{what} {address:?} uses http, and its issuer {issuer} uses https"),
        )
        .with_advice("let the identity provider name its https address"));
    }
    Ok(url)
}

/// Gets the JSON document at `address`, read strictly.
pub(super) async fn fetch<T: DeserializeOwned>(
    http: &dyn HttpClient,
    what: &str,
    address: &str,
    clock: &Clock,
) -> Result<T, TokenError> {
    let request = http::Request::get(address)
        .header(header::ACCEPT, "application/json")
        .body(Vec::new())
        .map_err(|error| {
            TokenError::new(
                TokenErrorKind::Misconfigured,
                format!("{address:?} is not an address: {error}"),
            )
        })?;
    let answer = http
        .send(request, Limits::default())
        .await
        .map_err(|error| {
            TokenError::new(
                TokenErrorKind::Unreachable,
                format!("{what} at {address} cannot be fetched: {error}"),
            )
            .with_advice("check the address and this machine's network, proxy and certificates")
        })?;
    check_clock(answer.headers(), address, clock.now())?;
    let status = answer.status();
    if status.is_server_error() || status == http::StatusCode::TOO_MANY_REQUESTS {
        return Err(TokenError::new(
            TokenErrorKind::Unreachable,
            format!("{what} at {address} is not to be had now: {status}"),
        )
        .with_advice("try again in a little while"));
    }
    if status != http::StatusCode::OK {
        return Err(TokenError::new(TokenErrorKind::Misconfigured, format!("expected {what} at {address}, found {status}"))
            .with_advice("check the issuer: its address with /.well-known/openid-configuration behind it shows a JSON document in a browser"));
    }
    let json = strict_json(answer.body()).and_then(serde_json::from_value);
    json.map_err(|error| {
        TokenError::new(
            TokenErrorKind::Misconfigured,
            format!("{what} at {address} cannot be read: {error}"),
        )
        .with_advice(
            "check that the issuer is an OpenID provider; OAuth alone, as GitHub's, is not enough",
        )
    })
}

/// Token lifetimes mean nothing between clocks that disagree, and AWS would refuse what this machine thinks fresh.
fn check_clock(
    headers: &http::HeaderMap,
    address: &str,
    now: SystemTime,
) -> Result<(), TokenError> {
    let Some(theirs) = headers
        .get(header::DATE)
        .and_then(|date| date.to_str().ok())
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .and_then(|date| date.checked_add(age(headers)))
    else {
        return Ok(());
    };
    let apart = theirs
        .duration_since(now)
        .or_else(|_| now.duration_since(theirs))
        .unwrap_or_default();
    if apart <= CLOCK_TOLERANCE {
        return Ok(());
    }
    Err(TokenError::new(
        TokenErrorKind::Misconfigured,
        format!(
            "the clocks are {} minutes apart: it is {} here and {} at {address}",
            apart.as_secs() / 60,
            text::time(now),
            text::time(theirs)
        ),
    )
    .with_advice("set this machine's clock"))
}

/// How long a cache on the way has had the answer (RFC 9111 §5.1); its `Date` is of before that.
fn age(headers: &http::HeaderMap) -> Duration {
    let seconds = headers.get(header::AGE).and_then(|age| age.to_str().ok());
    let seconds = seconds.and_then(|age| age.parse::<u32>().ok());
    Duration::from_secs(seconds.unwrap_or_default().into())
}

fn another_issuer(configured: &str, found: &str) -> TokenError {
    let hint = if configured.trim_end_matches('/') == found.trim_end_matches('/') {
        let slash = if found.ends_with('/') {
            "with"
        } else {
            "without"
        };
        format!("write the issuer {slash} the slash at its end, to the letter: {found:?}")
    } else {
        "use the issuer that the identity provider's own documentation names, to the letter"
            .to_owned()
    };
    TokenError::new(
        TokenErrorKind::Misconfigured,
        format!("the issuer is configured as {configured:?} but calls itself {found:?}"),
    )
    .with_advice(hint)
}
