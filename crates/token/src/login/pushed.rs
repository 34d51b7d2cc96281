//! An authorization request that is sent to the identity provider beforehand (PAR, RFC 9126), so that the browser carries a reference alone.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{Request, Response, StatusCode, header};
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::TELL;
use super::port::Port;
use crate::error::{TokenError, TokenErrorKind};
use crate::jwt::strict_json;

/// A request that the identity provider has taken.
#[derive(Clone, Debug)]
pub(super) struct Pushed {
    /// Where the browser is sent: with the reference, the client's id and nothing else (RFC 9126 §4, RFC 9101 §5).
    pub(super) url: Url,
    /// Until when the reference is good.
    pub(super) until: SystemTime,
}

impl Pushed {
    /// Where to send the browser now: `request`, sent off once more where the reference is not good any longer.
    pub(super) async fn renewed(self, port: Arc<Port>, request: Url) -> Result<String, TokenError> {
        let mut url = self.url;
        if port.settings.clock.now() >= self.until {
            let again = push(&port, &request).await?;
            url = again.map_or(request, |again| again.url);
        }
        Ok(url.into())
    }
}

/// Sends off what the address `request` says; `None` where the identity provider does not offer that, or only offers it and refuses.
pub(super) async fn push(port: &Port, request: &Url) -> Result<Option<Pushed>, TokenError> {
    let (provider, client_id) = (&port.provider, &port.settings.client_id);
    let Some(endpoint) = &provider.pushed_authorization_request_endpoint else {
        return if provider.requires_pushed_requests {
            Err(TokenError::new(
                TokenErrorKind::Misconfigured,
                format!("{} takes pushed authorization requests alone, and does not say where", provider.issuer),
            )
            .with_advice("let the identity provider name its pushed_authorization_request_endpoint in its OpenID configuration"))
        } else {
            Ok(None)
        };
    };
    let asked = port.settings.clock.now();
    // Its own query, if it has one, stays in the address.
    let own = provider.authorization_endpoint.query_pairs().count();
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(request.query_pairs().skip(own))
        .finish();
    let sent = Request::post(endpoint.as_str())
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form.into_bytes())
        .map_err(|error| invalid(port, &format!("its address is none: {error}")))?;
    let answer = port.post(sent).await?;
    let status = answer.status();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(TokenError::new(
            TokenErrorKind::Unreachable,
            format!(
                "{} does not take an authorization request now: {status}",
                provider.issuer
            ),
        )
        .with_advice("try again in a little while"));
    }
    if status.is_client_error() {
        return refused(port, &answer);
    }
    if !status.is_success() {
        return Err(invalid(port, &format!("it says {status}")));
    }
    let (reference, lasts) = read(&answer).map_err(|reason| invalid(port, &reason))?;
    let mut url = provider.authorization_endpoint.clone();
    url.query_pairs_mut()
        .append_pair("client_id", client_id)
        .append_pair("request_uri", &reference);
    Ok(Some(Pushed {
        url,
        until: asked + lasts,
    }))
}

/// The reference and how long it is good (§2.2).
fn read(answer: &Response<Vec<u8>>) -> Result<(String, Duration), String> {
    let said = strict_json(answer.body()).map_err(|error| format!("it is not JSON: {error}"))?;
    let reference = said.get("request_uri").and_then(Value::as_str);
    let reference = reference
        .filter(|text| text.len() <= LONGEST && text.chars().all(|c| c.is_ascii_graphic()))
        .filter(|text| Url::parse(text).is_ok())
        .ok_or("it has no request_uri that is an address")?;
    let lasts = said.get("expires_in").and_then(Value::as_u64);
    let lasts = lasts
        .filter(|&seconds| seconds > 0)
        .ok_or("it has no expires_in that is a number of seconds")?;
    // A day is longer than anybody is waited for, and no number is too large to be added to a time.
    Ok((reference.to_owned(), Duration::from_secs(lasts.min(86_400))))
}

/// Where pushing is a mere offer, a no is taken, unless it is about who the client is: then the code would be refused as well, after a person has
/// signed in.
fn refused(port: &Port, answer: &Response<Vec<u8>>) -> Result<Option<Pushed>, TokenError> {
    let said = strict_json(answer.body()).ok();
    let code = said.as_ref().and_then(|said| said["error"].as_str());
    let told = super::grant::without(
        &port.secrets(),
        code.map_or_else(|| answer.status().to_string(), str::to_owned),
    );
    let is_about_the_client = code == Some("invalid_client") && !port.settings.client.is_public();
    if !port.provider.requires_pushed_requests && !is_about_the_client {
        tracing::debug!(
            issuer = port.issuer(),
            "the identity provider offers to take the authorization request beforehand, and refuses ({}); it goes through the browser",
            crate::text::printable(&told)
        );
        return Ok(None);
    }
    let advice = code.and_then(|code| port.advice(code));
    Err(TokenError::new(
        TokenErrorKind::Misconfigured,
        format!(
            "{} refused the pushed authorization request ({told})",
            port.issuer()
        ),
    )
    .with_advice(advice.unwrap_or(
        "check the client id, the scopes and the redirect address at the identity provider",
    )))
}

fn invalid(port: &Port, reason: &str) -> TokenError {
    TokenError::new(
        TokenErrorKind::Invalid,
        format!(
            "the answer of {} to a pushed authorization request cannot be used: {reason}",
            port.issuer()
        ),
    )
    .with_advice(TELL)
}

/// More than any address that browsers take.
const LONGEST: usize = 2048;
