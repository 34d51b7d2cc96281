//! The token endpoint: a code and its verifier for an ID token (RFC 6749 §4.1.3, RFC 7636 §4.5).

use std::borrow::Cow;

use keyless_cache::Secret;
use oauth2::basic::{BasicErrorResponse, BasicTokenType};
use oauth2::{
    AccessToken, AsyncHttpClient, AuthorizationCode, ClientId, EndpointNotSet, ExtraTokenFields,
    HttpRequest, PkceCodeVerifier, RedirectUrl, RequestTokenError, StandardRevocableToken,
    StandardTokenResponse, TokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};

use super::TELL;
use super::discovery::IdentityProvider;
use crate::error::{TokenError, TokenErrorKind};
use crate::http::{HttpClient, Limits};
use crate::jwt::strict_json;
use crate::source::BoxFuture;

/// What the token endpoint gave.
pub(super) struct Grant {
    pub(super) id_token: Secret,
    pub(super) access_token: AccessToken,
}

/// The member that OpenID Connect adds (Core §3.1.3.3), kept to the letter.
#[derive(Clone, Serialize, Deserialize)]
struct IdTokenField {
    id_token: Option<Secret>,
}

impl std::fmt::Debug for IdTokenField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdTokenField(..)")
    }
}

impl ExtraTokenFields for IdTokenField {}

type Client<HasToken = EndpointNotSet> = oauth2::Client<
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
    let client = Client::new(ClientId::new(client_id.to_owned()))
        .set_token_uri(TokenUrl::from_url(provider.token_endpoint.clone()));
    let port = Port {
        http,
        issuer: &provider.issuer,
    };
    let secrets = [code.clone(), Secret::new(verifier.secret().clone())];
    let answer = client
        .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
        .set_pkce_verifier(verifier)
        .set_redirect_uri(Cow::Owned(redirect))
        .request_async(&port)
        .await
        .map_err(|error| refusal(&provider.issuer, error, &secrets))?;
    let id_token = answer.extra_fields().id_token.clone().ok_or_else(|| {
        TokenError::new(TokenErrorKind::Misconfigured, format!("{} gave no ID token", provider.issuer))
            .with_advice("let the client ask for the scope \"openid\", and check that the issuer is an OpenID provider")
    })?;
    Ok(Grant {
        id_token,
        access_token: answer.access_token().clone(),
    })
}

/// Our port as the library wants it.
struct Port<'a> {
    http: &'a dyn HttpClient,
    issuer: &'a str,
}

impl<'c> AsyncHttpClient<'c> for Port<'_> {
    type Error = TokenError;
    type Future = BoxFuture<'c, Result<oauth2::HttpResponse, TokenError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl Port<'_> {
    async fn send(&self, request: HttpRequest) -> Result<oauth2::HttpResponse, TokenError> {
        let issuer = self.issuer;
        let unreachable = |reason: String| {
            TokenError::new(
                TokenErrorKind::Unreachable,
                format!("asking the token endpoint of {issuer} failed: {reason}"),
            )
            .with_advice("try again in a little while")
        };
        let answer = self
            .http
            .send(request, Limits::default())
            .await
            .map_err(|error| unreachable(error.to_string()))?;
        let status = answer.status();
        if status.is_server_error() || status == http::StatusCode::TOO_MANY_REQUESTS {
            return Err(unreachable(format!("it says {status}")));
        }
        // RFC 9700 §4.12. The address is not told: it may hold what was sent.
        if status.is_redirection() {
            return Err(TokenError::new(
                TokenErrorKind::Misconfigured,
                format!("the token endpoint of {issuer} redirects to another address, and a code must not follow ({status})"),
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
fn refusal(
    issuer: &str,
    error: RequestTokenError<TokenError, BasicErrorResponse>,
    secrets: &[Secret],
) -> TokenError {
    match error {
        RequestTokenError::Request(error) => error,
        RequestTokenError::ServerResponse(said) => {
            let reason = said
                .error_description()
                .map(|text| format!(": {text}"))
                .unwrap_or_default();
            let said = format!("{}{reason}", said.error().as_ref());
            let said = secrets
                .iter()
                .fold(said, |said, secret| said.replace(secret.expose(), "…"));
            TokenError::new(TokenErrorKind::Refused, format!("{issuer} refused the code ({said})"))
                .with_advice("sign in again; if that fails too, check that the client is public and its redirect address is allowed")
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

fn not_oauth(issuer: &str, reason: &str) -> TokenError {
    TokenError::new(
        TokenErrorKind::Invalid,
        format!(
            "the answer from the token endpoint of {issuer} is not an OAuth response: {reason}"
        ),
    )
    .with_advice(TELL)
}
