//! The token endpoint: a code and its verifier for an ID token (RFC 6749 §4.1.3, RFC 7636 §4.5), or a refresh token for another (§6).

use std::borrow::Cow;

use keyless_cache::Secret;
use oauth2::basic::{BasicErrorResponse, BasicErrorResponseType, BasicTokenType};
use oauth2::{
    AccessToken, AuthorizationCode, ClientId, EndpointNotSet, EndpointSet, ErrorResponseType,
    ExtraTokenFields, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError,
    StandardErrorResponse, StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use url::form_urlencoded::byte_serialize;

use super::port::{Port, not_oauth, unreachable};
use crate::error::{TokenError, TokenErrorKind};
use crate::text::printable;

/// What the token endpoint gave.
#[expect(clippy::struct_field_names, reason = "the standard's own")]
pub(super) struct Grant {
    /// Always there after a sign-in; not always after a renewal (Core §12.2).
    pub(super) id_token: Option<Secret>,
    pub(super) access_token: AccessToken,
    pub(super) refresh_token: Option<Secret>,
}

/// What came of a refresh token.
pub(super) enum Renewal {
    Granted(Grant),
    /// It is not taken any more (`invalid_grant`, RFC 6749 §5.2); with what was said of it.
    Ended(String),
}

/// The member that OpenID Connect adds (Core §3.1.3.3), kept to the letter.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct IdTokenField {
    id_token: Option<Secret>,
}

impl std::fmt::Debug for IdTokenField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdTokenField(..)")
    }
}

impl ExtraTokenFields for IdTokenField {}

pub(super) type Client<HasToken = EndpointNotSet> = oauth2::Client<
    BasicErrorResponse,
    StandardTokenResponse<IdTokenField, BasicTokenType>,
    oauth2::basic::BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    oauth2::basic::BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    HasToken,
>;

/// Trades `code` for tokens.
pub(super) async fn redeem(
    port: &Port,
    redirect_uri: &str,
    verifier: PkceCodeVerifier,
    code: &Secret,
) -> Result<Grant, TokenError> {
    let redirect = RedirectUrl::new(redirect_uri.to_owned()).map_err(|error| {
        TokenError::new(
            TokenErrorKind::Misconfigured,
            format!("the redirect address: {error}"),
        )
    })?;
    let secrets = [code.clone(), Secret::new(verifier.secret().clone())];
    let answer = client(port)
        .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
        .set_pkce_verifier(verifier)
        .set_redirect_uri(Cow::Owned(redirect))
        .request_async(port)
        .await
        .map_err(|error| refusal(port, error, &secrets, refused_code))?;
    let grant = Grant::from(&answer);
    demand_id_token(&grant, port.issuer())?;
    Ok(grant)
}

/// Refuses what OAuth alone gives.
pub(super) fn demand_id_token(grant: &Grant, issuer: &str) -> Result<(), TokenError> {
    if grant.id_token.is_some() {
        return Ok(());
    }
    Err(TokenError::new(TokenErrorKind::Misconfigured, format!("{issuer} gave no ID token"))
        .with_advice("let the client ask for the scope \"openid\", and check that the issuer is an OpenID provider"))
}

/// Trades a refresh token for tokens (RFC 6749 §6).
pub(super) async fn refresh(port: &Port, refresh_token: &Secret) -> Result<Renewal, TokenError> {
    let answer = client(port)
        .exchange_refresh_token(&RefreshToken::new(refresh_token.expose().to_owned()))
        .request_async(port)
        .await;
    match answer {
        Ok(answer) => Ok(Renewal::Granted(Grant::from(&answer))),
        Err(RequestTokenError::ServerResponse(said))
            if *said.error() == BasicErrorResponseType::InvalidGrant =>
        {
            Ok(Renewal::Ended(printable(&quoted(
                port,
                &said,
                std::slice::from_ref(refresh_token),
            ))))
        }
        Err(error) => Err(refusal(
            port,
            error,
            std::slice::from_ref(refresh_token),
            refused_refresh,
        )),
    }
}

impl From<&StandardTokenResponse<IdTokenField, BasicTokenType>> for Grant {
    fn from(answer: &StandardTokenResponse<IdTokenField, BasicTokenType>) -> Self {
        Self {
            id_token: answer.extra_fields().id_token.clone(),
            access_token: answer.access_token().clone(),
            refresh_token: answer
                .refresh_token()
                .filter(|token| !token.secret().is_empty())
                .map(|token| Secret::new(token.secret().clone())),
        }
    }
}

pub(super) fn client(port: &Port) -> Client<EndpointSet> {
    Client::new(ClientId::new(port.settings.client_id.clone()))
        .set_token_uri(TokenUrl::from_url(port.provider.token_endpoint.clone()))
}

/// Of a refusal only the standard's own members are told, without `secrets`, which some echo; the body may hold tokens.
pub(super) fn refusal<T: ErrorResponseType + AsRef<str> + std::fmt::Display + 'static>(
    port: &Port,
    error: RequestTokenError<TokenError, StandardErrorResponse<T>>,
    secrets: &[Secret],
    refused: fn(&str, &str) -> TokenError,
) -> TokenError {
    let issuer = port.issuer();
    match error {
        RequestTokenError::Request(error) => error,
        RequestTokenError::ServerResponse(said) => {
            let code = said.error().as_ref().to_owned();
            let said = quoted(port, &said, secrets);
            if PASSING.contains(&code.as_str()) {
                return unreachable(issuer, &format!("it says {said}"));
            }
            let error = refused(issuer, &said);
            match port.advice(&code) {
                Some(advice) => error.with_advice(advice),
                None => error,
            }
        }
        // The library's text for a wrong value quotes it, and it may be a token.
        RequestTokenError::Parse(error, _) => {
            let text = error.inner().to_string();
            let missing = text.split(" at line ").next().unwrap_or_default();
            not_oauth(
                issuer,
                if missing.starts_with("missing field") {
                    missing
                } else {
                    "a member has a value of another kind than OAuth wants"
                },
            )
        }
        RequestTokenError::Other(_) => not_oauth(issuer, "its Content-Type is not JSON's"),
    }
}

/// The code and the reason of an error response.
fn quoted<T: ErrorResponseType + AsRef<str>>(
    port: &Port,
    response: &StandardErrorResponse<T>,
    secrets: &[Secret],
) -> String {
    let reason = response
        .error_description()
        .map(|text| format!(": {text}"))
        .unwrap_or_default();
    let said = format!("{}{reason}", response.error().as_ref());
    without(&port.secrets(), without(secrets, said))
}

/// What was `said`, with `…` where it quotes one of `secrets`.
pub(super) fn without(secrets: &[Secret], said: String) -> String {
    secrets.iter().fold(said, |said, secret| {
        let in_a_form: String = byte_serialize(secret.expose().as_bytes()).collect();
        said.replace(secret.expose(), "…").replace(&in_a_form, "…")
    })
}

fn refused_code(issuer: &str, said: &str) -> TokenError {
    TokenError::new(TokenErrorKind::Refused, format!("{issuer} refused the code ({said})"))
        .with_advice("sign in again; if that fails too, check that the client is public and its redirect address is allowed")
}

/// Nobody has said no: a person who signs in may help.
fn refused_refresh(issuer: &str, said: &str) -> TokenError {
    TokenError::new(
        TokenErrorKind::LoginRequired,
        format!("{issuer} does not renew the sign-in ({said})"),
    )
    .with_advice("sign in with `keyless login`; if it is the same an hour later, check that the client may use refresh tokens")
}

/// Errors that pass, for which RFC 6749 has codes at the authorization endpoint alone (§4.1.2.1), and which come from this one too.
const PASSING: [&str; 2] = ["temporarily_unavailable", "server_error"];
