//! A refresh token taken back at the identity provider (RFC 7009).

use keyless_cache::Secret;
use url::form_urlencoded;

use super::Settings;
use super::discovery;
use crate::error::{TokenError, TokenErrorKind};
use crate::http::Limits;

/// Asks the identity provider to take `refresh_token` back, and with it what came of the sign-in; whether it offers to.
pub(super) async fn revoke(
    settings: &Settings,
    refresh_token: &Secret,
) -> Result<bool, TokenError> {
    let http = &*settings.http;
    let provider = discovery::discover(http, &settings.issuer, &settings.clock).await?;
    let Some(endpoint) = provider.revocation_endpoint else {
        return Ok(false);
    };
    let failed = |reason: String| {
        TokenError::new(
            TokenErrorKind::Unreachable,
            format!(
                "{} has not revoked the refresh token: {reason}",
                settings.issuer
            ),
        )
        .with_advice(
            "end the session on the identity provider's own pages; here the token is forgotten",
        )
    };
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("token", refresh_token.expose())
        .append_pair("token_type_hint", "refresh_token")
        .append_pair("client_id", &settings.client_id)
        .finish();
    let request = http::Request::post(endpoint.as_str())
        .header(
            http::header::CONTENT_TYPE,
            "application/x-www-form-urlencoded",
        )
        .body(form.into_bytes())
        .map_err(|error| failed(error.to_string()))?;
    let answer = http
        .send(request, Limits::default())
        .await
        .map_err(|error| failed(error.to_string()))?;
    // §2.2: a token that is not known counts as revoked. What the answer says beside its status is not told: it may repeat the token.
    match answer.status() {
        http::StatusCode::OK => Ok(true),
        status => Err(failed(format!("it says {status}"))),
    }
}
