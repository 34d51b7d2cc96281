//! The token endpoint: a code and its verifier for an ID token (RFC 6749 §4.1.3, RFC 7636 §4.5), or a refresh token for another (§6).

use std::borrow::Cow;

use keyless_cache::Secret;
use oauth2::basic::{BasicErrorResponse, BasicErrorResponseType, BasicTokenType};
use oauth2::{
    AccessToken, AsyncHttpClient, AuthorizationCode, ClientId, EndpointNotSet, EndpointSet,
    ErrorResponseType, ExtraTokenFields, HttpRequest, PkceCodeVerifier, RedirectUrl, RefreshToken,
    RequestTokenError, StandardErrorResponse, StandardRevocableToken, StandardTokenResponse,
    TokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use url::form_urlencoded::byte_serialize;

use super::TELL;
use super::discovery::IdentityProvider;
use crate::error::{TokenError, TokenErrorKind};
use crate::http::{HttpClient, Limits};
use crate::jwt::strict_json;
use crate::source::BoxFuture;

/// What the token endpoint gave.
#[expect(clippy::struct_field_names, reason = "the standard's own")]
pub(super) struct Grant {
    /// Always there after a sign-in; not always after a renewal (Core §12.2).
    pub(super) id_token: Option<Secret>,
    pub(super) access_token: AccessToken,
    pub(super) refresh_token: Option<Secret>,
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
    http: &dyn HttpClient,
    provider: &IdentityProvider,
    client_id: &str,
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
    let port = Port {
        http,
        issuer: &provider.issuer,
    };
    let secrets = [code.clone(), Secret::new(verifier.secret().clone())];
    let answer = client(provider, client_id)
        .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
        .set_pkce_verifier(verifier)
        .set_redirect_uri(Cow::Owned(redirect))
        .request_async(&port)
        .await
        .map_err(|error| refusal(&provider.issuer, error, &secrets, refused_code))?;
    let grant = Grant::from(&answer);
    demand_id_token(&grant, &provider.issuer)?;
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

/// Trades a refresh token for tokens (RFC 6749 §6); `None` where it is not good any more.
pub(super) async fn refresh(
    http: &dyn HttpClient,
    provider: &IdentityProvider,
    client_id: &str,
    refresh_token: &Secret,
) -> Result<Option<Grant>, TokenError> {
    let port = Port {
        http,
        issuer: &provider.issuer,
    };
    let answer = client(provider, client_id)
        .exchange_refresh_token(&RefreshToken::new(refresh_token.expose().to_owned()))
        .request_async(&port)
        .await;
    match answer {
        Ok(answer) => Ok(Some(Grant::from(&answer))),
        Err(RequestTokenError::ServerResponse(said))
            if *said.error() == BasicErrorResponseType::InvalidGrant =>
        {
            Ok(None)
        }
        Err(error) => Err(refusal(
            &provider.issuer,
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

pub(super) fn client(provider: &IdentityProvider, client_id: &str) -> Client<EndpointSet> {
    Client::new(ClientId::new(client_id.to_owned()))
        .set_token_uri(TokenUrl::from_url(provider.token_endpoint.clone()))
}

/// Our port as the library wants it.
pub(super) struct Port<'a> {
    pub(super) http: &'a dyn HttpClient,
    pub(super) issuer: &'a str,
}

impl<'c> AsyncHttpClient<'c> for Port<'_> {
    type Error = TokenError;
    type Future = BoxFuture<'c, Result<oauth2::HttpResponse, TokenError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl Port<'_> {
    pub(super) async fn send(
        &self,
        request: HttpRequest,
    ) -> Result<oauth2::HttpResponse, TokenError> {
        let issuer = self.issuer;
        let answer = self
            .http
            .send(request, Limits::default())
            .await
            .map_err(|error| unreachable(issuer, &error.to_string()))?;
        let status = answer.status();
        if status.is_server_error() || status == http::StatusCode::TOO_MANY_REQUESTS {
            return Err(unreachable(issuer, &format!("it says {status}")));
        }
        // RFC 9700 §4.12. The address is not told: it may hold what was sent.
        if status.is_redirection() {
            return Err(TokenError::new(
                TokenErrorKind::Misconfigured,
                format!("the token endpoint of {issuer} redirects to another address, and no secret must follow ({status})"),
            )
            .with_advice("let the identity provider name the endpoint's own address in its OpenID configuration"));
        }
        match strict_json(answer.body()) {
            Ok(_) => Ok(answer),
            Err(reason) => Err(not_oauth(
                issuer,
                &format!("it says {status} and cannot be read as JSON: {reason}"),
            )),
        }
    }
}

/// Of a refusal only the standard's own members are told, without `secrets`, which some echo; the body may hold tokens.
pub(super) fn refusal<T: ErrorResponseType + AsRef<str> + std::fmt::Display + 'static>(
    issuer: &str,
    error: RequestTokenError<TokenError, StandardErrorResponse<T>>,
    secrets: &[Secret],
    refused: fn(&str, &str) -> TokenError,
) -> TokenError {
    match error {
        RequestTokenError::Request(error) => error,
        RequestTokenError::ServerResponse(said) => {
            let reason = said
                .error_description()
                .map(|text| format!(": {text}"))
                .unwrap_or_default();
            let code = said.error().as_ref().to_owned();
            let said = format!("{code}{reason}");
            let said = secrets.iter().fold(said, |said, secret| {
                let in_a_form: String = byte_serialize(secret.expose().as_bytes()).collect();
                said.replace(secret.expose(), "…").replace(&in_a_form, "…")
            });
            if PASSING.contains(&code.as_str()) {
                unreachable(issuer, &format!("it says {said}"))
            } else {
                refused(issuer, &said)
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

fn unreachable(issuer: &str, reason: &str) -> TokenError {
    TokenError::new(
        TokenErrorKind::Unreachable,
        format!("asking the token endpoint of {issuer} failed: {reason}"),
    )
    .with_advice("try again in a little while")
}

fn not_oauth(issuer: &str, reason: &str) -> TokenError {
    TokenError::new(
        TokenErrorKind::Invalid,
        format!(
            "the answer from the token endpoint of {issuer} is not an OAuth response: {reason}"
        ),
    )
    .with_advice(TELL)
}

/// Errors that pass, for which RFC 6749 has codes at the authorization endpoint alone (§4.1.2.1), and which come from this one too.
const PASSING: [&str; 2] = ["temporarily_unavailable", "server_error"];
