//! The token endpoint: a code and its verifier for an ID token (RFC 6749 §4.1.3, RFC 7636 §4.5).

use std::borrow::Cow;

use http::header;
use keyless_cache::Secret;
use oauth2::basic::{BasicErrorResponse, BasicTokenType};
use oauth2::{
    AccessToken, AsyncHttpClient, AuthorizationCode, ClientId, EndpointNotSet, ExtraTokenFields,
    HttpRequest, PkceCodeVerifier, RedirectUrl, RequestTokenError, StandardRevocableToken,
    StandardTokenResponse, TokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};

use super::discovery::IdentityProvider;
use crate::error::{TokenError, TokenErrorKind};
use crate::http::{HttpClient, HttpError, Limits};
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
    let answer = client
        .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
        .set_pkce_verifier(verifier)
        .set_redirect_uri(Cow::Owned(redirect))
        .request_async(&Port(http))
        .await
        .map_err(|error| refusal(&provider.issuer, error))?;
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
struct Port<'a>(&'a dyn HttpClient);

impl<'c> AsyncHttpClient<'c> for Port<'_> {
    type Error = HttpError;
    type Future = BoxFuture<'c, Result<oauth2::HttpResponse, HttpError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(send(self.0, request))
    }
}

async fn send(
    http: &dyn HttpClient,
    request: HttpRequest,
) -> Result<oauth2::HttpResponse, HttpError> {
    let answer = http.send(request, Limits::default()).await?;
    if answer.status().is_redirection() {
        let to = answer
            .headers()
            .get(header::LOCATION)
            .map_or("nowhere", |_| "another address");
        return Err(HttpError::new(format!(
            "the token endpoint redirects to {to}, and a code must not follow"
        )));
    }
    if answer.status().is_server_error() {
        return Err(HttpError::new(format!("it answered {}", answer.status())));
    }
    Ok(answer)
}

/// Of a refusal only the standard's own members are told; the body may hold tokens.
fn refusal(issuer: &str, error: RequestTokenError<HttpError, BasicErrorResponse>) -> TokenError {
    match error {
        RequestTokenError::ServerResponse(said) => {
            let reason = said
                .error_description()
                .map(|text| format!(": {text}"))
                .unwrap_or_default();
            TokenError::new(TokenErrorKind::Refused, format!("{issuer} refused the code ({}{reason})", said.error().as_ref()))
                .with_advice("sign in again; if that fails too, check that the client is public and its redirect address is allowed")
        }
        RequestTokenError::Request(error) => TokenError::new(
            TokenErrorKind::Unreachable,
            format!("the token endpoint of {issuer} does not answer: {error}"),
        ),
        RequestTokenError::Parse(error, _) => TokenError::new(
            TokenErrorKind::Invalid,
            format!(
                "the token endpoint's answer lacks or misspells {:?}",
                error.path().to_string()
            ),
        ),
        RequestTokenError::Other(_) => TokenError::new(
            TokenErrorKind::Invalid,
            format!(
                "the token endpoint of {issuer} answered with something that is not an OAuth response"
            ),
        ),
    }
}
