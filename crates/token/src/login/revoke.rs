//! A refresh token taken back at the identity provider (RFC 7009).

use std::sync::Arc;

use keyless_cache::{Secret, StoreError};
use url::form_urlencoded;

use super::Settings;
use super::port::Port;
use crate::error::{TokenError, TokenErrorKind};

/// Asks the identity provider to take `refresh_token` back, and with it what came of the sign-in; whether it offers to.
pub(super) async fn revoke(
    settings: &Arc<Settings>,
    refresh_token: &Secret,
) -> Result<bool, TokenError> {
    let provider = settings.discover().await?;
    let Some(endpoint) = provider.revocation_endpoint.clone() else {
        return Ok(false);
    };
    // A token that is bound to a key is taken back without it (RFC 9449 has no proof here).
    let port = Port::open(settings, provider, None).await?;
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
    let answer = port
        .post(request)
        .await
        .map_err(|error| failed(error.to_string()))?;
    // §2.2: a token that is not known counts as revoked. What the answer says beside its status is not told: it may repeat the token.
    match answer.status() {
        http::StatusCode::OK => Ok(true),
        status => Err(failed(format!("it says {status}"))),
    }
}

/// A refresh token that is forgotten where it rested, and good for whoever has a copy of it.
pub(super) fn unopened(error: &StoreError) -> TokenError {
    TokenError::new(
        TokenErrorKind::Misconfigured,
        format!("the refresh token could not be opened, and so was not revoked: {error}"),
    )
    .with_advice(
        "end the sign-in on the identity provider's own pages; next time, sign out where the key of the sealed store is (KEYLESS_STORE_KEY_FILE, or an unlocked keyring)",
    )
}
